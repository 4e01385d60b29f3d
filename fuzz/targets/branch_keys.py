"""Decrypt messages whose data keys are wrapped under branch keys: nothing is accepted that no holder of them writes."""

from __future__ import annotations

import base64
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from fuzz.message_reader import read
from fuzz.promise import SECRET, attempt, check
from fuzz.target import Target
from fuzz.wrapped_keys import changed, unwrapper
from tests.vectors.branch_key_forge import (
    PROVIDER,
    TENANT_A,
    TENANT_A_OLD,
    TENANT_B,
    VERSIONS,
    Version,
    key_store,
    wrapped_under,
)
from tests.vectors.forge import Forgery, Pair, serialized_pairs, sized
from tests.vectors.readers import COMMITTING
from warmkey import CachingCMM, DecryptResult, LocalCMC
from warmkey.branch_keys import AwsKmsHierarchicalKeyring
from warmkey.exceptions import PolicyRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fuzz.message_reader import Content
    from fuzz.promise import Outcome
    from warmkey.testing.branch_keys import FakeBranchKeyStore

__all__ = ["TARGET"]

_PLAINTEXT = f"plaintext {SECRET}".encode() * 3
_PAIRS: list[Pair] = [(b"purpose", SECRET.encode()), (b"tenant", b"tenant-a")]
_OTHER_PAIRS: list[Pair] = [(b"tenant", b"tenant-b")]
_FOREIGN = b"\0\x01x\0\x01y\0\x01z"
_UNKNOWN = TENANT_A._replace(version=TENANT_B.version)
_SECRETS = [text for each in VERSIONS for text in (repr(each.key), each.key.hex(), base64.b64encode(each.key).decode())]


def seeds() -> list[bytes]:
    """Return authentic messages: data keys of each length, framed and not, old versions, and several data keys."""
    every = [
        _message([(TENANT_A, _PAIRS)], suite_id=suite_id, framed=framed)
        for suite_id, framed in ((0x0478, True), (0x0578, True), (0x0114, False), (0x0346, True), (0x0178, False))
    ]
    several = [
        [(TENANT_A_OLD, _PAIRS)],
        [(TENANT_B, _PAIRS)],
        [(TENANT_A, _OTHER_PAIRS)],
        [(TENANT_B, _PAIRS), (_UNKNOWN, _PAIRS), (TENANT_A, _OTHER_PAIRS), (TENANT_A, _PAIRS)],
    ]
    keys = [sized(PROVIDER) + sized(b"tenant-a") + sized(bytes(length)) for length in (0, 59, 91, 92)]
    return [
        *every,
        *map(_message, several),
        _message([(TENANT_B, _OTHER_PAIRS)], pairs=_OTHER_PAIRS),
        _message([(TENANT_A, [])], pairs=[]),
        Forgery(pairs=_PAIRS, keys=[_FOREIGN, *keys]).message(_PLAINTEXT),
    ]


def _message(
    wrappings: list[tuple[Version, list[Pair]]],
    *,
    pairs: list[Pair] = _PAIRS,
    suite_id: int = 0x0478,
    framed: bool = True,
) -> bytes:
    """Return a message whose data key is wrapped once for each version and context."""
    forgery = Forgery(pairs=pairs, suite_id=suite_id, framed=framed)
    added = [pair for pair in forgery.pairs if pair not in pairs]
    forgery.keys = [
        wrapped_under(version, forgery.secrets[0], serialized_pairs(sorted([*context, *added])))
        for version, context in wrappings
    ]
    return forgery.message(_PLAINTEXT)


def test(data: bytes) -> None:
    """Decrypt with the keyring of one branch key, and with one that takes the branch key from the context."""
    for way in (_Way(partial(_by_id, branch_key_id="tenant-a"), "tenant-a"), _Way(_by_context, None)):
        store = key_store()
        keyring = way.keyring(store)
        expected = _expected(data, way.branch_key_id)
        cold = _decrypt(data, {"keyring": keyring})
        check(cold.error is None or expected is None, f"refused what a writer may write: {cold.error!r}")
        check(cold.error is not None or expected is not None, "accepted what no writer writes")
        check(_result(cold) == _said(expected), "another plaintext or context")
        check(len(store.requests) <= data.count(PROVIDER), "more requests for branch keys than there are wrapped keys")
        _check_again(data, keyring, cold)


class _Way(NamedTuple):
    """A keyring, and the branch key that it uses; ``None``: the one that the context names."""

    keyring: Callable[[FakeBranchKeyStore], AwsKmsHierarchicalKeyring]
    branch_key_id: str | None


def _by_id(store: FakeBranchKeyStore, branch_key_id: str) -> AwsKmsHierarchicalKeyring:
    return AwsKmsHierarchicalKeyring(store, branch_key_id=branch_key_id, ttl_seconds=60)


def _by_context(store: FakeBranchKeyStore) -> AwsKmsHierarchicalKeyring:
    return AwsKmsHierarchicalKeyring(store, branch_key_id_supplier=_tenant, ttl_seconds=60)


def _tenant(context: Mapping[str, str]) -> str:
    branch_key_id = context.get("tenant")
    if not branch_key_id:
        raise PolicyRefused("the encryption context must name a tenant")
    return branch_key_id


def _expected(data: bytes, branch_key_id: str | None) -> Content | None:
    """Return what the message says, where its data key is wrapped under the branch key that counts."""
    if branch_key_id is not None:
        return read(data, unwrapper(branch_key_id))
    found = [(name, read(data, unwrapper(name))) for name in ("tenant-a", "tenant-b")]
    return next((said for name, said in found if said is not None and said.context.get("tenant") == name), None)


def _decrypt(data: bytes, how: Mapping[str, Any]) -> Outcome:
    # An error names the branch key, which the context may name; and foreign keys, by what the message says.
    is_secret = data.count(SECRET.encode()) == data.count(b"purpose\0\x06" + SECRET.encode())
    outcome = attempt(lambda: COMMITTING.decrypt(data, **how), secret=SECRET if is_secret else None)
    told = f"{outcome.error} {outcome.error!r} {getattr(outcome.error, 'attempts', ())!r}"
    check(not any(secret in told for secret in _SECRETS), "an error that tells a branch key")
    return outcome


def _check_again(data: bytes, keyring: AwsKmsHierarchicalKeyring, cold: Outcome) -> None:
    """Decrypt with the branch keys that are cached now, and through a cache of data keys: all come to the same."""
    cmm = CachingCMM(cache=LocalCMC(10), max_age=60, keyring=keyring)
    ways: list[dict[str, Any]] = [{"keyring": keyring}, {"cmm": cmm}, {"cmm": cmm}]
    for how in ways:
        again = _decrypt(data, how)
        check(type(again.error) is type(cold.error), "from a cache, another error or none")
        check(str(again.error) == str(cold.error), "from a cache, another error text")
        check(_result(again) == _result(cold), "from a cache, another plaintext or context")


def _result(outcome: Outcome) -> tuple[bytes, dict[str, str]] | None:
    if outcome.error is not None:
        return None
    result = cast("DecryptResult", outcome.value)
    context = {key: text for key, text in result.encryption_context.items() if key != "aws-crypto-public-key"}
    return bytes(result.plaintext), context


def _said(content: Content | None) -> tuple[bytes, dict[str, str]] | None:
    return None if content is None else (b"".join(content.frames), content.context)


TARGET = Target(seeds=seeds, change=changed, test=test)

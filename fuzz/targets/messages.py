"""Decrypt messages: nothing is accepted but what the forge would have written, and a cache changes nothing."""

from __future__ import annotations

from typing import cast

from fuzz.message_mutation import changed_message
from fuzz.message_reader import read
from fuzz.promise import SECRET, attempt, check
from fuzz.target import Target
from tests.vectors.forge import SUITES, Forgery, wrapped
from tests.vectors.readers import COMMITTING, KEYRING
from warmkey import CachingCMM, DecryptResult, LocalCMC

__all__ = ["TARGET", "seeds"]

_PLAINTEXT = f"plaintext {SECRET}".encode() * 3
_PAIRS = [(b"purpose", SECRET.encode()), ("ключ".encode(), b"")]
_FOREIGN = b"\0\x01x\0\x01y\0\x01z"


def seeds() -> list[bytes]:
    """Return authentic messages: every suite, framed and not, with and without a context; and several data keys."""
    every = [
        Forgery(suite_id=suite_id, framed=framed, pairs=pairs).message(plaintext)
        for suite_id in SUITES
        for framed, pairs, plaintext in ((True, [], _PLAINTEXT), (True, _PAIRS, b""), (False, _PAIRS, _PLAINTEXT))
    ]
    keys = [_FOREIGN, wrapped(bytes(32), b"another context"), wrapped(bytes(range(50, 82)), b""), _FOREIGN]
    return [*every, Forgery(keys=keys).message(_PLAINTEXT), Forgery(message_id=b"\x07" * 32).message(_PLAINTEXT * 2)]


def test(data: bytes) -> None:
    """Decrypt twice with a cache and once without one."""
    expected = read(data)
    cold = attempt(lambda: COMMITTING.decrypt(data, keyring=KEYRING))
    check(cold.error is None or expected is None, f"refused what a writer may write: {cold.error!r}")
    cmm = CachingCMM(cache=LocalCMC(10), max_age=60, keyring=KEYRING)
    for _ in range(2):
        cached = attempt(lambda: COMMITTING.decrypt(data, cmm=cmm))
        check(type(cached.error) is type(cold.error), "with a cache, another error or none")
        check(str(cached.error) == str(cold.error), "with a cache, another error text")
        check(_result(cached.value) == _result(cold.value), "with a cache, another plaintext or context")
    if cold.error is None:
        check(expected is not None, "accepted what no writer writes")
        check(expected and _result(cold.value) == (b"".join(expected.frames), expected.context), "another plaintext")
        _insist_on_another_context(data)


def _result(value: object) -> tuple[bytes, dict[str, str]] | None:
    if value is None:
        return None
    result = cast("DecryptResult", value)
    context = {key: text for key, text in result.encryption_context.items() if key != "aws-crypto-public-key"}
    return bytes(result.plaintext), context


def _insist_on_another_context(data: bytes) -> None:
    other = attempt(lambda: COMMITTING.decrypt(data, keyring=KEYRING, encryption_context={"purpose": "another"}))
    check(other.error is not None, "accepted under another encryption context")


TARGET = Target(seeds=seeds, change=changed_message, test=test)

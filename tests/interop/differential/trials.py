"""What is put to warmkey and to the official Python client alike, and what each of them makes of it."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import aws_encryption_sdk
from aws_encryption_sdk.identifiers import AlgorithmSuite as PeerSuite
from aws_encryption_sdk.identifiers import CommitmentPolicy as PeerPolicy

from tests.interop.differential.odd_messages import PLAINTEXT, odd_messages
from tests.interop.peers import Case, PythonPeer, RawAes
from tests.properties.damage import damages, garbage
from tests.vectors.forge import KEY_NAME, NAMESPACE, SUITES, WRAPPING_KEY, Forgery, sized
from tests.vectors.readers import KEYRING
from warmkey import AlgorithmSuite, Client, CommitmentPolicy, WarmkeyError
from warmkey.keyrings import RawAesKeyring

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ALLOW = "REQUIRE_ENCRYPT_ALLOW_DECRYPT"
FORBID = "FORBID_ENCRYPT_ALLOW_DECRYPT"
POLICIES = [policy.name for policy in CommitmentPolicy]
WRAPPING = RawAes(WRAPPING_KEY, NAMESPACE, KEY_NAME)


class Verdict(NamedTuple):
    """What came out, or why nothing did. Two that say the same are equal in ``what``."""

    what: Any
    why: str = ""

    def __str__(self) -> str:
        return f"refuses ({self.why[:200]})" if self.what is None else "accepts"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A call, made to each client alike.

    :ivar kind: what rows of the table name
    :ivar case: one of its kind
    """

    kind: str
    case: str
    suite_id: int
    policy: str = ALLOW
    max_keys: int | None = None

    def __str__(self) -> str:
        return f"{self.kind}: {self.case} (0x{self.suite_id:04x})"

    def ours(self) -> Verdict:
        """What warmkey makes of it; only its own errors are verdicts."""
        client = Client(commitment_policy=CommitmentPolicy[self.policy], max_encrypted_data_keys=self.max_keys)
        try:
            return Verdict(self._ours(client))
        except WarmkeyError as error:
            return Verdict(None, repr(error))

    def theirs(self, peer: PythonPeer) -> Verdict:
        """What the official client makes of it, whatever it raises."""
        client = aws_encryption_sdk.EncryptionSDKClient(
            commitment_policy=PeerPolicy[self.policy], max_encrypted_data_keys=self.max_keys
        )
        try:
            return Verdict(self._theirs(client, peer._materials(Case(self.suite_id, WRAPPING))))
        except Exception as error:  # noqa: BLE001 - any of them is a refusal
            return Verdict(None, repr(error))

    def _ours(self, client: Client) -> Any:
        raise NotImplementedError

    def _theirs(self, client: Any, materials: dict[str, Any]) -> Any:
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Reading(Trial):
    """A message to decrypt.

    :ivar stated: the encryption context that the caller expects
    """

    message: bytes
    stated: dict[str, str] | None = None

    def _ours(self, client: Client) -> Any:
        result = client.decrypt(self.message, keyring=KEYRING, encryption_context=self.stated)
        return result.plaintext, dict(result.encryption_context)

    def _theirs(self, client: Any, materials: dict[str, Any]) -> Any:
        stated = {} if self.stated is None else {"encryption_context": self.stated}
        plaintext, header = client.decrypt(source=self.message, **materials, **stated)
        return bytes(plaintext), dict(header.encryption_context)


@dataclass(frozen=True, kw_only=True)
class Streaming(Reading):
    """A message to decrypt as a stream, in small pieces; what counts is whether all of it is read and closed.

    :ivar longest: the longest body or frame to take
    """

    unsigned_only: bool = False
    longest: int | None = None

    def _ours(self, client: Client) -> Any:
        with client.decrypt_stream(
            io.BytesIO(self.message), keyring=KEYRING, unsigned_only=self.unsigned_only, max_body_length=self.longest
        ) as stream:
            return b"".join(iter(lambda: stream.read(7), b""))

    def _theirs(self, client: Any, materials: dict[str, Any]) -> Any:
        mode = "decrypt-unsigned" if self.unsigned_only else "d"
        with client.stream(
            mode=mode, source=io.BytesIO(self.message), max_body_length=self.longest, **materials
        ) as stream:
            return b"".join(iter(lambda: stream.read(7), b""))


@dataclass(frozen=True, kw_only=True)
class Writing(Trial):
    """A plaintext to encrypt; what it becomes must come back from either client."""

    context: Mapping[Any, Any] = field(default_factory=dict)
    frame_length: int = 4_096
    plaintext: bytes = PLAINTEXT
    given_suite: bool = True

    def _ours(self, client: Client) -> Any:
        result = client.encrypt(
            self.plaintext,
            keyring=RawAesKeyring(NAMESPACE, KEY_NAME, WRAPPING_KEY),
            encryption_context=self.context,
            algorithm_suite=AlgorithmSuite(self.suite_id) if self.given_suite else None,
            frame_length=self.frame_length,
        )
        return self._read(result.ciphertext)

    def _theirs(self, client: Any, materials: dict[str, Any]) -> Any:
        suite = {"algorithm": PeerSuite.get_by_id(self.suite_id)} if self.given_suite else {}
        message, _header = client.encrypt(
            source=self.plaintext,
            encryption_context=dict(self.context),
            frame_length=self.frame_length,
            **suite,
            **materials,
        )
        return self._read(message)

    def _read(self, message: bytes) -> Any:
        """What both can agree on: the suite, the plaintext and the context, less the public key."""
        stated = {"warmkey-kind": self.context["warmkey-kind"]} if "warmkey-kind" in self.context else None
        try:
            result = Client(commitment_policy=CommitmentPolicy[ALLOW]).decrypt(
                message, keyring=KEYRING, encryption_context=stated
            )
        except WarmkeyError as error:
            return "a message that can't be read", repr(error)
        context = {key: value for key, value in result.encryption_context.items() if key != "aws-crypto-public-key"}
        return result.algorithm_suite.value, result.plaintext, context


# --- all of them


def forged(suite_id: int) -> Iterator[Trial]:
    """Messages that whoever has the data key writes otherwise than the specification says, whole and as streams."""
    for framed in (True, False):
        for odd in odd_messages(suite_id, framed=framed):
            yield Reading(kind=odd.kind, case=odd.case, suite_id=suite_id, message=odd.message)


def streamed(suite_id: int) -> Iterator[Trial]:
    """The same as streams, and what only streams have."""
    for framed in (True, False):
        for odd in odd_messages(suite_id, framed=framed):
            yield Streaming(kind=odd.kind, case=odd.case, suite_id=suite_id, message=odd.message)
        message = Forgery(suite_id=suite_id, framed=framed).message(PLAINTEXT)
        yield Streaming(kind="unsigned only", case="", suite_id=suite_id, message=message, unsigned_only=True)
        for longest in (0, 1, 15, 16, 17, 49, 50, 51):
            yield Streaming(kind="longest body", case=str(longest), suite_id=suite_id, message=message, longest=longest)


def damaged(suite_id: int) -> Iterator[Trial]:
    """Messages that somebody without the data key has changed."""
    for framed in (True, False):
        original, *others = (
            Forgery(
                suite_id=suite_id, framed=framed, pairs=[(b"purpose", b"test")], message_id=bytes((number,)) * size
            ).message(PLAINTEXT + bytes((number,)))
            for size in [SUITES[suite_id].message_id_length]
            for number in (1, 2)
        )
        for what, message in (*damages(original, others=others), *garbage(suite_id, 50)):
            kind, _, case = what.partition(": ")
            yield Reading(kind=f"damaged {kind}", case=case, suite_id=suite_id, message=message)


def policies(suite_id: int) -> Iterator[Trial]:
    """Every commitment policy, and limits on encrypted data keys."""
    forgery = Forgery(suite_id=suite_id)
    message = forgery.message(PLAINTEXT)
    for policy in POLICIES:
        yield Reading(kind="policy", case=f"decrypt, {policy}", suite_id=suite_id, message=message, policy=policy)
        yield Writing(kind="policy", case=f"encrypt, {policy}", suite_id=suite_id, policy=policy)
    good = Forgery(suite_id=suite_id).header_fields()
    entry = next(value for name, value in good if name == "keys")
    foreign = sized(b"somebody") + sized(b"else") + sized(b"nothing")
    for number in (1, 2, 3):
        several = Forgery(suite_id=suite_id, keys=[entry, *[foreign + b""] * (number - 1)]).message(PLAINTEXT)
        yield Reading(kind="most keys", case=f"{number} of 2", suite_id=suite_id, message=several, max_keys=2)


def stated(suite_id: int) -> Iterator[Trial]:
    """What callers say of the encryption context when they decrypt."""
    stored = [(b"a", b"1"), (b"b", b"2")]
    plain = Forgery(suite_id=suite_id, pairs=stored).message(PLAINTEXT)
    hiding = Forgery(suite_id=suite_id, pairs=stored, only_authenticated=[(b"c", b"3")]).message(PLAINTEXT)
    for message, of in ((plain, "all stored"), (hiding, "one not stored")):
        for context in ({}, {"a": "1"}, {"a": "2"}, {"c": "3"}, {"c": "4"}, {"a": "1", "b": "2", "c": "3"}, {"A": "1"}):
            yield Reading(
                kind="stated context", case=f"{of}, {context}", suite_id=suite_id, message=message, stated=context
            )


def written(suite_id: int) -> Iterator[Trial]:
    """What may be encrypted, and how."""
    policy = ALLOW if SUITES[suite_id].commits else FORBID

    def writing(kind: str, case: str, **details: Any) -> Writing:
        return Writing(kind=kind, case=case, suite_id=suite_id, **{"policy": policy, **details})

    for number in (-1, 0, 1, 15, 16, 17, 128, 2**31 - 1, 2**31 - 16, 2**31, 2**32 - 1, 2**32):
        yield writing("chosen frame length", str(number), frame_length=number)
    for length in (0, 1, 4_096, 4_097):
        yield writing("plaintext", str(length), plaintext=bytes(length))
    for kind, case, context in (
        ("chosen context", "empty key", {"": "1"}),
        ("chosen context", "empty value", {"a": ""}),
        ("chosen context", "not ASCII", {"ключ": "🔑"}),
        ("chosen context", "a lone surrogate", {"a": "\ud800"}),
        ("chosen context", "the public key's name", {"aws-crypto-public-key": "AAAA"}),
        ("chosen context of bytes", "values", {"a": b"1"}),
        ("chosen context of bytes", "keys", {b"a": "1"}),
        ("chosen context", "numbers", {"a": 1}),
        ("chosen context of the prefix", "aws-crypto-", {"aws-crypto-x": "1"}),
        ("chosen context of a kind", "warmkey-kind", {"warmkey-kind": "record"}),
        ("chosen context", "60,000 bytes", {"a": "x" * 60_000}),
        ("chosen context", "a key of 65,536 bytes", {"x" * 65_536: ""}),
        ("chosen context", "too long together", {"a": "x" * 40_000, "b": "x" * 40_000}),
    ):
        yield writing(kind, case, context=context)
    for name in POLICIES:
        yield writing("default suite", name, policy=name, given_suite=False)

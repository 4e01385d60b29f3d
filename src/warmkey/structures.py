"""The values that travel between rooms: encryption context, encrypted data key, requests and materials.

All are immutable, the context inside them too, so a cached value can be handed out as it is. Materials hold secrets:
their ``repr`` shows none, and they refuse to be pickled or copied. ``dataclasses.replace`` makes a changed one.

Source: framework/structures.md, framework/cmm-interface.md#inputs
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from warmkey.exceptions import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from warmkey.algorithm_suites import AlgorithmSuite, CommitmentPolicy

__all__ = [
    "PUBLIC_KEY_FIELD",
    "RESERVED_PREFIX",
    "DecryptMaterialsRequest",
    "DecryptionMaterials",
    "EncryptedDataKey",
    "EncryptionContext",
    "EncryptionMaterials",
    "EncryptionMaterialsRequest",
    "SigningKey",
    "VerificationKey",
]

# spec: client-apis/encrypt.md#encryption-context
RESERVED_PREFIX = "aws-crypto-"
# spec: framework/default-cmm.md#get-encryption-materials
PUBLIC_KEY_FIELD = "aws-crypto-public-key"

MAX_UINT16 = 0xFFFF
_NO_KEYS: frozenset[str] = frozenset()


class EncryptionContext(dict[str, str]):
    """An encryption context that nobody can change: valid, with its serialization at hand, safe to share.

    It is a ``dict`` so that boto3 and ``json`` take it; every way to change it raises ``TypeError``, and
    ``dict(context)`` makes a copy to change. ``repr`` shows the keys only.

    :ivar serialized: the pairs sorted by their UTF-8 key; empty for an empty context
    :ivar reserved_key: a key that starts with ``aws-crypto-``, or ``None``

    Source: framework/structures.md#encryption-context
    """

    __slots__ = ("reserved_key", "serialized")

    serialized: bytes
    reserved_key: str | None

    def __init__(self, pairs: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        """:raises InvalidRequest: see :meth:`of`"""
        items = tuple(pairs.items() if hasattr(pairs, "items") else pairs)
        self.serialized = _serialize(items)
        # An enum of strings is a str whose str() is another one: what is serialized is what KMS must be told.
        super().__init__((str.__str__(key), str.__str__(value)) for key, value in items)
        if len(self) != len(items):  # not every mapping is a dict: those of headers and forms repeat keys
            raise InvalidRequest("the encryption context has a key more than once")
        self.reserved_key = next((key for key in self if key.startswith(RESERVED_PREFIX)), None)

    @staticmethod
    def of(pairs: Mapping[str, str] | None) -> EncryptionContext:
        """A checked, independent copy of *pairs*; equal pairs may share one instance.

        :raises InvalidRequest: not a mapping of strings, a key more than once, a string that UTF-8 can't encode, or a
            length over 65,535
        """
        if type(pairs) is EncryptionContext:
            return pairs
        if not pairs and (pairs is None or isinstance(pairs, dict)):
            return _EMPTY
        try:
            items = tuple(pairs.items())
        except AttributeError:
            raise InvalidRequest(_not_a_context(pairs)) from None
        try:
            return _context_of(items)
        except TypeError:  # unhashable: not strings, and the constructor says which
            return EncryptionContext(items)

    def serialize_only(self, keys: Collection[str]) -> bytes:
        """The serialization of just the pairs whose key is in *keys*."""
        return _serialize((key, self[key]) for key in keys)

    def without(self, keys: Collection[str]) -> EncryptionContext:
        """The pairs whose key is not in *keys*."""
        return EncryptionContext.of({key: value for key, value in self.items() if key not in keys})

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("an encryption context can't be changed; change a copy: dict(context)")

    __setitem__ = __delitem__ = clear = pop = popitem = setdefault = update = __ior__ = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(self.serialized)

    def __eq__(self, other: object) -> bool:
        return self is other or dict.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __repr__(self) -> str:
        return f"<EncryptionContext keys={sorted(self)}>"

    def __copy__(self) -> EncryptionContext:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> EncryptionContext:
        return self

    def __reduce__(self) -> tuple[object, ...]:
        return EncryptionContext.of, (dict(self),)


def _not_a_context(value: object) -> str:
    if hasattr(value, "aws_request_id") and hasattr(value, "get_remaining_time_in_millis"):
        return (
            "the encryption context is the LambdaContext of your handler; an encryption context is a mapping of "
            'strings that describes the data, for example {"tenant": "..."}'
        )
    return f"the encryption context must be a mapping of str to str, not {type(value).__name__}"


def _encode(text: object, *, what: str) -> bytes:
    if not isinstance(text, str):
        raise InvalidRequest(f"an encryption context {what} must be str, not {type(text).__name__}")
    try:
        encoded = text.encode()
    except UnicodeEncodeError:
        encoded = None  # raised below: the codec's error holds the text, and would be the context of ours
    if encoded is None:
        raise InvalidRequest(f"an encryption context {what} holds a lone surrogate, which UTF-8 can't encode")
    if len(encoded) > MAX_UINT16:
        raise InvalidRequest(f"an encryption context {what} takes {len(encoded)} bytes of UTF-8; 65535 are allowed")
    return encoded


def _serialize(items: Iterable[tuple[str, str]]) -> bytes:
    # spec: framework/structures.md#serialization
    pairs = sorted((_encode(key, what="key"), _encode(value, what="value")) for key, value in items)
    if not pairs:
        return b""
    if len(pairs) > MAX_UINT16:
        raise InvalidRequest(f"the encryption context has {len(pairs)} pairs; 65535 are allowed")
    parts = [len(pairs).to_bytes(2, "big")]
    for key, value in pairs:
        parts += (len(key).to_bytes(2, "big"), key, len(value).to_bytes(2, "big"), value)
    return b"".join(parts)


# Applications use few contexts again and again; checking and sorting them once saves 1.5 µs a message.
_context_of = lru_cache(maxsize=1024)(EncryptionContext)
_EMPTY = EncryptionContext()


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedDataKey:
    """A data key as one wrapping key encrypted it.

    Source: framework/structures.md#encrypted-data-key
    """

    key_provider_id: str
    key_provider_info: bytes
    ciphertext: bytes

    def __hash__(self) -> int:
        return hash(self.ciphertext)


class SigningKey(Protocol):
    """Signs a message digest. What implements it holds a loaded private key and shows it nowhere."""

    @property
    def verification_key(self) -> bytes:
        """The compressed point that verifies what this key signs."""

    def sign(self, digest: bytes, /) -> bytes:
        """A DER signature over the digest of header and body."""


class VerificationKey(Protocol):
    """Verifies a signature over a message digest."""

    def verify(self, signature: bytes, digest: bytes, /) -> None:
        """Return if *signature* is good; raise AuthenticationFailed otherwise."""


# Requests are made for every message: a constructor by hand, positional, and no freezing save 0.6 µs of its 12.
@dataclass(slots=True, init=False)
class EncryptionMaterialsRequest:
    """What a CMM is asked for before an encryption. Nobody changes it; ``dataclasses.replace`` makes another.

    Source: framework/cmm-interface.md#encryption-materials-request
    """

    encryption_context: Mapping[str, str] = field(repr=False)
    commitment_policy: CommitmentPolicy
    algorithm_suite: AlgorithmSuite | None
    required_encryption_context_keys: frozenset[str]
    max_plaintext_length: int | None

    def __init__(
        self,
        encryption_context: Mapping[str, str],
        commitment_policy: CommitmentPolicy,
        algorithm_suite: AlgorithmSuite | None = None,
        required_encryption_context_keys: Collection[str] = _NO_KEYS,
        max_plaintext_length: int | None = None,
    ) -> None:
        self.encryption_context = (
            encryption_context
            if type(encryption_context) is EncryptionContext
            else EncryptionContext.of(encryption_context)
        )
        self.commitment_policy = commitment_policy
        self.algorithm_suite = algorithm_suite
        self.required_encryption_context_keys = frozenset(required_encryption_context_keys)
        self.max_plaintext_length = max_plaintext_length


@dataclass(slots=True, init=False)
class DecryptMaterialsRequest:
    """What a CMM is asked for before a decryption. No reproduced context is the same as an empty one.

    Source: framework/cmm-interface.md#decrypt-materials-request
    """

    algorithm_suite: AlgorithmSuite
    commitment_policy: CommitmentPolicy
    encrypted_data_keys: Sequence[EncryptedDataKey]
    encryption_context: Mapping[str, str] = field(repr=False)
    reproduced_encryption_context: Mapping[str, str] = field(repr=False)

    def __init__(
        self,
        algorithm_suite: AlgorithmSuite,
        commitment_policy: CommitmentPolicy,
        encrypted_data_keys: Sequence[EncryptedDataKey],
        encryption_context: Mapping[str, str],
        reproduced_encryption_context: Mapping[str, str] | None = None,
    ) -> None:
        self.algorithm_suite = algorithm_suite
        self.commitment_policy = commitment_policy
        self.encrypted_data_keys = tuple(encrypted_data_keys)
        self.encryption_context = (
            encryption_context
            if type(encryption_context) is EncryptionContext
            else EncryptionContext.of(encryption_context)
        )
        self.reproduced_encryption_context = (
            reproduced_encryption_context
            if type(reproduced_encryption_context) is EncryptionContext
            else EncryptionContext.of(reproduced_encryption_context)
        )


class _Secret:
    """Refuses every way of leaving the process that Python offers by itself."""

    __slots__ = ()

    def refuse(self, *_args: Any) -> NoReturn:  # noqa: ANN401 - the signatures of the pickle protocol
        """:raises TypeError: always"""
        raise TypeError(f"{type(self).__name__} holds key material and can't be pickled or copied")

    __reduce_ex__ = __reduce__ = __copy__ = __deepcopy__ = refuse


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptionMaterials(_Secret):
    """What it takes to encrypt a message.

    :ivar scratch: what the steps of an encryption derive once from these materials (no part of their value)

    Source: framework/structures.md#encryption-materials
    """

    algorithm_suite: AlgorithmSuite
    encryption_context: Mapping[str, str] = field(default_factory=dict, repr=False)
    encrypted_data_keys: Sequence[EncryptedDataKey] = field(default=(), repr=False)
    plaintext_data_key: bytes | None = field(default=None, repr=False)
    signing_key: SigningKey | None = field(default=None, repr=False)
    required_encryption_context_keys: frozenset[str] = frozenset()
    scratch: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    __getstate__ = _Secret.refuse  # here, or dataclass would make one that tells all

    def __post_init__(self) -> None:
        _freeze(self)
        if type(self.encrypted_data_keys) is not tuple:
            object.__setattr__(self, "encrypted_data_keys", tuple(self.encrypted_data_keys))


@dataclass(frozen=True, slots=True, kw_only=True)
class DecryptionMaterials(_Secret):
    """What it takes to decrypt a message.

    Source: framework/structures.md#decryption-materials
    """

    algorithm_suite: AlgorithmSuite
    encryption_context: Mapping[str, str] = field(default_factory=dict, repr=False)
    plaintext_data_key: bytes | None = field(default=None, repr=False)
    verification_key: VerificationKey | None = field(default=None, repr=False)
    required_encryption_context_keys: frozenset[str] = frozenset()

    __getstate__ = _Secret.refuse  # see above

    def __post_init__(self) -> None:
        _freeze(self)


def _freeze(materials: EncryptionMaterials | DecryptionMaterials) -> None:
    if type(materials.encryption_context) is not EncryptionContext:
        object.__setattr__(materials, "encryption_context", EncryptionContext.of(materials.encryption_context))
    if type(materials.required_encryption_context_keys) is not frozenset:
        keys = frozenset(materials.required_encryption_context_keys)
        object.__setattr__(materials, "required_encryption_context_keys", keys)
    if isinstance(materials.plaintext_data_key, (bytearray, memoryview)):
        object.__setattr__(materials, "plaintext_data_key", bytes(materials.plaintext_data_key))

"""Hold what CMMs and keyrings return: materials, with key material in them.

Their ``repr`` shows none, and they refuse to be pickled, copied or made a dict of; ``dataclasses.replace`` makes a
changed one.

Source: framework/structures.md#encryption-materials, #decryption-materials
"""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Any, Protocol

from warmkey.records import Record
from warmkey.safe_repr import safe_repr
from warmkey.structures.encryption_context import EncryptionContext, required_keys
from warmkey.tracebacks import scrubbed
from warmkey.unpicklable import KEY_MATERIAL, Unpicklable, without_state

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from warmkey.algorithm_suites import AlgorithmSuite
    from warmkey.clock import Birth
    from warmkey.structures.encrypted_data_key import EncryptedDataKey

__all__ = ["DecryptionMaterials", "EncryptionMaterials", "SigningKey", "VerificationKey"]

_EMPTY = EncryptionContext.of(None)
_NO_KEYS: frozenset[str] = frozenset()
_set = object.__setattr__


class SigningKey(Protocol):
    """Signs a message digest. What implements it holds a loaded private key and shows it nowhere."""

    @property
    def verification_key(self) -> bytes:
        """Return the compressed point that verifies what this key signs."""

    def sign(self, digest: bytes, /) -> bytes:
        """Return a DER signature over the digest of header and body."""


class VerificationKey(Protocol):
    """Verifies a signature over a message digest."""

    def verify(self, signature: bytes, digest: bytes, /) -> None:
        """Return if *signature* is good; raise AuthenticationFailed otherwise."""


@safe_repr
@without_state
class EncryptionMaterials(Unpicklable, Record):
    """Holds what encrypting a message needs. The fields are the constructor's parameters, by keyword.

    :ivar header_parts: what the steps of an encryption derive once from these materials (no part of their value)
    :ivar missing: why these materials cannot be used yet, for an error's text, or ``None``

    Source: framework/structures.md#encryption-materials
    """

    # spec: framework/cmm-interface.md#get-encryption-materials 1128
    # spec: framework/structures.md#structure-2 a981
    algorithm_suite: AlgorithmSuite
    encryption_context: Mapping[str, str] = field(default=_EMPTY, repr=False)
    encrypted_data_keys: Sequence[EncryptedDataKey] = field(default=(), repr=False)
    # spec: framework/structures.md#structure-2 deb5
    # spec: framework/structures.md#plaintext-data-key 2358 14cb
    plaintext_data_key: bytes | None = field(default=None, repr=False)
    # spec: framework/structures.md#signing-key 229f
    signing_key: SigningKey | None = field(default=None, repr=False)
    required_encryption_context_keys: frozenset[str] = _NO_KEYS
    requested: Birth | None = field(default=None, repr=False, compare=False)
    header_parts: dict[Any, Any] = field(init=False, repr=False, compare=False)
    missing: str | None = field(init=False, repr=False, compare=False)
    _stays: object = field(default=KEY_MATERIAL, init=False, repr=False, compare=False)

    # By hand, because a message without a cache makes two of these.
    @scrubbed
    def __init__(
        self,
        *,
        algorithm_suite: AlgorithmSuite,
        encryption_context: Mapping[str, str] = _EMPTY,
        encrypted_data_keys: Sequence[EncryptedDataKey] = (),
        plaintext_data_key: bytes | None = None,
        signing_key: SigningKey | None = None,
        required_encryption_context_keys: Collection[str] = _NO_KEYS,
        requested: Birth | None = None,
    ) -> None:
        _set(self, "algorithm_suite", algorithm_suite)
        _set(self, "encryption_context", _checked(encryption_context))
        _set(self, "signing_key", signing_key)
        _set(self, "required_encryption_context_keys", required_keys(required_encryption_context_keys))
        _set(self, "requested", requested)
        self._add(_as_bytes(plaintext_data_key), tuple(encrypted_data_keys))

    def _add(self, data_key: bytes | None, encrypted: tuple[EncryptedDataKey, ...]) -> None:
        missing = _missing(self, data_key, self.signing_key, "signing")
        # spec: framework/cmm-interface.md#get-encryption-materials 7fbd
        if missing is None and not encrypted:
            missing = "no encrypted data key, so nobody could decrypt the message"
        _set(self, "encrypted_data_keys", encrypted)
        _set(self, "plaintext_data_key", data_key)
        _set(self, "header_parts", {})
        _set(self, "missing", missing)
        _set(self, "_stays", KEY_MATERIAL)

    @staticmethod
    def of_checked(
        algorithm_suite: AlgorithmSuite,
        encryption_context: Mapping[str, str],
        required_encryption_context_keys: frozenset[str],
        signing_key: SigningKey | None,
        requested: Birth | None = None,
        plaintext_data_key: bytes | None = None,
        encrypted_data_keys: tuple[EncryptedDataKey, ...] = (),
    ) -> EncryptionMaterials:
        """Return materials of parts that a request or other materials have checked: what a keyring is given."""
        made = object.__new__(EncryptionMaterials)
        _set(made, "algorithm_suite", algorithm_suite)
        _set(made, "encryption_context", encryption_context)
        _set(made, "signing_key", signing_key)
        _set(made, "required_encryption_context_keys", required_encryption_context_keys)
        _set(made, "requested", requested)
        made._add(plaintext_data_key, encrypted_data_keys)
        return made

    def with_data_key(self, plaintext_data_key: bytes, encrypted: EncryptedDataKey) -> EncryptionMaterials:
        """Return these materials with *plaintext_data_key*, and *encrypted* behind the encrypted data keys."""
        return EncryptionMaterials.of_checked(
            self.algorithm_suite,
            self.encryption_context,
            self.required_encryption_context_keys,
            self.signing_key,
            self.requested,
            plaintext_data_key,
            (*self.encrypted_data_keys, encrypted),
        )


@safe_repr
@without_state
class DecryptionMaterials(Unpicklable, Record):
    """Holds what decrypting a message needs. The fields are the constructor's parameters, by keyword.

    :ivar missing: why these materials cannot be used yet, for an error's text, or ``None``

    Source: framework/structures.md#decryption-materials
    """

    # spec: framework/cmm-interface.md#decrypt-materials 3cd3
    # spec: framework/structures.md#fields e3cf
    algorithm_suite: AlgorithmSuite
    encryption_context: Mapping[str, str] = field(default=_EMPTY, repr=False)
    # spec: framework/structures.md#fields 06e6
    # spec: framework/structures.md#plaintext-data-key-1 7a0c 14cb
    plaintext_data_key: bytes | None = field(default=None, repr=False)
    verification_key: VerificationKey | None = field(default=None, repr=False)
    required_encryption_context_keys: frozenset[str] = _NO_KEYS
    requested: Birth | None = field(default=None, repr=False, compare=False)
    missing: str | None = field(init=False, repr=False, compare=False)
    _stays: object = field(default=KEY_MATERIAL, init=False, repr=False, compare=False)

    @scrubbed
    def __init__(
        self,
        *,
        algorithm_suite: AlgorithmSuite,
        encryption_context: Mapping[str, str] = _EMPTY,
        plaintext_data_key: bytes | None = None,
        verification_key: VerificationKey | None = None,
        required_encryption_context_keys: Collection[str] = _NO_KEYS,
        requested: Birth | None = None,
    ) -> None:
        _set(self, "algorithm_suite", algorithm_suite)
        _set(self, "encryption_context", _checked(encryption_context))
        _set(self, "verification_key", verification_key)
        _set(self, "required_encryption_context_keys", required_keys(required_encryption_context_keys))
        _set(self, "requested", requested)
        self._add(_as_bytes(plaintext_data_key))

    def _add(self, data_key: bytes | None) -> None:
        _set(self, "plaintext_data_key", data_key)
        _set(self, "missing", _missing(self, data_key, self.verification_key, "verification"))
        _set(self, "_stays", KEY_MATERIAL)

    @staticmethod
    def of_checked(
        algorithm_suite: AlgorithmSuite,
        encryption_context: Mapping[str, str],
        required_encryption_context_keys: frozenset[str],
        verification_key: VerificationKey | None,
        requested: Birth | None = None,
        plaintext_data_key: bytes | None = None,
    ) -> DecryptionMaterials:
        """Return materials of parts that a request or other materials have checked: what a keyring is given."""
        made = object.__new__(DecryptionMaterials)
        _set(made, "algorithm_suite", algorithm_suite)
        _set(made, "encryption_context", encryption_context)
        _set(made, "verification_key", verification_key)
        _set(made, "required_encryption_context_keys", required_encryption_context_keys)
        _set(made, "requested", requested)
        made._add(plaintext_data_key)
        return made

    def with_data_key(self, plaintext_data_key: bytes) -> DecryptionMaterials:
        """Return these materials with *plaintext_data_key*."""
        return DecryptionMaterials.of_checked(
            self.algorithm_suite,
            self.encryption_context,
            self.required_encryption_context_keys,
            self.verification_key,
            self.requested,
            plaintext_data_key,
        )


def _checked(context: Mapping[str, str]) -> EncryptionContext:
    # spec: framework/raw-aes-keyring.md#onencrypt 1985
    # spec: framework/raw-aes-keyring.md#ondecrypt 404d
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt 1985
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 404d
    # spec: framework/raw-ecdh-keyring.md#onencrypt 1985
    # spec: framework/raw-ecdh-keyring.md#ondecrypt 404d
    # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-wrapping-and-unwrapping-aad 2f77
    return context if type(context) is EncryptionContext else EncryptionContext.of(context)


def _as_bytes(data_key: bytes | None) -> bytes | None:
    """Return a copy of a buffer that its owner may change."""
    return bytes(data_key) if isinstance(data_key, (bytearray, memoryview)) else data_key


# What a keyring is given misses this, for every message.
_NO_DATA_KEY = {length: f"no plaintext data key of {length} bytes" for length in (16, 24, 32)}


# spec: framework/structures.md#overview 3016
def _missing(
    materials: EncryptionMaterials | DecryptionMaterials, data_key: bytes | None, key: object, kind: str
) -> str | None:
    # Source: framework/structures.md#encryption-materials
    # Source: framework/structures.md#decryption-materials
    suite = materials.algorithm_suite
    # spec: framework/cmm-interface.md#get-encryption-materials 6e14 5bab
    # spec: framework/cmm-interface.md#decrypt-materials 6e14
    # spec: framework/structures.md#plaintext-data-key 2358
    # spec: framework/structures.md#plaintext-data-key-1 7a0c
    if data_key is None or len(data_key) != suite.data_key_length:
        return _NO_DATA_KEY[suite.data_key_length]
    # spec: framework/cmm-interface.md#get-encryption-materials ab6d 1f12 0a09
    # spec: framework/cmm-interface.md#decrypt-materials d58f
    # spec: framework/structures.md#signing-key 3366
    if (key is None) != (suite.signature is None):
        return f"{'no' if suite.signature else 'a'} {kind} key for {suite.name}"
    required = materials.required_encryption_context_keys
    # spec: framework/cmm-interface.md#get-encryption-materials 2a39
    # spec: framework/cmm-interface.md#decrypt-materials 64a9
    # spec: framework/structures.md#required-encryption-context-keys 4e23
    # spec: framework/structures.md#required-encryption-context-keys-1 4e23
    if required and not required <= materials.encryption_context.keys():
        return "an encryption context without a key that is required"
    return None

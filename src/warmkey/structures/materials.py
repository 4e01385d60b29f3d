"""Hold what CMMs and keyrings return: materials, with key material in them.

Their ``repr`` shows none, and they refuse to be pickled, copied or made a dict of; ``dataclasses.replace`` makes a
changed one.

Source: framework/structures.md#encryption-materials, #decryption-materials
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from warmkey.safe_repr import safe_repr
from warmkey.structures.encryption_context import EncryptionContext, required_keys
from warmkey.tracebacks import scrubbed_constructor
from warmkey.unpicklable import KEY_MATERIAL, Unpicklable, without_state

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from warmkey.algorithm_suites import AlgorithmSuite
    from warmkey.clock import Birth
    from warmkey.structures.encrypted_data_key import EncryptedDataKey

__all__ = ["DecryptionMaterials", "EncryptionMaterials", "SigningKey", "VerificationKey"]


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
@scrubbed_constructor
@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptionMaterials(Unpicklable):
    """Holds what encrypting a message needs.

    :ivar header_parts: what the steps of an encryption derive once from these materials (no part of their value)
    :ivar missing: why these materials cannot be used yet, for an error's text, or ``None``

    Source: framework/structures.md#encryption-materials
    """

    # spec: framework/cmm-interface.md#get-encryption-materials 1128
    # spec: framework/structures.md#structure-2 a981
    algorithm_suite: AlgorithmSuite
    encryption_context: Mapping[str, str] = field(default_factory=dict, repr=False)
    encrypted_data_keys: Sequence[EncryptedDataKey] = field(default=(), repr=False)
    # spec: framework/structures.md#structure-2 deb5
    # spec: framework/structures.md#plaintext-data-key 2358 14cb
    plaintext_data_key: bytes | None = field(default=None, repr=False)
    # spec: framework/structures.md#signing-key 229f
    signing_key: SigningKey | None = field(default=None, repr=False)
    required_encryption_context_keys: frozenset[str] = frozenset()
    requested: Birth | None = field(default=None, repr=False, compare=False)
    header_parts: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)
    missing: str | None = field(default=None, init=False, repr=False, compare=False)
    _stays: object = field(default=KEY_MATERIAL, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _freeze(self)
        if type(self.encrypted_data_keys) is not tuple:
            object.__setattr__(self, "encrypted_data_keys", tuple(self.encrypted_data_keys))
        object.__setattr__(self, "missing", _missing(self, key=self.signing_key, kind="signing"))
        # spec: framework/cmm-interface.md#get-encryption-materials 7fbd
        if self.missing is None and not self.encrypted_data_keys:
            object.__setattr__(self, "missing", "no encrypted data key, so nobody could decrypt the message")


@safe_repr
@without_state
@scrubbed_constructor
@dataclass(frozen=True, slots=True, kw_only=True)
class DecryptionMaterials(Unpicklable):
    """Holds what decrypting a message needs.

    :ivar missing: why these materials cannot be used yet, for an error's text, or ``None``

    Source: framework/structures.md#decryption-materials
    """

    # spec: framework/cmm-interface.md#decrypt-materials 3cd3
    # spec: framework/structures.md#fields e3cf
    algorithm_suite: AlgorithmSuite
    encryption_context: Mapping[str, str] = field(default_factory=dict, repr=False)
    # spec: framework/structures.md#fields 06e6
    # spec: framework/structures.md#plaintext-data-key-1 7a0c 14cb
    plaintext_data_key: bytes | None = field(default=None, repr=False)
    verification_key: VerificationKey | None = field(default=None, repr=False)
    required_encryption_context_keys: frozenset[str] = frozenset()
    requested: Birth | None = field(default=None, repr=False, compare=False)
    missing: str | None = field(default=None, init=False, repr=False, compare=False)
    _stays: object = field(default=KEY_MATERIAL, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _freeze(self)
        object.__setattr__(self, "missing", _missing(self, key=self.verification_key, kind="verification"))


def _freeze(materials: EncryptionMaterials | DecryptionMaterials) -> None:
    if type(materials.encryption_context) is not EncryptionContext:
        # spec: framework/raw-aes-keyring.md#onencrypt 1985
        # spec: framework/raw-aes-keyring.md#ondecrypt 404d
        # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt 1985
        # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 404d
        # spec: framework/raw-ecdh-keyring.md#onencrypt 1985
        # spec: framework/raw-ecdh-keyring.md#ondecrypt 404d
        object.__setattr__(materials, "encryption_context", EncryptionContext.of(materials.encryption_context))
    if type(materials.required_encryption_context_keys) is not frozenset:
        keys = required_keys(materials.required_encryption_context_keys)
        object.__setattr__(materials, "required_encryption_context_keys", keys)
    if isinstance(materials.plaintext_data_key, (bytearray, memoryview)):
        object.__setattr__(materials, "plaintext_data_key", bytes(materials.plaintext_data_key))


# What a keyring is given misses this, for every message.
_NO_DATA_KEY = {length: f"no plaintext data key of {length} bytes" for length in (16, 24, 32)}


# spec: framework/structures.md#overview 3016
def _missing(materials: EncryptionMaterials | DecryptionMaterials, *, key: object, kind: str) -> str | None:
    # Source: framework/structures.md#encryption-materials
    # Source: framework/structures.md#decryption-materials
    suite, data_key = materials.algorithm_suite, materials.plaintext_data_key
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

"""Wrap and unwrap data keys with an RSA key pair of your own: whoever has the public key can encrypt.

Source: framework/raw-rsa-keyring.md
"""

from __future__ import annotations

import os
from enum import Enum
from typing import TYPE_CHECKING

from warmkey.choices import Choice
from warmkey.crypto.rsa import RsaPrivateKey, RsaPublicKey
from warmkey.exceptions import ConfigurationError, KeyAttempt
from warmkey.keyrings.interface import not_unwrapped, refuse_if_unwrapped
from warmkey.keyrings.raw_aes import check_key_name, check_key_namespace, check_may_encrypt
from warmkey.safe_repr import safe_repr
from warmkey.structures import EncryptedDataKey
from warmkey.tracebacks import scrubbed
from warmkey.validation import shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.structures import DecryptionMaterials, EncryptionMaterials

__all__ = ["PaddingScheme", "RawRsaKeyring"]


class PaddingScheme(Choice, Enum):
    """Says how a data key is padded before RSA; one hash function serves both OAEP and its MGF1. Prefer OAEP.

    :ivar oaep_hash: as ``hashlib`` names it; ``None`` for PKCS #1 v1.5

    Source: framework/raw-rsa-keyring.md#supported-padding-schemes
    """

    PKCS1 = "pkcs1"
    OAEP_SHA1_MGF1 = "sha1"
    OAEP_SHA256_MGF1 = "sha256"
    OAEP_SHA384_MGF1 = "sha384"
    OAEP_SHA512_MGF1 = "sha512"

    @property
    def oaep_hash(self) -> str | None:
        """Return the hash function; see the class."""
        return None if self is PaddingScheme.PKCS1 else self.value


@safe_repr
class RawRsaKeyring:
    """Wraps data keys with *public_key*, unwraps them with *private_key*; either may be missing.

    RSA authenticates nothing: anybody with the public key can write messages that this keyring accepts, under any
    encryption context.

    :param key_namespace: groups wrapping keys; becomes the key provider ID. If it is empty or starts with ``aws-kms``,
        the keyring only decrypts
    :param key_name: names this key pair within the namespace
    :param padding_scheme: has to be the same on both sides
    :param public_key: PEM (SubjectPublicKeyInfo)
    :param private_key: PEM (PKCS #8 or traditional), without password
    :raises ConfigurationError: an argument can't be used, or both keys are missing

    Source: framework/raw-rsa-keyring.md#initialization
    """

    @scrubbed
    def __init__(
        self,
        key_namespace: str,
        key_name: str,
        padding_scheme: PaddingScheme,
        *,
        public_key: bytes | None = None,
        private_key: bytes | None = None,
    ) -> None:
        self._key_namespace = check_key_namespace(key_namespace)
        self._key_name = check_key_name(key_name)
        self._padding_scheme = _padding_scheme(padding_scheme)
        # spec: framework/raw-rsa-keyring.md#initialization b15a
        if public_key is None and private_key is None:
            raise ConfigurationError("RawRsaKeyring needs public_key to encrypt, private_key to decrypt, or both")
        self._public_key = None if public_key is None else RsaPublicKey(public_key, name="public_key")
        self._private_key = None if private_key is None else RsaPrivateKey(private_key, name="private_key")

    def __repr__(self) -> str:
        return f"RawRsaKeyring({self._key_namespace!r}, {self._key_name!r}, {self._padding_scheme})"

    # spec: framework/raw-rsa-keyring.md#onencrypt 5350
    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        """Generate a data key if none is given, and wrap it.

        :raises ConfigurationError: there is no public key, it is too short, or the namespace is reserved

        Source: framework/raw-rsa-keyring.md#onencrypt
        """
        # spec: framework/keyring-interface.md#onencrypt 9636
        # spec: framework/raw-rsa-keyring.md#onencrypt c655 e66c
        if self._public_key is None:
            raise ConfigurationError(f"the raw RSA keyring {self._key_name!r} has no public_key, so it can't encrypt")
        check_may_encrypt(self._key_namespace)
        # spec: framework/raw-rsa-keyring.md#onencrypt 6b55
        data_key = materials.plaintext_data_key or os.urandom(materials.algorithm_suite.data_key_length)
        wrapped = EncryptedDataKey(
            key_provider_id=self._key_namespace,
            # spec: framework/keyring-interface.md#key-provider-info 6ff3
            key_provider_info=self._key_name.encode(),
            # spec: framework/raw-rsa-keyring.md#onencrypt f56e
            ciphertext=self._public_key.encrypt(data_key, self._padding_scheme.oaep_hash),
        )
        # spec: framework/raw-rsa-keyring.md#onencrypt 6442
        return materials.with_data_key(data_key, wrapped)

    # spec: framework/raw-rsa-keyring.md#ondecrypt bf25
    def on_decrypt(
        self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /
    ) -> DecryptionMaterials:
        """Unwrap the first encrypted data key that belongs to this keyring.

        :raises ConfigurationError: there is no private key
        :raises KeyUnavailable: no encrypted data key could be decrypted

        Source: framework/raw-rsa-keyring.md#ondecrypt
        """
        # spec: framework/raw-rsa-keyring.md#ondecrypt 9863
        refuse_if_unwrapped(materials)
        # spec: framework/raw-rsa-keyring.md#ondecrypt 0a14
        if self._private_key is None:
            raise ConfigurationError(f"the raw RSA keyring {self._key_name!r} has no private_key, so it can't decrypt")
        attempts = []
        # spec: framework/raw-rsa-keyring.md#ondecrypt 3f76
        for key in encrypted_data_keys:
            if not self._is_ours(key):
                continue
            data_key = self._private_key.decrypt(key.ciphertext, self._padding_scheme.oaep_hash)
            if data_key is not None and len(data_key) == materials.algorithm_suite.data_key_length:
                # spec: framework/raw-rsa-keyring.md#ondecrypt a9cb
                return materials.with_data_key(data_key)
            # One reason for whatever went wrong: what is bad about the padding must not be told.
            attempts.append(
                KeyAttempt(
                    keyring="RawRsaKeyring",
                    operation="unwrap",
                    key=self._key_name,
                    reason="it holds no data key for the algorithm suite under this private key and padding scheme",
                )
            )
        # spec: framework/raw-rsa-keyring.md#ondecrypt 6340
        raise not_unwrapped(
            "no encrypted data key could be unwrapped by the raw RSA keyring", attempts, encrypted_data_keys
        )

    def _is_ours(self, key: EncryptedDataKey) -> bool:
        # spec: framework/raw-rsa-keyring.md#ondecrypt ec19
        return key.key_provider_id == self._key_namespace and key.key_provider_info == self._key_name.encode()


def _padding_scheme(value: object) -> PaddingScheme:
    # spec: framework/raw-rsa-keyring.md#padding-scheme 809f
    # spec: framework/raw-rsa-keyring.md#supported-padding-schemes 8e17
    if not isinstance(value, PaddingScheme):
        names = ", ".join(f"PaddingScheme.{scheme.name}" for scheme in PaddingScheme)
        raise ConfigurationError(f"padding_scheme must be one of {names}, not {shown(value)}")
    return value

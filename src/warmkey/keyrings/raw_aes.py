"""Wrap and unwrap data keys under an AES key of your own, for tests and for keys that are not in KMS.

Source: framework/raw-aes-keyring.md
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from warmkey.algorithm_suites import IV_LENGTH, TAG_LENGTH
from warmkey.crypto.aes_gcm import AESGCM, InvalidTag
from warmkey.exceptions import ConfigurationError, KeyAttempt
from warmkey.keyrings.interface import AWS_KMS_PROVIDER_ID, not_unwrapped, refuse_if_unwrapped
from warmkey.safe_repr import safe_repr
from warmkey.structures import EncryptedDataKey, EncryptionContext
from warmkey.tracebacks import scrubbed
from warmkey.validation import shown, text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.structures import DecryptionMaterials, EncryptionMaterials

__all__ = ["RawAesKeyring", "check_key_name", "check_key_namespace", "check_may_encrypt"]

# spec: framework/raw-aes-keyring.md#wrapping-algorithm 3d3e
_WRAPPING_KEY_LENGTHS = (16, 24, 32)
# spec: framework/raw-aes-keyring.md#authentication-tag-length 1b0b
# spec: framework/raw-aes-keyring.md#iv-length 67f4
_LENGTHS = (TAG_LENGTH * 8).to_bytes(4, "big") + IV_LENGTH.to_bytes(4, "big")


@safe_repr
class RawAesKeyring:
    """Wraps data keys with AES-GCM under *wrapping_key*.

    :param key_namespace: groups wrapping keys; becomes the key provider ID. If it is empty or starts with ``aws-kms``,
        the keyring only decrypts
    :param key_name: names this wrapping key within the namespace
    :param wrapping_key: 16, 24 or 32 random bytes
    :raises ConfigurationError: another length, an empty name, or the namespace ``aws-kms``

    Source: framework/raw-aes-keyring.md#initialization
    """

    @scrubbed
    def __init__(self, key_namespace: str, key_name: str, wrapping_key: bytes) -> None:
        self._key_namespace = check_key_namespace(key_namespace)
        self._key_name = check_key_name(key_name)
        self._aead = _cipher(wrapping_key)
        # spec: framework/keyring-interface.md#key-provider-info 6ff3
        self._prefix = key_name.encode() + _LENGTHS

    def __repr__(self) -> str:
        return f"RawAesKeyring({self._key_namespace!r}, {self._key_name!r})"

    # spec: framework/raw-aes-keyring.md#onencrypt 5350
    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        """Generate a data key if none is given, and wrap it.

        :raises ConfigurationError: the namespace is reserved

        Source: framework/raw-aes-keyring.md#onencrypt
        """
        check_may_encrypt(self._key_namespace)
        # spec: framework/structures.md#plaintext-data-key 2358
        # spec: framework/keyring-interface.md#generate-data-key a45d e6d5 f5bd 4ee3
        # spec: framework/keyring-interface.md#encrypt-data-key 94a1 b9f3
        # spec: framework/raw-aes-keyring.md#onencrypt 6b55
        data_key = materials.plaintext_data_key or os.urandom(materials.algorithm_suite.data_key_length)
        # spec: framework/raw-aes-keyring.md#onencrypt 9e45
        iv = os.urandom(IV_LENGTH)
        # spec: framework/raw-aes-keyring.md#onencrypt f594
        context = EncryptionContext.of(materials.encryption_context).serialized
        # spec: framework/raw-aes-keyring.md#onencrypt a45d
        wrapped = EncryptedDataKey(
            key_provider_id=self._key_namespace,
            key_provider_info=self._prefix + iv,
            # spec: framework/keyring-interface.md#encrypt-data-key 8e53
            # spec: framework/keyring-interface.md#security-considerations 02ec 431c
            # spec: framework/raw-aes-keyring.md#onencrypt 3752 a002 fd58 0b37
            ciphertext=self._aead.encrypt(iv, data_key, context),
        )
        # spec: framework/keyring-interface.md#onencrypt 617c bb1a
        # spec: framework/keyring-interface.md#generate-data-key 2aaf
        # spec: framework/keyring-interface.md#encrypt-data-key baf8
        # spec: framework/raw-aes-keyring.md#onencrypt 4639 01e7
        return materials.with_data_key(data_key, wrapped)

    # spec: framework/raw-aes-keyring.md#ondecrypt bf25
    def on_decrypt(
        self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /
    ) -> DecryptionMaterials:
        """Unwrap the first encrypted data key that belongs to this keyring and is authentic.

        :raises KeyUnavailable: there is none

        Source: framework/raw-aes-keyring.md#ondecrypt
        """
        # spec: framework/raw-aes-keyring.md#ondecrypt 9863
        refuse_if_unwrapped(materials)
        # spec: framework/raw-aes-keyring.md#ondecrypt 73bf
        context = EncryptionContext.of(materials.encryption_context).serialized
        attempts = []
        # spec: framework/raw-aes-keyring.md#ondecrypt f7e6
        for key in encrypted_data_keys:
            if not self._is_ours(key):
                continue
            try:
                # spec: framework/raw-aes-keyring.md#ondecrypt 689e b2e4 fd58 8b22 d404
                data_key = self._aead.decrypt(key.key_provider_info[len(self._prefix) :], key.ciphertext, context)
            except InvalidTag:
                attempts.append(self._attempt("it does not authenticate under this key and encryption context"))
                continue
            if len(data_key) == materials.algorithm_suite.data_key_length:
                # spec: framework/keyring-interface.md#ondecrypt 060b
                # spec: framework/keyring-interface.md#decrypt-data-key 96df 9414 1bd1
                # spec: framework/raw-aes-keyring.md#ondecrypt b0e6
                return materials.with_data_key(data_key)
            attempts.append(self._attempt("its data key has the wrong length for the algorithm suite"))
        # spec: framework/raw-aes-keyring.md#ondecrypt 6340
        raise not_unwrapped(
            "no encrypted data key could be unwrapped by the raw AES keyring", attempts, encrypted_data_keys
        )

    def _is_ours(self, key: EncryptedDataKey) -> bool:
        return (
            # spec: framework/raw-aes-keyring.md#ondecrypt a063
            key.key_provider_id == self._key_namespace
            # spec: framework/raw-aes-keyring.md#ondecrypt 8670 f39a 64cd 7752 ace5
            and key.key_provider_info[:-IV_LENGTH] == self._prefix
            and len(key.key_provider_info) == len(self._prefix) + IV_LENGTH
        )

    def _attempt(self, reason: str) -> KeyAttempt:
        return KeyAttempt(keyring="RawAesKeyring", operation="unwrap", key=self._key_name, reason=reason)


def _cipher(wrapping_key: object) -> AESGCM:
    if not isinstance(wrapping_key, (bytes, bytearray, memoryview)):
        raise ConfigurationError(f"wrapping_key must be bytes, not {type(wrapping_key).__name__}")
    # spec: framework/raw-aes-keyring.md#wrapping-key 431d
    if len(wrapping_key) not in _WRAPPING_KEY_LENGTHS:
        raise ConfigurationError(f"wrapping_key must have 16, 24 or 32 bytes, not {len(wrapping_key)}")
    return AESGCM(bytes(wrapping_key))


def check_key_namespace(key_namespace: object) -> str:
    """Return *key_namespace* if messages of it can be decrypted: any text but KMS's own.

    :raises ConfigurationError: not a str, or ``aws-kms``

    Source: framework/keyring-interface.md#key-provider-id
    """
    # spec: framework/keyring-interface.md#key-namespace a451
    if not isinstance(key_namespace, str):
        raise ConfigurationError(f"key_namespace must be a str, not {shown(key_namespace)}")
    namespace = key_namespace and text("key_namespace", key_namespace)
    # spec: framework/raw-aes-keyring.md#changelog 519d
    # spec: framework/raw-rsa-keyring.md#changelog ade8
    if namespace == AWS_KMS_PROVIDER_ID:
        raise ConfigurationError(f"key_namespace {namespace!r} is reserved for KMS; choose one of your own")
    return namespace


def check_may_encrypt(namespace: str) -> None:
    """Refuse to write a namespace that the specification reserves; other clients have written them, so we read them.

    :raises ConfigurationError: *namespace* is empty or starts with ``aws-kms``

    Source: framework/keyring-interface.md#key-provider-id
    """
    # spec: framework/keyring-interface.md#key-provider-id 26f8
    if not namespace or namespace.startswith(AWS_KMS_PROVIDER_ID):
        raise ConfigurationError(
            f"key_namespace must not be empty or start with {AWS_KMS_PROVIDER_ID!r}, which is reserved for KMS, to "
            f"encrypt; with {namespace!r} the keyring can only decrypt what other clients wrote"
        )


def check_key_name(key_name: object) -> str:
    """Return *key_name* if it can be one.

    :raises ConfigurationError: not a str, or empty
    """
    # spec: framework/keyring-interface.md#key-name 1fff
    return text("key_name", key_name)

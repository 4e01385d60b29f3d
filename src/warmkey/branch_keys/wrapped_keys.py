"""What the key store asks of KMS: make a wrapped key, wrap it for another item, check it, unwrap it.

A branch key is made and copied inside KMS; only readers ever have it in plaintext.

Source: framework/branch-key-store.md#wrapped-branch-key-creation, #aws-kms-branch-key-decryption
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.branch_keys.items import KeyStoreItem, encryption_context
from warmkey.branch_keys.materials import BRANCH_KEY_LENGTH
from warmkey.exceptions import KeyAttempt, KeyUnavailable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from warmkey.branch_keys.kms_configuration import KmsConfiguration
    from warmkey.keyrings.kms_requests import KmsRequests

__all__ = ["WrappedKeys"]

_TAMPERED = (
    "the item was changed, or it belongs to another logical key store name: restore it, or give the "
    "logical_key_store_name that the branch key was created under"
)


class WrappedKeys:
    """Makes and unwraps keys for the items of one key store.

    :param kms: makes the requests, with the store's grant tokens
    :param logical_key_store_name: bound into every encryption context
    """

    def __init__(self, kms: KmsRequests, configuration: KmsConfiguration, logical_key_store_name: str) -> None:
        self._kms = kms
        self._configuration = configuration
        self._logical_key_store_name = logical_key_store_name

    def generate(self, key_arn: str, texts: Mapping[str, str]) -> KeyStoreItem:
        """Return a new item of *texts* around a key that nobody has seen.

        :raises KeyUnavailable: KMS refuses

        Source: framework/branch-key-store.md#wrapped-branch-key-creation
        """
        # spec: framework/structures.md#branch-key 7fb7
        # spec: framework/branch-key-store.md#wrapped-branch-key-creation 17ec
        # spec: framework/branch-key-store.md#branch-key-and-beacon-key-creation 17ec
        operation = "GenerateDataKeyWithoutPlaintext"
        response = self._kms(
            operation,
            key=key_arn,
            # spec: framework/branch-key-store.md#branch-key-and-beacon-key-creation daf8 37d4
            # spec: framework/branch-key-store.md#wrapped-branch-key-creation daf8 37d4
            KeyId=key_arn,
            # spec: framework/branch-key-store.md#branch-key-and-beacon-key-creation baaf
            # spec: framework/branch-key-store.md#wrapped-branch-key-creation baaf
            NumberOfBytes=BRANCH_KEY_LENGTH,
            # spec: framework/branch-key-store.md#branch-key-and-beacon-key-creation 5c04
            # spec: framework/branch-key-store.md#wrapped-branch-key-creation 8dd2
            EncryptionContext=self._context(texts),
        )
        # spec: framework/branch-key-store.md#wrapped-branch-key-creation 0d73
        # spec: framework/branch-key-store.md#branch-key-and-beacon-key-creation 26c1
        return KeyStoreItem(texts, self._ciphertext(operation, key_arn, response))

    def rewrap(self, key_arn: str, item: KeyStoreItem, texts: Mapping[str, str]) -> KeyStoreItem:
        """Return an item of *texts* around the key of *item*.

        :raises KeyUnavailable: KMS refuses

        Source: framework/branch-key-store.md#wrapped-branch-key-creation
        """
        # spec: framework/branch-key-store.md#wrapped-branch-key-creation d712
        return KeyStoreItem(texts, self._re_encrypt(key_arn, item, texts))

    def authenticate(self, key_arn: str, item: KeyStoreItem) -> None:
        """Have KMS check that *item* is as it was written.

        :raises KeyUnavailable: it is not, or KMS refuses

        Source: framework/branch-key-store.md#authenticating-a-keystore-item
        """
        # spec: framework/branch-key-store.md#authenticating-a-keystore-item a56b
        self._re_encrypt(key_arn, item, item.texts)

    def unwrap(self, item: KeyStoreItem) -> bytes:
        """Return the key of *item*, 32 bytes.

        :raises KeyUnavailable: KMS refuses, or answers with something else

        Source: framework/branch-key-store.md#aws-kms-branch-key-decryption
        """
        asked = self._configuration.key_to_ask(item.kms_arn)
        try:
            response = self._kms(
                # spec: framework/branch-key-store.md#aws-kms-branch-key-decryption fc69 8b95
                "Decrypt",
                key=asked,
                KeyId=asked,
                # spec: framework/branch-key-store.md#aws-kms-branch-key-decryption 9831
                CiphertextBlob=item.enc,
                # spec: framework/branch-key-store.md#aws-kms-branch-key-decryption bef6
                EncryptionContext=self._context(item.texts),
            )
        except KeyUnavailable as error:
            raise _explained(error) from error.__cause__
        if response.get("KeyId") != asked:
            raise self._kms.unusable("Decrypt", asked, "KMS answered for another key")
        key = bytes(response.get("Plaintext", b""))
        if len(key) != BRANCH_KEY_LENGTH:
            raise self._kms.unusable("Decrypt", asked, f"a branch key must have 32 bytes; this one has {len(key)}")
        return key

    def _re_encrypt(self, key_arn: str, item: KeyStoreItem, texts: Mapping[str, str]) -> bytes:
        try:
            response = self._kms(
                "ReEncrypt",
                key=key_arn,
                # spec: framework/branch-key-store.md#wrapped-branch-key-creation ba57
                # spec: framework/branch-key-store.md#authenticating-a-keystore-item 5c0c
                SourceKeyId=key_arn,
                # spec: framework/branch-key-store.md#wrapped-branch-key-creation 018d 64d2
                # spec: framework/branch-key-store.md#authenticating-a-keystore-item 018d 63c7
                SourceEncryptionContext=self._context(item.texts),
                # spec: framework/branch-key-store.md#wrapped-branch-key-creation cada
                # spec: framework/branch-key-store.md#authenticating-a-keystore-item 9831
                CiphertextBlob=item.enc,
                # spec: framework/branch-key-store.md#wrapped-branch-key-creation ce90
                # spec: framework/branch-key-store.md#authenticating-a-keystore-item 31d1
                DestinationKeyId=key_arn,
                # spec: framework/branch-key-store.md#wrapped-branch-key-creation 59e1
                # spec: framework/branch-key-store.md#authenticating-a-keystore-item b252
                DestinationEncryptionContext=self._context(texts),
            )
        except KeyUnavailable as error:
            raise _explained(error) from error.__cause__
        if response.get("SourceKeyId") != key_arn:
            raise self._kms.unusable("ReEncrypt", key_arn, "KMS answered for another key")
        return self._ciphertext("ReEncrypt", key_arn, response)

    def _ciphertext(self, operation: str, key_arn: str, response: Mapping[str, object]) -> bytes:
        if response.get("KeyId") != key_arn:
            raise self._kms.unusable(operation, key_arn, "KMS answered for another key")
        blob = response.get("CiphertextBlob")
        if not isinstance(blob, bytes) or not blob:
            raise self._kms.unusable(operation, key_arn, "KMS answered without a ciphertext")
        return blob

    def _context(self, texts: Mapping[str, str]) -> dict[str, str]:
        # spec: framework/branch-key-store.md#custom-encryption-context 737f
        return encryption_context(texts, self._logical_key_store_name)


def _explained(error: KeyUnavailable) -> KeyUnavailable:
    """Return *error* with a remedy that fits an item where KMS found that something is not as it was encrypted."""
    attempts = [_with_remedy(attempt) for attempt in error.attempts]
    return KeyUnavailable(f"AWS KMS {attempts[0].operation} failed", attempts)


def _with_remedy(attempt: KeyAttempt) -> KeyAttempt:
    if attempt.error_code != "InvalidCiphertextException":
        return attempt
    return attempt.__replace__(remedy=_TAMPERED)

"""Decrypt with AWS KMS: the steps are the same in each keyring, and which encrypted data keys are its own differs.

Source: framework/aws-kms/aws-kms-keyring.md#ondecrypt
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from warmkey.exceptions import KeyAttempt, KeyUnavailable
from warmkey.keyrings.aws_kms_key_arn import parse_kms_arn
from warmkey.keyrings.interface import AWS_KMS_PROVIDER_ID, not_unwrapped, refuse_if_unwrapped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.keyrings.aws_kms_key_arn import KmsArn
    from warmkey.keyrings.kms_requests import KmsRequests
    from warmkey.structures import DecryptionMaterials, EncryptedDataKey

__all__ = ["KmsDecryption"]

_LONGEST_NAME = 200


class KmsDecryption(ABC):
    """Decrypts the encrypted data keys that a subclass says are its own, one KMS request each.

    :param kms: makes the requests
    """

    _provider_id = AWS_KMS_PROVIDER_ID

    def __init__(self, kms: KmsRequests) -> None:
        self._kms = kms

    # spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt bf25
    # spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt bf25
    # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt bf25
    def on_decrypt(
        self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /
    ) -> DecryptionMaterials:
        """Unwrap the first encrypted data key of this keyring that KMS decrypts.

        :raises KeyUnavailable: there is none, or one of KMS's names something that is not a key ARN; ``attempts`` says
            why not for each that was tried

        Source: framework/aws-kms/aws-kms-keyring.md#ondecrypt
        """
        # spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt 594c
        # spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt b722
        # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt 594c
        # spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt bf25
        refuse_if_unwrapped(materials)
        # All are judged before KMS is asked for the first of them, as in other clients.
        named = [
            # spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt a3ad de74
            # spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt a3ad de74
            # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt a3ad de74
            # spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt a3ad de74
            # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt a3ad
            (key, self._key_arn_of(key))
            for key in encrypted_data_keys
            if key.key_provider_id == self._provider_id
        ]
        attempts: list[KeyAttempt] = []
        for key, arn in named:
            if not self._is_ours(arn):
                continue
            try:
                # spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt 9453
                # spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt 9453
                # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt 9453
                # spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt 9453
                # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt 9453
                return self._unwrap(materials, key, asked=self._key_to_ask(arn))
            except KeyUnavailable as error:
                # spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt 60fe
                # spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt 9e2b bc46
                # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt 5090
                # spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt 9e2b bc46
                # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt 9e2b
                attempts += error.attempts
        # spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt 9170
        # spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt 13f1
        # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt 9170
        # spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt 13f1
        # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt 2982
        raise not_unwrapped(f"no encrypted data key could be decrypted with {self!r}", attempts, encrypted_data_keys)

    @abstractmethod
    def _is_ours(self, arn: KmsArn) -> bool:
        """Return whether this keyring is configured for an encrypted data key of *arn*."""

    @abstractmethod
    def _key_to_ask(self, arn: KmsArn) -> str:
        """Return the key that has to decrypt an encrypted data key of *arn*."""

    def _parameters(self, materials: DecryptionMaterials) -> dict[str, Any]:
        """Return the parameters of a Decrypt request besides the key and the ciphertext."""
        # spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt 520c
        return {"EncryptionContext": dict(materials.encryption_context)}

    def _data_key(self, plaintext: bytes, materials: DecryptionMaterials, *, asked: str) -> bytes:  # noqa: ARG002
        """Return the data key in what KMS decrypted.

        :raises KeyUnavailable: there is none
        """
        return plaintext

    def _key_arn_of(self, key: EncryptedDataKey) -> KmsArn:
        info = key.key_provider_info.decode(errors="backslashreplace")
        arn = parse_kms_arn(info)
        # spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt c3ad
        # spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt c3ad
        # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt c3ad
        # spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt c3ad
        # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt c3ad
        if arn is None or not arn.is_key:
            reason = "the message names something that is not an AWS KMS key ARN"
            named = repr(info[:_LONGEST_NAME])  # whoever made the message chose it
            raise KeyUnavailable("an encrypted data key is not usable", [self._kms.attempt("Decrypt", named, reason)])
        return arn

    def _unwrap(self, materials: DecryptionMaterials, key: EncryptedDataKey, *, asked: str) -> DecryptionMaterials:
        response = self._kms(
            # spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt 6d70
            # spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt 5057 6593
            # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt 7329
            # spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt c994
            # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt 5057 6593
            "Decrypt",
            key=asked,
            KeyId=asked,
            CiphertextBlob=key.ciphertext,
            **self._parameters(materials),
        )
        # spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt 795b
        # spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt e745
        # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt 9016
        # spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt e745
        # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt e745
        if response.get("KeyId") != asked:
            raise self._kms.unusable("Decrypt", asked, "KMS answered for another key")
        data_key = self._data_key(bytes(response.get("Plaintext", b"")), materials, asked=asked)
        # spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt ae56
        # spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt ae56
        # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt ae56
        # spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt ae56
        if len(data_key) != materials.algorithm_suite.data_key_length:
            raise self._kms.unusable("Decrypt", asked, "KMS answered with a data key of another length")
        # spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt b700
        # spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt 2234 449c
        # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt 7083
        # spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt 504c
        # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt b778
        return materials.with_data_key(data_key)

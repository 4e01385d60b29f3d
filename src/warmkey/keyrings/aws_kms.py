"""A keyring over one symmetric AWS KMS key.

Source: framework/aws-kms/aws-kms-keyring.md
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from warmkey.events import ignore
from warmkey.exceptions import KeyAttempt, KeyUnavailable
from warmkey.keyrings.aws_kms_key_arn import check_kms_identifier, parse_kms_arn
from warmkey.keyrings.interface import AWS_KMS_PROVIDER_ID, refuse_if_unwrapped
from warmkey.keyrings.kms_requests import KmsRequests
from warmkey.structures import EncryptedDataKey

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from warmkey.events import Emit
    from warmkey.keyrings.kms_requests import KmsClient
    from warmkey.structures import DecryptionMaterials, EncryptionMaterials

__all__ = ["AwsKmsKeyring"]


class AwsKmsKeyring:
    """Generates, wraps and unwraps data keys under *kms_key_id*, strictly that one.

    :param kms_key_id: a key ARN; an alias or key ID can encrypt but not decrypt, because messages name key ARNs
    :param kms_client: as ``boto3.client("kms", region_name=...)`` makes it, for the key's Region
    :param grant_tokens: sent with every request
    :param emit: told of every KMS request
    :raises ConfigurationError: an argument can't be used

    Source: framework/aws-kms/aws-kms-keyring.md#initialization
    """

    def __init__(
        self, kms_key_id: str, *, kms_client: KmsClient, grant_tokens: Iterable[str] = (), emit: Emit = ignore
    ) -> None:
        self._kms_key_id = check_kms_identifier(kms_key_id, "kms_key_id")
        self._kms = KmsRequests(kms_client, keyring=type(self).__name__, grant_tokens=grant_tokens, emit=emit)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._kms_key_id!r})"

    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        """Generate a data key with GenerateDataKey, or wrap the one there is with Encrypt.

        :raises KeyUnavailable: KMS refused, could not be reached, or answered with something else

        Source: framework/aws-kms/aws-kms-keyring.md#onencrypt
        """
        context = dict(materials.encryption_context)
        if materials.plaintext_data_key is None:
            operation = "GenerateDataKey"
            response = self._kms(
                operation,
                key=self._kms_key_id,
                KeyId=self._kms_key_id,
                NumberOfBytes=materials.algorithm_suite.data_key_length,
                EncryptionContext=context,
            )
            data_key = bytes(response["Plaintext"])
            if len(data_key) != materials.algorithm_suite.data_key_length:
                raise self._unusable(operation, "KMS answered with a data key of another length")
        else:
            operation = "Encrypt"
            data_key = materials.plaintext_data_key
            response = self._kms(
                operation,
                key=self._kms_key_id,
                KeyId=self._kms_key_id,
                Plaintext=data_key,
                EncryptionContext=context,
            )
        wrapped = EncryptedDataKey(
            key_provider_id=AWS_KMS_PROVIDER_ID,
            key_provider_info=self._checked_key_arn(operation, response["KeyId"]).encode(),
            ciphertext=bytes(response["CiphertextBlob"]),
        )
        return replace(
            materials,
            plaintext_data_key=data_key,
            encrypted_data_keys=(*materials.encrypted_data_keys, wrapped),
        )

    def on_decrypt(
        self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /
    ) -> DecryptionMaterials:
        """Unwrap the first encrypted data key of this KMS key that KMS decrypts.

        :raises KeyUnavailable: there is none; ``attempts`` says why not for each that was tried

        Source: framework/aws-kms/aws-kms-keyring.md#ondecrypt
        """
        refuse_if_unwrapped(materials)
        attempts: list[KeyAttempt] = []
        for key in encrypted_data_keys:
            if key.key_provider_id != AWS_KMS_PROVIDER_ID:
                continue
            if not self._is_ours(self._key_arn_of(key)):
                continue
            try:
                return self._unwrap(materials, key)
            except KeyUnavailable as error:
                attempts += error.attempts
        raise KeyUnavailable(f"no encrypted data key could be decrypted with {self._kms_key_id}", attempts)

    def _is_ours(self, key_arn: str) -> bool:
        return key_arn == self._kms_key_id

    def _key_arn_of(self, key: EncryptedDataKey) -> str:
        info = key.key_provider_info.decode(errors="replace")
        arn = parse_kms_arn(info)
        if arn is None or not arn.is_key:
            reason = "the message names something that is no AWS KMS key ARN"
            raise KeyUnavailable("an encrypted data key is not usable", [self._kms.attempt("Decrypt", info, reason)])
        return info

    def _unwrap(self, materials: DecryptionMaterials, key: EncryptedDataKey) -> DecryptionMaterials:
        response = self._kms(
            "Decrypt",
            key=self._kms_key_id,
            KeyId=self._kms_key_id,
            CiphertextBlob=key.ciphertext,
            EncryptionContext=dict(materials.encryption_context),
        )
        if response["KeyId"] != self._kms_key_id:
            raise self._unusable("Decrypt", "KMS answered for another key")
        data_key = bytes(response["Plaintext"])
        if len(data_key) != materials.algorithm_suite.data_key_length:
            raise self._unusable("Decrypt", "KMS answered with a data key of another length")
        return replace(materials, plaintext_data_key=data_key)

    def _checked_key_arn(self, operation: str, key_id: object) -> str:
        arn = parse_kms_arn(key_id) if isinstance(key_id, str) else None
        if arn is None or not arn.is_key:
            raise self._unusable(operation, "KMS answered without a key ARN")
        configured = parse_kms_arn(self._kms_key_id)
        # Stricter than the specification: with a key ARN configured, only that key may have answered.
        if configured is not None and configured.is_key and str(arn) != self._kms_key_id:
            raise self._unusable(operation, "KMS answered for another key")
        return str(arn)

    def _unusable(self, operation: str, reason: str) -> KeyUnavailable:
        attempt = self._kms.attempt(operation, self._kms_key_id, reason)
        return KeyUnavailable(f"AWS KMS {operation} gave no usable data key", [attempt])

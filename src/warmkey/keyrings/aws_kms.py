"""Generate, wrap and unwrap data keys under one symmetric AWS KMS key.

Source: framework/aws-kms/aws-kms-keyring.md
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from warmkey.events import ignore
from warmkey.keyrings.aws_kms_key_arn import check_kms_identifier
from warmkey.keyrings.interface import AWS_KMS_PROVIDER_ID
from warmkey.keyrings.kms_decryption import KmsDecryption
from warmkey.keyrings.kms_requests import KmsRequests
from warmkey.safe_repr import safe_repr
from warmkey.structures import EncryptedDataKey
from warmkey.tracebacks import scrubbed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from warmkey.events import Emit
    from warmkey.keyrings.aws_kms_key_arn import KmsArn
    from warmkey.keyrings.kms_requests import KmsClient
    from warmkey.structures import EncryptionMaterials

__all__ = ["AwsKmsKeyring"]


@safe_repr
class AwsKmsKeyring(KmsDecryption):
    """Generates, wraps and unwraps data keys under *kms_key_id* and no other key.

    :param kms_key_id: a key ARN; an alias or key ID can encrypt but not decrypt, because messages name key ARNs
    :param kms_client: as ``boto3.client("kms", region_name=...)`` makes it, for the key's Region
    :param grant_tokens: sent with every request
    :param emit: told of every KMS request
    :raises ConfigurationError: an argument can't be used

    Source: framework/aws-kms/aws-kms-keyring.md#initialization
    """

    @scrubbed
    def __init__(
        self, kms_key_id: str, *, kms_client: KmsClient, grant_tokens: Iterable[str] = (), emit: Emit = ignore
    ) -> None:
        self._kms_key_id = check_kms_identifier(kms_key_id, "kms_key_id")
        super().__init__(KmsRequests(kms_client, keyring=type(self).__name__, grant_tokens=grant_tokens, emit=emit))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._kms_key_id!r})"

    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        """Generate a data key with GenerateDataKey, or wrap the given one with Encrypt.

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
            data_key = bytes(response.get("Plaintext", b""))
            if len(data_key) != materials.algorithm_suite.data_key_length:
                problem = "KMS answered with a data key of another length"
                raise self._kms.unusable(operation, self._kms_key_id, problem)
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
        key_arn = self._kms.answered_key(operation, self._kms_key_id, response)
        if not response.get("CiphertextBlob"):
            raise self._kms.unusable(operation, self._kms_key_id, "KMS answered without an encrypted data key")
        wrapped = EncryptedDataKey(
            key_provider_id=AWS_KMS_PROVIDER_ID,
            key_provider_info=key_arn.encode(),
            ciphertext=bytes(response["CiphertextBlob"]),
        )
        return replace(
            materials,
            plaintext_data_key=data_key,
            encrypted_data_keys=(*materials.encrypted_data_keys, wrapped),
        )

    def _is_ours(self, arn: KmsArn) -> bool:
        return str(arn) == self._kms_key_id

    def _key_to_ask(self, arn: KmsArn) -> str:  # noqa: ARG002 - whichever replica the message names
        return self._kms_key_id

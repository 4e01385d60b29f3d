"""Generate, wrap and unwrap data keys under one symmetric AWS KMS key.

Source: framework/aws-kms/aws-kms-keyring.md
"""

from __future__ import annotations

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


# spec: framework/aws-kms/aws-kms-keyring.md#interface 6088
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
        # spec: framework/aws-kms/aws-kms-keyring.md#initialization ac5b
        self,
        kms_key_id: str,
        *,
        kms_client: KmsClient,
        grant_tokens: Iterable[str] = (),
        emit: Emit = ignore,
    ) -> None:
        # spec: framework/aws-kms/aws-kms-keyring.md#initialization d7fb b0a3 e4e4
        # spec: framework/aws-kms/aws-kms-mrk-keyring.md#initialization c4c8 b0a3 e4e4
        self._kms_key_id = check_kms_identifier(kms_key_id, "kms_key_id")
        super().__init__(KmsRequests(kms_client, keyring=type(self).__name__, grant_tokens=grant_tokens, emit=emit))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._kms_key_id!r})"

    # spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 5350
    # spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt 5350
    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        """Generate a data key with GenerateDataKey, or wrap the given one with Encrypt.

        :raises KeyUnavailable: KMS refused, could not be reached, or answered with something else

        Source: framework/aws-kms/aws-kms-keyring.md#onencrypt
        """
        context = dict(materials.encryption_context)
        if materials.plaintext_data_key is None:
            # spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 73db
            # spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt 73db
            operation = "GenerateDataKey"
            response = self._kms(
                operation,
                key=self._kms_key_id,
                # spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 7e3f ca3f
                # spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt 7540
                KeyId=self._kms_key_id,
                # spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 6cb4
                NumberOfBytes=materials.algorithm_suite.data_key_length,
                # spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 6fc0
                EncryptionContext=context,
            )
            data_key = bytes(response.get("Plaintext", b""))
            # spec: framework/aws-kms/aws-kms-keyring.md#onencrypt db7f
            # spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt db7f
            if len(data_key) != materials.algorithm_suite.data_key_length:
                problem = "KMS answered with a data key of another length"
                raise self._kms.unusable(operation, self._kms_key_id, problem)
        else:
            # spec: framework/aws-kms/aws-kms-keyring.md#onencrypt c5b8
            # spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt c5b8
            operation = "Encrypt"
            data_key = materials.plaintext_data_key
            response = self._kms(
                operation,
                key=self._kms_key_id,
                # spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 54b2 ef62
                # spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt 1762
                KeyId=self._kms_key_id,
                # spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 273a
                Plaintext=data_key,
                EncryptionContext=context,
            )
        key_arn = self._kms.answered_key(operation, self._kms_key_id, response)
        if not response.get("CiphertextBlob"):
            raise self._kms.unusable(operation, self._kms_key_id, "KMS answered without an encrypted data key")
        wrapped = EncryptedDataKey(
            # spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 0ea1 6cf1
            key_provider_id=AWS_KMS_PROVIDER_ID,
            # spec: framework/aws-kms/aws-kms-keyring.md#onencrypt f2b7 d2eb
            key_provider_info=key_arn.encode(),
            # spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 673b 61e0
            ciphertext=bytes(response["CiphertextBlob"]),
        )
        # spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 2cb8 8204
        # spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt 0015 3b8e afa6 8204
        # spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 5405 26b4 386b
        return materials.with_data_key(data_key, wrapped)

    def _is_ours(self, arn: KmsArn) -> bool:
        # spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt 5de2
        return str(arn) == self._kms_key_id

    def _key_to_ask(self, arn: KmsArn) -> str:  # noqa: ARG002 - whichever replica the message names
        # spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt ef62
        return self._kms_key_id

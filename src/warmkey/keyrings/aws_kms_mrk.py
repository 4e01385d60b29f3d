"""Use one AWS KMS key, and decrypt what its replicas in other Regions encrypted.

Source: framework/aws-kms/aws-kms-mrk-keyring.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.keyrings.aws_kms import AwsKmsKeyring
from warmkey.keyrings.aws_kms_mrk_match_for_decrypt import match_for_decrypt

if TYPE_CHECKING:
    from warmkey.keyrings.aws_kms_key_arn import KmsArn

__all__ = ["AwsKmsMrkKeyring"]


# spec: framework/aws-kms/aws-kms-mrk-keyring.md#interface 6088
class AwsKmsMrkKeyring(AwsKmsKeyring):
    """Works as :class:`AwsKmsKeyring`, and for a multi-Region key also decrypts what its replicas encrypted.

    The client's Region decides who is asked: the key of *kms_key_id*, never the replica that the message names.

    Source: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt
    """

    def _is_ours(self, arn: KmsArn) -> bool:
        # spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt 1f12
        return match_for_decrypt(self._kms_key_id, str(arn))

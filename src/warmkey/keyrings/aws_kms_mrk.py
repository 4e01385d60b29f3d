"""A keyring over one AWS KMS key that also decrypts what replicas of it in other Regions encrypted.

Source: framework/aws-kms/aws-kms-mrk-keyring.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.keyrings.aws_kms import AwsKmsKeyring
from warmkey.keyrings.aws_kms_mrk_match_for_decrypt import match_for_decrypt

if TYPE_CHECKING:
    from warmkey.keyrings.aws_kms_key_arn import KmsArn

__all__ = ["AwsKmsMrkKeyring"]


class AwsKmsMrkKeyring(AwsKmsKeyring):
    """As :class:`AwsKmsKeyring`; where *kms_key_id* is a multi-Region key, its replicas' data keys are its own too.

    The client's Region decides who is asked: the key of *kms_key_id*, never the replica that the message names.

    Source: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt
    """

    def _is_ours(self, arn: KmsArn) -> bool:
        return match_for_decrypt(self._kms_key_id, str(arn))

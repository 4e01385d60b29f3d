"""Decide whether the key that a keyring is configured with can decrypt for the key that a message names.

Source: framework/aws-kms/aws-kms-mrk-match-for-decrypt.md
"""

from __future__ import annotations

from warmkey.keyrings.aws_kms_key_arn import parse_kms_arn

__all__ = ["match_for_decrypt"]


# spec: framework/aws-kms/aws-kms-mrk-match-for-decrypt.md#implementation c85b
def match_for_decrypt(one: str, other: str) -> bool:
    """Return whether two AWS KMS key identifiers are equal, or are ARNs of replicas of one multi-Region key.

    Source: framework/aws-kms/aws-kms-mrk-match-for-decrypt.md#implementation
    """
    # spec: framework/aws-kms/aws-kms-mrk-match-for-decrypt.md#implementation b206
    if one == other:
        return True
    first, second = parse_kms_arn(one), parse_kms_arn(other)
    # spec: framework/aws-kms/aws-kms-mrk-match-for-decrypt.md#implementation dc79
    if first is None or second is None or not first.is_multi_region or not second.is_multi_region:
        return False
    # spec: framework/aws-kms/aws-kms-mrk-match-for-decrypt.md#implementation 8ea6
    return first._replace(region=second.region) == second

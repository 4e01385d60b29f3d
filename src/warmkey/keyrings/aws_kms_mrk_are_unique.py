"""Refuse configurations that name one multi-Region key twice: which replica to ask would be undefined.

Source: framework/aws-kms/aws-kms-mrk-are-unique.md
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from warmkey.exceptions import ConfigurationError
from warmkey.keyrings.aws_kms_key_arn import is_multi_region_identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["check_multi_region_keys_are_unique"]


# spec: framework/aws-kms/aws-kms-mrk-are-unique.md#implementation b06c
def check_multi_region_keys_are_unique(identifiers: Sequence[str]) -> None:
    """Check that no multi-Region key is named twice.

    :raises ConfigurationError: one is; every identifier of such a key is listed

    Source: framework/aws-kms/aws-kms-mrk-are-unique.md#implementation
    """
    # spec: framework/aws-kms/aws-kms-mrk-are-unique.md#implementation 4d24
    multi_region = [identifier for identifier in identifiers if is_multi_region_identifier(identifier)]
    counts = Counter(map(_key_id, multi_region))
    # spec: framework/aws-kms/aws-kms-mrk-are-unique.md#implementation eaa1
    repeated = [identifier for identifier in multi_region if counts[_key_id(identifier)] > 1]
    # spec: framework/aws-kms/aws-kms-mrk-are-unique.md#implementation 0e18 eaa1
    if repeated:
        listed = ", ".join(repeated)
        raise ConfigurationError(f"these name the same multi-Region key; keep one of each: {listed}")


def _key_id(identifier: str) -> str:
    return identifier.rpartition("/")[2]

"""Which KMS keys may protect branch keys: one key, one multi-Region key, or whichever an item names.

Source: framework/branch-key-store.md#aws-kms-configuration
"""

from __future__ import annotations

import re

from warmkey.exceptions import ConfigurationError
from warmkey.keyrings.aws_kms_key_arn import KmsArn, parse_kms_arn
from warmkey.keyrings.aws_kms_mrk_match_for_decrypt import match_for_decrypt
from warmkey.records import Record
from warmkey.validation import plausible, shown

__all__ = ["KmsConfiguration", "parse_key_arn"]

_REGION = re.compile(r"[a-z0-9]+(-[a-z0-9]+)+")
_KINDS = "kms_key_arn, kms_mrk_key_arn, discovery=True and mrk_discovery_region"


class KmsConfiguration(Record):
    """Hold one of the four configurations; the other three fields are not set.

    :ivar kms_key_arn: branch keys of exactly this KMS key
    :ivar kms_mrk_key_arn: the same, and branch keys of the replicas of this key in other Regions
    :ivar discovery: branch keys of any KMS key, for reading only
    :ivar mrk_discovery_region: the same, and multi-Region keys are asked for in this Region
    :raises ConfigurationError: none or several are given, or an ARN or a Region is not one

    Source: framework/branch-key-store.md#aws-kms-configuration
    """

    # spec: framework/branch-key-store.md#aws-kms-configuration 58b7
    kms_key_arn: str | None = None
    kms_mrk_key_arn: str | None = None
    discovery: bool = False
    # spec: framework/branch-key-store.md#aws-kms-configuration 8b45
    mrk_discovery_region: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.discovery, bool):
            raise ConfigurationError(f"discovery must be True or False, not {shown(self.discovery)}")
        arns = {"kms_key_arn": self.kms_key_arn, "kms_mrk_key_arn": self.kms_mrk_key_arn}
        given = [name for name, arn in arns.items() if arn is not None]
        given += ["discovery"] * self.discovery + ["mrk_discovery_region"] * (self.mrk_discovery_region is not None)
        if len(given) != 1:
            raise ConfigurationError(f"give one of {_KINDS}, not {' and '.join(given) or 'none'}")
        for name, arn in arns.items():
            if arn is not None:
                _check_key_arn(name, arn)
        region = self.mrk_discovery_region
        if region is not None and not (isinstance(region, str) and _REGION.fullmatch(region)):
            raise ConfigurationError(f"mrk_discovery_region must be a Region such as eu-west-1, not {region!r}")

    @property
    def key_arn(self) -> str | None:
        """The configured ARN; ``None`` under discovery, where nothing can be created."""
        # spec: framework/branch-key-store.md#aws-kms-configuration ee9a
        return self.kms_key_arn or self.kms_mrk_key_arn

    @property
    def region(self) -> str | None:
        """The Region to make clients for; ``None`` for the one that boto3 is configured for.

        Source: framework/branch-key-store.md#dynamodb-client, #kms-client
        """
        arn = parse_key_arn(self.key_arn) if self.key_arn else None
        # spec: framework/branch-key-store.md#dynamodb-client d719 c003 2ef2
        # spec: framework/branch-key-store.md#kms-client 2bae 574b 4308
        return arn.region if arn else self.mrk_discovery_region

    def refusal(self, stored: str) -> str | None:
        """Say why a branch key that *stored* protects may not be used, or return ``None``.

        Source: framework/branch-key-store.md#aws-key-arn-compatibility
        """
        # spec: framework/branch-key-store.md#aws-kms-branch-key-decryption 1b8a
        if parse_key_arn(stored) is None:
            return f"its kms-arn must be a KMS key ARN, not {stored[:200]!r}"
        # spec: framework/branch-key-store.md#versionkey f625
        # spec: framework/branch-key-store.md#aws-kms-branch-key-decryption 7ff7
        if self.kms_key_arn is not None and stored != self.kms_key_arn:
            return f"its kms-arn is {stored}, and kms_key_arn allows {self.kms_key_arn} only"
        # spec: framework/branch-key-store.md#versionkey f625
        # spec: framework/branch-key-store.md#aws-kms-branch-key-decryption 7ff7
        if self.kms_mrk_key_arn is not None and not match_for_decrypt(stored, self.kms_mrk_key_arn):
            return f"its kms-arn is {stored}, which is neither {self.kms_mrk_key_arn} nor a replica of it"
        return None

    def key_to_ask(self, stored: str) -> str:
        """Return the ARN of the KMS key that has to decrypt a branch key that *stored* protects.

        Source: framework/branch-key-store.md#discovery, #mrdiscovery
        """
        arn = parse_key_arn(stored)
        if self.key_arn is not None:
            # spec: framework/branch-key-store.md#aws-kms-branch-key-decryption 36ba
            return self.key_arn
        if self.mrk_discovery_region is not None and arn is not None and arn.is_multi_region:
            # spec: framework/branch-key-store.md#mrdiscovery e057
            # spec: framework/branch-key-store.md#aws-kms-branch-key-decryption c7b5
            return str(arn._replace(region=self.mrk_discovery_region))
        # spec: framework/branch-key-store.md#discovery e057
        # spec: framework/branch-key-store.md#aws-kms-branch-key-decryption 3e99
        return stored


def parse_key_arn(text: str) -> KmsArn | None:
    """Return the parts of *text* if it is the ARN of a KMS key and not of an alias.

    Source: framework/aws-kms/aws-kms-key-arn.md#a-valid-aws-kms-arn
    """
    arn = parse_kms_arn(text)
    return arn if arn is not None and arn.is_key and "/" not in arn.resource_id else None


def _check_key_arn(name: str, arn: object) -> None:
    # spec: framework/branch-key-store.md#aws-kms-configuration 6fde c9df
    if isinstance(arn, str) and parse_key_arn(arn) is not None:
        return
    alias = isinstance(arn, str) and "alias/" in arn
    hint = "; an alias could point to another key tomorrow" if alias else ""
    raise ConfigurationError(
        f"{name} must be a KMS key ARN, arn:PARTITION:kms:REGION:ACCOUNT:key/ID, not {plausible(arn)}{hint}"
    )

"""Parse and check AWS KMS key identifiers.

Source: framework/aws-kms/aws-kms-key-arn.md
"""

from __future__ import annotations

import re
from typing import NamedTuple

from warmkey.exceptions import ConfigurationError
from warmkey.safe_repr import safe_repr
from warmkey.validation import kind_of, plausible, shown

__all__ = [
    "KmsArn",
    "check_kms_identifier",
    "is_account_id",
    "is_multi_region_identifier",
    "parse_kms_arn",
    "region_of",
]

# Identifiers are printed in errors. A key or a password put in the place of one must not be, so the form is checked.
_IDENTIFIER = (
    r"arn:[\w-]+:kms:[\w-]+:[\w-]+:(?:key|alias)/[\w/-]{1,256}"
    r"|alias/[\w/-]{1,250}"
    r"|(?:mrk-[0-9A-Fa-f]{1,32}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})"
)
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"


@safe_repr
class KmsArn(NamedTuple):
    """Holds the parts of an AWS KMS ARN. ``resource_type`` is ``key`` or ``alias``."""

    partition: str
    region: str
    account: str
    resource_type: str
    resource_id: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:kms:{self.region}:{self.account}:{self.resource_type}/{self.resource_id}"

    @property
    def is_key(self) -> bool:
        """Return whether this names a key and not an alias."""
        return self.resource_type == "key"

    @property
    def is_multi_region(self) -> bool:
        """Return whether this names a multi-Region key.

        Source: framework/aws-kms/aws-kms-key-arn.md#identifying-an-an-aws-kms-multi-region-arn
        """
        # spec: framework/aws-kms/aws-kms-key-arn.md#identifying-an-an-aws-kms-multi-region-arn a4eb a9d3 a74e 3a86
        return self.is_key and self.resource_id.startswith("mrk-")


def parse_kms_arn(text: str) -> KmsArn | None:
    """Parse *text*, or return ``None`` if it is not a valid AWS KMS ARN.

    Source: framework/aws-kms/aws-kms-key-arn.md#a-valid-aws-kms-arn
    """
    parts = text.split(":")
    # spec: framework/aws-kms/aws-kms-key-arn.md#a-valid-aws-kms-arn 06f7 df13 6939 15b5 329a
    if len(parts) != 6 or parts[0] != "arn" or parts[2] != "kms" or not all(parts):  # noqa: PLR2004 - six by the spec
        return None
    # spec: framework/aws-kms/aws-kms-key-arn.md#a-valid-aws-kms-arn 70d0
    resource_type, _, resource_id = parts[5].partition("/")
    # spec: framework/aws-kms/aws-kms-key-arn.md#a-valid-aws-kms-arn 70d0 d42f 749e
    if resource_type not in ("key", "alias") or not resource_id:
        return None
    return KmsArn(
        partition=parts[1], region=parts[3], account=parts[4], resource_type=resource_type, resource_id=resource_id
    )


def is_account_id(text: str) -> bool:
    """Return whether *text* is one: 12 digits."""
    return len(text) == 12 and text.isascii() and text.isdigit()  # noqa: PLR2004 - by AWS


def region_of(identifier: str) -> str | None:
    """Return the Region in *identifier*, or ``None`` if it is not an ARN."""
    arn = parse_kms_arn(identifier)
    return None if arn is None else arn.region


def check_kms_identifier(identifier: object, name: str) -> str:
    """Return *identifier* if it can be one: an ARN, an alias or a key ID.

    :raises ConfigurationError: it can't; the message begins with *name*

    Source: framework/aws-kms/aws-kms-key-arn.md#a-valid-aws-kms-identifier
    """
    allowed = "a key ARN, an alias ARN, alias/NAME or a key ID"
    if not isinstance(identifier, str) or not identifier.strip():
        raise ConfigurationError(f"{name} must be {allowed}, not {shown(identifier)}")
    if problem := _wrong_form(identifier):
        raise ConfigurationError(f"{name} {problem}")
    if re.fullmatch(_IDENTIFIER, identifier, re.ASCII):  # compiled for the first key, not at import
        return identifier
    if identifier.startswith("arn:"):
        arn = parse_kms_arn(identifier)
        why = "is not a valid AWS KMS ARN" if arn is None else "has characters that an AWS KMS ARN can't have"
        raise ConfigurationError(f"{name} must be {allowed}; {plausible(identifier)} {why}")
    raise ConfigurationError(f"{name} must be {allowed}, not {kind_of(identifier)}")


def _wrong_form(identifier: str) -> str | None:
    """Say what came along with an identifier from where it was copied, or return ``None``."""
    if identifier[0] in "[{":
        return "is JSON; give the ARNs themselves, without brackets and quotation marks"
    if identifier[0] in _QUOTES or identifier[-1] in _QUOTES:
        return "is in quotation marks; leave them out"
    if identifier != identifier.strip():
        return "begins or ends with white space; remove it"
    return None


# spec: framework/aws-kms/aws-kms-key-arn.md#identifying-an-an-aws-kms-multi-region-identifier 22c0
def is_multi_region_identifier(identifier: str) -> bool:
    """Return whether *identifier* names a multi-Region key.

    Source: framework/aws-kms/aws-kms-key-arn.md#identifying-an-an-aws-kms-multi-region-identifier
    """
    if identifier.startswith("arn:"):
        arn = parse_kms_arn(identifier)
        # spec: framework/aws-kms/aws-kms-key-arn.md#identifying-an-an-aws-kms-multi-region-identifier 066b
        return arn is not None and arn.is_multi_region
    # spec: framework/aws-kms/aws-kms-key-arn.md#identifying-an-an-aws-kms-multi-region-identifier c967 7ab1 e19d
    return identifier.startswith("mrk-")

"""Turn an answer of KMS that is not a permission into a finding."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from warmkey.doctor.routes import is_unreachable, why_unreachable
from warmkey.events import KmsOutcome
from warmkey.keyrings.aws_kms_key_arn import parse_kms_arn

if TYPE_CHECKING:
    from warmkey.doctor.dry_runs import Answer, Ask
    from warmkey.keyrings.kms_failures import Failure

__all__ = ["CONCERNS_ALL", "CONCERNS_ENDPOINT", "CONCERNS_KEY", "OF_THE_KEY", "code_of", "diagnose", "why_denied"]

# Nothing that is asked afterwards could be answered better: of any service, of the same endpoint, of the same key.
CONCERNS_ALL = frozenset({"no-credentials", "credentials-not-accepted", "clock-skew"})
CONCERNS_ENDPOINT = frozenset(
    {
        "no-network-path",
        "name-not-resolved",
        "connection-refused",
        "tls-failed",
        "no-answer-in-time",
        "not-aws",
        "throttled",
    }
)
CONCERNS_KEY = frozenset(
    {
        "key-not-found",
        "key-in-another-region",
        "key-disabled",
        "key-pending-deletion",
        "key-state",
        "key-of-another-kind",
    }
)

_OF_CODE = MappingProxyType(
    {
        "NotFoundException": "key-not-found",
        "InvalidArnException": "key-in-another-region",
        "DisabledException": "key-disabled",
        "KMSInvalidStateException": "key-state",
        "InvalidKeyUsageException": "key-of-another-kind",
        "UnsupportedOperationException": "key-of-another-kind",
        "InvalidCiphertextException": "sample-not-decryptable",
        "IncorrectKeyException": "sample-under-another-key",
        "RequestTimeTooSkewed": "clock-skew",
        "RequestExpired": "clock-skew",
        "ExpiredTokenException": "credentials-not-accepted",
        "ExpiredToken": "credentials-not-accepted",
        "UnrecognizedClientException": "credentials-not-accepted",
        "InvalidClientTokenId": "credentials-not-accepted",
        "InvalidAccessKeyId": "credentials-not-accepted",
        "SignatureDoesNotMatch": "credentials-not-accepted",
        "InvalidSignatureException": "credentials-not-accepted",
        "IncompleteSignatureException": "credentials-not-accepted",
        "MissingAuthenticationToken": "credentials-not-accepted",
        "MissingAuthenticationTokenException": "credentials-not-accepted",
        "OptInRequired": "credentials-not-accepted",
        "NoCredentialsError": "no-credentials",
        "PartialCredentialsError": "no-credentials",
        "CredentialRetrievalError": "no-credentials",
        "NoAuthTokenError": "no-credentials",
        "SSOTokenLoadError": "no-credentials",
        "TokenRetrievalError": "no-credentials",
        "UnauthorizedSSOTokenError": "no-credentials",
    }
)
# AWS tells so that a signature is refused because of the time in it.
_OF_TIME = re.compile(r"signature (?:has )?expired|not yet current|too skewed|time.{0,20}difference", re.IGNORECASE)
_CALLER = re.compile(r"arn:[\w-]+:(?:sts|iam)::([0-9]{12}):")
# What AWS's denials say, the first that fits: the words of its "because" and "with an explicit deny in".
_DENIALS = (
    ("denied-explicitly", re.compile(r"explicit deny", re.IGNORECASE)),
    ("denied-by-organization", re.compile(r"(?:service|resource) control polic", re.IGNORECASE)),
    ("denied-by-boundary", re.compile(r"permissions boundary|session polic", re.IGNORECASE)),
    ("key-missing-or-denied", re.compile(r"resource does not exist", re.IGNORECASE)),
    ("denied-by-vpc-endpoint", re.compile(r"vpc endpoint polic", re.IGNORECASE)),
    ("denied-by-key-policy", re.compile(r"no resource-based polic", re.IGNORECASE)),
    ("denied-by-role", re.compile(r"no identity-based polic", re.IGNORECASE)),
)
# Denials behind which the key policy may be.
OF_THE_KEY = ("denied-by-key-policy", "key-missing-or-denied")


def why_denied(answer: Answer, what: Ask) -> tuple[str, str]:
    """Return the code of the finding for a denial, and what was found."""
    message = answer.failure.message
    found = f"KMS denies {what.operation} with {what.key}: {message}"
    caller, arn = _CALLER.search(message), parse_kms_arn(what.key)
    code = next((code for code, pattern in _DENIALS if pattern.search(message)), "denied")
    if code in (*OF_THE_KEY, "denied") and caller and arn and caller[1] != arn.account:
        return "key-in-another-account", f"{found} (the caller is of account {caller[1]})"
    return code, found


def diagnose(answer: Answer, what: Ask, client: object) -> tuple[str, str]:
    """Return the code of the finding for a request that failed, and what was found."""
    failure = answer.failure
    if is_unreachable(failure):
        return why_unreachable(answer.error, client)
    found = f"{what.operation} with {what.key}: {failure.reason('KMS')}"
    code = code_of(failure, answer.message)
    if code == "key-not-found":
        region, arn = getattr(getattr(client, "meta", None), "region_name", None), parse_kms_arn(what.key)
        if arn is not None and isinstance(region, str) and arn.region != region:
            return "key-in-another-region", f"{found} (asked in {region})"
    return code, found


def code_of(failure: Failure, message: str) -> str:
    """Return the code of the finding for an answer of KMS or DynamoDB; *message* is all that it said."""
    if failure.outcome is KmsOutcome.THROTTLED:
        return "throttled"
    # Where no error code came with the answer, botocore gives the number of the HTTP status.
    if failure.code.isdecimal() or failure.name == "ResponseParserError":
        return "not-aws"
    code = _OF_CODE.get(failure.name, "")
    if code == "key-state" and "pending deletion" in message.lower().replace("pendingdeletion", "pending deletion"):
        return "key-pending-deletion"
    if code == "credentials-not-accepted" and _OF_TIME.search(message):
        return "clock-skew"
    if not code:
        return "service-failing" if failure.outcome is KmsOutcome.UNREACHABLE else "unexpected-answer"
    return code

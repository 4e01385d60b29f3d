"""Explain why a request to AWS KMS failed: outcome, KMS's own words, and what to do. DynamoDB answers alike.

Loaded when something fails. botocore is not imported: its exceptions are told apart by their attributes and names.
"""

from __future__ import annotations

import os
import re
from types import SimpleNamespace
from typing import Any, NamedTuple

from warmkey.events import KmsOutcome

__all__ = [
    "Failure",
    "backoff_seconds",
    "explain",
    "is_transient",
    "longest_backoff_seconds",
    "max_attempts",
    "was_closed_unanswered",
]

_OUTCOMES = {
    KmsOutcome.THROTTLED: (
        "ThrottlingException",
        "Throttling",
        "ThrottledException",
        "TooManyRequestsException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "SlowDown",
    ),
    KmsOutcome.DENIED: ("AccessDeniedException", "AccessDenied", "KMSAccessDeniedException"),
    KmsOutcome.DISABLED: ("DisabledException", "KMSInvalidStateException"),
    KmsOutcome.UNREACHABLE: (
        "DependencyTimeoutException",
        "InternalFailure",
        "InternalServerError",
        "KMSInternalException",
        "KeyUnavailableException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    ),
}
_OUTCOME_OF_CODE = {code: outcome for outcome, codes in _OUTCOMES.items() for code in codes}
# botocore.exceptions.HTTPClientError is the base of its time-outs, refused and closed connections.
_UNREACHABLE = {"HTTPClientError", "ConnectionError", "EndpointConnectionError", "TimeoutError"}
# KMS's message is kept for these: it says why ("because no identity-based policy allows ..."). Those of other answers,
# validation errors above all, echo what was sent.
_TELLING_OUTCOMES = (KmsOutcome.DENIED, KmsOutcome.DISABLED)
_TELLING_CODES = ("NotFoundException",)

_REMEDIES = {
    KmsOutcome.THROTTLED: "raise the KMS request quota, the cache's limits, or the client's retries",
    KmsOutcome.DENIED: (
        "allow the operation on this key in the key policy and in the function's role, and look for a service control "
        "policy (SCP), a permissions boundary or a VPC endpoint policy that does not allow it"
    ),
    KmsOutcome.DISABLED: "enable the key, or cancel its deletion",
    KmsOutcome.UNREACHABLE: "check the key's Region, the network path (VPC endpoint, security group) and the timeouts",
}
_REMEDY_OF_CODE = {
    "NotFoundException": "check the key ARN and its Region",
    "InvalidCiphertextException": "the encryption context or the encrypted data key is not the original",
    "IncorrectKeyException": "the data key was encrypted under another key",
    "ExpiredTokenException": "refresh the credentials",
    "ExpiredToken": "refresh the credentials",
    "UnrecognizedClientException": "check the credentials",
    "InvalidClientTokenId": "check the credentials",
    "NoCredentialsError": "give the client credentials; in Lambda they are those of the function's role",
    "PartialCredentialsError": "give the client whole credentials",
    "CredentialRetrievalError": "check where the client gets its credentials from",
    "ProfileNotFound": "unset AWS_PROFILE, or name a profile of the AWS configuration files",
    "SSOTokenLoadError": "log in again with aws sso login",
    "TokenRetrievalError": "log in again with aws sso login",
    "UnauthorizedSSOTokenError": "log in again with aws sso login",
    "InvalidSignatureException": "check the credentials and the clock",
    "InvalidGrantTokenException": "check the grant tokens",
    "InvalidKeyUsageException": "use a key whose usage and spec fit the keyring",
}
_REMEDY_INSIDE_KMS = "KMS has a problem of its own; try again"
# botocore's own, where a client was not told.
_DEFAULT_ATTEMPTS = {"legacy": 5, "standard": 3, "adaptive": 3}
_LONGEST_BACKOFF_SECONDS = 20
_REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Failure(NamedTuple):
    """Holds what is known of a failed request.

    :ivar name: KMS's error code, or the exception's class where KMS did not answer
    :ivar code: KMS's error code, or an empty string
    :ivar message: KMS's message where it may be repeated, as received: to be redacted; else an empty string
    """

    name: str
    code: str
    outcome: KmsOutcome
    request_id: str
    message: str
    remedy: str

    def reason(self, service: str) -> str:
        """Say in one sentence what happened; *message* has to be redacted by now."""
        reason = f"{service} answered {self.code}" if self.code else self.name
        return f"{reason}: {self.message}" if self.message else reason


def explain(error: Exception) -> Failure:
    """Sort *error*, which a KMS client raised."""
    code = _of_error(error, "Code")
    outcome = _outcome_of(error)
    name = code or type(error).__name__
    remedy = _REMEDY_OF_CODE.get(name) or _REMEDIES.get(outcome, "")
    if code and outcome is KmsOutcome.UNREACHABLE:  # it was reached, and could not answer
        remedy = _REMEDY_INSIDE_KMS
    tells = outcome in _TELLING_OUTCOMES or code in _TELLING_CODES
    return Failure(name, code, outcome, _request_id(error), _of_error(error, "Message") if tells else "", remedy)


def _outcome_of(error: object) -> KmsOutcome:
    code = _of_error(error, "Code")
    if code in _OUTCOME_OF_CODE:
        return _OUTCOME_OF_CODE[code]
    if code:
        status = _metadata(error).get("HTTPStatusCode", 0)
        if status == 429:  # noqa: PLR2004 - Too Many Requests
            return KmsOutcome.THROTTLED
        return KmsOutcome.UNREACHABLE if status >= 500 else KmsOutcome.OTHER  # noqa: PLR2004 - server errors
    if _UNREACHABLE & {kind.__name__ for kind in type(error).__mro__}:
        return KmsOutcome.UNREACHABLE
    return KmsOutcome.OTHER


def was_closed_unanswered(error: object) -> bool:
    """Return whether botocore's *error* says that the connection was closed before any answer arrived.

    That is what a pooled connection looks like whose other end gave it up while the environment was frozen.
    """
    kwargs = getattr(error, "kwargs", None)
    cause = kwargs.get("error") if isinstance(kwargs, dict) else None
    if type(cause).__name__ == "ClosedPoolError":  # another thread closed the idle connections just now
        return True
    inner: tuple[object, ...] = getattr(cause, "args", ())
    if type(cause).__name__ == "ProtocolError":
        # An answer that breaks off is "Connection broken"; one that is not HTTP is not a ConnectionError.
        return len(inner) > 1 and inner[0] == "Connection aborted." and isinstance(inner[1], ConnectionError)
    return any(type(reason).__name__ in ("SSLEOFError", "SSLZeroReturnError") for reason in inner)


def is_transient(error: Exception | None, response: tuple[object, dict[str, Any]] | None) -> bool:
    """Return whether another attempt may succeed: after botocore's *error*, or its *response* (HTTP, parsed)."""
    failed = error if response is None else SimpleNamespace(response=response[1])
    return _outcome_of(failed) in (KmsOutcome.THROTTLED, KmsOutcome.UNREACHABLE)


def max_attempts(client: object) -> int:
    """Return how many attempts botocore makes with *client*."""
    retries: dict[str, Any] = getattr(getattr(getattr(client, "meta", None), "config", None), "retries", None) or {}
    return int(retries.get("total_max_attempts") or _DEFAULT_ATTEMPTS.get(retries.get("mode", ""), 0))


def backoff_seconds(attempts: int) -> float:
    """Return how long to wait after so many attempts: as botocore's standard mode does, exponentially, with jitter."""
    return longest_backoff_seconds(attempts) * int.from_bytes(os.urandom(4), "big") / 2**32


def longest_backoff_seconds(attempts: int) -> int:
    """Return the most that botocore's standard mode waits after so many attempts."""
    return int(min(2 ** (attempts - 1), _LONGEST_BACKOFF_SECONDS))


def _of_error(error: object, field: str) -> str:
    response = getattr(error, "response", None)
    if isinstance(response, dict) and isinstance(response.get("Error"), dict):
        return str(response["Error"].get(field, ""))
    return ""


def _metadata(error: object) -> dict[str, Any]:
    response = getattr(error, "response", None)
    metadata = response.get("ResponseMetadata") if isinstance(response, dict) else None
    return metadata if isinstance(metadata, dict) else {}


def _request_id(error: object) -> str:
    request_id = _metadata(error).get("RequestId", "")
    return request_id if isinstance(request_id, str) and _REQUEST_ID.fullmatch(request_id) else ""

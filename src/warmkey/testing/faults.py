"""Bad days: what can go wrong between a client and KMS or DynamoDB, by name.

Errors are the exceptions that boto3 raises; tampered answers are answers that KMS would not give.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias

from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from warmkey.safe_repr import safe_repr
from warmkey.testing.api_model import service_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from botocore.exceptions import ClientError

    from warmkey.testing.calls import Call

__all__ = ["DYNAMODB_FAULTS", "FAULTS", "DynamoDbFault", "Fault"]

Response: TypeAlias = dict[str, Any]

# name: (code, message), the way KMS answers
_REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "throttled": ("ThrottlingException", "Rate exceeded"),
    "denied": ("AccessDeniedException", "The caller is not authorized to perform this operation"),
    "disabled": ("DisabledException", "The key is disabled."),
    "pending-deletion": ("KMSInvalidStateException", "The key is pending deletion."),
    "not-found": ("NotFoundException", "The key does not exist"),
    "incorrect-key": ("IncorrectKeyException", "The key ID does not identify the key that made the ciphertext"),
    "invalid-ciphertext": ("InvalidCiphertextException", "The ciphertext can't be decrypted"),
    "invalid-grant-token": ("InvalidGrantTokenException", "The grant token is not valid"),
    "key-unavailable": ("KeyUnavailableException", "The key is not available; try again"),
    "dependency-timeout": ("DependencyTimeoutException", "The request timed out inside the service; try again"),
    "internal": ("KMSInternalException", "The request failed because of an internal error"),
    "expired-credentials": ("ExpiredTokenException", "The security token included in the request is expired"),
    "unrecognized-credentials": ("UnrecognizedClientException", "The security token in the request is invalid"),
}

_CONNECTION_FAILURES: Final = {
    "timeout": ReadTimeoutError,
    "connect-timeout": ConnectTimeoutError,
    "unreachable": EndpointConnectionError,
    "reset": ConnectionClosedError,
}


_SECRETS: Final = ("Plaintext", "SharedSecret")

# name: (fields, change). The answer arrives, with those of the fields that it has changed.
_TAMPERINGS: Final[dict[str, tuple[tuple[str, ...], Callable[[Any], Any]]]] = {
    "another-key": (
        ("KeyId", "SourceKeyId"),
        lambda arn: f"{arn.rpartition('/')[0]}/00000000-0000-4000-8000-00000000beef",
    ),
    "not-an-arn": (("KeyId",), lambda _: "this is not an ARN"),
    "short-plaintext": (_SECRETS, lambda secret: secret[:-1]),
    "long-plaintext": (_SECRETS, lambda secret: secret + b"\0"),
    "another-plaintext": (_SECRETS, lambda secret: bytes(byte ^ 0xFF for byte in secret)),
    "retried": ((), lambda value: value),
}

FAULTS: Final = ("no-credentials", *_REFUSALS, *_CONNECTION_FAILURES, *_TAMPERINGS)

_DYNAMODB_REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "throttled": (
        "ProvisionedThroughputExceededException",
        "The configured throughput was exceeded",
    ),
    "account-throttled": ("RequestLimitExceeded", "Throughput exceeds the current throughput limit for your account"),
    "denied": ("AccessDeniedException", "User is not authorized to perform this operation on the resource"),
    "in-progress": ("TransactionInProgressException", "The transaction with the given request token is in progress"),
    "internal": ("InternalServerError", "Internal server error"),
    "expired-credentials": ("ExpiredTokenException", "The security token included in the request is expired"),
    "unrecognized-credentials": ("UnrecognizedClientException", "The security token in the request is invalid"),
}
_DYNAMODB_TAMPERINGS: Final = {"retried": _TAMPERINGS["retried"]}
DYNAMODB_FAULTS: Final = (
    "no-credentials",
    "conflict",
    *_DYNAMODB_REFUSALS,
    *_CONNECTION_FAILURES,
    *_DYNAMODB_TAMPERINGS,
)


@safe_repr
class Fault:
    """Makes one thing go wrong, as often as it was told to; made by :meth:`FakeKms.fail`.

    As a context manager it ends with the block.
    """

    _service = "kms"
    _names: tuple[str, ...] = FAULTS
    _refusals = _REFUSALS
    _tamperings = _TAMPERINGS

    def __init__(
        self,
        error: str | BaseException,
        *,
        operation: str | None,
        times: int | None,
        when: Callable[[Any], bool] | None,
        retries: int,
    ) -> None:
        if isinstance(error, str) and error not in self._names:
            raise ValueError(f"error {error!r} is none of {', '.join(self._names)}, nor an exception")
        self._error = error
        self._operation = operation
        self._left = times
        self._when = when
        self._retries = retries
        self._struck = 0
        self._lock = threading.RLock()

    def __repr__(self) -> str:
        where = self._operation or "any operation"
        return f"<Fault {self._error!r} on {where}, struck {self._struck}, left {self._left}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.cancel()

    @property
    def struck(self) -> int:
        """Return how many requests it has hit."""
        return self._struck

    def cancel(self) -> None:
        """Let the service recover from this."""
        with self._lock:
            self._left = 0

    def claims(self, call: Call) -> bool:
        """Return whether this request goes wrong; each yes uses up one of the times."""
        if self._operation not in {None, call.operation} or (self._when and not self._when(call)):
            return False
        with self._lock:
            if self._left == 0:
                return False
            self._struck += 1
            if self._left is not None:
                self._left -= 1
            return True

    def strike(self, call: Call, endpoint: str, answer: Callable[[], Response]) -> Response:
        """Fail the request, or tamper with its *answer*.

        :raises Exception: what a boto3 client would raise
        """
        if isinstance(self._error, BaseException):
            raise self._error
        if self._error == "no-credentials":
            raise NoCredentialsError
        if self._error in _CONNECTION_FAILURES:
            raise _CONNECTION_FAILURES[self._error](endpoint_url=endpoint)
        if self._error in self._refusals:
            code, message = self._refusals[self._error]
            raise service_error(
                self._service, code, call.operation, message, retries=self._retries, exhausted=self._retries > 0
            )
        fields, change = self._tamperings[self._error]
        response = answer()
        response.update((name, change(response[name])) for name in fields if name in response)
        response["ResponseMetadata"]["RetryAttempts"] = self._retries
        return response


class DynamoDbFault(Fault):
    """The same between a client and DynamoDB; made by :meth:`FakeDynamoDb.fail`."""

    _service = "dynamodb"
    _names = DYNAMODB_FAULTS
    _refusals = _DYNAMODB_REFUSALS
    _tamperings = _DYNAMODB_TAMPERINGS

    def strike(self, call: Call, endpoint: str, answer: Callable[[], Response]) -> Response:
        """Fail the request, or tamper with its *answer*.

        :raises Exception: what a boto3 client would raise
        """
        if self._error == "conflict":
            raise cancelled(["TransactionConflict"])
        return super().strike(call, endpoint, answer)


def cancelled(codes: Sequence[str]) -> ClientError:
    """The exception that boto3 raises for a transaction, given a code for each of its items."""
    message = "Transaction cancelled, please refer cancellation reasons for specific reasons"
    return service_error(
        "dynamodb",
        "TransactionCanceledException",
        "TransactWriteItems",
        f"{message} [{', '.join(codes)}]",
        details={"CancellationReasons": [{"Code": code} for code in codes]},
    )

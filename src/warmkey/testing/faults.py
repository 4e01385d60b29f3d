"""Inject what can go wrong between a client and KMS, by name.

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

from warmkey.testing.api_model import kms_error

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from warmkey.testing.calls import KmsCall

__all__ = ["FAULTS", "Fault"]

Response: TypeAlias = dict[str, Any]

# name: (code, message), the way KMS answers
_REFUSALS: Final = {
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
    "another-key": (("KeyId",), lambda arn: f"{arn.rpartition('/')[0]}/00000000-0000-4000-8000-00000000beef"),
    "not-an-arn": (("KeyId",), lambda _: "this is not an ARN"),
    "short-plaintext": (_SECRETS, lambda secret: secret[:-1]),
    "long-plaintext": (_SECRETS, lambda secret: secret + b"\0"),
    "another-plaintext": (_SECRETS, lambda secret: bytes(byte ^ 0xFF for byte in secret)),
    "retried": ((), lambda value: value),
}

FAULTS: Final = ("no-credentials", *_REFUSALS, *_CONNECTION_FAILURES, *_TAMPERINGS)


class Fault:
    """Makes one thing go wrong, as often as it was told to; made by :meth:`FakeKms.fail`.

    As a context manager it ends with the block.
    """

    def __init__(
        self,
        error: str | BaseException,
        *,
        operation: str | None,
        times: int | None,
        when: Callable[[KmsCall], bool] | None,
        retries: int,
    ) -> None:
        if isinstance(error, str) and error not in FAULTS:
            raise ValueError(f"error {error!r} is none of {', '.join(FAULTS)}, nor an exception")
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
        """Let KMS recover from this."""
        with self._lock:
            self._left = 0

    def claims(self, call: KmsCall) -> bool:
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

    def strike(self, call: KmsCall, endpoint: str, answer: Callable[[], Response]) -> Response:
        """Fail the request, or tamper with its *answer*.

        :raises Exception: what a boto3 client would raise
        """
        if isinstance(self._error, BaseException):
            raise self._error
        if self._error == "no-credentials":
            raise NoCredentialsError
        if self._error in _CONNECTION_FAILURES:
            raise _CONNECTION_FAILURES[self._error](endpoint_url=endpoint)
        if self._error in _REFUSALS:
            code, message = _REFUSALS[self._error]
            raise kms_error(code, call.operation, message, retries=self._retries, exhausted=self._retries > 0)
        fields, change = _TAMPERINGS[self._error]
        response = answer()
        response.update((name, change(response[name])) for name in fields if name in response)
        response["ResponseMetadata"]["RetryAttempts"] = self._retries
        return response

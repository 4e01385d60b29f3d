"""Make requests to AWS KMS through the caller's client, time them, tell subscribers, and explain failures.

botocore is not imported here: whoever made a client has it, and exceptions are told apart by their attributes.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar
from time import perf_counter
from typing import TYPE_CHECKING, Any

from warmkey.events import EvictionReason, KmsOutcome, KmsRequest, guarded, ignore
from warmkey.exceptions import ConfigurationError, KeyAttempt, KeyUnavailable
from warmkey.fork_safety import register
from warmkey.keyrings.aws_kms_key_arn import parse_kms_arn
from warmkey.keyrings.log_redaction import discreet
from warmkey.keyrings.refusals import note_refusal, note_used_keys
from warmkey.validation import require_method

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from warmkey.events import Emit

__all__ = ["KmsClient", "KmsRequests"]

# A client as ``boto3.client("kms")`` makes it; its methods are generated at run time, so it has no better type.
KmsClient = Any

_BYTES = ("Plaintext", "CiphertextBlob", "SharedSecret", "PublicKey")
_METHODS = {
    "GenerateDataKey": "generate_data_key",
    "Encrypt": "encrypt",
    "Decrypt": "decrypt",
    "DeriveSharedSecret": "derive_shared_secret",
    "GetPublicKey": "get_public_key",
}

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
        "SlowDown",
    ),
    KmsOutcome.DENIED: ("AccessDeniedException", "AccessDenied", "KMSAccessDeniedException"),
    KmsOutcome.DISABLED: ("DisabledException", "KMSInvalidStateException"),
    KmsOutcome.UNREACHABLE: (
        "DependencyTimeoutException",
        "InternalFailure",
        "KMSInternalException",
        "KeyUnavailableException",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    ),
}
# botocore.exceptions.HTTPClientError is the base of its timeouts, refused and closed connections.
_UNREACHABLE = {"HTTPClientError", "ConnectionError", "EndpointConnectionError", "TimeoutError"}
_OUTCOME_OF_CODE = {code: outcome for outcome, codes in _OUTCOMES.items() for code in codes}

_REMEDIES = {
    KmsOutcome.THROTTLED: "raise the KMS request quota, the cache's limits, or the client's retries",
    KmsOutcome.DENIED: "allow the operation on this key in the key policy and in the function's role",
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
    "InvalidSignatureException": "check the credentials and the clock",
    "InvalidGrantTokenException": "check the grant tokens",
    "InvalidKeyUsageException": "use a key whose usage and spec fit the keyring",
}
# KMS itself does not answer so.
_REMEDY_OF_NO_KMS = "check what answers for KMS: the client's endpoint, a proxy, a mock"


class _Attempts:
    """Counts how often botocore sends one request.

    :ivar made: so far; 0 for a client that does not tell
    """

    __slots__ = ("made",)

    def __init__(self) -> None:
        self.made = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count what is sent in the block."""
        token = _of_this_request.set(self)
        try:
            yield
        finally:
            _of_this_request.reset(token)


_of_this_request: ContextVar[_Attempts | None] = ContextVar("warmkey_kms_attempts", default=None)


def _watch_attempts(client: KmsClient) -> None:
    """Have *client* tell of each attempt; registering twice does no harm."""
    register_handler = getattr(getattr(getattr(client, "meta", None), "events", None), "register", None)
    if register_handler is not None:
        register_handler("before-send.kms", _count_attempt, unique_id="warmkey-attempts")


def _count_attempt(**_event: object) -> None:
    attempts = _of_this_request.get()
    if attempts is not None:
        attempts.made += 1


class KmsRequests:
    """Makes requests with one client and one set of grant tokens.

    :param kms_client: as ``boto3.client("kms")`` makes it
    :param grant_tokens: sent with every request
    :param emit: told of every request (:class:`warmkey.events.KmsRequest`)
    :raises ConfigurationError: there is no client, a grant token is not a str, or *emit* can't be called
    """

    def __init__(
        self, kms_client: KmsClient, *, keyring: str, grant_tokens: Iterable[str] = (), emit: Emit = ignore
    ) -> None:
        if kms_client is None:
            raise ConfigurationError(f"{keyring} needs kms_client, for example boto3.client('kms')")
        if isinstance(grant_tokens, str):
            raise ConfigurationError("grant_tokens is a str; a sequence of str is allowed")
        _watch_attempts(kms_client)
        require_method("emit", emit, "__call__")
        self._client = kms_client
        self._keyring = keyring
        self._grant_tokens = list(grant_tokens)
        for token in self._grant_tokens:
            if not isinstance(token, str):
                raise ConfigurationError(f"grant_tokens has a {type(token).__name__}; a sequence of str is allowed")
        self._emit = guarded(emit)
        self._process = os.getpid()
        register(self)

    @property
    def region(self) -> str | None:
        """Return the Region that the client talks to, if it says."""
        meta = getattr(self._client, "meta", None)
        return getattr(meta, "region_name", None)

    def __call__(self, operation: str, *, key: str, **parameters: Any) -> dict[str, Any]:  # noqa: ANN401 - boto3
        """Make a request and return the response.

        :param operation: the API's name, for example ``Decrypt``
        :param key: the key that KMS is asked for, for events and errors

        :raises KeyUnavailable: the request failed; the one attempt names operation, key, cause and remedy
        """
        if self._grant_tokens:
            parameters["GrantTokens"] = self._grant_tokens
        send: Callable[..., dict[str, Any]] = getattr(self._connected(), _METHODS[operation])
        attempts = _Attempts()
        started = perf_counter()
        try:
            with discreet(), attempts.counted():
                response = send(**parameters)
        except Exception as error:
            attempt = self._explain(operation, key, error)
            outcome = attempt.outcome or KmsOutcome.OTHER
            self._tell(operation, key, started, outcome, getattr(error, "response", None), attempts.made)
            note_refusal(attempt)
            failure = KeyUnavailable(f"AWS KMS {operation} failed", [attempt])
            raise failure from error
        self._tell(operation, key, started, KmsOutcome.OK, response, attempts.made)
        checked = self._checked(operation, key, response)
        answered = checked.get("KeyId")
        note_used_keys(key, *([answered] if isinstance(answered, str) else []), region=self.region)
        return checked

    def _checked(self, operation: str, key: str, response: object) -> dict[str, Any]:
        """Return *response* if boto3 could have given it: a stand-in for its client may give anything."""
        if not isinstance(response, dict):
            kind = type(response).__name__
            raise self.unusable(operation, key, f"the KMS client answered with {kind}, not with a dict")
        for name in _BYTES:
            if name in response and not isinstance(response[name], (bytes, bytearray, memoryview)):
                kind = type(response[name]).__name__
                raise self.unusable(operation, key, f"the KMS client answered with a {name} of {kind}, not of bytes")
        return response

    def answered_key(self, operation: str, key: str, response: dict[str, Any]) -> str:
        """Return the ARN of the key that answered; if *key*, which was asked for, is a key ARN, that one must answer.

        :raises KeyUnavailable: another key answered, or the response does not say which
        """
        answered = response.get("KeyId")
        arn = parse_kms_arn(answered) if isinstance(answered, str) else None
        if arn is None or not arn.is_key:
            raise self.unusable(operation, key, "KMS answered without a key ARN")
        asked = parse_kms_arn(key)
        # Stricter than the specification: with a key ARN configured, only that key may have answered.
        if asked is not None and asked.is_key and str(arn) != key:
            raise self.unusable(operation, key, "KMS answered for another key")
        return str(arn)

    def unusable(self, operation: str, key: str, reason: str, *, remedy: str = _REMEDY_OF_NO_KMS) -> KeyUnavailable:
        """Make the error for a response that arrived and can't be used."""
        attempt = self.attempt(operation, key, reason, remedy=remedy)
        return KeyUnavailable(f"AWS KMS {operation} gave no usable key", [attempt])

    def attempt(self, operation: str, key: str, reason: str, **details: Any) -> KeyAttempt:  # noqa: ANN401
        """Make a failed attempt of this keyring."""
        return KeyAttempt(
            keyring=self._keyring, operation=operation, key=key, region=self.region, reason=reason, **details
        )

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Close connections before a snapshot, whose copies would share them and their keys; the client makes new ones.

        After a fork the connections are dropped at the first request instead: closing may wait for a lock.
        """
        if reason is EvictionReason.SNAPSHOT:
            self._disconnect()

    def _connected(self) -> KmsClient:
        if os.getpid() != self._process:
            # A forked child shares the parent's sockets; closing drops this process's copies only.
            self._process = os.getpid()
            self._disconnect()
        return self._client

    def _disconnect(self) -> None:
        close = getattr(self._client, "close", None)
        if close is not None:
            close()

    def _tell(
        self, operation: str, key: str, started: float, outcome: KmsOutcome, response: object, attempts: int
    ) -> None:
        retries = 0
        if isinstance(response, dict):
            retries = response.get("ResponseMetadata", {}).get("RetryAttempts", 0)
        self._emit(
            KmsRequest(
                kms_operation=operation,
                key_arn=key,
                duration_seconds=perf_counter() - started,
                attempts=max(attempts, retries + 1),
                outcome=outcome,
            )
        )

    def _explain(self, operation: str, key: str, error: Exception) -> KeyAttempt:
        code = _error_code(error)
        outcome = _outcome(error, code)
        name = code or type(error).__name__
        remedy = _REMEDY_OF_CODE.get(name) or _REMEDIES.get(outcome, "")
        if code and outcome is KmsOutcome.UNREACHABLE:  # it was reached, and could not answer
            remedy = "KMS has a problem of its own; try again"
        reason = f"KMS answered {code}" if code else name
        return self.attempt(operation, key, reason, outcome=outcome, error_code=code, remedy=remedy, cause=error)


def _error_code(error: Exception) -> str:
    response = getattr(error, "response", None)
    if isinstance(response, dict) and isinstance(response.get("Error"), dict):
        return str(response["Error"].get("Code", ""))
    return ""


def _outcome(error: Exception, code: str) -> KmsOutcome:
    if code in _OUTCOME_OF_CODE:
        return _OUTCOME_OF_CODE[code]
    if code:
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)  # type: ignore[attr-defined]
        if status == 429:  # noqa: PLR2004 - Too Many Requests
            return KmsOutcome.THROTTLED
        return KmsOutcome.UNREACHABLE if status >= 500 else KmsOutcome.OTHER  # noqa: PLR2004 - server errors
    if _UNREACHABLE & {kind.__name__ for kind in type(error).__mro__}:
        return KmsOutcome.UNREACHABLE
    return KmsOutcome.OTHER

"""Make requests to AWS KMS through the caller's client, time them, tell subscribers, and explain failures.

botocore is not imported here: whoever made a client has it, and exceptions are told apart by their attributes.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

from warmkey.events import EvictionReason, KmsOutcome, KmsRequest, guarded, ignore
from warmkey.exceptions import ConfigurationError, KeyAttempt, KeyUnavailable
from warmkey.fork_safety import generation, register
from warmkey.keyrings.aws_kms_key_arn import parse_kms_arn
from warmkey.keyrings.log_redaction import without_debug_lines
from warmkey.keyrings.refusals import note_refusal, note_used_keys
from warmkey.validation import require_method, texts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from warmkey.events import Emit

__all__ = ["KmsClient", "KmsRequests"]

# A client as ``boto3.client("kms")`` makes it; its methods are generated at run time, so it has no better type.
KmsClient = Any

_CLIENT = "boto3.client('kms')"
_BYTES = ("Plaintext", "CiphertextBlob", "SharedSecret", "PublicKey")
_METHODS = {
    "GenerateDataKey": "generate_data_key",
    "Encrypt": "encrypt",
    "Decrypt": "decrypt",
    "DeriveSharedSecret": "derive_shared_secret",
    "GetPublicKey": "get_public_key",
}

# KMS itself does not answer so.
_REMEDY_OF_NO_KMS = "check what answers for KMS: the client's endpoint, a proxy, a mock"


class _Request:
    """Follows one request while the client works on it, by the client's own events.

    :ivar sent: how often it was sent; 0 for a client that does not tell
    :ivar resent_after: the attempt that found its connection closed, so that it was sent once more; or 0
    :ivar headers: as they were sent last
    """

    __slots__ = ("client", "headers", "resent_after", "sent")

    def __init__(self, client: KmsClient) -> None:
        self.client = client
        self.sent = 0
        self.resent_after = 0
        self.headers: Mapping[str, str] = {}


# Set in a context of the request's own, so that nothing has to be taken back, whatever interrupts it.
_under_way: ContextVar[_Request | None] = ContextVar("warmkey_kms_request_under_way", default=None)


def _listen(client: KmsClient) -> None:
    """Have *client* tell of each attempt; registering twice does no harm."""
    events: Any = getattr(getattr(client, "meta", None), "events", None)
    if hasattr(events, "register_first"):
        events.register("before-send.kms", _count_attempt, unique_id="warmkey-attempts")
        events.register_first("needs-retry.kms", _send_again, unique_id="warmkey-resend")


def _count_attempt(request: object = None, **_event: object) -> None:
    under_way = _under_way.get()
    if under_way is not None:
        under_way.sent += 1
        under_way.headers = getattr(request, "headers", {})


def _send_again(*, attempts: int, endpoint: Any, **event: Any) -> float | None:  # noqa: ANN401 - botocore has no types
    """Return after how many seconds to send the request again, or ``None`` to leave that to the client.

    A pooled connection may have died while the environment was frozen. A request that finds it closed before any answer
    goes out once more at once, on a new connection, however few attempts the client may make. Where the client then
    gives up at its last attempt, the request gets back the one that the dead connection took.
    """
    request = _under_way.get()
    error = event.get("caught_exception")
    if request is None or (error is None and not event["response"][1].get("Error")):
        return None
    from warmkey.keyrings import kms_failures  # noqa: PLC0415 - for failures only

    if not request.resent_after and kms_failures.was_closed_unanswered(error):
        request.resent_after = attempts
        endpoint.close()  # the other connections of the pool are as old
        return 0
    last = kms_failures.max_attempts(request.client)
    if 0 < request.resent_after < last == attempts and kms_failures.is_transient(error, event["response"]):
        return kms_failures.backoff_seconds(attempts)
    return None


def _check_client(client: object, keyring: str) -> None:
    if client is None:
        raise ConfigurationError(f"{keyring} needs kms_client, for example {_CLIENT}")
    service = getattr(getattr(getattr(client, "meta", None), "service_model", None), "service_name", "kms")
    if isinstance(service, str) and service != "kms":
        raise ConfigurationError(f"kms_client must be a client of KMS, {_CLIENT}, not one of {service}")
    # A stand-in of the user's may grow its methods later; a name, a function or a session never will.
    package = type(client).__module__.partition(".")[0]
    if package in ("builtins", "boto3", "botocore") and not any(map(partial(hasattr, client), _METHODS.values())):
        raise _not_a_client(client)


def _not_a_client(given: object) -> ConfigurationError:
    return ConfigurationError(f"kms_client must be a client of KMS, {_CLIENT}, not {type(given).__name__}")


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
        _check_client(kms_client, keyring)
        _listen(kms_client)
        require_method("emit", emit, "__call__")
        self._client = kms_client
        self._keyring = keyring
        self._grant_tokens = list(texts("grant_tokens", grant_tokens))
        self._emit = guarded(emit)
        self._generation = generation()
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
        send: Callable[..., dict[str, Any]] | None = getattr(self._connected(), _METHODS[operation], None)
        if send is None:
            raise _not_a_client(self._client)
        request = _Request(self._client)
        context = without_debug_lines()
        context.run(_under_way.set, request)
        started = perf_counter()
        try:
            response = context.run(partial(send, **parameters))
        except Exception as error:
            attempt = self._explain(operation, key, error, parameters, request.headers)
            outcome = attempt.outcome or KmsOutcome.OTHER
            self._tell(operation, key, started, outcome, getattr(error, "response", None), request.sent)
            note_refusal(attempt)
            failure = KeyUnavailable(f"AWS KMS {operation} failed", [attempt])
            raise failure from error
        self._tell(operation, key, started, KmsOutcome.OK, response, request.sent)
        checked = self._checked(operation, key, response)
        answered = checked.get("KeyId")
        note_used_keys(key, *([answered] if isinstance(answered, str) else []), region=self.region)
        return checked

    def _checked(self, operation: str, key: str, response: object) -> dict[str, Any]:
        """Return *response* if boto3 could have given it: a stand-in for its client may give anything."""
        if hasattr(response, "__await__"):
            close = getattr(response, "close", None)
            if close is not None:
                close()  # of a coroutine: it would warn that nobody awaited it
            problem = "the KMS client is asynchronous; warmkey needs a synchronous one, boto3.client('kms')"
            raise self.unusable(operation, key, problem)
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
        current = generation()
        if current != self._generation:
            # A forked child shares the parent's sockets; closing drops this process's copies only.
            self._disconnect()
            self._generation = current  # last: whoever could not close them must not send through them
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

    def _explain(
        self, operation: str, key: str, error: Exception, parameters: Mapping[str, Any], headers: Mapping[str, str]
    ) -> KeyAttempt:
        from warmkey.keyrings.kms_failures import explain  # noqa: PLC0415 - for failures only
        from warmkey.keyrings.redaction import Redactor, sensitive_texts  # noqa: PLC0415 - for failures only

        failure = explain(error)
        redactor = Redactor(sensitive_texts(self._client, parameters, headers))
        redactor.clean(error)
        reason = f"KMS answered {failure.code}" if failure.code else failure.name
        if failure.message:
            reason = f"{reason}: {redactor.message(failure.message)}"
        return self.attempt(
            operation,
            key,
            reason,
            outcome=failure.outcome,
            error_code=failure.code,
            request_id=failure.request_id,
            remedy=failure.remedy,
            cause=error,
        )

"""Make requests to an AWS service through the caller's client, which are sent once more over a dead connection.

botocore is not imported here: whoever made a client has it, and exceptions are told apart by their attributes.
"""

from __future__ import annotations

from contextvars import ContextVar
from functools import partial
from threading import get_ident
from time import perf_counter
from typing import TYPE_CHECKING, Any

from warmkey.events import EvictionReason, SettingWarning, guarded, ignore
from warmkey.fork_safety import generation, register
from warmkey.keyrings.log_redaction import without_debug_lines
from warmkey.tracing import tracing_of
from warmkey.validation import require_method
from warmkey.waiting import check_may_wait

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from warmkey.events import Emit
    from warmkey.keyrings.kms_failures import Failure

__all__ = ["ServiceClient", "ServiceRequest", "ServiceRequests"]

# A client as ``boto3.client(...)`` makes it; its methods are generated at run time, so it has no better type.
ServiceClient = Any


class ServiceRequest:
    """Sends one request and follows it, by the client's own events.

    :ivar client: makes the request
    :ivar sent: how often it was sent; 0 for a client that does not tell
    :ivar resent_after: the attempt that found its connection closed, so that it was sent once more; or 0
    :ivar headers: as they were sent last
    :ivar duration_seconds: from the first attempt to the answer or failure
    """

    __slots__ = ("_retries", "_threads", "client", "duration_seconds", "headers", "resent_after", "sent")

    def __init__(self, client: ServiceClient, threads: dict[int, None]) -> None:
        self.client = client
        self._threads = threads
        self.sent = 0
        self.resent_after = 0
        self.headers: Mapping[str, str] = {}
        self.duration_seconds = 0.0
        self._retries = 0

    def send(self, method: str, parameters: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever a stand-in answers
        """Return what the client's *method* returns.

        :raises Exception: what it raises
        """
        context = without_debug_lines()
        context.run(_under_way.set, self)
        started = perf_counter()
        answer: object = None
        try:
            # spec: framework/branch-key-store.md#writing-branch-key-and-beacon-key-to-keystore 1ef4
            # spec: framework/branch-key-store.md#versionkey 1ef4
            answer = context.run(partial(getattr(self.client, method), **parameters))
        except Exception as error:
            answer = getattr(error, "response", None)
            raise
        finally:
            self.duration_seconds = perf_counter() - started
            self._threads.pop(get_ident(), None)
            if isinstance(answer, dict):
                self._retries = answer.get("ResponseMetadata", {}).get("RetryAttempts", 0)
        return answer

    @property
    def attempts(self) -> int:
        """How often the client tried."""
        return max(self.sent, self._retries + 1)


# Set in a context of the request's own, so that nothing has to be taken back, whatever interrupts it.
_under_way: ContextVar[ServiceRequest | None] = ContextVar("warmkey_request_under_way", default=None)


def _listen(client: ServiceClient, service: str) -> None:
    """Have *client*, of *service*, tell of each attempt; registering twice does no harm."""
    events: Any = getattr(getattr(client, "meta", None), "events", None)
    if hasattr(events, "register_first"):
        events.register(f"before-send.{service}", _count_attempt, unique_id="warmkey-attempts")
        events.register_first(f"needs-retry.{service}", _send_again, unique_id="warmkey-resend")


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


class ServiceRequests:
    """Makes requests with one client, and connects anew in a copy of the process.

    :param client: as ``boto3.client(...)`` makes it
    :param service: whose client it is, as botocore calls it
    :param emit: told of every request
    :raises ConfigurationError: *emit* can't be called
    """

    def __init__(self, client: ServiceClient, service: str, *, emit: Emit = ignore) -> None:
        require_method("emit", emit, "__call__")
        _listen(client, service)
        self._client = client
        self._service = service
        self._emit = guarded(emit)
        self._tracing = tracing_of(self._emit)
        self._generation = generation()
        # Threads with a request under way. One that was interrupted before its request began is in it until its next.
        self._threads: dict[int, None] = {}
        self._has_warned = False
        register(self)

    @property
    def region(self) -> str | None:
        """Return the Region that the client talks to, if it says."""
        meta = getattr(self._client, "meta", None)
        return getattr(meta, "region_name", None)

    def _request(self) -> ServiceRequest:
        """Begin a request."""
        check_may_wait()
        self._threads[get_ident()] = None
        if len(self._threads) > 1 and not self._has_warned:
            self._warn_of_small_pool()
        return ServiceRequest(self._connected(), self._threads)

    def _send(
        self,
        request: ServiceRequest,
        operation: str,
        method: str,
        parameters: Mapping[str, Any],
        *,
        key: str | None = None,
    ) -> Any:  # noqa: ANN401 - whatever a stand-in answers
        """Send *request*, in a span if somebody makes spans; return what the client's *method* returns.

        :raises Exception: what it raises
        """
        with self._tracing.request(self._service, operation, region=self.region, key=key) as span:
            try:
                answer = request.send(method, parameters)
            except Exception as error:
                span.answered(error, attempts=request.attempts)
                raise
            span.answered(answer, attempts=request.attempts)
        return answer

    def _warn_of_small_pool(self) -> None:
        config = getattr(getattr(self._client, "meta", None), "config", None)
        size = getattr(config, "max_pool_connections", None)
        if isinstance(size, int) and len(self._threads) > size:
            self._has_warned = True
            problem = f"more threads make requests at once than the client keeps connections ({size})"
            remedy = "each further one opens a connection of its own and drops it; raise it to the number of threads"
            self._emit(SettingWarning(setting="kms_max_pool_connections", problem=f"{problem}; {remedy}"))

    def _failure(self, error: Exception, parameters: Mapping[str, Any], request: ServiceRequest) -> Failure:
        """Explain *error*, which the client raised, and take what is sensitive out of it."""
        from warmkey.keyrings.kms_failures import explain  # noqa: PLC0415 - for failures only
        from warmkey.keyrings.redaction import Redactor, credentials  # noqa: PLC0415 - for failures only

        failure = explain(error)
        redactor = Redactor([*self._sensitive(parameters), *credentials(self._client, request.headers)])
        redactor.clean(error)
        return failure._replace(message=redactor.message(failure.message))

    def _sensitive(self, parameters: Mapping[str, Any]) -> Iterator[str]:
        """Find the texts of a request that nobody may read in a log."""
        from warmkey.keyrings.redaction import sensitive_texts  # noqa: PLC0415 - for failures only

        return sensitive_texts(parameters)

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Close connections before a snapshot, whose copies would share them and their keys; the client makes new ones.

        After a fork the connections are dropped at the first request instead: closing may wait for a lock.
        """
        self._threads.clear()
        if reason is EvictionReason.SNAPSHOT:
            self._disconnect()

    def _connected(self) -> ServiceClient:
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

"""The subscriber that turns facts into log lines and metrics.

Inside an instrumented invocation (:mod:`warmkey.observability.invocations`) lines are written as things happen, and
metrics once, at its end. Otherwise metrics go out with every fact but a hit or a KMS request that went well; these wait
for the next of the others, for the first hit of a new invocation, or until there are a hundred hits.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from typing import TYPE_CHECKING, TypeVar
from weakref import WeakMethod

from warmkey.events import (
    BranchKeyCoalesced,
    BranchKeyHit,
    CacheCoalesced,
    CacheEviction,
    CacheHit,
    DynamoDbRequest,
    EvictionReason,
    KmsOutcome,
    KmsRequest,
    Operation,
    RequestFailed,
    SettingWarning,
    UnsealedRecordPassed,
)
from warmkey.fork_safety import notice_fork, register
from warmkey.locks import new_lock
from warmkey.observability import invocations, powertools
from warmkey.observability.counters import RARE_ENDS
from warmkey.observability.current_invocation import marker
from warmkey.observability.logs import Log
from warmkey.observability.metrics import MetricsBuffer, MetricsMode, MetricsSink
from warmkey.safe_repr import safe_repr
from warmkey.tracebacks import scrubbed
from warmkey.tracing import UNTRACED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from enum import StrEnum

    from warmkey.events import Event
    from warmkey.observability.otel import OpenTelemetry
    from warmkey.tracing import Tracing

__all__ = ["Subscriber"]

_HITS_PER_BATCH = 100
_EVICTIONS_BEFORE_WARNING = 20
# AWS KMS, symmetric keys, every Region: 0.03 dollars for 10,000 requests.
DOLLARS_PER_KMS_REQUEST = 0.03 / 10_000


@safe_repr
class Subscriber:
    """A subscriber for ``emit=``: writes log lines, and metrics where Powertools is installed.

    :param metrics: ``off``, ``summary`` (up to 12 series for a function, 16 with branch keys) or ``detailed``
    :param sink: where metrics go: ``emf`` (CloudWatch's embedded format, on standard output), ``otel`` (the meter
        provider of the process, whatever *metrics* is but ``off``) or ``both``; the last two also make spans
    :param namespace: of the metrics, instead of ``POWERTOOLS_METRICS_NAMESPACE``
    :param service: of metrics and logs, instead of ``POWERTOOLS_SERVICE_NAME``
    :param function_name: a dimension of the metrics
    :param log_level: of our own lines, instead of ``AWS_LAMBDA_LOG_LEVEL`` or ``POWERTOOLS_LOG_LEVEL``
    :param summary_fields: gives further fields for a summary line
    :param now: seconds by the wall clock; the container's age counts from this call
    :raises ValueError: *metrics* or *sink* is none of the three
    :raises ImportError: *sink* needs OpenTelemetry's API, which is not installed or too old
    :ivar tracing: makes the spans
    """

    tracing: Tracing = UNTRACED

    @scrubbed
    def __init__(
        self,
        *,
        metrics: str = "summary",
        sink: str = "emf",
        namespace: str | None = None,
        service: str | None = None,
        function_name: str | None = None,
        log_level: str | None = None,
        summary_fields: Callable[[], Mapping[str, object]] = dict,
        now: Callable[[], float] = time.time,  # noqa: TID251 - a clock, as an argument
    ) -> None:
        self._mode = _one_of(MetricsMode, "metrics", metrics)
        self._sink = _one_of(MetricsSink, "sink", sink)
        self._emf_mode = MetricsMode.OFF if self._sink is MetricsSink.OTEL else self._mode
        self._otel: OpenTelemetry | None = None
        self._log = Log(service=service, level=log_level)
        self._writer = powertools.MetricsWriter(namespace=namespace, service=service, function_name=function_name)
        self._summary_fields = summary_fields
        self._now = now
        self._born = now()
        self._invocation_of = marker()
        self._said_metrics_are_off = False
        self._too_few_places = 0
        self.reset()
        if self._sink is not MetricsSink.EMF:
            self._otel = self._new_otel()
            self.tracing = self._otel.tracing
        register(self)
        invocations.take_part(self)

    def _new_otel(self) -> OpenTelemetry:
        remedy = "install warmkey[otel], or add a layer that contains OpenTelemetry's API 1.30 or later"
        try:
            from warmkey.observability.otel import OpenTelemetry  # noqa: PLC0415 - only who wants it pays for it

            counts = self._mode is not MetricsMode.OFF
            return OpenTelemetry(metrics=counts, now=self._now, collect=WeakMethod(self._collect))
        except ImportError as error:
            raise ImportError(f"OpenTelemetry's API is missing; {remedy}") from error
        except TypeError as error:  # parameters that it does not know
            raise ImportError(f"OpenTelemetry's API is too old; {remedy}") from error

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Forget in a child what its parent counted and will write; write before a snapshot what every copy would."""
        if reason is EvictionReason.SNAPSHOT:
            self.flush()
            self._flush_otel()
            return
        self._lock = new_lock()  # a signal handler may encrypt
        self._writer.reset()
        self._buffer = MetricsBuffer(self._emf_mode)
        self._hits: deque[Operation] = deque()
        self._branch_key_hits: deque[Operation] = deque()
        self._invocation = self._invocation_of()

    def __repr__(self) -> str:
        return f"<warmkey.observability.Subscriber metrics={self._mode}>"

    def __call__(self, event: Event) -> None:
        """Write a line about *event*, measure it, and write the metrics unless an instrumented invocation will."""
        self._hear()
        self._measure(event)
        self._log.tell(event)
        if isinstance(event, CacheEviction):
            self._watch_capacity(event)
        self._flush_unless_there_is_time(event)

    def _watch_capacity(self, event: CacheEviction) -> None:
        if event.operation is Operation.DECRYPT and event.reason is EvictionReason.CAPACITY:
            with self._lock:
                self._too_few_places += 1
                is_time = self._too_few_places == _EVICTIONS_BEFORE_WARNING
            if is_time:
                problem = (
                    f"{_EVICTIONS_BEFORE_WARNING} data keys for decrypting were evicted by capacity before their time; "
                    "messages of more data keys are read than the cache has places"
                )
                self._log.tell(SettingWarning(setting="cache_capacity", problem=problem))

    def note(self, event: Event) -> None:
        """Write a line about *event*, and measure it when its message has ended; see :mod:`warmkey.message_ends`."""
        self._hear()
        if not isinstance(event, RequestFailed):  # how it ended is still to be told
            self._log.tell(event)

    def message_ended(self, event: Event) -> None:
        """Measure what was noted of a message that has ended well."""
        self._hear()
        self._measure(event)
        self._flush_unless_there_is_time(event)

    def _hear(self) -> None:
        notice_fork()
        self._notice_invocation()

    def _measure(self, event: Event) -> None:
        with self._lock:
            self._buffer.add(event)
        if self._otel is not None:
            self._otel.add(event)

    def _flush_unless_there_is_time(self, event: Event) -> None:
        if not invocations.under_way() and not _can_wait(event):
            self.flush()

    def count_hit(self, operation: Operation) -> None:
        """Count a hit, in a fraction of a microsecond."""
        self._count(self._hits, CacheHit, operation)

    def count_branch_key_hit(self, operation: Operation) -> None:
        """Count a hit of a branch key."""
        self._count(self._branch_key_hits, BranchKeyHit, operation)

    def _count(self, hits: deque[Operation], kind: type[CacheHit | BranchKeyHit], operation: Operation) -> None:
        hits.append(operation)
        if (
            len(hits) >= _HITS_PER_BATCH
            or self._invocation_of() is not self._invocation
            or self._log.is_enabled_for(logging.DEBUG)
        ):
            self._attend(kind(operation=operation), full=len(hits) >= _HITS_PER_BATCH)

    def flush(self) -> None:
        """Write the metrics that have come together."""
        self._write(self._take())

    def begin_invocation(self) -> None:
        """An instrumented invocation begins."""
        self._log.refresh()

    def end_invocation(self, request_id: str | None) -> None:
        """An instrumented invocation ends: its summary and its metrics are written, if it did anything."""
        buffer = self._take()
        if not buffer:
            return
        try:
            self._log.write(logging.INFO, "cache summary", self._summary(buffer, request_id))
        finally:
            self._write(buffer)
            self._flush_otel()

    def _flush_otel(self) -> None:
        if self._otel is not None:
            for warning in self._otel.flush():
                self._log.tell(warning)

    def _attend(self, hit: CacheHit | BranchKeyHit, *, full: bool) -> None:
        is_new = self._notice_invocation()
        if self._log.is_enabled_for(logging.DEBUG):
            self._log.tell(hit)
        if invocations.under_way():
            self._collect()
        elif is_new or full:
            self.flush()

    def _collect(self) -> None:
        with self._lock:
            self._collect_hits()

    def _notice_invocation(self) -> bool:
        """Whether this is the first that happens in an invocation."""
        invocation = self._invocation_of()
        if invocation is self._invocation:
            return False
        self._invocation = invocation
        if not invocations.under_way():
            self._log.refresh()
        return True

    def _take(self) -> MetricsBuffer:
        with self._lock:
            self._collect_hits()
            buffer, self._buffer = self._buffer, MetricsBuffer(self._emf_mode)
        return buffer

    def _collect_hits(self) -> None:
        hits, branch_key_hits = _taken(self._hits), _taken(self._branch_key_hits)
        self._buffer.add_hits(sum(hits.values()), branch_keys=sum(branch_key_hits.values()))
        if self._otel is not None:
            self._otel.add_hits(CacheHit, hits)
            self._otel.add_hits(BranchKeyHit, branch_key_hits)

    def _write(self, buffer: MetricsBuffer) -> None:
        series = buffer.series()
        if series and powertools.is_installed():
            self._writer.write(series)
        elif series and not self._said_metrics_are_off:
            self._said_metrics_are_off = True
            message = "metrics are off because Powertools is not installed"
            self._log.write(logging.WARNING, message, {"event": "MetricsOff"})

    def _summary(self, buffer: MetricsBuffer, request_id: str | None) -> dict[str, object]:
        avoided = buffer["CacheHits"] + buffer["CacheCoalesced"]
        return {
            "event": "Summary",
            **({"request_id": request_id} if request_id else {}),
            "hits": buffer["CacheHits"],
            "coalesced": buffer["CacheCoalesced"],
            "misses": buffer["CacheMisses"],
            "bypasses": buffer["CacheBypasses"],
            "failures": buffer["RequestsFailed"],
            **{name: buffer[metric] for name, metric in _METRICS_OF_RARE_ENDS.items() if buffer[metric]},
            "evictions": buffer["CacheEvictions"],
            "kms_requests": buffer["KmsRequests"],
            "kms_requests_avoided": avoided,
            "dollars_avoided": round(avoided * DOLLARS_PER_KMS_REQUEST, 9),
            **_branch_key_summary(buffer),
            **self._summary_fields(),
            "container_age_seconds": round(max(0.0, self._now() - self._born), 3),
        }


def _taken(hits: deque[Operation]) -> Mapping[Operation, int]:
    # Other threads go on appending: take what was there, each exactly once.
    count = len(hits)
    decrypts = sum(hits.popleft() is Operation.DECRYPT for _ in range(count))
    return {Operation.ENCRYPT: count - decrypts, Operation.DECRYPT: decrypts}


def _branch_key_summary(buffer: MetricsBuffer) -> dict[str, int]:
    """Summarize branch keys, for a function that has them."""
    fields = {
        "branch_key_hits": buffer["BranchKeyHits"],
        "branch_key_misses": buffer["BranchKeyMisses"],
        "dynamodb_requests": buffer["DynamoDbRequests"],
    }
    return fields if any(fields.values()) else {}


_METRICS_OF_RARE_ENDS = dict(
    zip(
        RARE_ENDS,
        ("MessagesRefusedMalformed", "MessagesRefusedAuthentication", "MessagesRefusedPolicy", "MessagesAbandoned"),
        strict=True,
    )
)


def _can_wait(event: Event) -> bool:
    waiting = CacheHit | CacheCoalesced | BranchKeyHit | BranchKeyCoalesced | UnsealedRecordPassed
    return isinstance(event, waiting) or (
        isinstance(event, KmsRequest | DynamoDbRequest) and event.outcome == KmsOutcome.OK
    )


_Choice = TypeVar("_Choice", bound="StrEnum")


def _one_of(choices: type[_Choice], name: str, given: object) -> _Choice:
    # An enum's own error shows the value, which may be a key that went astray.
    for choice in choices:
        if given == choice:
            return choice
    raise ValueError(f"{name} must be one of {', '.join(choices)}, not {type(given).__name__}")

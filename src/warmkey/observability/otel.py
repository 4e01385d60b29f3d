"""Count with OpenTelemetry's instruments; imported only where ``WARMKEY_METRICS_SINK`` is ``otel`` or ``both``.

Theory of operation
===================

Facts are counted in a buffer of our own, and added to the instruments later, in one step for each combination of
attributes. A hit is a hit: it appends to a queue, as without OpenTelemetry, and calls no instrument.

The buffer is drained, and the subscriber's queue of hits with it, in four places: at the end of an instrumented
invocation, before a snapshot, when the provider collects (it asks the one observable instrument, the age of the
container, which drains first), and when so many values have come together that they should not be kept. The first two
also flush the provider, because Lambda freezes the process afterwards. That is done in a thread, so that nobody waits
for ever: providers hand the time-out on to exporters, which may ignore it, and a forked child may inherit a lock of the
SDK's that no thread of its own holds.

No fact adds to an instrument as it happens, because the SDK's locks are not reentrant: a finalizer that closes a stream
may run while its thread is inside of one of them, and would wait for itself for ever.

In a forked child the buffer starts empty, and what the parent has counted is the parent's to write. The provider's own
state is inherited by the child as the SDK does that.
"""

from __future__ import annotations

import sys
import threading
from collections import Counter
from contextvars import copy_context
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from opentelemetry import context, metrics, trace

from warmkey.events import BranchKeyHit, CacheHit, EvictionReason, Operation, SettingWarning
from warmkey.fork_safety import living_instances, register
from warmkey.locks import holds_lock, is_held, new_lock
from warmkey.observability.otel_points import COUNTERS, HISTOGRAMS, points
from warmkey.observability.otel_spans import SpanTracing, report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from warmkey.events import Event
    from warmkey.observability.otel_points import Attributes

__all__ = ["OpenTelemetry"]

_SCHEMA = "https://opentelemetry.io/schemas/1.44.0"
_VALUES_KEPT = 1000
_FLUSH_TIMEOUT_SECONDS = 5
# An invocation should not wait for a collector that does not answer: exporters try again for ten seconds.
_SLOW_FLUSH_SECONDS = 1.0
_PAUSE_AFTER_SLOW_FLUSH_SECONDS = 60.0

_WITHOUT_PROVIDER = (
    "OpenTelemetry has no MeterProvider in this process, so its metrics go nowhere; call "
    "opentelemetry.metrics.set_meter_provider(...) before the first message, or add a layer that does"
)
_SLOW = (
    f"flushing OpenTelemetry took over {_SLOW_FLUSH_SECONDS:g} s, so invocations don't flush for the next "
    f"{_PAUSE_AFTER_SLOW_FLUSH_SECONDS:g} s each time that it does; check that the collector answers, and "
    "OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_EXPORTER_OTLP_TIMEOUT"
)


class OpenTelemetry:
    """Counts facts for the process's meter provider, and makes spans with its tracer provider.

    :param metrics: whether to count; spans are made in any case
    :param now: seconds by the wall clock; the container's age counts from this call
    :param collect: a weak reference to what adds the hits that wait elsewhere
    :ivar tracing: makes the spans
    """

    def __init__(
        self, *, metrics: bool, now: Callable[[], float], collect: Callable[[], Callable[[], object] | None]
    ) -> None:
        self.tracing = SpanTracing(trace.get_tracer("warmkey", _version(), schema_url=_SCHEMA))
        self._counts_facts = metrics
        self._now = now
        self._collect = collect
        self._born = now()
        self._paused_until = 0.0
        self._said: set[str] = set()
        self.reset()
        if metrics:
            _instruments()
            register(self)

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Forget in a child what its parent has counted; the subscriber flushes before a snapshot."""
        if reason is EvictionReason.FORK:
            self._flushing: threading.Thread | None = None
            self._lock = new_lock()  # a finalizer or a signal handler may count
            self._counts: Counter[tuple[str, Attributes]] = Counter()
            self._values: list[tuple[str, Attributes, float, Any]] = []

    def add(self, event: Event) -> None:
        """Count *event*."""
        if not self._counts_facts:
            return
        with self._lock:
            for name, attributes, value in points(event):
                if name in HISTOGRAMS:
                    # With the span that it happened in, which an exemplar may lead to.
                    self._values.append((name, attributes, value, context.get_current()))
                else:
                    self._counts[name, attributes] += int(value)
            is_much = len(self._values) >= _VALUES_KEPT
            if is_much and self._is_stuck():  # so would be whoever drains
                del self._values[: _VALUES_KEPT // 2]
                is_much = False
        if is_much:
            self.drain()

    def add_hits(self, kind: type[CacheHit | BranchKeyHit], hits: Mapping[Operation, int]) -> None:
        """Count so many hits at once."""
        if self._counts_facts:
            with self._lock:
                for operation, count in hits.items():
                    if count:
                        ((name, attributes, _),) = points(kind(operation=operation))
                        self._counts[name, attributes] += count

    def drain(self) -> None:
        """Add what was counted to the instruments."""
        collect = self._collect()
        if collect is not None:
            collect()
        with self._lock:
            counts, self._counts = self._counts, Counter()
            values, self._values = self._values, []
        instruments = _instruments()
        for (name, attributes), count in counts.items():
            instruments[name].add(count, dict(attributes))
        for name, attributes, value, span in values:
            instruments[name].record(value, dict(attributes), context=span)

    def flush(self) -> Iterator[SettingWarning]:
        """Have the providers export everything that was counted, and the spans if there are any.

        Yields what should be said about it.
        """
        if self._counts_facts and type(metrics.get_meter_provider()).__module__.startswith("opentelemetry.metrics"):
            yield from self._once(_WITHOUT_PROVIDER)
        started = self._now()
        # The clock may have been set back meanwhile.
        if started < self._paused_until <= started + _PAUSE_AFTER_SLOW_FLUSH_SECONDS or self._is_stuck():
            return
        # A signal handler's invocation may end while its thread is counting; the next one flushes.
        if is_held(self._lock) or holds_lock(besides=self._lock):
            return
        finished = self._flush_in_a_thread()
        ended = self._now()
        if not finished or ended - started > _SLOW_FLUSH_SECONDS:
            self._paused_until = ended + _PAUSE_AFTER_SLOW_FLUSH_SECONDS
            yield from self._once(_SLOW)

    def _is_stuck(self) -> bool:
        """Return whether the flush before has not returned yet."""
        return self._flushing is not None and self._flushing.is_alive()

    def _flush_in_a_thread(self) -> bool:
        """Return whether it finished in time."""
        work = partial(copy_context().run, self._flush_all)
        thread = self._flushing = threading.Thread(target=work, name="warmkey-flush", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # there are too many threads, or Python is shutting down
            report(error)
            return True
        thread.join(_FLUSH_TIMEOUT_SECONDS)
        return not thread.is_alive()

    def _flush_all(self) -> None:
        self.drain()
        if self.tracing.has_spans:
            self.tracing.has_spans = False
            _force_flush(trace.get_tracer_provider())
        if self._counts_facts:
            _force_flush(metrics.get_meter_provider())

    def age_seconds(self) -> float:
        """Return the time since this was made."""
        return max(0.0, self._now() - self._born)

    def _once(self, problem: str) -> Iterator[SettingWarning]:
        if problem not in self._said:
            self._said.add(problem)
            yield SettingWarning(setting="metrics_sink", problem=problem)


def _force_flush(provider: object) -> None:
    flush = getattr(provider, "force_flush", None)  # the SDK's have it
    if flush is not None:
        try:
            flush(timeout_millis=_FLUSH_TIMEOUT_SECONDS * 1000)
        except Exception as error:  # noqa: BLE001 - observing must never break what it observes
            report(error)


def _version() -> str:
    return getattr(sys.modules.get("warmkey"), "__version__", "")


@cache
def _instruments() -> Mapping[str, Any]:
    """Return the instruments by name, made once: whoever sets a meter provider later finds them."""
    meter = metrics.get_meter("warmkey", _version(), schema_url=_SCHEMA)
    meter.create_observable_gauge(
        "warmkey.container.age",
        callbacks=[_observe_age],
        unit="s",
        description="Time since warmkey was set up in this container",
    )
    counters = {
        name: meter.create_counter(name, unit=unit, description=description)
        for name, (unit, description) in COUNTERS.items()
    }
    histograms = {
        name: meter.create_histogram(
            name,
            unit=histogram.unit,
            description=histogram.description,
            explicit_bucket_boundaries_advisory=histogram.boundaries,
        )
        for name, histogram in HISTOGRAMS.items()
    }
    return {**counters, **histograms}


def _observe_age(_options: metrics.CallbackOptions) -> Iterator[metrics.Observation]:
    """Drain all buffers, because the provider is collecting, and tell the age of the oldest."""
    alive = living_instances(OpenTelemetry)
    for each in alive:
        each.drain()
    if alive:
        yield metrics.Observation(max(each.age_seconds() for each in alive))

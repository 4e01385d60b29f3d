"""OpenTelemetry's global providers, new for one test, and what they have exported."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import opentelemetry.metrics._internal as metrics_internals
import opentelemetry.trace as trace_internals
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.util._once import Once

from warmkey.fork_safety import living_instances
from warmkey.observability import otel

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pytest
    from opentelemetry.sdk.trace import ReadableSpan

__all__ = ["Telemetry", "as_emf", "points_of", "without_providers"]


def without_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process in which nobody has set a provider."""
    monkeypatch.setattr(metrics_internals, "_METER_PROVIDER", None)
    monkeypatch.setattr(metrics_internals, "_METER_PROVIDER_SET_ONCE", Once())
    monkeypatch.setattr(metrics_internals, "_PROXY_METER_PROVIDER", metrics_internals._ProxyMeterProvider())
    monkeypatch.setattr(trace_internals, "_TRACER_PROVIDER", None)
    monkeypatch.setattr(trace_internals, "_TRACER_PROVIDER_SET_ONCE", Once())
    otel._instruments.cache_clear()
    earlier = WeakSet(living_instances(otel.OpenTelemetry))  # of other tests, which the collector has not come to
    monkeypatch.setattr(otel, "living_instances", lambda kind: {*living_instances(kind)} - {*earlier})


class Telemetry:
    """Providers with exporters in memory."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.exporter = InMemorySpanExporter()
        self.meters = MeterProvider([self.reader], shutdown_on_exit=False)
        self.tracers = TracerProvider(shutdown_on_exit=False)
        self.tracers.add_span_processor(SimpleSpanProcessor(self.exporter))

    def set(self) -> Telemetry:
        """Make them those of the process."""
        metrics.set_meter_provider(self.meters)
        trace.set_tracer_provider(self.tracers)
        return self

    def points(self) -> list[tuple[str, dict[str, Any], Any]]:
        """Instrument, attributes and data point of everything that was measured."""
        data = self.reader.get_metrics_data()
        scopes = [scope for resource in (data.resource_metrics if data else ()) for scope in resource.scope_metrics]
        return [
            (metric.name, dict(point.attributes), point)
            for scope in scopes
            if scope.scope.name == "warmkey"
            for metric in scope.metrics
            for point in metric.data.data_points
        ]

    @property
    def emf(self) -> dict[str, float]:
        """The same by the names that CloudWatch's embedded format has for it."""
        return as_emf(self.points())

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        """Those that have ended."""
        return self.exporter.get_finished_spans()

    @property
    def names(self) -> list[str]:
        """Their names, the first that ended first."""
        return [span.name for span in self.spans]


_MESSAGES = {
    "hit": "CacheHits",
    "coalesced": "CacheCoalesced",
    "miss": "CacheMisses",
    "bypass": "CacheBypasses",
    "failed": "RequestsFailed",
    "abandoned": "MessagesAbandoned",
}
_BRANCH_KEYS = {
    "hit": "BranchKeyHits",
    "coalesced": "BranchKeyCoalesced",
    "miss": "BranchKeyMisses",
    "failed": "BranchKeyFailures",
    "recalled": "BranchKeyFailuresRecalled",
}
_PLAIN = {
    "warmkey.failures.recalled": "FailuresRecalled",
    "warmkey.records.unsealed": "UnsealedRecordsPassed",
    "warmkey.kms.retries": "KmsRetries",
    "warmkey.dynamodb.retries": "DynamoDbRetries",
    "warmkey.branch_key.evictions": "BranchKeyEvictions",
}
_DISTRIBUTIONS = {
    "rpc.client.call.duration": ("KmsLatency", 1e3),
    "db.client.operation.duration": ("DynamoDbLatency", 1e3),
    "warmkey.data_key.age": ("DataKeyAge", 1),
    "warmkey.data_key.messages": ("DataKeyMessages", 1),
    "warmkey.data_key.size": ("DataKeyBytes", 1),
    "warmkey.branch_key.age": ("BranchKeyAge", 1),
}


def points_of(names: Iterable[tuple[str, dict[str, Any], Any]], name: str) -> list[tuple[dict[str, Any], Any]]:
    """Attributes and data points of one instrument."""
    return [(attributes, point) for found, attributes, point in names if found == name]


def as_emf(points: Iterable[tuple[str, dict[str, Any], Any]]) -> dict[str, float]:
    """Totals by EMF's names; of a distribution their sum, rounded as latencies are there."""
    totals: Counter[str] = Counter()
    for name, attributes, point in points:
        for emf_name, value in _as_emf(name, attributes, point):
            totals[emf_name] += value
    return {name: round(total, 3) for name, total in totals.items() if total or name in _NAMES_OF_DISTRIBUTIONS}


_NAMES_OF_DISTRIBUTIONS = {name for name, _ in _DISTRIBUTIONS.values()}


def _as_emf(name: str, attributes: dict[str, Any], point: Any) -> list[tuple[str, float]]:
    if name in _DISTRIBUTIONS:
        emf_name, factor = _DISTRIBUTIONS[name]
        return [(emf_name, point.sum * factor)]
    names = _names(name, attributes.get("warmkey.outcome", ""), attributes.get("warmkey.reason"))
    return [(emf_name, point.value) for emf_name in names]


def _names(name: str, outcome: str, reason: str | None) -> list[str]:
    """What a count is called in the embedded format, without its reason and with it."""
    title, outcome_title = _title(reason), _title(outcome)
    names = {
        "warmkey.messages": [_MESSAGES.get(outcome, "MessagesRefused" + title)],
        "warmkey.branch_key.requests": [_BRANCH_KEYS.get(outcome, "")],
        "warmkey.data_key.evictions": ["CacheEvictions", "CacheEvictions" + title],
        "warmkey.kms.requests": ["KmsRequests", "KmsRequests" + outcome_title],
        "warmkey.dynamodb.requests": ["DynamoDbRequests", "DynamoDbRequests" + outcome_title],
        "warmkey.container.age": [],
        **{plain: [emf_name] for plain, emf_name in _PLAIN.items()},
    }[name]
    if name == "warmkey.messages" and outcome in ("miss", "bypass"):
        names.append(names[0] + title)
    if outcome == "throttled":
        names.append(names[0].replace("Requests", "Throttled"))
    return names


def _title(reason: str | None) -> str:
    return str(reason).title().replace("-", "")

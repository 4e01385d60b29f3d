"""Which metrics there are, and what each fact adds to them.

CloudWatch bills for every name that was ever written to in an hour, so ``summary`` has twelve, and four more with
branch keys. A count of zero is not written, so a function has up to eight in which no message is refused, and that has
no branch keys and does not call ``unseal_record`` with ``missing="pass"``. What ``detailed`` adds is marked so. Names
are promises: dashboards and alarms hold on to them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from warmkey.choices import Choice
from warmkey.events import (
    BranchKeyCoalesced,
    BranchKeyEviction,
    BranchKeyFailed,
    BranchKeyFailureRecalled,
    BranchKeyHit,
    BranchKeyMiss,
    BypassReason,
    CacheBypass,
    CacheCoalesced,
    CacheEviction,
    CacheHit,
    CacheMiss,
    DynamoDbOutcome,
    DynamoDbRequest,
    EvictionReason,
    FailureRecalled,
    KmsOutcome,
    KmsRequest,
    MessageAbandoned,
    MessageRefused,
    MissReason,
    RequestFailed,
    SettingWarning,
    UncacheableContext,
    UnsealedRecordPassed,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from warmkey.events import Event

__all__ = ["METRICS", "Metric", "MetricsBuffer", "MetricsMode", "MetricsSink", "measures"]


class MetricsMode(Choice, StrEnum):
    """How much is written, and billed."""

    OFF = "off"
    SUMMARY = "summary"
    DETAILED = "detailed"


class MetricsSink(Choice, StrEnum):
    """Where it is written: CloudWatch's embedded metric format on standard output, OpenTelemetry, or both."""

    EMF = "emf"
    OTEL = "otel"
    BOTH = "both"


class Metric(NamedTuple):
    """What a name means to CloudWatch.

    :ivar unit: CloudWatch's name of the unit
    :ivar detailed: whether only ``detailed`` writes it
    :ivar distribution: whether each value is kept, for percentiles, instead of their sum
    :ivar branch_keys: whether only functions with branch keys have it
    """

    unit: str = "Count"
    detailed: bool = False
    distribution: bool = False
    branch_keys: bool = False


def _by_reason(prefix: str, reasons: type[StrEnum], *, branch_keys: bool = False) -> dict[str, Metric]:
    return {_name(prefix, reason): Metric(detailed=True, branch_keys=branch_keys) for reason in reasons}


def _name(prefix: str, reason: StrEnum) -> str:
    return prefix + reason.title().replace("-", "")


METRICS: Mapping[str, Metric] = {
    "CacheHits": Metric(),
    "CacheCoalesced": Metric(),
    "CacheMisses": Metric(),
    "CacheBypasses": Metric(),
    "CacheEvictions": Metric(),
    "RequestsFailed": Metric(),
    "MessagesRefusedMalformed": Metric(),
    "MessagesRefusedAuthentication": Metric(),
    "MessagesRefusedPolicy": Metric(),
    "KmsRequests": Metric(),
    "KmsThrottled": Metric(),
    "UnsealedRecordsPassed": Metric(),
    "FailuresRecalled": Metric(detailed=True),
    **_by_reason("CacheMisses", MissReason),
    **_by_reason("CacheBypasses", BypassReason),
    **_by_reason("CacheEvictions", EvictionReason),
    **_by_reason("KmsRequests", KmsOutcome),
    "MessagesAbandoned": Metric(detailed=True),
    "KmsRetries": Metric(detailed=True),
    "KmsLatency": Metric(unit="Milliseconds", detailed=True, distribution=True),
    "DataKeyAge": Metric(unit="Seconds", detailed=True, distribution=True),
    "DataKeyMessages": Metric(detailed=True, distribution=True),
    "DataKeyBytes": Metric(unit="Bytes", detailed=True, distribution=True),
    "BranchKeyHits": Metric(branch_keys=True),
    "BranchKeyMisses": Metric(branch_keys=True),
    "DynamoDbRequests": Metric(branch_keys=True),
    "DynamoDbThrottled": Metric(branch_keys=True),
    "BranchKeyCoalesced": Metric(detailed=True, branch_keys=True),
    "BranchKeyFailures": Metric(detailed=True, branch_keys=True),
    "BranchKeyFailuresRecalled": Metric(detailed=True, branch_keys=True),
    "BranchKeyEvictions": Metric(detailed=True, branch_keys=True),
    "BranchKeyAge": Metric(unit="Seconds", detailed=True, distribution=True, branch_keys=True),
    **_by_reason("DynamoDbRequests", DynamoDbOutcome, branch_keys=True),
    "DynamoDbRetries": Metric(detailed=True, branch_keys=True),
    "DynamoDbLatency": Metric(unit="Milliseconds", detailed=True, distribution=True, branch_keys=True),
}


_COUNTED_AS: Mapping[type[Event], str] = {
    CacheHit: "CacheHits",
    CacheCoalesced: "CacheCoalesced",
    RequestFailed: "RequestsFailed",
    MessageAbandoned: "MessagesAbandoned",
    FailureRecalled: "FailuresRecalled",
    UnsealedRecordPassed: "UnsealedRecordsPassed",
}


def measures(event: Event) -> Iterator[tuple[str, float]]:
    """Yield what *event* adds to which metric."""
    if (name := _COUNTED_AS.get(type(event))) is not None:
        yield name, 1
        return
    match event:
        case CacheMiss():
            yield "CacheMisses", 1
            yield _name("CacheMisses", event.reason), 1
        case CacheBypass():
            yield "CacheBypasses", 1
            yield _name("CacheBypasses", event.reason), 1
        case MessageRefused():
            yield _name("MessagesRefused", event.reason), 1
        case CacheEviction():
            yield "CacheEvictions", 1
            yield _name("CacheEvictions", event.reason), 1
            yield "DataKeyAge", event.age_seconds
            yield "DataKeyMessages", event.messages
            yield "DataKeyBytes", event.plaintext_bytes
        case KmsRequest():
            yield "KmsRequests", 1
            yield _name("KmsRequests", event.outcome), 1
            yield "KmsThrottled", event.outcome is KmsOutcome.THROTTLED
            yield "KmsRetries", event.attempts - 1
            yield "KmsLatency", round(event.duration_seconds * 1e3, 3)
        case UncacheableContext() | SettingWarning():  # said once, in the log
            pass
        case _:
            yield from _of_branch_keys(event)


def _of_branch_keys(event: Event) -> Iterator[tuple[str, float]]:
    match event:
        case BranchKeyHit():
            yield "BranchKeyHits", 1
        case BranchKeyMiss():
            yield "BranchKeyMisses", 1
        case BranchKeyCoalesced():
            yield "BranchKeyCoalesced", 1
        case BranchKeyFailed():
            yield "BranchKeyFailures", 1
        case BranchKeyFailureRecalled():
            yield "BranchKeyFailuresRecalled", 1
        case BranchKeyEviction():
            yield "BranchKeyEvictions", 1
            yield "BranchKeyAge", event.age_seconds
        case DynamoDbRequest():
            yield "DynamoDbRequests", 1
            yield _name("DynamoDbRequests", event.outcome), 1
            yield "DynamoDbThrottled", event.outcome is DynamoDbOutcome.THROTTLED
            yield "DynamoDbRetries", event.attempts - 1
            yield "DynamoDbLatency", round(event.duration_seconds * 1e3, 3)


class MetricsBuffer:
    """What has been measured since the last time somebody looked."""

    def __init__(self, mode: MetricsMode) -> None:
        self._mode = mode
        self._counts: Counter[str] = Counter()
        self._values: defaultdict[str, list[float]] = defaultdict(list)

    def __bool__(self) -> bool:
        return bool(self._counts)

    def __getitem__(self, name: str) -> int:
        """How often a metric of the summary was counted, whatever the mode."""
        return self._counts[name]

    def add(self, event: Event) -> None:
        """Measure *event*."""
        for name, value in measures(event):
            if not METRICS[name].distribution:
                self._counts[name] += int(value)
            elif self._mode is MetricsMode.DETAILED:
                self._values[name].append(value)

    def add_hits(self, hits: int, *, branch_keys: int = 0) -> None:
        """Measure so many hits at once, of data keys and of branch keys."""
        if hits:
            self._counts["CacheHits"] += hits
        if branch_keys:
            self._counts["BranchKeyHits"] += branch_keys

    def series(self) -> dict[str, list[float]]:
        """The values to write for each name, as the mode wants it."""
        if self._mode is MetricsMode.OFF:
            return {}
        detailed = self._mode is MetricsMode.DETAILED
        counted = {
            name: [float(count)]
            for name, count in self._counts.items()
            if count and (detailed or not METRICS[name].detailed)
        }
        return {**counted, **self._values}

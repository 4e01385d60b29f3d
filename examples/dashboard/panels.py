"""Define the panels of the dashboard. ``template.yaml`` has the same panels, and a test compares them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

__all__ = ["ANSWERED", "AVOIDED", "PANELS", "Kind", "Line", "Panel"]

# Metrics of the requests that were answered without a KMS call, and of all that were answered.
AVOIDED = ("CacheHits", "CacheCoalesced")
ANSWERED = (*AVOIDED, "CacheMisses", "CacheBypasses")


class Kind(Enum):
    """Say how a panel is drawn."""

    RATIO_BY_FUNCTION = "one line per function: the share of the first two metrics in all"
    SUMS = "one line per sum"
    STACKED_SUMS = "stacked bars of the sums"
    STATISTICS = "one line per statistic of the values"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Describe one line of a panel.

    :ivar metrics: the names of the metrics that are added up
    :ivar statistic: ``Sum``, ``Average``, ``Maximum`` or a percentile such as ``p90``
    """

    label: str
    metrics: tuple[str, ...]
    statistic: str = "Sum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Describe one panel."""

    title: str
    unit: str
    kind: Kind
    lines: tuple[Line, ...]


def _percentiles(metric: str, *statistics: str) -> tuple[Line, ...]:
    return tuple(Line(label=statistic, metrics=(metric,), statistic=statistic) for statistic in statistics)


def _reasons(prefix: str, **reasons: str) -> tuple[Line, ...]:
    return tuple(Line(label=label, metrics=(prefix + reason,)) for reason, label in reasons.items())


PANELS = (
    Panel(
        title="Hit ratio by function",
        unit="% of requests",
        kind=Kind.RATIO_BY_FUNCTION,
        lines=(Line(label="hit ratio", metrics=ANSWERED),),
    ),
    Panel(
        title="KMS requests made and avoided",
        unit="requests",
        kind=Kind.SUMS,
        lines=(Line(label="made", metrics=("KmsRequests",)), Line(label="avoided", metrics=AVOIDED)),
    ),
    Panel(
        title="Throttled KMS requests, failed requests",
        unit="requests",
        kind=Kind.SUMS,
        lines=(
            Line(label="throttled by KMS", metrics=("KmsThrottled",)),
            Line(label="failed", metrics=("RequestsFailed",)),
        ),
    ),
    Panel(
        title="KMS latency",
        unit="ms",
        kind=Kind.STATISTICS,
        lines=_percentiles("KmsLatency", "p50", "p90", "p99"),
    ),
    Panel(
        title="Misses by reason",
        unit="requests",
        kind=Kind.STACKED_SUMS,
        lines=_reasons(
            "CacheMisses",
            Absent="absent",
            Expired="expired",
            MessagesSpent="messages spent",
            BytesSpent="bytes spent",
            Policy="policy",
            Context="context",
        ),
    ),
    Panel(
        title="Evictions by reason",
        unit="data keys",
        kind=Kind.STACKED_SUMS,
        lines=_reasons(
            "CacheEvictions",
            Capacity="capacity",
            Expired="expired",
            MessagesSpent="messages spent",
            BytesSpent="bytes spent",
            Replaced="replaced",
            Deleted="deleted",
            Purged="purged",
            Snapshot="snapshot",
            Fork="fork",
        ),
    ),
    Panel(
        title="Age of data keys at eviction",
        unit="seconds",
        kind=Kind.STATISTICS,
        lines=_percentiles("DataKeyAge", "p50", "p90", "Maximum"),
    ),
    Panel(
        title="Messages per data key",
        unit="messages",
        kind=Kind.STATISTICS,
        lines=_percentiles("DataKeyMessages", "Average", "Maximum"),
    ),
    Panel(
        title="Messages refused by reason",
        unit="messages",
        kind=Kind.STACKED_SUMS,
        lines=_reasons("MessagesRefused", Malformed="malformed", Authentication="authentication", Policy="policy"),
    ),
)

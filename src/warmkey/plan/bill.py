"""What an outcome costs per month, how much of the quota it takes, and how long a revocation takes to have effect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from warmkey.plan.limits import Limits
    from warmkey.plan.outcome import Counts, Outcome
    from warmkey.plan.prices import Prices

__all__ = ["BYTES_PER_ENTRY", "Bill", "Surroundings", "bill"]

# Bytes of one line of ours in a log, and of both that an instrumented invocation ends with; a test compares them.
LINE_BYTES = {"miss": 210, "eviction": 300, "summary and metrics": 850}
# Metrics that a function writes in summary mode if no message fails, and with branch keys.
_METRICS = {"caching": 5, "hierarchical": 6}
# Of the signed default suite, encrypting; see docs/performance.md.
BYTES_PER_ENTRY = 5_200
_SECONDS_PER_HOUR = 3600


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What prices depend on besides limits and traffic.

    :ivar quota: KMS requests per second that the Region allows
    :ivar functions: Lambda functions, each of which writes metrics of its own
    :ivar messages_per_invocation: how many messages share the log lines of an invocation
    :ivar metrics: whether metrics are written
    """

    prices: Prices
    region: str
    quota: float
    functions: int = 1
    messages_per_invocation: float = 1.0
    metrics: bool = True

    def months_in(self, seconds: float) -> float:
        """Return how many times *seconds* fit into a month; 0 if there are none, because nothing can be told then."""
        return self.prices.hours_per_month * _SECONDS_PER_HOUR / seconds if seconds else 0.0

    def dollars_without_cache(self, outcome: Outcome) -> float:
        """Return the dollars per month that KMS costs where each message asks it once."""
        return outcome.messages * self.months_in(outcome.seconds) * self.prices.kms_dollars_per_request


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """The price of an outcome.

    :ivar dollars_per_month: by item, and their ``total``
    :ivar quota_share_peak: of the Region's quota, in the busiest second
    :ivar quota_share_cold_start: the same if all containers start cold
    :ivar revocation_lag_seconds: for how long a permission that was revoked may go on working
    :ivar cache_bytes: memory of the fullest cache, about
    """

    dollars_per_month: dict[str, float]
    quota_share_peak: float
    quota_share_cold_start: float
    revocation_lag_seconds: float
    cache_bytes: float


def bill(strategy: str, outcome: Outcome, limits: Limits, around: Surroundings) -> Bill:
    """Return what *outcome* costs if it goes on like this for a month."""
    prices = around.prices
    share = around.months_in(outcome.seconds)
    items = {
        "kms": outcome.kms_requests * share * prices.kms_dollars_per_request,
        "dynamodb": outcome.dynamodb_requests * share * prices.dynamodb_dollars_per_read_unit / 2,
        "metrics": around.metrics * around.functions * _METRICS[strategy] * prices.dollars_per_metric,
        "logs": _log_bytes(outcome, around) * share * prices.dollars_per_log_byte,
    }
    return Bill(
        dollars_per_month={**items, "total": sum(items.values())},
        quota_share_peak=outcome.peak / around.quota,
        quota_share_cold_start=outcome.cold_start / around.quota,
        revocation_lag_seconds=limits.lifetime(strategy),
        cache_bytes=outcome.max_entries * BYTES_PER_ENTRY,
    )


def _log_bytes(outcome: Outcome, around: Surroundings) -> float:
    lines = sum(_lines(counts) for counts in (outcome.encrypt, outcome.decrypt))
    return lines + outcome.messages / around.messages_per_invocation * LINE_BYTES["summary and metrics"]


def _lines(counts: Counts) -> float:
    not_hit = counts.messages - counts.hits
    return not_hit * LINE_BYTES["miss"] + sum(counts.evictions.values()) * LINE_BYTES["eviction"]

"""What logs say happened, and the rates that explain it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from warmkey.plan.errors import BadInput
from warmkey.plan.rates import Contexts, Rates
from warmkey.plan.trace import Rows
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warmkey.plan.limits import Limits
    from warmkey.plan.logs import Log

__all__ = ["Observed", "observed", "rates_behind", "rows_of_cloudtrail"]

_LONG_LIFE = 7200.0
_LIFE = 60.0
# A hit ratio so near to that of a limit on messages is the work of that limit.
_ALL_BUT = 0.99


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Totals of logs.

    :ivar source: which lines the counts of messages come from
    :ivar seconds: from the first line to the last
    :ivar misses_by_reason: of miss lines, by operation and reason
    :ivar containers: that can be told apart; 0 if they can't
    """

    source: str
    seconds: float
    messages: int
    hits: int
    coalesced: int
    misses: int
    bypasses: int
    evictions: int
    kms_requests: int
    misses_by_reason: dict[str, dict[str, int]]
    invocations: int
    cold_starts: int
    containers: int
    lines: dict[str, int]

    @property
    def hit_ratio(self) -> float:
        """Return the share of messages that a cached data key served, or another thread's."""
        return (self.hits + self.coalesced) / self.messages if self.messages else 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        return asdict(self) | {"hit_ratio": round(self.hit_ratio, 9)}

    def lines_of_text(self) -> Iterator[str]:
        """Yield it for the text."""
        yield (
            f"observed, from {self.source}; messages: {self.messages:,}, in {self.seconds:,.0f} s; hit ratio: "
            f"{self.hit_ratio:.3f}; misses: {self.misses:,}; evictions: {self.evictions:,}; KMS requests: "
            f"{self.kms_requests:,}"
        )
        for operation, reasons in self.misses_by_reason.items():
            yield f"  {operation}: " + ", ".join(f"{count:,} {reason}" for reason, count in reasons.items())


def observed(log: Log) -> Observed:
    """Return the totals: of metrics lines where there are some, else of summaries, else of single lines."""
    source, counts = next(
        (
            (name, counted)
            for name, counted in (("metrics lines", log.metrics), ("summary lines", log.summaries))
            if counted
        ),
        ("single lines", log.lines),
    )
    by_reason: dict[str, dict[str, int]] = {}
    for (operation, reason), count in sorted(log.misses.items()):
        by_reason.setdefault(operation, {})[reason] = count
    return Observed(
        source=source,
        seconds=0.0 if log.first is None or log.last is None else (log.last - log.first) / 1e9,
        messages=sum(counts[name] for name in ("hits", "coalesced", "misses", "bypasses")),
        hits=counts["hits"],
        coalesced=counts["coalesced"],
        misses=counts["misses"],
        bypasses=counts["bypasses"],
        evictions=counts["evictions"] or sum(log.evicted[name, "keys"] for name in ("encrypt", "decrypt")),
        kms_requests=counts["kms_requests"] or counts["misses"] + counts["bypasses"],
        misses_by_reason=by_reason,
        invocations=log.invocations,
        cold_starts=log.cold_starts,
        containers=len(log.containers),
        lines=dict(log.used),
    )


def rates_behind(log: Log, found: Observed, limits: Limits, *, length: int, period: float) -> tuple[Rates, list[str]]:
    """Return rates under which a cache with *limits* does what was observed, and what was assumed for that.

    :param length: bytes of a message where no line says
    :raises BadInput: the lines are too few to tell
    """
    if not found.messages or found.seconds <= 0:
        raise BadInput(
            "the logs have no lines of warmkey with different times, so there are no rates in them; export summary or "
            "metrics lines, or give --writes-per-second and --reads-per-second"
        )
    notes = log.notes()
    share = _share_of_writes(log)
    if share is None:
        share = 1.0
        notes.append("no line says which messages were encrypted and which decrypted; all are taken as encrypted")
    encrypted, lengths = log.evicted["encrypt", "messages"], log.evicted["encrypt", "bytes"]
    if encrypted:
        length = round(lengths / encrypted)
    else:
        notes.append(f"no line says how long messages are; {length:,} bytes are assumed")
    containers, life = _containers(log, found, notes)
    each_second = found.messages / found.seconds
    contexts = _contexts(log, found, limits, each_second / containers, notes)
    rates = Rates(
        writes_per_second=each_second * share,
        reads_per_second=each_second * (1 - share),
        contexts=Contexts(count=contexts),
        containers=containers,
        length=length,
        container_lifetime=life,
        period=period,
    )
    return rates, notes


def _share_of_writes(log: Log) -> float | None:
    """Return how many messages were encrypted: by what evicted keys served, else by misses, else by KMS events."""
    for counted in (
        {name: log.evicted[name, "messages"] for name in ("encrypt", "decrypt")},
        {name: sum(n for (kind, _), n in log.misses.items() if kind == name) for name in ("encrypt", "decrypt")},
        {name: sum(reads == (name == "decrypt") for _, reads, _ in log.requests) for name in ("encrypt", "decrypt")},
    ):
        whole = sum(counted.values())
        if whole:
            return counted["encrypt"] / whole
    return None


def _containers(log: Log, found: Observed, notes: list[str]) -> tuple[int, float]:
    """Return how many containers were warm at a time, and how long they lived, on the mean."""
    if not log.containers:
        notes.append("no line tells containers apart (log streams, or summary lines with an age); one is assumed")
        return 1, _LONG_LIFE
    lives = [(last - first) / 1e9 for first, last in log.containers.values()]
    seen = [(last - max(first, log.first or first)) / 1e9 for first, last in log.containers.values()]
    at_a_time = max(1, round(sum(seen) / found.seconds))
    ended = len(lives) - at_a_time
    life = sum(lives) / ended if ended > 0 else _LONG_LIFE
    notes.append(
        f"containers seen: {len(lives):,}, about {at_a_time:,} at a time; each is taken to live "
        f"{max(life, _LIFE):,.0f} s"
    )
    return at_a_time, max(life, _LIFE)


def _contexts(log: Log, found: Observed, limits: Limits, rate: float, notes: list[str]) -> int:
    """Return how many contexts there are: as CloudTrail says, or as many as give the observed hit ratio."""
    named = {context for _, reads, context in log.requests if not reads}
    if named:
        notes.append(f"encryption contexts that CloudTrail names: {len(named):,}")
        return len(named)
    hits = found.hit_ratio / max(1 - found.hit_ratio, 1e-9)
    if not hits or hits > (limits.max_messages - 1) * _ALL_BUT:
        count = 1
    else:
        count = max(1, round(rate * limits.max_age * (1 - limits.jitter / 2) / hits))
    notes.append(
        f"encryption contexts that, used evenly, would give the observed hit ratio with a maximum age of "
        f"{limits.max_age:g} s: {count:,}; give the limits that were in force when the logs were written"
    )
    return count


def rows_of_cloudtrail(log: Log, *, length: int) -> Rows:
    """Return a row for each KMS request: what a function without a cache encrypts and decrypts."""
    labels: dict[str, int] = {}
    requests = log.requests
    return Rows(
        nanoseconds=np.array([moment for moment, _, _ in requests], np.int64),
        decrypts=np.array([reads for _, reads, _ in requests], np.bool_),
        contexts=np.array([labels.setdefault(context, len(labels)) for _, _, context in requests], np.int64),
        lengths=np.full(len(requests), length, np.int64),
        context_labels=list(labels),
        notes=[
            *log.notes(),
            f"each KMS request of CloudTrail is taken as one message of {length:,} bytes, as without a cache",
            "where a cache is in use already, the KMS requests of CloudTrail are its misses",
        ],
    )

"""Steps that the models of both strategies share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from warmkey.events import EvictionReason
from warmkey.plan.lifetimes import ABSENT, BYTES, EXPIRED, MESSAGES, STAYS, Entries, fetches
from warmkey.plan.outcome import EVICTIONS, MISSES, Counts, PerSecond
from warmkey.plan.pressure import Place, Pressure, fullest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from warmkey.plan.limits import Limits
    from warmkey.plan.outcome import Flags, Numbers
    from warmkey.plan.trace import Trace

__all__ = ["Arrays", "pairs"]

# Lifetimes are drawn from this, so that a plan that is made twice is the same.
_SEED = 14
_EVICTED_AS = {
    EXPIRED: EvictionReason.EXPIRED,
    MESSAGES: EvictionReason.MESSAGES_SPENT,
    BYTES: EvictionReason.BYTES_SPENT,
}
_SECOND = 1_000_000_000
_LONGEST = 9e18


def pairs(first: Numbers, second: Numbers) -> Numbers:
    """Return one number for each pair of numbers."""
    low = int(second.min(initial=0))
    return first * (int(second.max(initial=0)) - low + 1) + (second - low)


class Arrays:
    """A trace and when its keys would expire.

    :ivar moments: nanoseconds of each row
    :ivar expiries: for each row, when a key that it fetches becomes too old
    """

    def __init__(self, trace: Trace, lifetime: float, jitter: float) -> None:
        self.trace = trace
        self.moments = trace.nanoseconds
        shares = np.random.default_rng(_SEED).random(len(trace)) if jitter else np.zeros(1)
        lifetimes = np.rint(np.minimum(lifetime * 1e9, _LONGEST) * (1 - jitter * shares)).astype(np.int64)
        # What lasts longer than a number of nanoseconds can say lasts for ever.
        self.expiries = self.moments + np.minimum(lifetimes, np.iinfo(np.int64).max - self.moments)

    def place(
        self, rows: Numbers, identifiers: Numbers, *, limits: Limits | None = None, gone_at: Numbers | None = None
    ) -> Place:
        """Return the entries that *rows* use, each named by the row's container and by *identifiers*.

        :param limits: on messages and bytes, if there are such
        :param gone_at: see :func:`warmkey.plan.lifetimes.fetches`
        """
        entries = Entries.of(rows, pairs(self.trace.containers[rows], identifiers))
        expiries = self.expiries[entries.rows]
        found = fetches(
            entries,
            expiries,
            self.moments,
            lengths=self.trace.lengths[entries.rows],
            max_messages=None if limits is None else limits.max_messages,
            max_bytes=None if limits is None else limits.max_bytes,
            gone_at=gone_at,
        )
        return Place(entries, self.trace.containers[entries.rows], expiries, found)

    def fullest(self, places: Sequence[Place]) -> Numbers:
        """Return for each container how many entries its cache has when it has most, with room for all."""
        return fullest(places, self.moments, self.trace.container_count)

    def pressure(self, places: Sequence[Place], capacity: int) -> Pressure | None:
        """Return the accesses to caches that are smaller than *places* need, or ``None`` if there are none."""
        pressed = np.flatnonzero(self.fullest(places) > capacity)
        return Pressure.on(places, self.moments, pressed) if len(pressed) else None

    def counts(
        self,
        place: Place,
        of_this: Flags,
        *,
        bypasses: Mapping[str, float],
        left_at: Numbers | None = None,
    ) -> Counts:
        """Return what became of the messages of one operation, which are the rows *of_this*.

        :param left_at: see :meth:`warmkey.plan.pressure.Pressure.left_at`
        """
        is_miss = of_this[place.fetching_rows]
        reasons = np.bincount(place.fetches.reasons[is_miss], minlength=len(MISSES)).tolist()
        messages = int(np.count_nonzero(of_this))
        return Counts(
            messages=messages,
            hits=messages - sum(reasons) - sum(bypasses.values()),
            misses=dict(zip(map(str, MISSES), reasons, strict=True)),
            bypasses=bypasses,
            evictions=self._evictions(place, of_this, left_at),
        )

    def _evictions(self, place: Place, of_this: Flags, left_at: Numbers | None) -> dict[str, float]:
        """Count why keys left: those with a successor by its reason, the others by whether anybody came to see it."""
        found: dict[str, float] = dict.fromkeys(map(str, EVICTIONS), 0)
        rows = place.entries.rows
        has_next = place.fetches.successors < len(rows)
        ends = place.fetches.ends[has_next]
        for end, reason in _EVICTED_AS.items():
            found[reason] += int(np.count_nonzero(ends == end))
        gone = place.fetches.successors[has_next][ends == ABSENT]
        replaced = int(np.count_nonzero(~of_this[rows[gone]]))
        found[EvictionReason.REPLACED] += replaced
        found[EvictionReason.CAPACITY] += len(gone) - replaced
        last = place.fetches.positions[~has_next]
        expiries = place.expiries[last]
        expired = expiries <= self._last_use()[place.containers[last]]
        if left_at is not None:
            early = np.minimum.reduceat(left_at, last) if len(last) else left_at[:0]
            pushed_out = early < np.where(expired, expiries, STAYS)
            found[EvictionReason.CAPACITY] += int(np.count_nonzero(pushed_out))
            expired &= ~pushed_out
        found[EvictionReason.EXPIRED] += int(np.count_nonzero(expired))
        return found

    def _last_use(self) -> Numbers:
        found = np.zeros(self.trace.container_count, np.int64)
        np.maximum.at(found, self.trace.containers, self.moments)
        return found

    def per_second(self, rows: Numbers) -> PerSecond:
        """Return how many of *rows* are in each second."""
        seconds, counts = np.unique((self.moments[rows] + self.trace.phase) // _SECOND, return_counts=True)
        return PerSecond(seconds, counts)

    def first_uses(self, entries: Entries) -> Numbers:
        """Return the rows that are the first of their second to use their entry: each asks, after a cold start."""
        seconds = (self.moments[entries.rows] + self.trace.phase) // _SECOND  # in order, for each place
        is_first = np.ones(len(seconds), np.bool_)
        is_first[1:] = (seconds[1:] != seconds[:-1]) | (entries.places[1:] != entries.places[:-1])
        return entries.rows[is_first]

    def busiest(self, rows: Sequence[Numbers]) -> int:
        """Return how many of *rows* are in the second that has most of them."""
        return self.per_second(np.concatenate(rows)).peak

"""Find, for all cache entries at once, which messages fetch a data key and which one use it.

A data key serves the messages of its entry from the one that fetched it until the first that comes too late, or would
be one message too many, or too many bytes. So each message has a *successor*: the message that would fetch next if this
one fetched. The fetches are what is reached from the first message of each entry by going from successor to successor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from warmkey.plan.outcome import Flags, Numbers

__all__ = [
    "ABSENT",
    "BYTES",
    "EXPIRED",
    "MESSAGES",
    "STAYS",
    "Entries",
    "Fetches",
    "fetches",
    "reachable",
]

# What a fetch is for: the number of the reason among MISSES.
ABSENT, EXPIRED, MESSAGES, BYTES = range(4)
# Of a position that finds its entry where it was.
STAYS = np.iinfo(np.int64).max
# Going step by step is quicker than doubling steps as long as no entry is fetched more often than this.
_STEPS = 2_000
# Sums of lengths beyond this are made of floats, which do not overflow.
_LARGEST_SUM = 2.0**62


@safe_repr
@dataclass(frozen=True, slots=True)
class Entries:
    """The messages that use each place in a cache, those of one place together, in order of time.

    :ivar rows: the rows of the trace
    :ivar ends: for each position, the position after the last one of its entry
    :ivar places: for each position, the number of the place: container, and what is looked up there
    """

    rows: Numbers
    ends: Numbers
    places: Numbers

    @classmethod
    def of(cls, rows: Numbers, labels: Numbers) -> Entries:
        """Group *rows*, which are in order of time, by what they look up."""
        order = np.argsort(labels, kind="stable")
        by_label = labels[order]
        is_first = np.ones(len(order), np.bool_)
        is_first[1:] = by_label[1:] != by_label[:-1]
        places = np.cumsum(is_first) - 1
        firsts = np.append(np.flatnonzero(is_first), len(order))
        return cls(rows[order], firsts[places + 1], places)

    @property
    def count(self) -> int:
        """Return the number of places."""
        return int(self.places[-1]) + 1 if len(self.places) else 0

    @property
    def firsts(self) -> Numbers:
        """Return the first position of each place."""
        return np.flatnonzero(np.diff(self.places, prepend=-1))


@safe_repr
@dataclass(frozen=True, slots=True)
class Fetches:
    """Which positions of some :class:`Entries` fetch a key.

    :ivar positions: those that do, in order
    :ivar successors: for each of them, the position that fetches next at this place, or the number of positions
    :ivar reasons: for each of them, why it does, as a number among ``MISSES``
    :ivar ends: for each of them, why its key is not used any more from the successor on, likewise
    :ivar numbers: for each position, the number of the fetch that serves it
    """

    positions: Numbers
    successors: Numbers
    reasons: Numbers
    ends: Numbers
    numbers: Numbers


def fetches(
    entries: Entries,
    expiries: Numbers,
    moments: Numbers,
    *,
    lengths: Numbers | None = None,
    max_messages: int | None = None,
    max_bytes: int | None = None,
    gone_at: Numbers | None = None,
) -> Fetches:
    """Return the fetches of *entries*.

    :param expiries: for each position, when a key that was fetched here becomes too old
    :param moments: when each row of the trace happens
    :param lengths: bytes of each position, for *max_bytes*
    :param gone_at: for each position, when its entry was evicted before, whatever its age and use, or ``STAYS``
    """
    count = len(entries.rows)
    aged = _first_at(entries, np.searchsorted(moments, expiries), len(moments))
    spent = _messages_spent(count, max_messages)
    full = _bytes_spent(count, lengths, max_bytes)
    gone = _next_gone(count, gone_at)
    successors = np.minimum(np.minimum(aged, spent), np.minimum(full, gone))
    successors = np.where(successors < entries.ends, successors, count)
    fetching = reachable(entries.firsts, successors)
    positions = np.flatnonzero(fetching)
    next_ones = successors[positions]
    is_gone = gone[positions] == next_ones
    if gone_at is not None:
        is_gone &= np.append(gone_at, STAYS)[next_ones] < expiries[positions]
    ends = np.select(
        [is_gone, aged[positions] == next_ones, spent[positions] == next_ones], [ABSENT, EXPIRED, MESSAGES], BYTES
    )
    reasons = np.full(count + 1, ABSENT, np.int64)
    reasons[next_ones] = ends
    return Fetches(positions, next_ones, reasons[positions], ends, np.cumsum(fetching) - 1)


def _first_at(entries: Entries, ranks: Numbers, row_count: int) -> Numbers:
    """Return for each position the first one of its place whose row is *ranks* or later."""
    stride = row_count + 1
    keys = entries.places * stride
    return np.searchsorted(keys + entries.rows, keys + ranks)


def _messages_spent(count: int, max_messages: int | None) -> Numbers:
    if max_messages is None:
        return np.full(count, count, np.int64)
    return np.arange(count, dtype=np.int64) + max_messages


def _bytes_spent(count: int, lengths: Numbers | None, max_bytes: int | None) -> Numbers:
    """Return for each position the first one that no longer fits under a key that was fetched here."""
    if lengths is None or max_bytes is None or not count:
        return np.full(count, count, np.int64)
    whole = float(lengths.astype(np.float64).sum())
    if whole <= max_bytes:
        return np.full(count, count, np.int64)
    sums = np.cumsum(lengths.astype(np.int64 if whole < _LARGEST_SUM else np.float64))
    return np.searchsorted(sums, sums - lengths + max_bytes, side="right")


def _next_gone(count: int, gone_at: Numbers | None) -> Numbers:
    """Return for each position the first one after it that finds its entry evicted."""
    found = np.full(count + 1, count, np.int64)
    if gone_at is not None:
        gone = np.flatnonzero(gone_at != STAYS)
        found[gone] = gone
        found = np.minimum.accumulate(found[::-1])[::-1]
    return found[1:]


def reachable(starts: Numbers, successors: Numbers) -> Flags:
    """Return which positions are reached from *starts*; a successor equal to the number of positions ends a path."""
    count = len(successors)
    found = np.zeros(count + 1, np.bool_)
    front = starts
    for _ in range(_STEPS):
        found[front] = True
        front = successors[front]
        front = front[front < count]
        if not len(front):
            return found[:-1]
    jumps = np.append(successors, count)  # paths are long: go 1, 2, 4, ... steps from all that was reached
    found[front] = True
    for _ in range(count.bit_length()):
        found[jumps[np.flatnonzero(found)]] = True
        jumps = jumps[jumps]
    return found[:-1]

"""Counts how each request to a caching CMM ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING

from warmkey.events import BypassReason, EvictionReason, MissReason, Operation
from warmkey.fork_safety import notice_fork, register
from warmkey.hit_counter import HitCounter
from warmkey.locks import new_lock
from warmkey.records import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COALESCED", "FAILED", "RECALLED", "Counters", "OperationStatistics"]

COALESCED = "coalesced"
FAILED = "failed"
RECALLED = "recalled"


class OperationStatistics(Record):
    """How the requests of one operation ended; each is in exactly one of these counts.

    :ivar failures: requests that ended in an error, but for the next ones
    :ivar recalled: requests that ended in an error that was remembered, so nothing was asked for them
    """

    hits: int = 0
    coalesced: int = 0
    misses: Mapping[MissReason, int] = field(default_factory=dict)
    bypasses: Mapping[BypassReason, int] = field(default_factory=dict)
    failures: int = 0
    recalled: int = 0

    @property
    def requests(self) -> int:
        """All of them."""
        return self.hits + self.coalesced + self.calls + self.failures + self.recalled

    @property
    def calls(self) -> int:
        """Requests that the underlying CMM answered: misses and bypasses."""
        return sum(self.misses.values()) + sum(self.bypasses.values())


class Counters:
    """Counts outcomes, from any number of threads. A forked child and a restored snapshot start at zero.

    :ivar hits: counts requests that a cached entry served, by operation: ``counters.hits[operation].add()``
    """

    def __init__(self) -> None:
        self.hits = {operation: HitCounter() for operation in Operation}
        self.reset()
        register(self)

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Start at zero, whatever the *reason*: a copy counts for itself."""
        del reason
        # Reentrant: a signal handler or a finalizer may encrypt while its thread is counting.
        self._lock = new_lock()
        for hits in self.hits.values():
            hits.reset()
        self._others: Counter[tuple[Operation, object]] = Counter()

    def count(self, operation: Operation, outcome: object, change: int = 1) -> None:
        """Count a request that ended otherwise.

        :param outcome: a MissReason, a BypassReason, ``COALESCED``, ``FAILED`` or ``RECALLED``
        :param change: -1 takes back what was counted too early
        """
        with self._lock:
            self._others[operation, outcome] += change

    def of(self, operation: Operation) -> OperationStatistics:
        """Return what has been counted for *operation* so far."""
        notice_fork()
        operation = Operation(operation)  # its text too: "encrypt" must not be mistaken for the other one
        with self._lock:
            others = {outcome: count for (kind, outcome), count in dict(self._others).items() if kind is operation}
        return OperationStatistics(
            hits=self.hits[operation].total(),
            coalesced=others.get(COALESCED, 0),
            misses={reason: count for reason, count in others.items() if isinstance(reason, MissReason)},
            bypasses={reason: count for reason, count in others.items() if isinstance(reason, BypassReason)},
            failures=others.get(FAILED, 0),
            recalled=others.get(RECALLED, 0),
        )

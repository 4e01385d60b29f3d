"""Count hits: the caching CMM counts requests, and the books count messages, once for each message."""

from __future__ import annotations

import itertools

from warmkey.locks import new_lock

__all__ = ["HitCounter"]


class HitCounter:
    """Counts from many threads without a lock, which would take 0.3 µs of every hit and might be waited for.

    ``next`` on an ``itertools.count`` is one step that nothing can come between. :meth:`total` takes a number too, and
    subtracts those that it took before.
    """

    __slots__ = ("_lock", "_totals_taken", "add")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start at zero."""
        self.add = itertools.count().__next__
        self._totals_taken = 0
        self._lock = new_lock()

    def total(self) -> int:
        """Return how often :meth:`add` was called."""
        with self._lock:
            total = self.add() - self._totals_taken
            self._totals_taken += 1
            return total

"""Tell a time that moves only when a test says so."""

from __future__ import annotations

import threading

from warmkey.clock import Instant
from warmkey.safe_repr import safe_repr

__all__ = ["SettableClock"]


@safe_repr
class SettableClock:
    """Stands still until it is told to move; give the same one to everything that takes ``clock=``.

    Both clocks move together, as on an ordinary day::

        clock = SettableClock()
        cache = warmkey.LocalCMC(10, clock=clock)
        cmm = warmkey.CachingCMM(cache=cache, clock=clock, max_age=60, keyring=keyring)
        ...
        clock.tick(61)

    or one of them alone: ``tick_wall`` for an execution environment that was frozen (the monotonic clock stood
    still), ``set_wall`` for a wall clock that somebody set back or forward. Seconds may be negative.
    """

    __slots__ = ("_lock", "_now")

    # Any fixed moment does; two clocks that differ show a mix-up of the two in the first assert.
    START = Instant(monotonic=1_000.0, wall=1_750_000_000.0)

    def __init__(self, *, monotonic: float = START.monotonic, wall: float = START.wall) -> None:
        self._lock = threading.RLock()
        self._now = Instant(monotonic, wall)

    def __repr__(self) -> str:
        return f"SettableClock(monotonic={self._now.monotonic}, wall={self._now.wall})"

    def now(self) -> Instant:
        """Return this moment."""
        return self._now

    def tick(self, seconds: float) -> None:
        """Move both clocks."""
        self._move(monotonic=seconds, wall=seconds)

    def tick_monotonic(self, seconds: float) -> None:
        """Move the monotonic clock alone."""
        self._move(monotonic=seconds)

    def tick_wall(self, seconds: float) -> None:
        """Move the wall clock alone."""
        self._move(wall=seconds)

    def set_wall(self, seconds: float) -> None:
        """Set the wall clock to *seconds* since the epoch."""
        with self._lock:
            self._now = self._now._replace(wall=seconds)

    def _move(self, *, monotonic: float = 0.0, wall: float = 0.0) -> None:
        with self._lock:
            self._now = Instant(self._now.monotonic + monotonic, self._now.wall + wall)

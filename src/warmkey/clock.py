"""Read the time from the two clocks that decide an entry's age.

Constructors take a clock so that tests can move time; ``warmkey.testing.SettableClock`` is one that does.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Clock", "Instant", "SystemClock", "split_clock"]


class Instant(NamedTuple):
    """Holds one moment as both clocks saw it, in seconds.

    The monotonic clock may stand still while an execution environment is frozen; the wall clock may be set. Whoever
    compares two moments believes the clock that says more time has passed.
    """

    monotonic: float
    wall: float


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> Instant:
        """Return this moment."""


class SystemClock:
    """Reads the clocks of the operating system."""

    __slots__ = ()

    def now(self) -> Instant:
        """Return this moment."""
        return Instant(time.monotonic(), time.time())


def split_clock(clock: Clock) -> tuple[Callable[[], float], Callable[[], float]]:
    """Return the monotonic and the wall clock of *clock*, each to be read alone.

    Reading the system's clocks like that, on every message, is quicker than asking for an :class:`Instant`.
    """
    if type(clock) is SystemClock:
        return time.monotonic, time.time
    return lambda: clock.now().monotonic, lambda: clock.now().wall

"""The two clocks that an entry's age is read from.

Constructors take a clock so that tests can move time; ``warmkey.testing.SettableClock`` is one that does.
"""

from __future__ import annotations

import time
from typing import NamedTuple, Protocol

__all__ = ["Clock", "Instant", "SystemClock"]


class Instant(NamedTuple):
    """One moment as both clocks saw it, in seconds.

    The monotonic clock may stand still while an execution environment is frozen; the wall clock may be set. Whoever
    compares two moments believes the clock that says more time has passed.
    """

    monotonic: float
    wall: float


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> Instant:
        """This moment."""


class SystemClock:
    """The clocks of the operating system."""

    __slots__ = ()

    def now(self) -> Instant:
        """This moment."""
        # The constructor of a NamedTuple takes a Python call more, 0.1 µs on every message.
        return tuple.__new__(Instant, (time.monotonic(), time.time()))

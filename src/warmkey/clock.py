"""Read the time from the two clocks that decide an entry's age.

Constructors take a clock so that tests can move time; ``warmkey.testing.SettableClock`` is one that does.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["Birth", "Clock", "Instant", "SystemClock", "age", "split_clock"]


class Instant(NamedTuple):
    """Holds one moment as both clocks saw it, in seconds.

    The monotonic clock may stand still while an execution environment is frozen; the wall clock may be set. Whoever
    compares two moments believes the clock that says more time has passed.
    """

    monotonic: float
    wall: float


class Birth:
    """When a data key was requested, by the clock that saw it, and what KMS was asked for it.

    :ivar created: the reading of *clock* then
    :ivar kms_keys: as cache entries keep them; a caching CMM above sees no request to KMS
    """

    __slots__ = ("_clock", "created", "kms_keys")

    def __init__(self, clock: Clock, created: Instant, kms_keys: Collection[str] = ()) -> None:
        self._clock = clock
        self.created = created
        self.kms_keys = frozenset(kms_keys)

    def age(self) -> float:
        """Return the seconds since then, by the clock that says more; infinite if one ran backwards past then."""
        return age(self.created, self._clock.now())


def age(created: Instant, now: Instant) -> float:
    """Return the seconds from *created* to *now*, by the clock that says more; infinite if one ran backwards."""
    by_clocks = now.monotonic - created.monotonic, now.wall - created.wall
    return float("inf") if min(by_clocks) < 0 else max(by_clocks)


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

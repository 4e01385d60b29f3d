"""The settable clock."""

from __future__ import annotations

from warmkey.clock import Instant
from warmkey.testing import SettableClock


def test_it_starts_at_the_same_moment_each_time_and_stands_still() -> None:
    clock = SettableClock()

    assert SettableClock.START == clock.now() == clock.now() == SettableClock().now()


def test_tick_moves_both_clocks() -> None:
    clock = SettableClock(monotonic=10, wall=1000)

    clock.tick(61.5)

    assert Instant(71.5, 1061.5) == clock.now()


def test_each_clock_moves_alone_back_too() -> None:
    clock = SettableClock(monotonic=10, wall=1000)

    clock.tick_monotonic(5)
    clock.tick_wall(-20)

    assert Instant(15, 980) == clock.now()


def test_the_wall_clock_can_be_set() -> None:
    clock = SettableClock(monotonic=10, wall=1000)

    clock.set_wall(7)

    assert Instant(10, 7) == clock.now()
    assert repr(clock) == "SettableClock(monotonic=10, wall=7)"

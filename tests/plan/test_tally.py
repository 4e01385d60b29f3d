"""The clock of a replay shows what it is told."""

from __future__ import annotations

from warmkey.clock import Instant
from warmkey.plan.tally import TraceClock


def test_both_clocks_begin_at_the_first_row_and_move_together() -> None:
    clock = TraceClock()
    assert clock.now() == Instant(0.0, 0.0)

    clock.show(2.5)
    assert clock.now() == Instant(2.5, 2.5)

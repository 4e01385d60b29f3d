"""Go through a store: item by item, at a rate, with counts that survive a kill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.cli.re_encryption.outcomes import PROBLEMS, Outcome
from warmkey.exceptions import WarmkeyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from warmkey.cli.re_encryption.outcomes import Result
    from warmkey.cli.re_encryption.state import State
    from warmkey.cli.re_encryption.stores import Store
    from warmkey.clock import Clock

__all__ = ["Pace", "Stopped", "go_through"]

# Items between two writes of the state file, where nothing is rewritten.
_SAVE_EVERY = 100
# What fails again and again will go on failing: a permission that is missing, a service that is away.
_MOST_FAILURES_IN_A_ROW = 10


class Stopped(WarmkeyError):
    """The run ended before the last item."""


class Pace:
    """Lets items through at a rate.

    :param rate: items per second; ``None``: as many as possible
    :param sleep: waits for so many seconds
    """

    def __init__(self, rate: float | None, *, clock: Clock, sleep: Callable[[float], object]) -> None:
        self._interval = None if rate is None else 1 / rate
        self._clock = clock
        self._sleep = sleep
        self._next = clock.now().monotonic

    def wait(self) -> None:
        """Wait until the next item may begin. Time that one took too long is not made up for."""
        if self._interval is None:
            return
        now = self._clock.now().monotonic
        if now < self._next:
            self._sleep(self._next - now)
        self._next = max(self._next, now) + self._interval


def go_through(
    store: Store,
    state: State,
    *,
    writes: bool,
    pace: Pace,
    report: Callable[[Result], object],
    progress: Callable[[int], object],
) -> None:
    """Process the items that the state has not seen.

    :param writes: whether to change anything
    :param report: told of each item that somebody has to look at
    :param progress: told how many items there were so far
    :raises Stopped: so many items failed in a row that the others would, too
    """
    summary, unsaved = state.summary, 0
    for item in store.items(state.position):
        pace.wait()
        result = store.process(item, writes=writes)
        summary.count(result)
        if result.outcome in PROBLEMS:
            report(result)
        if summary.failures_in_a_row >= _MOST_FAILURES_IN_A_ROW:
            raise Stopped(
                f"{_MOST_FAILURES_IN_A_ROW} items in a row failed, so the rest was not tried; see the last ones above"
            )
        progress(summary.examined)
        unsaved += 1
        if item.position is not None:
            state.position, state.upload = item.position, None
            if unsaved >= _SAVE_EVERY or result.outcome is Outcome.REWRITTEN:
                state.save()
                unsaved = 0

"""Entries that a small cache pushes out, on accesses that are counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tests.plan.made import encrypts
from warmkey.plan.arrays import Arrays
from warmkey.plan.lifetimes import STAYS
from warmkey.plan.pressure import Pressure

SECOND = 1_000_000_000


@pytest.fixture
def pressure() -> Pressure:
    """Three places of one cache: the first is used at 0 and 30 seconds, the others at 10 and at 20."""
    trace = encrypts([0, 10, 20, 30])
    rows = Arrays(trace, lifetime=300, jitter=0)
    places = [rows.place(np.array(each), np.zeros(len(each), np.int64)) for each in ([0, 3], [1], [2])]
    return Pressure.on(places, rows.moments, np.array([0]))


@pytest.mark.parametrize(("capacity", "gone"), [(1, 15 * SECOND), (2, 30 * SECOND), (3, STAYS)])
def test_an_entry_is_evicted_when_as_many_others_were_used_as_the_cache_holds(
    pressure: Pressure, capacity: int, gone: int
) -> None:
    found = [each.tolist() for each in pressure.gone_at(capacity)]

    assert found == [[STAYS, gone], [STAYS], [STAYS]]


def test_entries_that_nobody_uses_again_leave_after_the_same_wait(pressure: Pressure) -> None:
    assert [each.tolist() for each in pressure.left_at(1)] == [[STAYS, STAYS], [25 * SECOND], [35 * SECOND]]
    assert [each.tolist() for each in pressure.left_at(2)] == [[STAYS, STAYS], [40 * SECOND], [STAYS]]
    assert [each.tolist() for each in pressure.left_at(3)] == [[STAYS, STAYS], [STAYS], [STAYS]]

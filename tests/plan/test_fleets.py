"""Fleets of a replay need little memory, however long the trace is."""

from __future__ import annotations

from typing import Any

import pytest

from warmkey.plan import fleets
from warmkey.plan.limits import Limits
from warmkey.plan.tally import Tally, TraceClock
from warmkey.testing import FakeDynamoDb, FakeKms


def test_as_many_contexts_as_fit_are_kept_and_the_next_one_makes_room_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleets, "_CONTEXTS_KEPT", 2)
    contexts = fleets._Contexts()

    kept = [(contexts[number, 7]["context"], len(contexts)) for number in (0, 1, 1, 2, 3)]

    assert kept == [("0", 1), ("1", 2), ("1", 2), ("2", 1), ("3", 2)]


@pytest.mark.parametrize(("make", "services"), [(fleets.caching_fleet, 1), (fleets.hierarchical_fleet, 2)])
def test_cleaning_forgets_the_requests_of_the_containers(
    make: Any, services: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[FakeKms | FakeDynamoDb] = []
    for kind in (FakeKms, FakeDynamoDb):
        monkeypatch.setattr(fleets, kind.__name__, lambda kind=kind, **given: made.append(kind(**given)) or made[-1])
    clock = TraceClock()
    fleet = make(Limits(), clock, Tally(clock))
    of_containers = made[:services]  # what is written elsewhere has fakes of its own
    fleet.encrypt(0, 0, 0, 1)
    assert all(each.calls for each in of_containers)

    fleet.clean()

    assert not any(each.calls for each in of_containers)

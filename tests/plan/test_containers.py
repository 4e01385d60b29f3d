"""Containers are assigned as Lambda does it."""

from __future__ import annotations

import numpy as np
import pytest

from warmkey.exceptions import ConfigurationError
from warmkey.plan.containers import WarmContainers, assigned

SECOND = 1_000_000_000


def containers(times: list[float], warm: WarmContainers | None = None, **more: np.ndarray) -> list[int]:
    nanoseconds = np.array([round(time * SECOND) for time in times])
    return assigned(nanoseconds, warm or WarmContainers(request_seconds=1, idle_seconds=60), **more).tolist()


def test_a_busy_container_takes_no_request_and_one_is_free_exactly_when_its_request_ends() -> None:
    assert containers([0, 0.5, 1.0, 1.2]) == [0, 1, 0, 2]


def test_the_most_recently_used_one_is_taken() -> None:
    assert containers([0, 0.5, 5, 10, 10.5]) == [0, 1, 1, 1, 0]


def test_after_the_idle_time_a_container_is_gone() -> None:
    assert containers([0, 60.9, 122]) == [0, 0, 1]


def test_functions_share_no_containers() -> None:
    assert containers([0, 5, 10], functions=np.array([7, 8, 7])) == [0, 1, 0]


def test_each_request_takes_its_own_time() -> None:
    durations = np.array([10, 1, 1]) * SECOND
    assert containers([0, 1, 5], durations=durations) == [0, 1, 1]


def test_assumptions_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="idle_seconds must be a finite number of seconds greater than 0"):
        WarmContainers(idle_seconds=0)

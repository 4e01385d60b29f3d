"""Many limits side by side: the knee, and what fits given bounds."""

from __future__ import annotations

import pytest

from tests.plan.made import random_trace
from warmkey.plan.bill import Surroundings
from warmkey.plan.errors import BadInput
from warmkey.plan.grid import Bounds, Cell, chosen, grid, knee_of
from warmkey.plan.limits import Limits
from warmkey.plan.prices import TABLE
from warmkey.plan.trace_model import model
from warmkey.plan.variables import variables

AROUND = Surroundings(prices=TABLE, region="eu-west-1", quota=100_000)
TRACE = random_trace(seed=2, rows=3000, seconds=3600, contexts=30, reads=0.3, random_reads=True)


def cells(bounds: Bounds | None = None, strategy: str = "caching") -> list[Cell]:
    return grid(
        strategy,
        Limits(jitter=0),
        AROUND,
        lambda limits: model(strategy, TRACE, limits),
        bounds=bounds or Bounds(),
        progress=lambda _done: None,
    )


def test_every_combination_is_there_once_and_the_limits_of_the_plan_are_among_them() -> None:
    found = cells()

    keys = [(cell.lifetime, cell.limits.max_messages, cell.limits.capacity) for cell in found]
    assert len(keys) == len(set(keys)) == 6 * 4 * 3
    assert (300, 1000, 1000) in keys


def test_a_cell_says_what_the_model_says_of_its_limits() -> None:
    for cell in (cells()[0], cells()[1], cells()[-1]):
        outcome = model("caching", TRACE, cell.limits)
        assert cell.hit_ratio == outcome.hit_ratio
        assert cell.requests_per_month == pytest.approx(outcome.kms_requests * 730 * 3600 / TRACE.seconds)


def test_the_knee_saves_nine_tenths_with_the_smallest_limits() -> None:
    found = cells()
    knee = knee_of(found)

    worst, best = max(cell.requests_per_month for cell in found), min(cell.requests_per_month for cell in found)
    enough = [cell for cell in found if cell.requests_per_month <= worst - 0.9 * (worst - best)]
    assert knee in enough
    assert knee.lifetime == min(cell.lifetime for cell in enough)


def test_bounds_on_lag_and_keys_are_values_of_the_grid_themselves() -> None:
    bounds = Bounds(lag=45, keys_exposed=7)
    found = cells(bounds)

    assert {cell.lifetime for cell in found} == {30, 45}
    assert {cell.limits.capacity for cell in found} == {7}
    choice = chosen(found, bounds)
    assert choice.dollars <= min(cell.dollars for cell in found) * 1.01


def test_branch_keys_have_a_grid_of_lifetimes_and_capacities() -> None:
    found = cells(Bounds(lag=60), "hierarchical")

    assert {cell.limits.branch_key_ttl for cell in found} == {30, 60}
    assert chosen(found, Bounds(lag=60)).bill.revocation_lag_seconds <= 60


def test_with_a_bound_on_dollars_the_least_exposing_settings_are_chosen() -> None:
    found = cells()
    most = sorted(cell.dollars for cell in found)[len(found) // 2]
    choice = chosen(found, Bounds(dollars=most))

    assert choice.dollars <= most
    assert choice.lifetime == min(cell.lifetime for cell in found if cell.dollars <= most)


def test_bounds_that_nothing_meets_are_an_error_that_says_what_the_cheapest_costs() -> None:
    with pytest.raises(
        BadInput, match=r"no settings within these bounds cost 0\.01 dollars a month or less; the cheapest"
    ):
        chosen(cells(), Bounds(dollars=0.01))


def test_settings_are_written_as_the_environment_wants_them() -> None:
    limits = Limits(max_age=0.5, jitter=0.25, max_messages=7, max_bytes=9, capacity=3, branch_key_ttl=60)

    assert variables("caching", limits) == {
        "WARMKEY_MAX_AGE_SECONDS": "0.5",
        "WARMKEY_MAX_MESSAGES_ENCRYPTED": "7",
        "WARMKEY_MAX_BYTES_ENCRYPTED": "9",
        "WARMKEY_MAX_AGE_JITTER": "0.25",
        "WARMKEY_CACHE_CAPACITY": "3",
    }
    assert variables("hierarchical", limits)["WARMKEY_BRANCH_KEY_TTL_SECONDS"] == "60"

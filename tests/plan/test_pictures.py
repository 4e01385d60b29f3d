"""Pictures show what the figures say, and can be read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from tests.plan.made import encrypts
from warmkey.plan import pictures
from warmkey.plan.bill import Surroundings, bill
from warmkey.plan.grid import Cell
from warmkey.plan.limits import Limits
from warmkey.plan.plan import Plan, Planned, Request
from warmkey.plan.prices import TABLE
from warmkey.plan.trace_model import model
from warmkey.plan.traffic import TraceTraffic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.axes import Axes

TRACE = encrypts([0, 1, 2])
AROUND = Surroundings(prices=TABLE, region="eu-west-1", quota=100)
OUTCOME = model("caching", TRACE, Limits())
BILL = bill("caching", OUTCOME, Limits(), AROUND)
REQUESTS = {(30, 10): 10_000.0, (30, 100): 100.0, (60, 10): 200.0, (60, 100): 0.0}


def heat(
    strategy: str = "caching",
    requests: Mapping[tuple[float, int], float] = REQUESTS,
    capacities: tuple[int, ...] = (1000,),
    plan: Limits | None = None,
) -> Figure:
    """Return the picture of a grid with *requests* a month by lifetime and messages; the second one is the knee."""
    cells = [
        Cell(
            limits=Limits(max_age=lifetime, max_messages=messages, capacity=capacity),
            lifetime=lifetime,
            requests_per_month=each,
            hit_ratio=0.5,
            bill=BILL,
        )
        for (lifetime, messages), each in requests.items()
        for capacity in capacities
    ]
    planned = Planned(outcome=OUTCOME, bill=BILL, cells=cells, knee=cells[1])
    return pictures._heat(strategy, planned, plan or Limits())


def texts(axis: Axes) -> dict[tuple[float, float], str]:
    return {each.get_position(): each.get_text() for each in axis.texts}


def test_each_cell_has_its_figure_and_the_knee_and_the_plan_are_marked_in_bold() -> None:
    (axis,) = heat(plan=Limits(max_age=60, max_messages=10)).axes

    assert texts(axis) == {(0, 0): "10,000", (1, 0): "100 ★", (0, 1): "200 (plan)", (1, 1): "0"}
    assert [each.get_weight() for each in axis.texts] == ["normal", "bold", "bold", "normal"]
    assert {(each.get_ha(), each.get_va()) for each in axis.texts} == {("center", "center")}


def test_colours_go_from_the_smallest_figure_to_the_largest_and_text_on_dark_ones_is_white() -> None:
    requests = REQUESTS | {(60, 100): 1.0}
    (axis,) = heat(requests=requests).axes

    (image,) = axis.images
    assert np.asarray(image.get_array()).tolist() == [[10_000, 100], [200, 1]]
    assert (image.norm.vmin, image.norm.vmax) == (1, 10_000)
    assert [to_hex(each.get_color()) for each in axis.texts] == ["#ffffff", "#000000", "#ffffff", "#000000"]


def test_colours_span_six_powers_of_ten_and_nothing_at_all_has_one_too() -> None:
    (image,) = heat(requests=REQUESTS | {(60, 100): 0.0}).axes[0].images
    (empty,) = heat(requests=dict.fromkeys(REQUESTS, 0.0)).axes[0].images

    assert np.asarray(image.get_array())[1, 1] == 1e-3
    assert (image.norm.vmin, image.norm.vmax) == (0.01, 10_000)
    assert (empty.norm.vmin, empty.norm.vmax) == (0.001, 0.01)


def test_lifetimes_go_downwards_and_limits_on_messages_across_without_ticks() -> None:
    (axis,) = heat().axes

    assert axis.get_title() == "capacity 1,000"
    assert [each.get_text() for each in axis.get_yticklabels()] == ["30 s", "60 s"]
    assert [each.get_text() for each in axis.get_xticklabels()] == ["10 messages", "100 messages"]
    ticks = (*axis.xaxis.get_major_ticks(), *axis.yaxis.get_major_ticks())
    assert {each.tick1line.get_markersize() for each in ticks} == {0}


def test_branch_keys_have_no_limit_on_messages_to_name() -> None:
    requests = {(30, 10): 5.0, (60, 10): 3.0}

    assert heat("hierarchical", requests).axes[0].get_xticklabels() == []


@pytest.mark.parametrize(
    ("strategy", "capacities", "across", "down"),
    [("caching", (1, 2), 1, 2), ("hierarchical", (1, 2, 3), 3, 1), ("hierarchical", (1, 2, 3, 4), 3, 2)],
)
def test_there_is_a_panel_for_each_capacity_as_high_as_its_lifetimes_need(
    strategy: str, capacities: tuple[int, ...], across: int, down: int
) -> None:
    requests = {(lifetime, 10): 5.0 for lifetime in (30, 60, 90)}
    figure = heat(strategy, requests, capacities)

    grid = figure.axes[0].get_subplotspec()
    assert grid is not None
    assert grid.get_gridspec().get_geometry() == (down, across)
    assert [axis.axison for axis in figure.axes] == [n < len(capacities) for n in range(across * down)]
    assert figure.get_figheight() == pytest.approx(0.7 + down * (0.75 + 0.3 * 3))


def plan_of(*strategies: str) -> Plan:
    request = Request(method="model", strategies=strategies, limits=Limits(), around=AROUND)
    planned = {name: Planned(outcome=model(name, TRACE, Limits()), bill=BILL) for name in strategies}
    return Plan(request=request, traffic=TraceTraffic(TRACE, "a trace"), strategies=planned)


def test_requests_over_time_have_axes_with_names_a_grid_and_a_legend() -> None:
    figure = pictures._over_time(plan_of("caching", "hierarchical"))

    (axis,) = figure.axes
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("seconds from the start of the trace", "KMS requests per second")
    assert axis.get_ylim()[0] == 0
    assert all(line.get_visible() for line in (*axis.get_xgridlines(), *axis.get_ygridlines()))
    assert legend(figure) == ["caching CMM", "hierarchical keyring"]


def legend(figure: Figure) -> list[str]:
    (found,) = figure.legends
    return [each.get_text() for each in found.get_texts()]


def test_bars_have_a_legend_of_the_parts_that_occur() -> None:
    bars = [("one", {"hit": 3.0, "miss": 1.0}), ("two", {"hit": 1.0, "bypass": 0.0})]

    shares = pictures._stacked(bars, "share", as_shares=True)
    dollars = pictures._stacked(bars, "dollars", as_shares=False)

    assert legend(shares) == legend(dollars) == ["hit", "miss"]
    assert [each.get_text() for each in shares.axes[0].get_yticklabels()] == ["one", "two"]
    assert [each.get_width() for each in shares.axes[0].patches] == [0.75, 1.0, 0.25, 0.0]
    assert [each.get_width() for each in dollars.axes[0].patches] == [3.0, 1.0, 1.0, 0.0]
    assert (shares.axes[0].get_xlim(), dollars.axes[0].get_xlim()) == ((0, 1), (0, 4 * 1.02))


def test_a_picture_is_svg_without_a_date_and_the_same_each_time() -> None:
    one, two = (pictures.svg_of(Figure()) for _ in range(2))

    assert one == two
    assert one.startswith("<?xml")
    assert "<path" in one
    assert "<dc:date>" not in one

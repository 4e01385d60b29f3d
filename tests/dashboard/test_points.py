"""From metrics as functions wrote them to the lines of the dashboard's panels."""

from __future__ import annotations

import json
from typing import Any

import pytest

from examples.dashboard.panels import PANELS, Kind, Line, Panel
from examples.dashboard.points import Metrics, statistic


def blob(second: int, function: str = "encrypt", **values: list[float]) -> dict[str, Any]:
    return {"_aws": {"Timestamp": 1_750_000_000_000 + second * 1_000}, "function_name": function, **values}


def panel(*lines: Line, kind: Kind = Kind.SUMS) -> Panel:
    return Panel(title="A panel", unit="requests", kind=kind, lines=lines)


MADE = Line(label="made", metrics=("KmsRequests",))


def test_sums_add_up_within_a_period() -> None:
    metrics = Metrics([blob(second, KmsRequests=[1.0, 2.0]) for second in range(4)], invocations_per_period=2)

    assert [(curve.label, list(curve.values)) for curve in metrics.curves(panel(MADE))] == [("made", [6.0, 6.0])]


def test_invocations_are_put_in_their_order() -> None:
    metrics = Metrics([blob(2, KmsRequests=[2.0]), blob(1, KmsRequests=[1.0])], invocations_per_period=1)

    assert metrics.curves(panel(MADE))[0].values == [1.0, 2.0]


def test_a_line_of_which_there_is_nothing_is_not_drawn() -> None:
    assert Metrics([blob(1, CacheHits=[1.0])]).curves(panel(MADE)) == []


def test_statistics_have_no_value_where_there_is_nothing() -> None:
    latency = Line(label="p50", metrics=("KmsLatency",), statistic="p50")
    metrics = Metrics([blob(1, KmsLatency=[5.0]), blob(2, CacheHits=[1.0])], invocations_per_period=1)

    assert metrics.curves(panel(latency, kind=Kind.STATISTICS))[0].values == [5.0, None]


def test_the_hit_ratio_has_a_line_for_each_function() -> None:
    metrics = Metrics(
        [
            blob(1, "encrypt", CacheHits=[8.0], CacheCoalesced=[1.0], CacheMisses=[1.0]),
            blob(2, "decrypt", CacheMisses=[1.0], CacheBypasses=[1.0]),
        ],
        invocations_per_period=1,
    )

    assert {curve.label: curve.values for curve in metrics.curves(PANELS[0])} == {
        "encrypt": [90.0, None],
        "decrypt": [None, 0.0],
    }


def test_metrics_are_found_among_other_lines() -> None:
    text = f'START RequestId: 1\n{{"level": "INFO"}}\n{json.dumps(blob(1, KmsRequests=[3.0]))}\n'

    assert Metrics.parse(text).total("KmsRequests", "CacheHits") == 3


def test_without_a_function_name_the_service_tells_functions_apart() -> None:
    written = [{"_aws": {"Timestamp": 1}, "service": "orders"}, {"_aws": {"Timestamp": 2}}]

    assert Metrics(written).functions == ["function", "orders"]


@pytest.mark.parametrize(
    ("name", "expected"), [("Sum", 15), ("Average", 3), ("Maximum", 5), ("p50", 3), ("p90", 5), ("p1", 1)]
)
def test_statistics_are_those_of_cloudwatch(name: str, expected: float) -> None:
    assert statistic(name, [5, 1, 4, 2, 3]) == expected

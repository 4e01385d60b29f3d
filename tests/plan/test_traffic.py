"""A trace and rates answer the same questions."""

from __future__ import annotations

import numpy as np
import pytest

from tests.plan.made import random_trace
from warmkey.plan import traffic
from warmkey.plan.containers import WarmContainers
from warmkey.plan.errors import BadInput
from warmkey.plan.limits import Limits
from warmkey.plan.trace import Rows, make_trace
from warmkey.plan.traffic import TraceTraffic


def test_settings_are_compared_by_the_first_rows_of_a_long_trace_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(traffic, "_ROWS_OF_A_GRID", 50)
    whole = TraceTraffic(random_trace(seed=1, rows=80, seconds=100), "a trace")
    part = whole.for_grid()

    assert (part.rows, whole.rows) == (50, 80)
    assert whole.notes[-1] == "settings are compared by the first 50 rows"
    assert part.model("caching", Limits()).messages == 50
    assert part.for_grid() is part
    whole.for_grid()  # for the other strategy
    assert whole.notes.count("settings are compared by the first 50 rows") == 1


def test_a_trace_without_rows_is_an_error() -> None:
    nothing = np.zeros(0, np.int64)
    rows = Rows(
        nanoseconds=nothing, decrypts=nothing.astype(np.bool_), contexts=nothing, lengths=nothing, context_labels=[]
    )

    with pytest.raises(BadInput, match="there are no rows to plan for"):
        make_trace(rows, WarmContainers())


def test_settings_are_compared_by_the_first_hundred_thousand_rows() -> None:
    trace = random_trace(seed=1, rows=100_001, seconds=1000)
    traffic = TraceTraffic(trace, "a trace")

    assert traffic.for_grid().rows == 100_000
    assert "settings are compared by the first 100,000 rows" in traffic.notes
    whole = TraceTraffic(trace.first(100_000), "a trace")
    assert whole.for_grid() is whole

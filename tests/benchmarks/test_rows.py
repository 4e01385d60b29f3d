"""A promise is kept, exceeded, missed by noise, or missed."""

from __future__ import annotations

import pytest

from benchmarks import promises
from benchmarks.rows import Bound, Figure, Row, Verdict

FASTER = Bound(limit=2, at_least=True, stretch=3)
COSTS = Bound(limit=1.5, at_least=False, stretch=1.35)


@pytest.mark.parametrize(
    ("bound", "value", "verdict"),
    [
        (FASTER, 3, Verdict.BEYOND),
        (FASTER, 2.99, Verdict.MET),
        (FASTER, 2, Verdict.MET),
        (FASTER, 1.99, Verdict.WITHIN_NOISE),
        (FASTER, 1.8, Verdict.WITHIN_NOISE),
        (FASTER, 1.79, Verdict.MISSED),
        (COSTS, 1.35, Verdict.BEYOND),
        (COSTS, 1.36, Verdict.MET),
        (COSTS, 1.5, Verdict.MET),
        (COSTS, 1.65, Verdict.WITHIN_NOISE),
        (COSTS, 1.66, Verdict.MISSED),
        (COSTS, float("nan"), Verdict.MISSED),
        (promises.STAMPEDE_KMS_CALLS, 1, Verdict.MET),
        (promises.STAMPEDE_KMS_CALLS, 2, Verdict.MISSED),
    ],
)
def test_verdicts(bound: Bound, value: float, verdict: Verdict) -> None:
    assert bound.verdict(value) is verdict


def test_a_row_misses_by_any_of_its_figures() -> None:
    unpromised = Figure(label="ours", value=1, unit="µs")
    kept = Figure(label="faster", value=2, unit="×", bound=FASTER)
    broken = Figure(label="faster", value=1, unit="×", bound=FASTER)

    assert not Row(group="warm", name="row", figures=(unpromised, kept)).is_missed
    assert Row(group="warm", name="row", figures=(unpromised, kept, broken)).is_missed


@pytest.mark.parametrize(
    ("suite", "size", "limits"),
    [
        (0x0478, 99, None),
        (0x0478, 100, (7.5, 8.5, 1.9)),
        (0x0478, 16 * 1024, (8.5, 8.5, 2.0)),
        (0x0478, 6 * 1024 * 1024, (8.5, 9.5, 1.85)),
        (0x0578, 100, (2.4, 1.35, 1.12)),
        (0x0578, 1024 * 1024, (2.9, 2.4, 1.2)),
    ],
)
def test_what_is_promised_depends_on_suite_and_size(suite: int, size: int, limits: tuple[float, ...] | None) -> None:
    promise = promises.warm(suite, size)

    assert limits == (None if promise is None else tuple(bound.limit for bound in promise))

"""Rows of figures, and what each figure has to reach."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["FULL", "NORMAL", "QUICK", "Benchmark", "Bound", "Effort", "Figure", "Row", "Verdict"]


class Verdict(StrEnum):
    """What became of a promise."""

    BEYOND = "beyond"
    MET = "met"
    WITHIN_NOISE = "within noise"
    MISSED = "missed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What a figure has to reach.

    :ivar at_least: whether more is better
    :ivar stretch: what would be better still
    :ivar tolerance: the share of *limit* by which noise may spoil a figure before ``--check`` fails
    """

    limit: float
    at_least: bool
    stretch: float | None = None
    tolerance: float = 0.1

    def verdict(self, value: float) -> Verdict:
        """Compare *value* with the bound."""
        if self.stretch is not None and self._reaches(value, self.stretch):
            return Verdict.BEYOND
        if self._reaches(value, self.limit):
            return Verdict.MET
        slack = self.limit * self.tolerance
        loosened = self.limit - slack if self.at_least else self.limit + slack
        return Verdict.WITHIN_NOISE if self._reaches(value, loosened) else Verdict.MISSED

    def _reaches(self, value: float, limit: float) -> bool:
        return value >= limit if self.at_least else value <= limit

    def __str__(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number with its unit: µs, ms, MB, MB/s, times, calls."""

    label: str
    value: float
    unit: str
    bound: Bound | None = None

    @property
    def verdict(self) -> Verdict | None:
        """Return whether the bound was kept, or ``None`` without a bound."""
        return None if self.bound is None else self.bound.verdict(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one measurement found. Rows of one group have the same columns."""

    group: str
    name: str
    figures: tuple[Figure, ...]

    @property
    def is_missed(self) -> bool:
        """Whether a promise was broken by more than noise."""
        return any(figure.verdict is Verdict.MISSED for figure in self.figures)

    def as_json(self) -> dict[str, Any]:
        """For the file."""
        figures = [
            {"label": figure.label, "value": figure.value, "unit": figure.unit}
            | ({"target": str(figure.bound), "verdict": figure.verdict} if figure.bound else {})
            for figure in self.figures
        ]
        return {"group": self.group, "name": self.name, "figures": figures}


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """How much to measure.

    :ivar rounds: of interleaved timing
    :ivar seconds: of each contestant in each round
    :ivar processes: fresh ones of each kind
    :ivar megabytes: that are streamed
    :ivar entries: in the largest cache
    :ivar is_full: more sizes, and figures that nothing was promised about
    """

    rounds: int
    seconds: float
    processes: int
    megabytes: int
    entries: int
    is_full: bool


QUICK = Effort(rounds=1, seconds=0.001, processes=1, megabytes=1, entries=100, is_full=False)
NORMAL = Effort(rounds=9, seconds=0.05, processes=9, megabytes=64, entries=100_000, is_full=False)
FULL = Effort(rounds=15, seconds=0.1, processes=15, megabytes=64, entries=100_000, is_full=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """Something to measure, and to measure again when it fell short."""

    name: str
    measure: Callable[[Effort], list[Row]]
    is_full_only: bool = False

"""Read metrics in CloudWatch's embedded format, and compute the points of a panel's lines."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from examples.dashboard.panels import AVOIDED, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from examples.dashboard.panels import Line, Panel

__all__ = ["Curve", "Metrics", "statistic"]

INVOCATIONS_PER_PERIOD = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Hold a line to draw: a value or ``None`` for each period."""

    label: str
    values: Sequence[float | None]


Values: TypeAlias = "list[float]"


class Metrics:
    """Hold the metrics that were written, in periods of equally many invocations.

    CloudWatch's periods are a minute long; the whole demo would be a single point.

    :param blobs: objects in the embedded metric format, one for each invocation
    """

    def __init__(self, blobs: Iterable[dict[str, Any]], invocations_per_period: int = INVOCATIONS_PER_PERIOD) -> None:
        self.blobs = sorted(blobs, key=lambda blob: int(blob["_aws"]["Timestamp"]))
        self.invocations_per_period = invocations_per_period
        self.periods = -(-len(self.blobs) // invocations_per_period)

    @classmethod
    def parse(cls, text: str) -> Metrics:
        """Return the metrics in lines of JSON, ignoring other lines."""
        lines = [json.loads(line) for line in text.splitlines() if line.startswith('{"_aws"')]
        return cls(lines)

    @property
    def functions(self) -> list[str]:
        """List the functions that wrote them."""
        return sorted({_function(blob) for blob in self.blobs})

    def total(self, *names: str) -> float:
        """Return the sum of metrics over all periods."""
        return float(sum(value for name in names for blob in self.blobs for value in blob.get(name, ())))

    def curves(self, panel: Panel) -> list[Curve]:
        """Return the lines of *panel* that have any values."""
        if panel.kind is Kind.RATIO_BY_FUNCTION:
            return [Curve(label=function, values=self._ratio(panel.lines[0], function)) for function in self.functions]
        curves = [Curve(label=line.label, values=self._values(line, panel.kind)) for line in panel.lines]
        return [curve for curve in curves if any(curve.values)]

    def _ratio(self, line: Line, function: str) -> list[float | None]:
        answered = self._by_period(line.metrics, function)
        avoided = self._by_period(AVOIDED, function)
        return [
            100 * sum(hits) / sum(requests) if sum(requests) else None
            for hits, requests in zip(avoided, answered, strict=True)
        ]

    def _values(self, line: Line, kind: Kind) -> list[float | None]:
        nothing = None if kind is Kind.STATISTICS else 0.0
        return [statistic(line.statistic, found) if found else nothing for found in self._by_period(line.metrics)]

    def _by_period(self, names: Sequence[str], function: str | None = None) -> list[Values]:
        found: list[Values] = [[] for _ in range(self.periods)]
        for number, blob in enumerate(self.blobs):
            if function in {None, _function(blob)}:
                values = [value for name in names for value in blob.get(name, ())]
                found[number // self.invocations_per_period] += values
        return found


def statistic(name: str, values: Sequence[float]) -> float:
    """Compute CloudWatch's statistic *name* of *values*."""
    match name:
        case "Sum":
            return sum(values)
        case "Average":
            return sum(values) / len(values)
        case "Maximum":
            return max(values)
        case _:
            rank = math.ceil(float(name.removeprefix("p")) / 100 * len(values))
            return sorted(values)[max(rank, 1) - 1]


def _function(blob: dict[str, Any]) -> str:
    return str(blob.get("function_name") or blob.get("service") or "function")

"""Interleaved timing: machines drift, so contestants take turns and ratios are taken round by round."""

from __future__ import annotations

import gc
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["interleaved", "median_ratio"]


def interleaved(
    operations: Mapping[str, Callable[[], object]], *, rounds: int, seconds: float
) -> dict[str, list[float]]:
    """Microseconds per call of each operation, a figure per round.

    Each round runs every operation for about *seconds* in total, divided among short turns.
    """
    repeats = {name: _repeats(operation, seconds) for name, operation in operations.items()}
    figures: dict[str, list[float]] = {name: [] for name in operations}
    collecting = gc.isenabled()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, operation in operations.items():
                figures[name].append(_time(operation, repeats[name]))
            gc.collect()
    finally:
        if collecting:
            gc.enable()
    return figures


def _time(operation: Callable[[], object], repeats: int) -> float:
    started = perf_counter()
    for _ in range(repeats):
        operation()
    return (perf_counter() - started) / repeats * 1e6


def _repeats(operation: Callable[[], object], seconds: float) -> int:
    operation()
    once = median(_time(operation, 1) for _ in range(5))
    return max(1, int(seconds * 1e6 / once))


def median_ratio(numerators: list[float], denominators: list[float]) -> float:
    """The median of the ratios round by round."""
    return median(n / d for n, d in zip(numerators, denominators, strict=True))

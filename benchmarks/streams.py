"""Rows of :mod:`benchmarks.streaming`: 64 MB from file to file, in memory where the system has a directory there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks import promises
from benchmarks.rows import Figure, Row
from benchmarks.streaming import DIRECTIONS, SUITES, rounds_of

if TYPE_CHECKING:
    from benchmarks.rows import Effort
    from benchmarks.streaming import Run

__all__ = ["measure_streams"]

_IN_MEMORY = "/dev/shm"  # noqa: S108 - a temporary directory of our own is made in it
_MEGABYTE = 2**20


def measure_streams(effort: Effort) -> list[Row]:
    """A row for each suite and direction."""
    rows = []
    with tempfile.TemporaryDirectory(dir=_IN_MEMORY if Path(_IN_MEMORY).is_dir() else None) as directory:
        with (Path(directory) / "plaintext").open("wb") as file:
            for _ in range(effort.megabytes):
                file.write(os.urandom(_MEGABYTE))
        for suite in SUITES:
            found = rounds_of(suite, max(1, effort.rounds // 3), Path(directory))
            rows += [
                _row(suite, direction, effort.megabytes, found["warmkey", direction], found["peer", direction])
                for direction in DIRECTIONS
            ]
    return rows


def _row(suite: int, direction: str, megabytes: int, ours: list[Run], theirs: list[Run]) -> Row:
    is_promised = suite == SUITES[0]
    faster = median(their.seconds / our.seconds for our, their in zip(ours, theirs, strict=True))
    return Row(
        group=f"streaming {megabytes} MB from file to file",
        name=f"{suite:#06x} {direction}",
        figures=(
            Figure(label="peer", value=megabytes / median(run.seconds for run in theirs), unit="MB/s"),
            Figure(label="ours", value=megabytes / median(run.seconds for run in ours), unit="MB/s"),
            Figure(label="faster", value=faster, unit="×", bound=promises.STREAMING_FASTER if is_promised else None),
            Figure(label="peer's peak", value=max(run.megabytes_above_start for run in theirs), unit="MB"),
            Figure(
                label="our peak",
                value=max(run.megabytes_above_start for run in ours),
                unit="MB",
                bound=promises.STREAMING_MEGABYTES if is_promised else None,
            ),
        ),
    )

"""Rows as tables, for people and for Markdown."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Printer", "as_markdown", "cell", "headings"]

_NAME_WIDTH, _WIDTH = 44, 8
_MARKS = {"beyond": " ✓✓", "met": " ✓", "within noise": " ~", "missed": " ✗"}


def headings(row: dict[str, Any]) -> list[str]:
    """The names of a row's columns, with the unit where all rows have the same."""
    return ["", *(_heading(figure) for figure in row["figures"])]


def _heading(figure: dict[str, Any]) -> str:
    unit = {"calls": ", KMS calls", "×": ""}.get(figure["unit"], f", {figure['unit']}")
    return f"{figure['label']}{unit}"


def cell(figure: dict[str, Any]) -> str:
    """A figure, and if it was promised, what was promised and whether it was kept."""
    times = " ×" if figure["unit"] == "×" else ""
    target = f" ({figure['target']}){_MARKS[figure['verdict']]}" if "target" in figure else ""
    return f"{_number(figure['value'])}{times}{target}"


def _number(value: float) -> str:
    if value != value:  # noqa: PLR0124 - not a number: nothing was measured
        return "–"
    if value == int(value) and abs(value) < 1000:
        return str(int(value))
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:,.{digits}f}"


def _tables(rows: Iterable[dict[str, Any]]) -> list[tuple[str, list[list[str]]]]:
    """Group, and lines of cells, the heading first; a table ends where its columns do."""

    def kind(row: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
        return row["group"], tuple(headings(row))

    return [
        (group, [list(columns), *([row["name"], *map(cell, row["figures"])] for row in members)])
        for (group, columns), members in groupby(rows, key=kind)
    ]


class Printer:
    """Tables for a terminal, row by row as they are found; a heading where the columns change."""

    def __init__(self) -> None:
        self._heading: object = None

    def print(self, rows: Sequence[dict[str, Any]]) -> None:
        """Print *rows*."""
        for group, (heading, *lines) in _tables(rows):
            if (group, heading) != self._heading:
                print(f"\n{group}\n{_aligned(heading, heading)}")
                self._heading = (group, heading)
            for line in lines:
                print(_aligned(line, heading), flush=True)


def _aligned(line: list[str], heading: list[str]) -> str:
    widths = [max(len(column), _WIDTH) for column in heading[1:]]
    figures = (text.rjust(width) for text, width in zip(line[1:], widths, strict=True))
    return "  ".join([line[0].ljust(_NAME_WIDTH), *figures])


def as_markdown(rows: Sequence[dict[str, Any]]) -> str:
    """Tables for a page."""
    parts = []
    for group, lines in _tables(rows):
        heading, *others = [f"| {' | '.join(line)} |" for line in lines]
        ruler = "|---|" + "---:|" * (len(lines[0]) - 1)
        parts.append("\n".join([f"**{group[:1].upper()}{group[1:]}**\n", heading, ruler, *others]))
    return "\n\n".join(parts)

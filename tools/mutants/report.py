"""Say how many mutants there were, and how they ended."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tools.mutants.mutations import Mutation
    from tools.mutants.results import Result

__all__ = ["summary"]


def summary(mutations: Sequence[Mutation], found: Mapping[str, Result], equivalent: Mapping[str, str]) -> Iterator[str]:
    """Yield a table of the modules, and the time that it took."""
    yield "| module | mutants | killed | by time | equivalent | alive | not tried |"
    yield "|---|--:|--:|--:|--:|--:|--:|"
    total: Counter[str] = Counter()
    for module in sorted({mutation.module for mutation in mutations}):
        counts = Counter(_state(each.name, found, equivalent) for each in mutations if each.module == module)
        total += counts
        yield _row(module, counts)
    yield _row("all", total)
    yield f"{sum(result.seconds for result in found.values()):.0f} s in processes of mutants"


def _state(name: str, found: Mapping[str, Result], equivalent: Mapping[str, str]) -> str:
    result = found.get(name)
    if name in equivalent and (result is None or result.is_alive):
        return "equivalent"
    if result is None:
        return "not tried"
    if result.is_alive:
        return "alive"
    return "by time" if result.status == "timeout" else "killed"


def _row(name: str, counts: Counter[str]) -> str:
    columns = [counts[each] for each in ("killed", "by time", "equivalent", "alive", "not tried")]
    return f"| {name} | {sum(columns)} | " + " | ".join(map(str, columns)) + " |"

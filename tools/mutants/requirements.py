"""Break lines that follow requirements of the specification, to be noticed by the tests that claim those."""

from __future__ import annotations

import ast
import random
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from tools.conformance.citations import citations
from tools.conformance.ledger import read_rows
from tools.mutants.mutations import Mutation, Trial, mutations_of
from tools.mutants.results import Results
from tools.mutants.runner import run
from tools.mutants.selection import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tools.conformance.ledger import Key, Row

__all__ = ["Requirement", "check", "drawn"]

_MUTANTS = 3  # for each requirement


class Requirement(NamedTuple):
    """A requirement, and ways to break a line that follows it, each to be tried by the tests that claim it."""

    key: Key
    trials: list[Trial]


def check(root: Path, number: int, seed: int, tell: Callable[[str], None]) -> list[str]:
    """Return those of *number* requirements of which no mutant is noticed."""
    wanted, results = drawn(root, number, seed), Results(root, "requirements", start_over=True)
    trials = [trial for requirement in wanted for trial in requirement.trials]
    run(root, trials, results, tell)
    noticed = {trial.mutation.name for trial in trials if (result := results.known(trial)) and not result.is_alive}
    tell(f"{len(wanted)} requirements; {len(noticed)} of {len(trials)} mutants of their lines were noticed")
    return [
        f"{key}: {trial.mutation.name}: not noticed by {', '.join(trial.tests)}"
        for key, its in wanted
        if not any(trial.mutation.name in noticed for trial in its)
        for trial in its
    ]


def drawn(root: Path, number: int, seed: int) -> list[Requirement]:
    """Return *number* requirements; the same seed draws the same ones from the same source and ledger."""
    draw = random.Random(seed)  # noqa: S311 - a draw, not a secret
    rows = {row.key: row for row in read_rows(root) if row.source and row.tests}
    claims = [(key, found) for found in citations(root, PACKAGE) for key in found.keys if key in rows]
    mutations = cache(lambda path: mutations_of((root / path).read_text(encoding="utf-8"), _module(path)))
    result: dict[Key, Requirement] = {}
    taken: set[str] = set()
    for key, claim in draw.sample(claims, len(claims)):
        first, last = _lines_of_statement((root / claim.path).read_text(encoding="utf-8"), claim.code_line)
        fitting = [
            each
            for each in mutations(claim.path)
            if first <= each.lines[0] and each.lines[1] <= last and each.name not in taken
        ]
        if fitting and key not in result and len(result) < number:
            broken = draw.sample(fitting, min(_MUTANTS, len(fitting)))
            taken |= {each.name for each in broken}
            result[key] = Requirement(key, [_trial(each, rows[key]) for each in broken])
    return [*result.values()]


def _module(path: str) -> str:
    return path.removeprefix(f"{PACKAGE}/")


def _trial(mutation: Mutation, row: Row) -> Trial:
    tests = [_test(place) for place in row.tests]
    return Trial(mutation, tests, tests, is_early=True)


def _test(place: str) -> str:
    """Return how pytest names a place of the ledger, a test without its parameters."""
    path, _, name = place.partition(":")
    return "::".join((path, *name.split(".")))


def _lines_of_statement(text: str, line: int) -> tuple[int, int]:
    """Return first and last line of the statement that begins at *line*, or else of the innermost around it."""
    around = [
        (node.lineno, node.end_lineno or node.lineno)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.stmt) and _first_line(node) <= line <= (node.end_lineno or node.lineno)
    ]
    return max(around)


def _first_line(node: ast.stmt) -> int:
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    return min([node.lineno, *(each.lineno for each in decorators)])

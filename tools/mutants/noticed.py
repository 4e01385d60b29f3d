"""Try again, in a minute and without a map, mutants that a long run has drawn, each with the test that noticed it."""

from __future__ import annotations

import csv
import random
from typing import TYPE_CHECKING

from tools.mutants.mutations import Trial
from tools.mutants.results import Results
from tools.mutants.runner import run
from tools.mutants.selection import every_mutation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from tools.mutants.results import Result

__all__ = ["NOTICED", "check", "write"]

NOTICED = "tests/mutants/noticed.csv"
_SECONDS = 1.0  # a mutant that takes longer is left to long runs


def write(root: Path, found: Iterable[Result], number: int, seed: int) -> None:
    """Draw *number* of what was noticed quickly, and keep it for `check`."""
    quick = [(each.mutant, each.test) for each in found if each.status == "killed" and each.seconds < _SECONDS]
    draw = random.Random(seed)  # noqa: S311 - a draw, not a secret
    with (root / NOTICED).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([("mutant", "test"), *sorted(draw.sample(quick, min(number, len(quick))))])


def check(root: Path, tell: Callable[[str], None]) -> list[str]:
    """Return those of the list that its test no longer notices; those whose code has changed are passed over."""
    with (root / NOTICED).open(encoding="utf-8", newline="") as file:
        tests = {row["mutant"]: row["test"] for row in csv.DictReader(file)}
    modules = {mutant.partition(":")[0] for mutant in tests}
    mutations = [each for each in every_mutation(root, sorted(modules)) if each.name in tests]
    trials = [Trial(each, [tests[each.name]], [tests[each.name]]) for each in mutations]
    tell(f"{len(trials)} of the {len(tests)} mutants in {NOTICED} are still there")
    results = Results(root, "noticed", start_over=True)
    run(root, trials, results, tell)
    lost = [
        f"{trial.tests[0]} does not notice {trial.mutation.name}"
        for trial in trials
        if (result := results.known(trial)) is None or result.is_alive
    ]
    if 2 * len(trials) < len(tests):
        lost.append(f"{NOTICED} is of another time; `make mutants MUTANTS_OPTIONS='--write-noticed N'` writes it again")
    return lost

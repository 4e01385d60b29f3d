"""Try mutants against tests: quickly in modules that are loaded, and afresh where that is not enough."""

from __future__ import annotations

import importlib
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from tools.mutants.child import Outcome, apart, run_child
from tools.mutants.coverage_map import file_of
from tools.mutants.replacement import break_import, replace_functions
from tools.mutants.selection import PACKAGE
from tools.mutants.session import Collected, Fresh, named, run_pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pytest

    from tools.mutants.child import Send
    from tools.mutants.mutations import Mutation, Trial
    from tools.mutants.results import Results

__all__ = ["run"]

_AFRESH = "afresh"
_SOON_SECONDS = 5


def run(root: Path, trials: Sequence[Trial], results: Results, tell: Callable[[str], None]) -> None:
    """Try mutants of the package in *root* and keep how they end: in loaded modules, and afresh what is open then."""
    for trial in trials:
        if not trial.tests:
            results.add(trial, Outcome("uncovered", "", 0))
    tested = [trial for trial in trials if trial.tests]
    if tested:
        apart(lambda: _in_loaded_modules(root, tested, results, tell))
        results.read()
    for trial in _counted([trial for trial in tested if not results.known(trial)], "afresh", tell):
        outcome = _load(root, trial, _nearest(trial))
        results.add(trial, _load(root, trial, trial.more) if outcome.status == "survived" else outcome)


# ---------------------------------------------------------------------------------------------------- in loaded modules


def _in_loaded_modules(root: Path, trials: Sequence[Trial], results: Results, tell: Callable[[str], None]) -> None:
    """Collect all tests once, and fork a process for each mutant. Keep no result of those to try afresh."""
    killers: Counter[str] = Counter()  # tests that noticed other mutants: those that did so soon go first, others last

    def take(items: Sequence[pytest.Item]) -> None:
        for trial in _counted(trials, "in loaded modules", tell):
            tests = sorted(trial.tests, key=lambda test: -killers[test])
            outcome = _replace(root, trial, named(items, tests), plugin)
            if outcome.status == "killed":
                killers[outcome.test] += 1 if outcome.seconds < _SOON_SECONDS else -1
            if outcome.status != _AFRESH and not (outcome.status == "survived" and trial.is_early):
                results.add(trial, outcome)

    plugin = Collected(take)
    run_pytest(sorted({file_of(test) for trial in trials for test in trial.tests}), plugin)


def _replace(root: Path, trial: Trial, tests: Sequence[pytest.Item], plugin: Collected) -> Outcome:
    def run_tests(send: Send) -> None:
        importlib.import_module(_module_name(trial.mutation))
        if not replace_functions(_path(root, trial.mutation), trial.mutation.source):
            send(status=_AFRESH)
            return
        failed = plugin.run(tests, lambda test: send(test=test))
        send(status="killed" if failed else "survived", test=failed)

    return run_child(run_tests, trial.patience, root / "build/mutants/output.log")


# --------------------------------------------------------------------------------------------------------------- afresh


def _nearest(trial: Trial) -> list[str]:
    """Return the tests of the two files that come first."""
    files = [*dict.fromkeys(map(file_of, trial.more))][:2]
    return [test for test in trial.more if file_of(test) in files]


def _load(root: Path, trial: Trial, tests: Sequence[str]) -> Outcome:
    """Fork a process that has loaded nothing of the package yet."""

    def run_tests(send: Send) -> None:
        break_import(_module_name(trial.mutation), _path(root, trial.mutation), trial.mutation.source)
        run_pytest(sorted(set(map(file_of, tests))), Fresh(tests, send))
        send(status="killed")  # pytest could not begin

    return run_child(run_tests, lambda test: trial.patience(test) + 60, root / "build/mutants/output.log")


# ------------------------------------------------------------------------------------------------------------- for both


def _path(root: Path, mutation: Mutation) -> Path:
    return root / PACKAGE / mutation.module


def _module_name(mutation: Mutation) -> str:
    parts = Path(mutation.module).with_suffix("").parts
    return ".".join((Path(PACKAGE).name, *(part for part in parts if part != "__init__")))


def _counted(trials: Sequence[Trial], what: str, tell: Callable[[str], None]) -> Iterator[Trial]:
    began = time.monotonic()
    for number, trial in enumerate(trials, 1):
        yield trial
        if number % 20 == 0 or number == len(trials):
            spent = time.monotonic() - began
            left = spent / number * (len(trials) - number)
            tell(f"{what}: {number}/{len(trials)}, {spent:.0f} s, about {left:.0f} s to go")

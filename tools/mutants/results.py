"""Keep how each mutant ended, one JSON line each, for as long as the files that decided it are the same."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, NamedTuple

from tools.mutants.coverage_map import digest, file_of
from tools.mutants.selection import PACKAGE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tools.mutants.child import Outcome
    from tools.mutants.mutations import Mutation, Trial

__all__ = ["EQUIVALENT", "Result", "Results", "read_equivalent", "stale"]

EQUIVALENT = "tests/mutants/equivalent.toml"


class Result(NamedTuple):
    """How a mutant ended.

    :ivar status: ``killed``, ``timeout``, ``died`` (the process ended itself), ``survived``, or ``uncovered`` if no
        test runs its lines
    :ivar test: the test that noticed
    :ivar state: hashes of the module and of the files of tests that decided
    """

    mutant: str
    status: str
    test: str
    seconds: float
    state: str

    @property
    def is_alive(self) -> bool:
        """Return whether no test noticed."""
        return self.status in {"survived", "uncovered"}


class Results:
    """The results of this run, and of those before it unless it is told to *start_over*."""

    def __init__(self, root: Path, name: str, *, start_over: bool = False) -> None:
        self._root, self._path = root, root / f"build/mutants/{name}.jsonl"
        if start_over:
            self._path.unlink(missing_ok=True)
        self._digests: dict[str, str] = {}
        self._found: dict[str, Result] = {}
        self.read()

    def read(self) -> None:
        """Read what this process or another one has added."""
        lines = self._path.read_text(encoding="utf-8").splitlines() if self._path.is_file() else []
        self._found = {each["mutant"]: Result(**each) for each in map(json.loads, lines)}

    def add(self, trial: Trial, outcome: Outcome) -> None:
        """Keep how *trial* ended."""
        status, test, seconds = outcome
        result = Result(trial.mutation.name, status, test, round(seconds, 2), self._state(trial, test))
        self._found[trial.mutation.name] = result
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(result._asdict()) + "\n")

    def known(self, trial: Trial) -> Result | None:
        """Return the result of *trial* if it would be the same today.

        A killed one stays killed while its module and the test that noticed stay as they are. One that survived is
        tried again as soon as a test that runs its lines is new or has changed.
        """
        found = self._found.get(trial.mutation.name)
        return found if found and found.state == self._state(trial, found.test) else None

    def _state(self, trial: Trial, test: str) -> str:
        files = sorted({file_of(each).partition(" ")[0] for each in ([test] if test else trial.tests)})
        return " ".join(self._digest(file) for file in (f"{PACKAGE}/{trial.mutation.module}", *files))

    def _digest(self, file: str) -> str:
        if file not in self._digests:
            path = self._root / file
            self._digests[file] = digest(path)[:8] if path.is_file() else "missing"
        return self._digests[file]


def read_equivalent(root: Path) -> dict[str, str]:
    """Return the mutants that no test can notice, each with the reason."""
    path = root / EQUIVALENT
    document = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {mutant: group["reason"] for group in document.get("equivalent", []) for mutant in group["mutants"]}


def stale(equivalent: Iterable[str], mutations: Iterable[Mutation], killed: Iterable[str] = ()) -> list[str]:
    """Return the entries of *equivalent* that name no mutation of today, or one that a test notices."""
    names, noticed = {mutation.name for mutation in mutations}, set(killed)
    return [
        *(
            f"{EQUIVALENT}: the source has not this mutation any more: {each}"
            for each in equivalent
            if each not in names
        ),
        *(f"{EQUIVALENT}: a test notices it: {each}" for each in equivalent if each in noticed),
    ]

"""Find out which test runs which lines; keep it by file of tests until that or a module that it runs changes."""

from __future__ import annotations

import hashlib
import json
import time
from functools import cache
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from coverage import Coverage

from tools.mutants.child import run_child
from tools.mutants.mutations import Trial
from tools.mutants.selection import PACKAGE
from tools.mutants.session import Collected, run_pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from tools.mutants.child import Send
    from tools.mutants.mutations import Mutation

__all__ = ["CoverageMap", "build", "digest", "file_of", "read"]

_PATIENCE_SECONDS = 60  # for one test


class CoverageMap(NamedTuple):
    """Which test runs which lines.

    :ivar seconds: CPU time of each test
    :ivar lines: for each module and test a number whose bit N says that the test runs line N
    :ivar imported: the same for what runs before any test does
    """

    seconds: dict[str, float]
    lines: dict[str, dict[str, int]]
    imported: dict[str, int]

    def trials(self, mutations: Sequence[Mutation], seconds: float) -> list[Trial]:
        """Choose tests for *mutations*: those of the module's own file first, then the fast ones, up to *seconds*."""
        ranked = {module: self._ranked(module) for module in {mutation.module for mutation in mutations}}
        return [self._trial(mutation, ranked[mutation.module], seconds) for mutation in mutations]

    def _ranked(self, module: str) -> list[str]:
        folder, _, name = f"tests/{module}".removesuffix(".py").rpartition("/")
        own, seconds = f"{folder}/test_{name}", self.seconds
        # A test that compares a constant runs no line of the module.
        tests = self.lines.get(module, {}).keys() | {test for test in seconds if test.startswith(own)}
        return sorted(
            tests,
            key=lambda test: (not (test.startswith(own) and seconds[test] < 1), seconds[test]),
        )

    def _trial(self, mutation: Mutation, ranked: list[str], seconds: float) -> Trial:
        first, last = mutation.lines
        mask = (1 << last + 1) - (1 << first)
        tests = [test for test in ranked if self.lines.get(mutation.module, {}).get(test, 0) & mask]
        is_early = bool(self.imported.get(mutation.module, 0) & mask)
        # Lines that no test runs, because they run earlier, are tried with the tests of the module.
        tests, more = self._first(tests or ranked, seconds), self._first(ranked, seconds)
        return Trial(mutation, tests, more, is_early, self.seconds)

    def _first(self, tests: list[str], seconds: float) -> list[str]:
        spent = accumulate((self.seconds[test] for test in tests), initial=0.0)
        return [test for test, before in zip(tests, spent, strict=False) if before < seconds]


def digest(*paths: Path) -> str:
    """Return a short hash of files."""
    found = hashlib.sha256()
    for path in paths:
        found.update(path.read_bytes())
    return found.hexdigest()[:16]


def file_of(test: str) -> str:
    """Return the file that a test is in."""
    return test.partition("::")[0]


class _Store:
    """A JSON document for each file of tests, valid while it and the modules that its tests run stay as they are."""

    def __init__(self, root: Path, folder: Path) -> None:
        self._root, self._folder = root, folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._digest = cache(lambda path: digest(root / path) if (root / path).is_file() else "")

    def _path(self, file: str) -> Path:
        return self._folder / (file.replace("/", "+") + ".json")

    def read(self, file: str) -> dict[str, Any] | None:
        path = self._path(file)
        found: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
        return found if found and found["state"] == self._state(file, found["lines"]) else None

    def write(self, file: str, fields: dict[str, Any]) -> None:
        self._path(file).write_text(json.dumps({"state": self._state(file, fields["lines"]), **fields}))

    def _state(self, file: str, modules: Iterable[str]) -> dict[str, str]:
        return {path: self._digest(path) for path in (file, *(f"{PACKAGE}/{module}" for module in modules))}


def read(root: Path, folder: Path, files: Sequence[str]) -> CoverageMap:
    """Return the map of those *files* that have one."""
    result = CoverageMap({}, {}, {})
    for kept in filter(None, map(_Store(root, folder).read, files)):
        result.seconds.update(kept["seconds"])
        for module, by_test in kept["lines"].items():
            result.lines.setdefault(module, {}).update((test, int(mask, 16)) for test, mask in by_test.items())
        for module, mask in kept["imported"].items():
            result.imported[module] = result.imported.get(module, 0) | int(mask, 16)
    return result


def build(root: Path, folder: Path, files: Sequence[str], tell: Callable[[str], None]) -> None:
    """Run those *files* whose map is missing or outdated, each in a process of its own."""
    store = _Store(root, folder)
    missing = [file for file in files if store.read(file) is None]
    if not missing:
        return
    imports = _coverage(root)
    imports.start()

    def map_all(items: Sequence[pytest.Item]) -> None:
        imports.stop()
        imported = {module: hex(mask) for module, by in _lines(root, imports).items() for mask in by.values()}
        for number, (file, its) in enumerate(groupby(items, lambda item: file_of(item.nodeid)), 1):
            seconds = _Mapping(root, store, plugin, imported).of_file(file, list(its))
            tell(f"map: {number}/{len(missing)}: {file}: {seconds:.0f} s")

    plugin = Collected(map_all)
    run_pytest(missing, plugin)


class _Mapping:
    def __init__(self, root: Path, store: _Store, plugin: Collected, imported: dict[str, str]) -> None:
        self._root, self._store, self._plugin, self._imported = root, store, plugin, imported

    def of_file(self, file: str, items: list[pytest.Item]) -> float:
        """Map a file; leave those tests out that hang while lines are counted, because signals interrupt them."""
        outcome = run_child(lambda send: self._measure(file, items, send), lambda _: _PATIENCE_SECONDS, self._log)
        left = [item for item in items if item.nodeid != outcome.test]
        return outcome.seconds + (self.of_file(file, left) if outcome.status in {"timeout", "died"} and left else 0)

    @property
    def _log(self) -> Path:
        return self._root / "build/mutants/output.log"

    def _measure(self, file: str, items: Sequence[pytest.Item], send: Send) -> None:
        measured = _Measured(_coverage(self._root), lambda test: send(test=test))
        items[0].config.pluginmanager.register(measured)
        measured.coverage.start()
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        measured.coverage.stop()
        # A test that fails when nothing is broken notices nothing.
        seconds = {test: spent for test, spent in measured.seconds.items() if test not in self._plugin.failed}
        lines = {
            module: {test: hex(mask) for test, mask in by_test.items() if test in seconds}
            for module, by_test in _lines(self._root, measured.coverage).items()
        }
        self._store.write(file, {"seconds": seconds, "lines": lines, "imported": self._imported})
        send(status="mapped")


class _Measured:
    def __init__(self, coverage: Coverage, begin: Callable[[str], None]) -> None:
        self.coverage = coverage
        self.seconds: dict[str, float] = {}
        self._begin = begin

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._begin(item.nodeid)
        self.coverage.switch_context(item.nodeid)
        began = time.process_time()
        try:
            return (yield)
        finally:
            self.seconds[item.nodeid] = round(time.process_time() - began, 4)
            self.coverage.switch_context("")


def _coverage(root: Path) -> Coverage:
    return Coverage(data_file=None, config_file=False, include=[f"{root / PACKAGE}/*"])


def _lines(root: Path, coverage: Coverage) -> dict[str, dict[str, int]]:
    data = coverage.get_data()
    found: dict[str, dict[str, int]] = {}
    for path in data.measured_files():
        by_test: dict[str, int] = {}
        for line, tests in data.contexts_by_lineno(path).items():
            for test in tests:
                by_test[test] = by_test.get(test, 0) | 1 << line
        found[path.removeprefix(f"{root / PACKAGE}/")] = by_test
    return found

"""Run chosen tests of pytest in this process, one by one, until one fails."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tools.mutants.child import Send

__all__ = ["Collected", "Fresh", "named", "run_pytest"]

_OPTIONS = ("-qq", "--capture=sys", *(f"-pno:{each}" for each in ("cacheprovider", "xdist", "randomly", "pytest_cov")))


def run_pytest(files: Sequence[str], plugin: object) -> int:
    """Return pytest's exit code for *files*."""
    return int(pytest.main([*_OPTIONS, *files], plugins=[plugin]))


def named(items: Sequence[pytest.Item], tests: Iterable[str]) -> list[pytest.Item]:
    """Return the items of *tests* in that order.

    All items of the function are returned for a test that is not there, because it is named without parameters or
    because what parameters are made of is broken.
    """
    by_name: dict[str, list[pytest.Item]] = {}
    for item in items:
        by_name[item.nodeid] = [item]
        by_name.setdefault(_function(item.nodeid), []).append(item)
    found = (item for test in tests for item in by_name.get(test, by_name.get(_function(test), [])))
    return [*dict.fromkeys(found)]


def _function(test: str) -> str:
    return test.partition("[")[0]


class _Watched:
    """A plugin that lets hypothesis draw the same examples each time, and notes what fails."""

    def __init__(self) -> None:
        self.failed: set[str] = set()

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self) -> None:
        """No example is kept or made smaller: a mutant is killed by the first one."""
        from hypothesis import HealthCheck, Phase, settings  # noqa: PLC0415 - pytest wants to rewrite it first

        settings.register_profile(
            "mutants",
            settings.get_profile("default"),
            database=None,
            deadline=None,
            derandomize=True,
            phases=(Phase.explicit, Phase.generate),
            suppress_health_check=list(HealthCheck),
        )
        settings.load_profile("mutants")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure in set-up, call or tear-down."""
        if report.failed:
            self.failed.add(report.nodeid)

    def run(self, items: Sequence[pytest.Item], begin: Callable[[str], None]) -> str:
        """Return the ID of the first of *items* that fails, or nothing."""
        for item, following in zip(items, [*items[1:], None], strict=True):
            begin(item.nodeid)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
            if self.failed:
                return item.nodeid
        return ""


class Collected(_Watched):
    """Collect, then hand the tests over instead of running them."""

    def __init__(self, take: Callable[[Sequence[pytest.Item]], None]) -> None:
        super().__init__()
        self._take = take

    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Take the place of pytest's own loop."""
        if session.testsfailed:
            return None
        self._take(session.items)
        return True


class Fresh(_Watched):
    """Run those tests that are *wanted*, in that order, and send how it ended."""

    def __init__(self, wanted: Sequence[str], send: Send) -> None:
        super().__init__()
        self._wanted = wanted
        self._send = send

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """End at once if a file of tests cannot be imported."""
        if report.failed:
            self._send(status="killed", test=f"{report.nodeid} (import)")
            os._exit(0)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take the place of pytest's own loop."""
        failed = self.run(named(session.items, self._wanted), lambda test: self._send(test=test))
        self._send(status="killed" if failed else "survived", test=failed)
        return True

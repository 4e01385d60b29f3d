"""What a test case can end with, and the count of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from warmkey import WarmkeyError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Json", "NotRunError", "Report", "VectorError", "must_fail"]

Json = dict[str, Any]
_SHOWN = 20


class NotRunError(Exception):
    """The case can't be run here: its text says what is missing."""


class VectorError(Exception):
    """The case did not end as its manifest says."""


@dataclass
class Report:
    """How the cases of one manifest ended.

    :ivar failures: case and problem
    :ivar not_run: how many for each reason
    """

    passed: int = 0
    failures: list[str] = field(default_factory=list)
    not_run: Counter[str] = field(default_factory=Counter)

    def run(self, name: str, case: Callable[[], None]) -> None:
        """Run *case* and count how it ends; nothing that it raises ends the run."""
        try:
            case()
        except NotRunError as reason:
            self.not_run[str(reason)] += 1
        except Exception as error:  # noqa: BLE001 - a case that breaks is a failure like another
            self.failures.append(f"{name}: {type(error).__name__}: {error}")
        else:
            self.passed += 1

    def lines(self) -> list[str]:
        """Return what is printed."""
        more = len(self.failures) - _SHOWN
        return [
            f"{self.passed} passed, {len(self.failures)} failed, {self.not_run.total()} not run",
            *(f"  not run, {reason}: {count}" for reason, count in sorted(self.not_run.items())),
            *(f"  FAILED {failure}" for failure in self.failures[:_SHOWN]),
            *([f"  and {more} more"] if more > 0 else []),
        ]


def must_fail(attempt: Callable[[], object], why: str) -> None:
    """Check that *attempt* raises an error of warmkey.

    :raises VectorError: it succeeded
    """
    try:
        attempt()
    except WarmkeyError:
        return
    raise VectorError(f"must fail and did not: {why}")

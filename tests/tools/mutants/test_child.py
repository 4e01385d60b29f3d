"""A forked process says how it ended, and a parent that hears nothing ends it."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

from tools.mutants.child import apart, run_child

if TYPE_CHECKING:
    from collections.abc import Callable

    from tools.mutants.child import Send

# From Python 3.12 on, a fork beside threads, which tests elsewhere may have left behind, is warned of.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def killed(send: Send) -> None:
    send(test="a")
    send(test="b")
    send(status="killed", test="b")


def survived(send: Send) -> None:
    send(test="a")
    send(status="survived")


def died(send: Send) -> None:
    send(test="a")
    os._exit(0)


def failed(send: Send) -> None:
    send(test="a")
    raise ValueError


def ended_by_a_grandchild(send: Send) -> None:
    send(test="a")
    if os.fork():
        os.wait()
        send(status="survived")
    send(status="killed")
    os._exit(0)


@pytest.mark.parametrize(
    ("run", "status", "test"),
    [
        (killed, "killed", "b"),
        (survived, "survived", ""),
        (died, "died", "a"),
        (failed, "died", "a"),
        (ended_by_a_grandchild, "survived", ""),
    ],
)
def test_how_a_child_ended_and_in_which_test(
    tmp_path: Path, run: Callable[[Send], None], status: str, test: str
) -> None:
    assert run_child(run, lambda _: 60, tmp_path / "log")[:2] == (status, test)


def test_a_child_that_says_nothing_any_more_is_ended(tmp_path: Path) -> None:
    assert run_child(lambda _: signal.pause(), lambda _: 0.01, tmp_path / "log").status == "timeout"


def test_a_child_writes_to_the_log_and_into_a_folder_that_is_removed(tmp_path: Path) -> None:
    def run(send: Send) -> None:
        os.write(1, tempfile.gettempdir().encode())
        os.write(2, b" and what went wrong")
        send(status="survived")

    run_child(run, lambda _: 60, tmp_path / "log")

    folder, text = (tmp_path / "log").read_text().split(" ", 1)
    assert text == "and what went wrong"
    assert not Path(folder).exists()
    assert folder != tempfile.gettempdir()


def test_what_runs_apart_changes_nothing_here_and_its_failure_is_told() -> None:
    found: list[int] = []

    def fail() -> NoReturn:
        os._exit(3)

    apart(lambda: found.append(1))

    assert found == []
    with pytest.raises(RuntimeError, match="forked process failed"):
        apart(fail)

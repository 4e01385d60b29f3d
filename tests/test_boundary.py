"""What is run outside of the public boundary: after the outermost public function of the thread has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from warmkey.boundary import PENDING, leave, mark_boundary, run_outside

if TYPE_CHECKING:
    from collections.abc import Callable


@mark_boundary
def public(action: Callable[[], Any]) -> Any:
    try:
        return action()
    finally:
        if PENDING:
            leave()


def test_outside_of_any_public_function_it_runs_at_once() -> None:
    done: list[str] = []
    run_outside(lambda: done.append("at once"))

    assert done == ["at once"]


def test_it_waits_for_the_outermost_public_function() -> None:
    done: list[str] = []

    def inner() -> list[str]:
        run_outside(lambda: done.append("first"))
        run_outside(lambda: done.append("second"))
        return list(done)

    def outer() -> tuple[list[str], list[str]]:
        return public(inner), list(done)

    assert public(outer) == ([], [])
    assert done == ["first", "second"]
    assert PENDING == {}


def test_it_runs_after_a_failure_too() -> None:
    done: list[str] = []

    def fail() -> None:
        run_outside(lambda: done.append("done"))
        raise KeyError

    with pytest.raises(KeyError):
        public(fail)
    assert done == ["done"]


def test_a_line_that_fails_fails_neither_the_others_nor_the_function(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    def fail() -> None:
        raise RuntimeError("with a secret")

    def call() -> int:
        run_outside(fail)
        run_outside(lambda: done.append("done"))
        return 1

    assert public(call) == 1
    assert done == ["done"]
    assert "a line could not be written: RuntimeError" in caplog.text
    assert "secret" not in caplog.text

"""Two ways to fork, for tests of what a child may use."""

from __future__ import annotations

import ctypes
import os
import warnings

import pytest

from warmkey.fork_safety import PROCESS_MARK


def fork_by_python() -> int:
    with warnings.catch_warnings():
        # From Python 3.12 on, a fork beside threads is warned of. It is what some of these tests are about.
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def fork_behind_pythons_back() -> int:
    """As an embedding server's C code may fork: none of Python's hooks runs."""
    process: int = ctypes.PyDLL(None).fork()
    return process


def become_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a child sees that was forked behind Python's back: another process ID, and no mark."""
    process = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: process)
    PROCESS_MARK[0] = 0


# A thread that waits for the interpreter's lock while Python's back is turned is waited for in the child, which lacks
# it. Tests elsewhere leave such threads behind, so these forks are made in a process of their own.
ALONE = os.environ.get("TESTS_OF_FORKING") == "alone"
by_either_fork = pytest.mark.parametrize("fork", [fork_behind_pythons_back if ALONE else fork_by_python])

"""Run a function in a forked process, and end it when it hangs."""

from __future__ import annotations

import multiprocessing
import os
import resource
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from pathlib import Path

__all__ = ["Outcome", "Send", "apart", "run_child"]

_FORK = multiprocessing.get_context("fork")
_MEMORY_BYTES = 6 << 30  # a mutant that collects without end gets a MemoryError


class Send(Protocol):
    """Tell the parent which test begins, and at the end how it ended."""

    def __call__(self, *, test: str = "", status: str = "") -> None:
        """Send what is not empty."""


class Outcome(NamedTuple):
    """How a child ended: ``status`` is what it sent, or ``timeout``, or ``died``; ``test`` is what it ran last."""

    status: str
    test: str
    seconds: float


def apart(run: Callable[[], object]) -> None:
    """Run something in a forked process, so that this one does not load what it loads.

    :raises RuntimeError: if it failed there
    """
    process = _FORK.Process(target=run)
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError("the forked process failed; its output says why")


def run_child(run: Callable[[Send], None], patience: Callable[[str], float], log: Path) -> Outcome:
    """Run something in a process and a folder of its own; what it prints goes to *log*.

    :param patience: returns the seconds after which it counts as hanging in a test
    """
    began = time.monotonic()
    folder = tempfile.mkdtemp(prefix="mutant-")
    inbox, outbox = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_be_a_child, args=(run, outbox, log, folder))
    process.start()
    outbox.close()
    status, test = _hear(inbox, patience)
    for kill in (os.killpg, os.kill):  # it may not have a group of its own yet
        with suppress(ProcessLookupError):
            kill(process.pid or 0, signal.SIGKILL)
    process.join()
    shutil.rmtree(folder, ignore_errors=True)
    return Outcome(status, test, time.monotonic() - began)


def _hear(inbox: Connection[None, dict[str, str]], patience: Callable[[str], float]) -> tuple[str, str]:
    status = test = ""
    with inbox:
        while not status:
            if not inbox.poll(patience(test)):
                return "timeout", test
            try:
                heard = inbox.recv()
            except EOFError:
                return "died", test
            status, test = heard["status"], heard["test"]
    return status, test


def _be_a_child(run: Callable[[Send], None], outbox: Connection[dict[str, str], None], log: Path, folder: str) -> None:
    os.setsid()
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ["PYTEST_DEBUG_TEMPROOT"] = os.environ["TMPDIR"] = tempfile.tempdir = folder
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
    pid = os.getpid()

    def send(*, test: str = "", status: str = "") -> None:
        if os.getpid() == pid:  # not in processes that tests fork
            outbox.send({"test": test, "status": status})

    run(send)

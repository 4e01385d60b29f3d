"""Children of the test process: forked ones, and fresh interpreters."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
import traceback
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_ROOT = Path(__file__).parents[2]
# Only how long a broken test hangs.
_PATIENCE_SECONDS = 60


def in_child(function: Callable[[], Any]) -> Any:
    """What *function* returns in a forked child, through JSON."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking with threads, which is what some tests do
        child = os.fork()
    if child == 0:
        _report(function, writer)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answer = pipe.read()
    status = os.waitpid(child, 0)[1]
    assert status == 0, answer or f"the child ended with {status}"
    return json.loads(answer)


def _report(function: Callable[[], Any], writer: int) -> None:
    signal.alarm(_PATIENCE_SECONDS)
    try:
        answer, status = json.dumps(function()), 0
    except BaseException:  # noqa: BLE001 - the parent is told
        answer, status = traceback.format_exc(), 1
    os.write(writer, answer.encode())
    os._exit(status)


def in_new_process(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run *code* in a fresh interpreter with only these environment variables."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment(variables),
        capture_output=True,
        text=True,
        timeout=_PATIENCE_SECONDS,
        check=False,
    )


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """What a fresh interpreter needs to import warmkey and the tests, and *variables*."""
    return {"PYTHONPATH": f"{_ROOT / 'src'}{os.pathsep}{_ROOT}", "PATH": os.environ["PATH"], **variables}


@contextmanager
def standing_process(code: str, **variables: str) -> Iterator[int]:
    """Run *code*, which prints ``ready`` and then waits for its standard input to end; gives the process ID."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environment(variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        lines = iter(cast("IO[str]", process.stdout).readline, "")
        assert "ready\n" in lines, "the process ended before it was ready"
        yield process.pid
    finally:
        process.communicate(timeout=_PATIENCE_SECONDS)


def writable_memory(process: int) -> Iterator[bytes]:
    """The contents of all memory that *process*, a child of ours, can write to."""
    with Path(f"/proc/{process}/maps").open() as maps, Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
        for line in maps:
            addresses, permissions, *_ = line.split()
            start, end = (int(address, 16) for address in addresses.split("-"))
            if permissions.startswith("rw"):
                memory.seek(start)
                with contextlib.suppress(OSError):  # what the kernel keeps to itself
                    yield memory.read(end - start)

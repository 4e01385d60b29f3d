"""Children of the test process: forked ones, and fresh interpreters."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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

"""One execution environment of a function, as near to Lambda as a machine without containers gets.

AWS's Runtime Interface Emulator starts the managed runtimes' own client, ``awslambdaric``, in an environment that has
nothing else but boto3, with the unpacked layer standing for ``/opt``.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Emulator", "EmulatorUnavailable", "FunctionFailed", "Invocation", "Runtime", "unpack_layer"]

_INVOKE_PATH = "/2015-03-31/functions/function/invocations"
_START_SECONDS = 15.0
_INVOKE_SECONDS = 240.0  # under an emulated processor everything takes a minute
_STOP_SECONDS = 3.0
# No environment outlives this, whatever becomes of the process that started it.
_LIFE_SECONDS = 600


class EmulatorUnavailable(Exception):
    """The emulator can't run here; the message says what is missing."""


class FunctionFailed(Exception):
    """The handler raised, or its module can't be imported. The message is what Lambda would answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What one invocation returned, and how long it took to the caller."""

    result: Any
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """What stands for Lambda's managed runtime: its Python, the emulator, and ``/opt`` with the layers in it."""

    emulator: Path
    python: Path
    opt: Path

    def check(self) -> None:
        """:raises EmulatorUnavailable: something is missing"""
        for part in (self.emulator, self.python, self.opt / "python"):
            if not part.exists():
                raise EmulatorUnavailable(f"there is no {part}")

    def python_version(self) -> str:
        """For example ``python3.13``."""
        say = "import sys; print('python%d.%d' % sys.version_info[:2])"
        return subprocess.run([self.python, "-c", say], check=True, capture_output=True, text=True).stdout.strip()


def unpack_layer(layer: Path, opt: Path) -> None:
    """Do what Lambda does with a layer's zip. A later layer's files win."""
    if not layer.exists():
        raise EmulatorUnavailable(f"there is no {layer}")
    with zipfile.ZipFile(layer) as archive:
        archive.extractall(opt)


class Emulator:
    """A running execution environment; a context manager. One invocation at a time."""

    def __init__(self, runtime: Runtime, *, task_root: Path, handler: str, environment: Mapping[str, str]) -> None:
        runtime.check()
        self._runtime = runtime
        self._task_root = task_root
        self._handler = handler
        self._environment = dict(environment)
        self._scratch = tempfile.TemporaryDirectory(prefix="warmkey-emulator-")
        self._output = Path(self._scratch.name, "output")
        self._diagnostics = Path(self._scratch.name, "diagnostics")

    def __enter__(self) -> Self:
        self._port = _free_port()
        with self._output.open("wb") as output, self._diagnostics.open("wb") as diagnostics:
            try:
                self._process = subprocess.Popen(
                    self._command(),
                    cwd=self._task_root,
                    env=self._variables(),
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=diagnostics,
                    start_new_session=True,
                )
            except OSError as error:
                self._scratch.cleanup()
                raise EmulatorUnavailable(f"the emulator does not start: {error}") from error
        try:
            self._wait_until_listening()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        _stop_session(self._process)
        self._scratch.cleanup()

    def invoke(self, event: object) -> Invocation:
        """Invoke the function; the first time also starts its runtime.

        :raises FunctionFailed: it answered with an error, or not in time
        """
        url = f"http://127.0.0.1:{self._port}{_INVOKE_PATH}"
        request = urllib.request.Request(url, data=json.dumps(event).encode())
        started = time.perf_counter()
        try:
            with urllib.request.urlopen(request, timeout=_INVOKE_SECONDS) as response:
                body = response.read()
        except (OSError, urllib.error.URLError) as error:
            raise FunctionFailed(f"{error}\n{self.output()}\n{self.diagnostics()}") from error
        seconds = time.perf_counter() - started
        return Invocation(result=self._result(body), seconds=seconds)

    def _result(self, body: bytes) -> Any:  # noqa: ANN401 - whatever the handler returns
        try:
            result = json.loads(body)
        except ValueError:  # a timeout is answered in plain text
            raise FunctionFailed(body.decode(errors="replace")) from None
        if isinstance(result, dict) and "errorType" in result:
            raise FunctionFailed(f"{result['errorType']}: {result.get('errorMessage')}\n{self.output()}")
        return result

    def output(self) -> str:
        """What the function wrote, and Lambda's START, END and REPORT lines."""
        return self._output.read_text(errors="replace")

    def diagnostics(self) -> str:
        """What the emulator itself has to say."""
        return self._diagnostics.read_text(errors="replace")

    def _command(self) -> list[str]:
        guard = ["timeout", "--kill-after=5", str(_LIFE_SECONDS)] if shutil.which("timeout") else []
        listen = ["--runtime-interface-emulator-address", f"127.0.0.1:{self._port}"]
        runtime_api = ["--runtime-api-address", f"127.0.0.1:{_free_port()}"]
        client = [str(self._runtime.python), "-m", "awslambdaric", self._handler]
        return [*guard, str(self._runtime.emulator), *listen, *runtime_api, *client]

    def _variables(self) -> dict[str, str]:
        version = self._runtime.python_version()
        opt = self._runtime.opt
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": f"{opt}/python/lib/{version}/site-packages{os.pathsep}{opt}/python",
            "PYTHONDONTWRITEBYTECODE": "1",  # a layer's file system is read-only
            "LD_LIBRARY_PATH": f"{opt}/lib",
            "LAMBDA_TASK_ROOT": str(self._task_root),
            "_HANDLER": self._handler,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{version}",
            "AWS_LAMBDA_FUNCTION_NAME": self._task_root.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        } | self._environment

    def _wait_until_listening(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), timeout=0.2):
                return
            time.sleep(0.02)
        raise EmulatorUnavailable(f"the emulator does not listen: {self.diagnostics()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _stop_session(process: subprocess.Popen[bytes]) -> None:
    """End *process* and all that it started; the emulator gives the runtime client a process group of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_STOP_SECONDS)
    for pid in _session_members(process.pid):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait(_STOP_SECONDS)


def _session_members(session: int) -> list[int]:
    members = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has just ended
            after_name = status.read_text().rpartition(")")[2].split()
            if int(after_name[3]) == session:
                members.append(int(status.parent.name))
    return members

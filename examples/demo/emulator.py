"""Run one execution environment of a function, as similar to Lambda as is possible without containers.

AWS's Runtime Interface Emulator starts ``awslambdaric``, the client of the managed runtimes, in a Python environment
that otherwise contains only boto3. The unpacked layer takes the place of ``/opt``.
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
_INVOKE_SECONDS = 240.0  # an emulated processor can need a minute
_STOP_SECONDS = 3.0
# No environment lives longer than this, even if the process that started it is killed.
_LIFE_SECONDS = 600


class EmulatorUnavailable(Exception):
    """Say that the emulator can't run here, and what is missing."""


class FunctionFailed(Exception):
    """Say that the handler raised or can't be imported. The message is what Lambda would return."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """Hold what one invocation returned, and how long its caller waited."""

    result: Any
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """Name the parts of the managed runtime: its Python, the emulator, and ``/opt`` with the layers in it."""

    emulator: Path
    python: Path
    opt: Path

    def check(self) -> None:
        """Check that all parts exist.

        :raises EmulatorUnavailable: a part is missing
        """
        for part in (self.emulator, self.python, self.opt / "python"):
            if not part.exists():
                raise EmulatorUnavailable(f"{part} does not exist")

    def python_version(self) -> str:
        """Return the version of the runtime's Python, for example ``python3.13``."""
        say = "import sys; print('python%d.%d' % sys.version_info[:2])"
        return subprocess.run([self.python, "-c", say], check=True, capture_output=True, text=True).stdout.strip()


def unpack_layer(layer: Path, opt: Path) -> None:
    """Unpack the zip of a layer as Lambda does: files of a later layer overwrite those of an earlier one."""
    if not layer.exists():
        raise EmulatorUnavailable(f"{layer} does not exist")
    with zipfile.ZipFile(layer) as archive:
        archive.extractall(opt)


class Emulator:
    """Run an execution environment, as a context manager. It handles one invocation at a time."""

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
                raise EmulatorUnavailable(f"the emulator did not start: {error}") from error
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
        """Invoke the function. The first invocation also starts its runtime.

        :raises FunctionFailed: the function returned an error, or did not answer in time
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
        except ValueError:  # after a timeout, the answer is plain text
            raise FunctionFailed(body.decode(errors="replace")) from None
        if isinstance(result, dict) and "errorType" in result:
            raise FunctionFailed(f"{result['errorType']}: {result.get('errorMessage')}\n{self.output()}")
        return result

    def output(self) -> str:
        """Return what the function wrote, including Lambda's START, END and REPORT lines."""
        return self._output.read_text(errors="replace")

    def diagnostics(self) -> str:
        """Return what the emulator itself wrote."""
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
        raise EmulatorUnavailable(f"the emulator does not accept connections: {self.diagnostics()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _stop_session(process: subprocess.Popen[bytes]) -> None:
    """End *process* and everything that it started, because the emulator runs the client in its own process group."""
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
        with contextlib.suppress(OSError):  # the process has just ended
            after_name = status.read_text().rpartition(")")[2].split()
            if int(after_name[3]) == session:
                members.append(int(status.parent.name))
    return members

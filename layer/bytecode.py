"""Bytecode for the layer. Its file system is read-only, so without it every cold start compiles every module.

The names of ``.pyc`` files carry the Python version: one layer holds those of all interpreters that this machine has.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from layer.runtimes import HOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["FETCHED", "Interpreter", "compile_sources", "find_interpreters"]

# Where `make every-runtime` puts Pythons that this machine does not have.
FETCHED = Path(__file__).resolve().parent.parent / "build" / "pythons"

# Bytecode of a pre-release is not what the release loads.
_PROBE = """
import sys
assert sys.implementation.name == "cpython" and sys.version_info.releaselevel == "final"
print("%d.%d" % sys.version_info[:2], "%d.%d.%d" % sys.version_info[:3])
"""
_PROBE_SECONDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python that runs on this machine. ``runtime`` is its minor version: ``3.13``."""

    executable: str
    runtime: str
    version: str


def find_interpreters(runtimes: Iterable[str]) -> list[Interpreter]:
    """The first interpreter that starts for each of *runtimes*; those that this machine does not have are left out."""
    found = (_first_that_starts(runtime) for runtime in runtimes)
    return [interpreter for interpreter in found if interpreter]


def _first_that_starts(runtime: str) -> Interpreter | None:
    for executable in _candidates(runtime):
        interpreter = _probe(executable)
        if interpreter and interpreter.runtime == runtime:
            return interpreter
    return None


def _candidates(runtime: str) -> Iterator[Path]:
    folders = [Path(folder) for folder in os.get_exec_path()]
    folders.append(FETCHED / f"{runtime}-{HOST}" / "bin")
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    folders += sorted(pyenv.glob(f"versions/{runtime}.*/bin"), reverse=True)
    folders += sorted(Path.home().glob(f".local/share/uv/python/cpython-{runtime}.*/bin"), reverse=True)
    for folder in folders:
        candidate = folder / f"python{runtime}"
        if candidate.is_file():
            yield candidate


def _probe(executable: Path) -> Interpreter | None:
    try:
        probe = [str(executable), "-I", "-c", _PROBE]
        answer = subprocess.run(probe, check=True, capture_output=True, text=True, timeout=_PROBE_SECONDS).stdout
    except (OSError, subprocess.SubprocessError):
        return None  # a shim that starts nothing
    runtime, version = answer.split()
    return Interpreter(executable=str(executable), runtime=runtime, version=version)


def compile_sources(
    sources: Mapping[str, bytes], interpreters: Iterable[Interpreter], *, checked: bool
) -> dict[str, bytes]:
    """The ``.pyc`` files for *sources*, by their path beside them, as each of *interpreters* makes them.

    Their tracebacks name the place in Lambda: ``/opt/python/...``.

    :param checked: whether they count only for the source that they were made from. A layer that is unpacked over
        this one replaces sources and leaves these files; unchecked, they would go on speaking for the old sources
    """
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        for name, content in sources.items():
            path = root / "python" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        for interpreter in interpreters:
            _compile(root, interpreter, "checked-hash" if checked else "unchecked-hash")
        compiled = sorted((root / "python").rglob("*.pyc"))
        return {path.relative_to(root / "python").as_posix(): path.read_bytes() for path in compiled}


def _compile(root: Path, interpreter: Interpreter, invalidation: str) -> None:
    compileall = [interpreter.executable, "-I", "-m", "compileall", "-q", "--invalidation-mode", invalidation]
    subprocess.run([*compileall, "-s", str(root), "-p", "/opt", str(root / "python")], check=True)

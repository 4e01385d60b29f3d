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
    from collections.abc import Iterable, Mapping

__all__ = ["FETCHED", "Interpreter", "compile_sources", "find_interpreters"]

# Where `make every-runtime` puts Pythons that this machine does not have.
FETCHED = Path(__file__).resolve().parent.parent / "build" / "pythons"

_FIND_PYTHON = Path(__file__).resolve().parents[1] / "tools" / "find_python.sh"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python that runs on this machine. ``runtime`` is its minor version: ``3.13``."""

    executable: str
    runtime: str
    version: str


def find_interpreters(runtimes: Iterable[str]) -> list[Interpreter]:
    """Return an interpreter for each of *runtimes*, without those that this machine does not have."""
    runtimes = [*runtimes]
    folders = [*os.get_exec_path(), *(str(FETCHED / f"{runtime}-{HOST}" / "bin") for runtime in runtimes)]
    command = [str(_FIND_PYTHON), "--", *runtimes]
    environment = os.environ | {"PATH": os.pathsep.join(folders)}
    found = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    rows = [line.rpartition(" ") for line in found.splitlines()]
    return [
        Interpreter(executable=executable, runtime=version.rpartition(".")[0], version=version)
        for executable, _, version in rows
    ]


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

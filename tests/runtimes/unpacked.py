"""What stands in ``/opt`` and in the function's own folder: files by their path, as layers and packages bring them."""

from __future__ import annotations

import platform
import re
import subprocess
import zipfile
from typing import TYPE_CHECKING, TypeAlias

import pytest

from examples.demo.emulator import Emulator, EmulatorUnavailable, Runtime
from examples.demo.stages import host_layer
from layer import archive, runtimes, wheels
from layer.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Files: TypeAlias = "Mapping[str, bytes]"


class Parts(dict[str, Files]):
    """What a scenario puts together, by name."""

    def __repr__(self) -> str:
        return f"<Parts {', '.join(self)}>"  # not their contents, when a test fails


RUNTIMES = [runtime for runtime in runtimes.RUNTIMES if runtimes.interpreter(runtime)]
FUNCTION = ROOT / "tests" / "runtimes" / "reporting_function" / "app.py"
MACHINE = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())

_NEIGHBOURS = ROOT / "requirements" / "neighbours.txt"


def layer(variant: str) -> Files:
    """What ``make layer`` built for this machine."""
    path = host_layer(variant)
    if not path.exists():
        pytest.skip(f"there is no {path}; `make runtime layer VARIANT={variant}` makes it")
    with zipfile.ZipFile(path) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist()}


def neighbours() -> Files:
    """The oldest cryptography, Powertools and boto3 that warmkey works with, without bytecode, as a layer has them."""
    try:
        found = wheels.fetch(_NEIGHBOURS, runtimes.HOST, ROOT / "build" / "wheels")
    except subprocess.CalledProcessError:
        pytest.skip("no package index is here; `make runtimes` downloads what this needs")
    return {f"python/{name}": content for name, content in wheels.merge(map(wheels.unpack, found)).items()}


def of(packages: str, files: Files) -> Files:
    """Those of *files* that belong to the top-level *packages*, separated by spaces."""
    wanted = packages.split()
    return {name: content for name, content in files.items() if re.split("[/.-]", name)[1] in wanted}


def pins(name: str) -> dict[str, str]:
    """Versions by package of ``requirements/NAME.txt``."""
    lines = (ROOT / "requirements" / f"{name}.txt").read_text().splitlines()
    return dict(line.split()[0].split("==") for line in lines if "==" in line)


def start(folder: Path, *, runtime: str, opt: Files, function: Files, environment: Mapping[str, str]) -> Emulator:
    """An execution environment of the function that says what it runs on."""
    archive.write_tree(opt, folder / "opt")
    task_root = folder / "reporting-function"
    own = {name.removeprefix("python/"): content for name, content in function.items()}
    archive.write_tree({"app.py": FUNCTION.read_bytes(), **own}, task_root)
    python = runtimes.interpreter(runtime)
    if not python:
        pytest.skip(f"no Python {runtime} is here; `make runtimes` or `make every-runtime` makes it ready")
    lambda_runtime = Runtime(emulator=ROOT / "build" / "aws-lambda-rie", python=python, opt=folder / "opt")
    try:
        return Emulator(lambda_runtime, task_root=task_root, handler="app.handler", environment=environment)
    except EmulatorUnavailable as reason:
        pytest.skip(f"{reason}; `make runtime` makes it")

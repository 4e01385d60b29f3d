"""Start the functions under Lambda's runtime client, or in this process."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import TYPE_CHECKING

from examples.demo.emulator import Emulator, Runtime, unpack_layer
from examples.demo.in_process import InProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["EmulatorStage", "InProcessStage", "host_layer"]

_CLONE = Path(__file__).resolve().parents[2]
_HOST = {"aarch64": "arm64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())


def host_layer(variant: str = "full") -> Path:
    """Return the path where ``make layer`` puts the layer for this machine's architecture."""
    return _CLONE / "layer" / f"warmkey-{variant}-{_HOST}.zip"


class EmulatorStage:
    """Start execution environments with the layer that ``make layer`` built for this machine, unpacked in *opt*.

    :param python: the interpreter that runs the functions; the default is the one of ``make runtime``
    :raises EmulatorUnavailable: a part is missing; ``make runtime`` makes all parts
    """

    def __init__(self, opt: Path, *, variant: str = "full", python: Path | None = None) -> None:
        unpack_layer(host_layer(variant), opt)
        self._runtime = Runtime(
            emulator=_CLONE / "build" / "aws-lambda-rie",
            python=python or _CLONE / ".venv-runtime" / "bin" / "python",
            opt=opt,
        )

    def start(self, task_root: Path, environment: Mapping[str, str], handler: str = "app.handler") -> Emulator:
        """Start an emulator for the function in *task_root*."""
        return Emulator(self._runtime, task_root=task_root, handler=handler, environment=environment)


class InProcessStage:
    """Call the handlers directly, in this process."""

    def start(self, task_root: Path, environment: Mapping[str, str]) -> InProcess:
        """Import the function in *task_root*."""
        return InProcess(task_root=task_root, environment=environment)

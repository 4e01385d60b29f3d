"""Run the functions in this process, for machines that can't run the emulator."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import time
from typing import TYPE_CHECKING, Any, Self
from unittest.mock import patch

import warmkey
from examples.demo.emulator import Invocation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["InProcess"]


class InProcess:
    """Replace :class:`~examples.demo.emulator.Emulator`, without a runtime; a context manager."""

    def __init__(self, *, task_root: Path, environment: Mapping[str, str]) -> None:
        self._task_root = task_root
        self._environment = patch.dict(os.environ, environment)
        self._output = io.StringIO()

    def __enter__(self) -> Self:
        self._environment.start()
        with contextlib.redirect_stdout(self._output):
            warmkey.reset()
            self._handler = _load_handler(self._task_root / "app.py")
        return self

    def __exit__(self, *_error: object) -> None:
        with contextlib.redirect_stdout(self._output):
            warmkey.reset()  # logs what it evicts
        self._environment.stop()

    def invoke(self, event: object) -> Invocation:
        """Call the handler with the event as it would have arrived over HTTP."""
        started = time.perf_counter()
        with contextlib.redirect_stdout(self._output):
            result = self._handler(json.loads(json.dumps(event)), None)
        return Invocation(result=json.loads(json.dumps(result)), seconds=time.perf_counter() - started)

    def output(self) -> str:
        """Return what the function wrote."""
        return self._output.getvalue()


def _load_handler(path: Path) -> Callable[[Any, Any], Any]:
    spec = importlib.util.spec_from_file_location(f"demo_{path.parent.name}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    handler: Callable[[Any, Any], Any] = module.handler
    return handler

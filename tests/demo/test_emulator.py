"""One execution environment: the runtime client is real, and nothing of it stays behind."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from examples.demo.emulator import Emulator, EmulatorUnavailable, FunctionFailed, Runtime, unpack_layer
from examples.demo.stages import EmulatorStage

if TYPE_CHECKING:
    from collections.abc import Iterator

HANDLER = """
import os, sys

print("module imported")

def handler(event, context):
    if event.get("fail"):
        raise ValueError("as asked")
    if event.get("exit"):
        os._exit(3)
    request, colour = context.aws_request_id, os.environ.get("COLOUR")
    return {"pid": os.getpid(), "path": sys.path, "colour": colour, "request": request}
"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> EmulatorStage:
    try:
        return EmulatorStage(tmp_path_factory.mktemp("opt"))
    except EmulatorUnavailable as reason:
        pytest.skip(f"{reason}; `make runtime` makes it")


@pytest.fixture(scope="module")
def running(stage: EmulatorStage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    task_root = tmp_path_factory.mktemp("task")
    (task_root / "app.py").write_text(HANDLER)
    with stage.start(task_root, {"COLOUR": "green"}) as emulator:
        yield emulator


@pytest.mark.runtime
class TestARunningEnvironment:
    def test_warm_invocations_reuse_the_process(self, running: Emulator) -> None:
        first, second = running.invoke({}).result, running.invoke({}).result

        assert first["pid"] == second["pid"]
        assert first["request"] != second["request"]
        assert running.output().count("module imported") == 1

    def test_the_layer_comes_after_the_function_and_before_the_runtime(self, running: Emulator) -> None:
        path = running.invoke({}).result["path"]
        opt = next(index for index, entry in enumerate(path) if entry.endswith("/python"))
        runtime = next(index for index, entry in enumerate(path) if ".venv-runtime" in entry)

        assert 0 < opt < runtime

    def test_variables_reach_the_function_and_ours_do_not(self, running: Emulator) -> None:
        assert running.invoke({}).result["colour"] == "green"

    def test_an_exception_in_the_handler_is_reported_with_its_type(self, running: Emulator) -> None:
        with pytest.raises(FunctionFailed, match="ValueError: as asked"):
            running.invoke({"fail": True})

    def test_a_process_that_dies_is_reported_and_replaced(self, running: Emulator) -> None:
        with pytest.raises(FunctionFailed):
            running.invoke({"exit": True})

        assert running.invoke({}).result["pid"]


@pytest.mark.runtime
def test_nothing_stays_behind(stage: EmulatorStage, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(HANDLER)
    with stage.start(tmp_path, {}) as emulator:
        pid = emulator.invoke({}).result["pid"]

    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_missing_layer_is_named(tmp_path: Path) -> None:
    with pytest.raises(EmulatorUnavailable, match=r"layer\.zip"):
        unpack_layer(tmp_path / "layer.zip", tmp_path)


def test_a_missing_emulator_is_named(tmp_path: Path) -> None:
    runtime = Runtime(emulator=tmp_path / "rie", python=Path(sys.executable), opt=tmp_path)
    with pytest.raises(EmulatorUnavailable, match="rie"):
        Emulator(runtime, task_root=tmp_path, handler="app.handler", environment={})


@pytest.mark.parametrize("content", [b"", b"\x7fELF of another machine", b"#!/bin/sh\nexit 1\n"])
def test_an_emulator_that_does_not_run_here_is_unavailable(tmp_path: Path, content: bytes) -> None:
    emulator = tmp_path / "rie"
    emulator.write_bytes(content)
    emulator.chmod(0o755)
    (tmp_path / "python").mkdir()
    runtime = Runtime(emulator=emulator, python=Path(sys.executable), opt=tmp_path)

    with (
        pytest.raises(EmulatorUnavailable),
        Emulator(runtime, task_root=tmp_path, handler="app.handler", environment={}),
    ):
        pass

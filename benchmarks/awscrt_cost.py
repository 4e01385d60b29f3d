"""What awscrt costs a function, and from how many signed messages on it pays.

A function has made a client of boto3's and signs and verifies messages of 1 KB; once with the layer ``full``, once with
the layer ``crt``. Both run in turns, each time in a new execution environment.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.cold_start import CLONE, PROGRAMS, WITHOUT_AWSCRT, compile_the_runtime, rounds_of, run_program
from benchmarks.loopback_kms import loopback_kms_process
from benchmarks.rows import Figure, Row
from examples.demo.emulator import EmulatorUnavailable
from examples.demo.stages import EmulatorStage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from benchmarks.rows import Effort

    Runner = Callable[[Mapping[str, str]], dict[str, Any]]

__all__ = ["measure_awscrt_in_a_function"]

_TASK_ROOT = PROGRAMS / "signing_function"
_LAYERS = {"cryptography": "full", "awscrt": "crt"}
_START = ("import boto3", "import warmkey", "first message")


def measure_awscrt_in_a_function(effort: Effort) -> list[Row]:
    """Return a row for a function without and one with awscrt, and one with the messages that pay for it."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    with loopback_kms_process() as kms, _stages() as (stage, runners):
        for _ in rounds_of(effort):
            for library, run in runners.items():
                result = run(kms.environment() | {"WARMKEY_METRICS": "off"})
                if result.pop("library") != library:
                    raise AssertionError(f"the function with {library} did not use it")
                found[library].append(result)
    runs = {library: each[1:] or each for library, each in found.items()}
    return [*(_function_row(stage, *each) for each in runs.items()), _pays(**runs)]


def _function_row(stage: str, library: str, runs: list[dict[str, float]]) -> Row:
    medians = {name: median(run[name] for run in runs) for name in runs[0]}
    return Row(
        group="cost of awscrt in a function",
        name=f"{stage}, {'with' if library == 'awscrt' else 'without'} awscrt",
        figures=(
            *(Figure(label=part, value=medians[part], unit="ms") for part in _START),
            Figure(label="together", value=median(_start(run) for run in runs), unit="ms"),
            Figure(label="memory", value=medians["memory"], unit="MB"),
            Figure(label="encrypt 1 KB", value=medians["encrypt"], unit="µs"),
            Figure(label="decrypt 1 KB", value=medians["decrypt"], unit="µs"),
        ),
    )


def _start(run: Mapping[str, float]) -> float:
    return sum(run[part] for part in _START)


def _pays(cryptography: list[dict[str, float]], awscrt: list[dict[str, float]]) -> Row:
    """After how many messages awscrt has saved what the start takes longer with it; medians of turns."""

    def messages(*operations: str) -> float:
        return median(
            (_start(its) - _start(ours)) * 1000 / sum(ours[operation] - its[operation] for operation in operations)
            for ours, its in zip(cryptography, awscrt, strict=True)
        )

    return Row(
        group="cost of awscrt, in signed messages that save as much",
        name="in the life of one container",
        figures=(
            Figure(label="encrypted only", value=messages("encrypt"), unit="messages"),
            Figure(label="decrypted only", value=messages("decrypt"), unit="messages"),
            Figure(label="each encrypted and decrypted", value=messages("encrypt", "decrypt"), unit="messages"),
        ),
    )


@contextlib.contextmanager
def _stages() -> Iterator[tuple[str, dict[str, Runner]]]:
    """Where the function runs, and what runs it once in a new environment, with each library."""
    with contextlib.ExitStack() as folders:
        try:
            stages = {
                library: EmulatorStage(
                    Path(folders.enter_context(tempfile.TemporaryDirectory(prefix="warmkey-opt-"))), variant=variant
                )
                for library, variant in _LAYERS.items()
            }
            with stages["awscrt"].start(_TASK_ROOT, {}):
                compile_the_runtime()
        except EmulatorUnavailable as reason:
            print(f"no Lambda runtime client or layer ({reason}), so the function runs in a process of its own")
            yield "process", {"cryptography": _in_a_process(hidden=True), "awscrt": _in_a_process(hidden=False)}
            return
        yield "Lambda", {library: _in_lambda(stage) for library, stage in stages.items()}


def _in_lambda(stage: EmulatorStage) -> Runner:
    def run(variables: Mapping[str, str]) -> dict[str, Any]:
        with stage.start(_TASK_ROOT, variables) as emulator:
            result: dict[str, Any] = emulator.invoke({}).result
            return result

    return run


def _in_a_process(*, hidden: bool) -> Runner:
    path = WITHOUT_AWSCRT if hidden else str(CLONE / "src")

    def run(variables: Mapping[str, str]) -> dict[str, Any]:
        result: dict[str, Any] = json.loads(run_program(["signing_function/app.py"], variables | {"PYTHONPATH": path}))
        return result

    return run

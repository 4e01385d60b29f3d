"""Cold starts: from a fresh process, or a new execution environment, to the first encrypted message.

KMS is on the loopback interface without TLS. Contestants take turns; the medians count.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

from benchmarks import promises
from benchmarks.loopback_kms import loopback_kms_process
from benchmarks.rows import Figure, Row
from examples.demo.emulator import EmulatorUnavailable
from examples.demo.stages import EmulatorStage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from benchmarks.loopback_kms import Endpoint
    from benchmarks.rows import Effort

__all__ = [
    "CLONE",
    "PROGRAMS",
    "WITHOUT_AWSCRT",
    "compile_the_runtime",
    "measure_first_message",
    "measure_in_a_function",
    "packages",
    "rounds_of",
    "run_program",
    "steps",
]

CLONE = Path(__file__).resolve().parents[1]
PROGRAMS = CLONE / "benchmarks" / "programs"
# awscrt is installed for other benchmarks. Few functions have it, and botocore would load it.
WITHOUT_AWSCRT = os.pathsep.join(map(str, (PROGRAMS / "without_awscrt", CLONE / "src")))
_PEERS = {"peer without MPL": ["first_message_of_peer.py", "without-mpl"]}
if find_spec("aws_cryptographic_material_providers") is not None:
    _PEERS["peer with MPL"] = ["first_message_of_peer.py"]
_METRICS = ("off", "summary")
# What a function with warmkey waits for, and one without it does not.
_ADDED = ("import cryptography", "import warmkey", "KMS client", "first message")


# ------------------------------------------------------------------------------------------------- a fresh process


def measure_first_message(effort: Effort) -> list[Row]:
    """From the start of a process to a message, ours with and without metrics, beside the peer's."""
    contestants: dict[str, tuple[list[str], dict[str, str]]] = {
        "ours": (["first_message.py"], {}),
        "ours, metrics off": (["first_message.py"], {"WARMKEY_METRICS": "off"}),
        **{name: (program, {}) for name, program in _PEERS.items()},
    }
    milliseconds: dict[str, list[float]] = defaultdict(list)
    with loopback_kms_process() as kms:
        messages: dict[str, bytes] = {}
        for _ in rounds_of(effort):
            for name, (program, variables) in contestants.items():
                taken, messages[name] = _first_message(program, kms.environment() | variables)
                milliseconds[name].append(taken)
        _check_each_reads_the_other(kms, ours=messages["ours"], theirs=messages["peer without MPL"])
    medians = {name: median(taken[1:] or taken) for name, taken in milliseconds.items()}
    return [_start_row(name, medians) for name in ("ours", "ours, metrics off")]


def rounds_of(effort: Effort) -> range:
    """One more than counts: the first compiles what has no bytecode yet."""
    return range(effort.processes + 1)


def _start_row(name: str, medians: Mapping[str, float]) -> Row:
    ours, peer, with_mpl = medians[name], medians["peer without MPL"], medians.get("peer with MPL")
    figures = [
        Figure(label="peer with MPL", value=with_mpl or float("nan"), unit="ms"),
        Figure(label="peer without MPL", value=peer, unit="ms"),
        Figure(label="ours", value=ours, unit="ms"),
    ]
    if with_mpl is not None:
        bound = promises.FASTER_START_THAN_PEER_WITH_MPL
        figures.append(Figure(label="faster than with MPL", value=with_mpl / ours, unit="×", bound=bound))
    figures.append(
        Figure(label="faster than without MPL", value=peer / ours, unit="×", bound=promises.FASTER_START_THAN_PEER)
    )
    label = "fresh process to first message" + name.removeprefix("ours")
    return Row(group="cold start", name=label, figures=tuple(figures))


def _first_message(program: list[str], variables: Mapping[str, str]) -> tuple[float, bytes]:
    started = time.monotonic()
    last_line = run_program(program, variables)
    over, message = last_line.split()
    return (float(over) - started) * 1000, bytes.fromhex(message)


def run_program(program: list[str], variables: Mapping[str, str]) -> str:
    """The last line that a program of ours prints."""
    script, *arguments = program
    command = [sys.executable, str(PROGRAMS / script), *arguments]
    environment = {"PYTHONPATH": WITHOUT_AWSCRT, "PATH": os.defpath, **variables}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True, timeout=60)
    return done.stdout.splitlines()[-1]


def _check_each_reads_the_other(kms: Endpoint, *, ours: bytes, theirs: bytes) -> None:
    import aws_encryption_sdk  # noqa: PLC0415 - slow
    import boto3  # noqa: PLC0415 - slow

    import warmkey  # noqa: PLC0415 - slow

    with patch.dict(os.environ, kms.environment()):
        keyring = warmkey.AwsKmsKeyring(kms.key_arn, kms_client=boto3.client("kms"))
        keys = aws_encryption_sdk.StrictAwsKmsMasterKeyProvider(key_ids=[kms.key_arn])
        read_by_us = warmkey.Client().decrypt(theirs, keyring=keyring).plaintext
        read_by_them, _ = aws_encryption_sdk.EncryptionSDKClient().decrypt(source=ours, key_provider=keys)
    if not read_by_us == read_by_them == b"first message":
        raise AssertionError("one client does not read the other's first message")


# ------------------------------------------------------------------------------------------------------ a function


def measure_in_a_function(effort: Effort) -> list[Row]:
    """What warmkey adds to a function, under Lambda's runtime client with the unpacked layer where that can run."""
    found: dict[tuple[bool, str], list[dict[str, float]]] = defaultdict(list)
    with loopback_kms_process() as kms, _stage() as (stage, run):
        for _ in rounds_of(effort):
            for uses_boto3 in (True, False):
                for metrics in _METRICS:
                    variables = kms.environment() | {"WARMKEY_METRICS": metrics}
                    if uses_boto3:
                        variables["BENCHMARK_USES_BOTO3"] = "yes"
                    found[uses_boto3, metrics].append(run(variables))
    return [_function_row(stage, *kind, runs[1:] or runs) for kind, runs in found.items()]


def _function_row(stage: str, uses_boto3: bool, metrics: str, runs: list[dict[str, float]]) -> Row:  # noqa: FBT001 - a column
    medians = {name: median(run[name] for run in runs) for name in runs[0]}
    added = median(sum(run[part] for part in _ADDED) for run in runs)
    bound = promises.ADDED_MILLISECONDS[metrics] if uses_boto3 else None
    return Row(
        group="cold start in a function",
        name=f"{stage}, {'with' if uses_boto3 else 'without'} boto3, metrics {metrics}",
        figures=(
            *(Figure(label=part, value=medians[part], unit="ms") for part in _ADDED),
            Figure(label="added", value=added, unit="ms", bound=bound),
            Figure(label="second message", value=medians["second message"], unit="ms"),
            Figure(label="memory", value=medians["memory"], unit="MB"),
        ),
    )


@contextlib.contextmanager
def _stage() -> Iterator[tuple[str, Callable[[Mapping[str, str]], dict[str, float]]]]:
    """Where the function runs, and what runs it once in a new environment."""
    task_root = PROGRAMS / "function"
    with tempfile.TemporaryDirectory(prefix="warmkey-opt-") as opt:
        try:
            stage = EmulatorStage(Path(opt))
            with stage.start(task_root, {}):
                compile_the_runtime()
        except EmulatorUnavailable as reason:
            print(f"no Lambda runtime client ({reason}), so the function runs in a process of its own")
            yield "process", lambda variables: json.loads(run_program(["function/app.py"], variables))
            return

        def run(variables: Mapping[str, str]) -> dict[str, Any]:
            with stage.start(task_root, variables) as emulator:
                result: dict[str, Any] = emulator.invoke({}).result
                return result

        yield "Lambda", run


def compile_the_runtime() -> None:
    """Lambda's own boto3 has its bytecode; that of a fresh environment has not, and the emulator writes none."""
    python = CLONE / ".venv-runtime" / "bin" / "python"
    show = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = subprocess.run([python, "-c", show], check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run([python, "-m", "compileall", "-q", packages], check=False, capture_output=True)


# ---------------------------------------------------------------------------------------------------- where it goes


def steps(effort: Effort) -> dict[str, dict[str, float]]:
    """Milliseconds of each step from the start of a process to the second message; of the peers, of all in one."""
    found: dict[str, list[dict[str, float]]] = defaultdict(list)
    with loopback_kms_process() as kms:
        for _ in rounds_of(effort):
            for metrics in _METRICS:
                taken = _steps_of_one(kms.environment() | {"WARMKEY_METRICS": metrics})
                found[f"warmkey, metrics {metrics}"].append(taken)
            for name, program in _PEERS.items():
                milliseconds, _ = _first_message(program, kms.environment())
                found[name].append({"all": milliseconds})
    return {
        name: {step: median(run[step] for run in (runs[1:] or runs)) for step in runs[0]}
        for name, runs in found.items()
    }


def _steps_of_one(variables: Mapping[str, str]) -> dict[str, float]:
    last = time.monotonic()
    taken = {}
    for name, over in json.loads(run_program(["first_message_in_steps.py"], variables)):
        taken[name] = (over - last) * 1000
        last = over
    return taken


_IMPORT_TIME = re.compile(r"import time:\s*(\d+) \|\s*\d+ \|\s*(\S+)")


def packages(effort: Effort) -> dict[str, float]:
    """Return import milliseconds of a first message by package, from ``-X importtime``, which slows imports."""
    least: dict[str, float] = {}
    with loopback_kms_process() as kms:
        variables = {"PYTHONPATH": WITHOUT_AWSCRT, "PATH": os.defpath} | kms.environment()
        command = [sys.executable, "-X", "importtime", str(PROGRAMS / "first_message.py")]
        for _ in rounds_of(effort):
            done = subprocess.run(command, env=variables, check=True, capture_output=True, text=True, timeout=60)
            for microseconds, module in _IMPORT_TIME.findall(done.stderr):
                least[module] = min(least.get(module, float("inf")), int(microseconds) / 1000)
    by_package: dict[str, float] = defaultdict(float)
    for module, milliseconds in least.items():
        package = module.partition(".")[0]
        by_package["standard library" if package in sys.stdlib_module_names else package] += milliseconds
    return dict(sorted(by_package.items(), key=lambda item: -item[1]))

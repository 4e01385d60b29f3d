"""Streaming a file into another: throughput and memory, beside the official Python client.

    python -m benchmarks.streaming [--megabytes 64] [--rounds 5] [--directory DIR] [--json FILE]

Every figure is of a process of its own, which has imported everything and streamed a kilobyte before the clock starts:
seconds for ``shutil.copyfileobj`` through the stream, on the clock and of the processor, and the highest resident
memory above what it was before.
Contestants take turns, and the best round of each counts: whatever else the machine does only ever makes it slower.
Each also reads the other's message.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

SUITES = (0x0478, 0x0578)
CONTESTANTS = ("warmkey", "peer")
DIRECTIONS = ("encrypt", "decrypt")
_WRAPPING_KEY = bytes(range(32))
_NAMESPACE, _NAME = "benchmark", "wrapping-key"
_MEGABYTE = 2**20
_ROW = "{:<7} {:<8} {:>5} {:>9} {:>9} {:>8} {:>9} {:>12} {:>9}"


class Run(NamedTuple):
    """What one process measured."""

    seconds: float
    processor_seconds: float
    megabytes_above_start: float


# ------------------------------------------------------------------------------------------------- within a process


def warmkey_stream(direction: str, suite: int) -> Callable[[Any], Any]:
    """What opens a stream of ours over a source."""
    import warmkey  # noqa: PLC0415 - each process imports its own contestant
    from warmkey.keyrings import RawAesKeyring  # noqa: PLC0415 - as above

    client = warmkey.Client()
    keyring = RawAesKeyring(_NAMESPACE, _NAME, _WRAPPING_KEY)
    if direction == "decrypt":
        return lambda source: client.decrypt_stream(source, keyring=keyring)
    return lambda source: client.encrypt_stream(source, keyring=keyring, algorithm_suite=warmkey.AlgorithmSuite(suite))


def peer_stream(direction: str, suite: int) -> Callable[[Any], Any]:
    """What opens a stream of the official client."""
    import aws_encryption_sdk  # noqa: PLC0415 - each process imports its own contestant
    from aws_encryption_sdk import identifiers  # noqa: PLC0415
    from aws_encryption_sdk.internal.crypto.wrapping_keys import WrappingKey  # noqa: PLC0415
    from aws_encryption_sdk.key_providers.raw import RawMasterKeyProvider  # noqa: PLC0415

    class Keys(RawMasterKeyProvider):  # type: ignore[misc]
        provider_id = _NAMESPACE

        def _get_raw_key(self, key_id: bytes) -> WrappingKey:  # noqa: ARG002 - there is one
            algorithm = identifiers.WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING
            return WrappingKey(algorithm, _WRAPPING_KEY, identifiers.EncryptionKeyType.SYMMETRIC)

    keys = Keys()
    keys.add_master_key(_NAME)
    client = aws_encryption_sdk.EncryptionSDKClient()
    if direction == "decrypt":
        return lambda source: client.stream(mode="d", source=source, key_provider=keys)
    algorithm = identifiers.Algorithm.get_by_id(suite)
    return lambda source: client.stream(mode="e", source=source, key_provider=keys, algorithm=algorithm)


def measure(open_stream: Callable[[Any], Any], warm_up: bytes, source: Path, target: Path) -> Run:
    """Stream *source* into *target*."""
    with open_stream(io.BytesIO(warm_up)) as stream:
        stream.read()
    before = reset_peak()
    with source.open("rb") as read_from, target.open("wb") as write_to:
        started, processor_started = perf_counter(), process_time()
        with open_stream(read_from) as stream:
            shutil.copyfileobj(stream, write_to)
        seconds, processor_seconds = perf_counter() - started, process_time() - processor_started
    return Run(seconds, processor_seconds, (peak() - before) / _MEGABYTE)


def reset_peak() -> int:
    """Make the peak of resident memory what is resident now, and return that, in bytes."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak()


def peak() -> int:
    """The most resident memory since it was reset, in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise SystemExit("memory is measured on Linux only")


def run_child(contestant: str, direction: str, suite: int, source: Path, target: Path) -> None:
    """One measurement, printed as JSON."""
    streams = {"warmkey": warmkey_stream, "peer": peer_stream}[contestant]
    warm_up = bytes(1024)
    if direction == "decrypt":
        with streams("encrypt", suite)(io.BytesIO(warm_up)) as stream:
            warm_up = stream.read()
    print(json.dumps(measure(streams(direction, suite), warm_up, source, target)))


# ------------------------------------------------------------------------------------------------------ all of them


def run(contestant: str, direction: str, suite: int, source: Path, target: Path) -> Run:
    """One measurement in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.streaming", "--child", contestant, direction, f"{suite:#06x}"]
    printed = subprocess.run([*command, str(source), str(target)], check=True, capture_output=True, text=True).stdout
    return Run(*json.loads(printed))


def digest(path: Path) -> str:
    """To compare files by."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def rounds_of(suite: int, rounds: int, directory: Path) -> dict[tuple[str, str], list[Run]]:
    """The figures of one suite by contestant and direction, and proof that everybody read everything."""
    plaintext, copy = directory / "plaintext", directory / "copy"
    figures: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for _ in range(rounds):
        for contestant in CONTESTANTS:
            message = directory / f"{contestant}.message"
            figures[contestant, "encrypt"].append(run(contestant, "encrypt", suite, plaintext, message))
            figures[contestant, "decrypt"].append(run(contestant, "decrypt", suite, message, copy))
            check_same(plaintext, copy)
    for reader, writer in (CONTESTANTS, CONTESTANTS[::-1]):
        run(reader, "decrypt", suite, directory / f"{writer}.message", copy)
        check_same(plaintext, copy)
    return figures


def check_same(plaintext: Path, copy: Path) -> None:
    """Stop if what was read is not what was written."""
    if digest(plaintext) != digest(copy):
        raise SystemExit("a message was not read as it was written")


def report(suite: int, megabytes: int, figures: dict[tuple[str, str], list[Run]]) -> list[dict[str, object]]:
    """Print a row for each direction, and return them."""
    rows = []
    for direction in DIRECTIONS:
        ours, theirs = figures["warmkey", direction], figures["peer", direction]
        row = {
            "suite": f"{suite:#06x}",
            "direction": direction,
            "megabytes": megabytes,
            "warmkey_megabytes_per_second": round(megabytes / min(ours).seconds),
            "peer_megabytes_per_second": round(megabytes / min(theirs).seconds),
            "times_faster": round(min(theirs).seconds / min(ours).seconds, 1),
            "times_less_processor_time": round(least_processor_time(theirs) / least_processor_time(ours), 1),
            "warmkey_megabytes_above_start": round(max(run.megabytes_above_start for run in ours), 2),
            "peer_megabytes_above_start": round(max(run.megabytes_above_start for run in theirs), 2),
        }
        print(_ROW.format(*row.values()), flush=True)
        rows.append(row)
    return rows


def least_processor_time(runs: list[Run]) -> float:
    """Of all rounds, in seconds; what else the machine does has little influence on it."""
    return min(run.processor_seconds for run in runs)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Streaming from file to file: warmkey and aws-encryption-sdk.")
    parser.add_argument("--megabytes", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--directory", help="where the files go; a directory in memory leaves the disk out of it")
    parser.add_argument("--json", type=Path, help="write the rows to this file, too")
    parser.add_argument("--child", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        contestant, direction, suite, source, target = arguments.child
        run_child(contestant, direction, int(suite, 16), Path(source), Path(target))
        return
    print(_ROW.format("suite", "", "MB", "warmkey", "peer", "faster", "less CPU", "above start", "peer"))
    print(_ROW.format("", "", "", "MB/s", "MB/s", "times", "times", "MB", "MB"))
    rows = []
    with tempfile.TemporaryDirectory(dir=arguments.directory) as directory:
        with (Path(directory) / "plaintext").open("wb") as file:
            for _ in range(arguments.megabytes):
                file.write(os.urandom(_MEGABYTE))
        for suite in SUITES:
            rows += report(suite, arguments.megabytes, rounds_of(suite, arguments.rounds, Path(directory)))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()

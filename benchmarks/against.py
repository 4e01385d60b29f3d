"""Compare this version of warmkey with another revision: ratios of interleaved turns, one process for each.

    python -m benchmarks.against REVISION [--processes N] [--rounds N] [--seconds S | --instructions]

Both versions run under this interpreter and its packages, in several processes each, because where things are in memory
makes a process quicker or slower. A ratio over 1 means that this version takes longer. *Median* is that of the ratios
round by round. *Fastest* compares the shortest turns of each pair of processes, which others on the machine disturb
least; it is the median over the pairs. ``--instructions`` counts under valgrind what the processor does.
"""

from __future__ import annotations

import argparse
import compileall
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from itertools import chain
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.timing import median_ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeAlias

    # What each of two versions took, round by round.
    _Figures: TypeAlias = tuple[tuple[float, ...], ...]

__all__ = ["main"]

_ROOT = Path(__file__).parents[1]
_PROGRAM = _ROOT / "benchmarks" / "programs" / "turns.py"
_OPERATIONS = (
    "1 KB encrypt",
    "1 KB decrypt",
    "1 KB encrypt, signed",
    "1 KB decrypt, signed",
    "1 MB encrypt",
    "1 MB decrypt",
    "8 MB encrypt, stream",
    "8 MB decrypt, stream",
    "1 KB encrypt, helper",
    "1 KB decrypt, helper",
    "1 KB encrypt, no cache",
    "1 KB decrypt, no cache",
)
# How often an operation is counted, by the size of what it works on.
_COUNTED = {"1 KB": 200, "1 MB": 4, "8 MB": 1}


class _Version:
    """One version in a process of its own."""

    def __init__(self, source: Path) -> None:
        self._environment = {**os.environ, "PYTHONPATH": str(source)}
        self._process = subprocess.Popen(
            [sys.executable, str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=self._environment,
        )

    def turn(self, operation: str, repetitions: int) -> float:
        """Return the microseconds of one repetition."""
        self._process.stdin.write(f"{operation}\t{repetitions}\n")  # type: ignore[union-attr]
        self._process.stdin.flush()  # type: ignore[union-attr]
        return float(self._process.stdout.readline())  # type: ignore[union-attr]

    def start(self) -> float:
        """Return the milliseconds that a fresh process takes to import warmkey where boto3 is loaded already."""
        code = "import boto3, time; t = time.perf_counter(); import warmkey; print(time.perf_counter() - t)"
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, env=self._environment
        )
        return float(done.stdout) * 1e3

    def stop(self) -> None:
        """End the process."""
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.wait(timeout=30)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a row for each operation."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.against", description=__doc__.split("\n", 1)[0])
    parser.add_argument("revision", help="a commit, tag or branch of this repository, for example HEAD~1")
    parser.add_argument("--processes", type=int, default=4, help="of each version; default: 4")
    parser.add_argument("--rounds", type=int, default=60, help="of each pair of processes; default: 60")
    parser.add_argument("--seconds", type=float, default=0.01, help="for each turn; default: 0.01")
    parser.add_argument("--instructions", action="store_true", help="count instructions; needs valgrind, takes minutes")
    options = parser.parse_args(arguments)
    if options.instructions and shutil.which("valgrind") is None:
        parser.error("--instructions needs valgrind, which was not found on PATH")
    with tempfile.TemporaryDirectory() as directory:
        _unpack(options.revision, Path(directory))
        for source in (_ROOT / "src", Path(directory) / "src"):  # or one of them would be compiled at each start
            compileall.compile_dir(str(source), quiet=1)
        if options.instructions:
            _count(Path(directory) / "src", options.revision)
            return 0
        sources = (_ROOT / "src", Path(directory) / "src")
        print(f"{'':26}{'this':>12}{options.revision[:12]:>14}{'median':>9}{'fastest':>9}")
        pairs = [tuple(map(_Version, sources)) for _ in range(options.processes)]
        try:
            for operation in _OPERATIONS:
                _report(operation, [_turns(operation, pair, options.rounds, options.seconds) for pair in pairs], "µs")
            _report("import warmkey", [_starts(pair, max(1, options.rounds // 4)) for pair in pairs], "ms")
        finally:
            for version in chain.from_iterable(pairs):
                version.stop()
    return 0


def _count(other: Path, revision: str) -> None:
    print(f"{'thousand instructions':26}{'this':>12}{revision[:12]:>14}{'ratio':>8}")
    for operation in (*_OPERATIONS, "import warmkey"):
        this, that = (_instructions(source, operation) / 1e3 for source in (_ROOT / "src", other))
        print(f"{operation:26}{this:>12.1f}{that:>14.1f}{this / that:>8.2f}", flush=True)


def _instructions(source: Path, operation: str) -> float:
    """Return how many instructions *operation* takes: what more of it adds to those of a whole process."""
    if operation == "import warmkey":
        return _counted(source, ["-c", "import boto3, warmkey"]) - _counted(source, ["-c", "import boto3"])
    times = _COUNTED[operation[:4]]
    few, many = (_counted(source, [str(_PROGRAM)], f"{operation}\t{n}\n") for n in (times, 4 * times))
    return (many - few) / (3 * times)


def _counted(source: Path, arguments: list[str], turns: str = "") -> int:
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, *arguments],  # noqa: S607
        input=turns,
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(source), "PYTHONHASHSEED": "0"},
    )
    (count,) = re.findall(r"Collected : (\d+)", done.stderr)
    return int(count)


def _unpack(revision: str, directory: Path) -> None:
    archive = subprocess.run(
        ["git", "-C", str(_ROOT), "archive", revision, "src"],  # noqa: S607 - git of this machine
        check=False,
        capture_output=True,
    )
    if archive.returncode:
        raise SystemExit(f"git can't give the revision {revision!r}: {archive.stderr.decode().strip()}")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(directory, filter="data")


def _turns(operation: str, versions: Sequence[_Version], rounds: int, seconds: float) -> _Figures:
    started = perf_counter()
    versions[0].turn(operation, 1)
    once = versions[0].turn(operation, max(1, int(0.01 / (perf_counter() - started)))) / 1e6
    repetitions = max(1, int(seconds / once))
    return _interleaved(rounds, [lambda v=version: v.turn(operation, repetitions) for version in versions])  # type: ignore[misc]


def _starts(versions: Sequence[_Version], rounds: int) -> _Figures:
    return _interleaved(rounds, [version.start for version in versions])


def _interleaved(rounds: int, turns: Sequence[Callable[[], float]]) -> _Figures:
    return tuple(zip(*([turn() for turn in turns] for _ in range(rounds)), strict=True))


def _report(name: str, pairs: Sequence[_Figures], unit: str) -> None:
    this, other = (list(chain.from_iterable(figures)) for figures in zip(*pairs, strict=True))
    fastest = median(min(these) / min(others) for these, others in pairs)
    medians = f"{median(this):>9.1f} {unit}{median(other):>11.1f} {unit}{median_ratio(this, other):>9.2f}"
    print(f"{name:26}{medians}{fastest:>9.2f}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())

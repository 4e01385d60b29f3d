"""Compare warmkey with the official client and the floor, print the tables, and check the promised bounds.

    python -m benchmarks [--full] [--check] [--quick] [--only NAME] [--json FILE]

✓: a promised bound was kept. ✓✓: it was kept by a wide margin. ~: it was missed by no more than noise (10 % of a ratio,
25 % of milliseconds, nothing of a count). ✗: it was missed. With ``--check``, a benchmark with a ✗ runs again up to two
times, and the command fails if it still misses.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.awscrt_cost import measure_awscrt_in_a_function
from benchmarks.cold_start import measure_first_message, measure_in_a_function, packages, steps
from benchmarks.data_masking import measure_data_masking
from benchmarks.frame_lengths import measure_frame_lengths
from benchmarks.kms_calls import kms_calls_an_hour
from benchmarks.machine import facts
from benchmarks.observability_cost import measure_observability
from benchmarks.report import Printer
from benchmarks.rows import FULL, NORMAL, QUICK, Benchmark
from benchmarks.scaling import measure_entries, measure_threads
from benchmarks.sealed_records import measure_sealed_records
from benchmarks.shortcuts import measure_shortcuts
from benchmarks.stampede import measure_stampede
from benchmarks.streams import measure_streams
from benchmarks.warm import FULL_SIZES, SIZES, SUITES, warm_rows
from benchmarks.where_time_goes import measure_steps
from warmkey.crypto.signature_library import SignatureChoice, choose

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.rows import Effort, Row

_ATTEMPTS = 3


def _measure_branch_keys(effort: Effort) -> list[Row]:
    from benchmarks.branch_keys import measure_branch_keys  # noqa: PLC0415 - needs the material providers library

    return measure_branch_keys(effort)


def _measure_event_loop(effort: Effort) -> list[Row]:
    # Loads warmkey.aio: from then on, whoever may have to wait looks at the stack.
    from benchmarks.event_loop import measure_event_loop  # noqa: PLC0415

    return measure_event_loop(effort)


def _measure_signatures(effort: Effort) -> list[Row]:
    from benchmarks import signatures  # noqa: PLC0415 - needs awscrt

    return [
        *signatures.measure_signatures(effort),
        *signatures.measure_signed_messages(effort),
        *signatures.measure_fresh_materials(effort),
    ]


BENCHMARKS = (
    *(
        Benchmark(
            name=f"warm 0x{suite.value:04x} {size}",
            measure=partial(warm_rows, suite=suite, size=size),
            is_full_only=size not in SIZES,
        )
        for suite in SUITES
        for size in FULL_SIZES
    ),
    Benchmark(name="where the time goes", measure=measure_steps, is_full_only=True),
    Benchmark(name="shortcuts", measure=measure_shortcuts, is_full_only=True),
    Benchmark(name="streaming", measure=measure_streams),
    Benchmark(name="sealed records", measure=measure_sealed_records),
    Benchmark(name="data masking", measure=measure_data_masking),
    Benchmark(name="branch keys", measure=_measure_branch_keys),
    Benchmark(name="observability", measure=measure_observability),
    Benchmark(name="signatures", measure=_measure_signatures),
    Benchmark(name="event loop", measure=_measure_event_loop),
    Benchmark(name="awscrt in a function", measure=measure_awscrt_in_a_function, is_full_only=True),
    Benchmark(name="stampede", measure=measure_stampede),
    Benchmark(name="cold start of a process", measure=measure_first_message),
    Benchmark(name="cold start of a function", measure=measure_in_a_function),
    Benchmark(name="entries", measure=measure_entries),
    Benchmark(name="threads", measure=measure_threads),
    Benchmark(name="frame lengths", measure=measure_frame_lengths, is_full_only=True),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and return 1 if a promised bound was missed and ``--check`` was given."""
    options = _parse(arguments)
    effort = QUICK if options.quick else FULL if options.full else NORMAL
    chosen = [
        benchmark
        for benchmark in BENCHMARKS
        if options.only in benchmark.name and (effort.is_full or options.only or not benchmark.is_full_only)
    ]
    if not chosen:
        print(
            f"no benchmark has {options.only!r} in its name; the names are",
            *(one.name for one in BENCHMARKS),
            sep="\n  ",
        )
        return 2
    choose(SignatureChoice.CRYPTOGRAPHY)  # as in most functions, whatever this environment has for other benchmarks
    machine = facts()
    print(", ".join(f"{name} {value}" for name, value in machine.items()), flush=True)
    rows: list[Row] = []
    printer = Printer()
    for benchmark in chosen:
        found = _measure(benchmark, effort, attempts=_ATTEMPTS if options.check else 1)
        printer.print([row.as_json() for row in found])
        rows += found
    if options.json:
        _write(options.json, machine, rows, effort if effort.is_full else None)
    missed = [row for row in rows if row.is_missed]
    print(f"\n{_conclusion(rows, missed)}")
    return 1 if missed and options.check else 0


def _measure(benchmark: Benchmark, effort: Effort, *, attempts: int) -> list[Row]:
    """Return the rows of the first attempt that misses no bound, or of the last attempt."""
    for _ in range(attempts - 1):
        rows = benchmark.measure(effort)
        missed = [row.name for row in rows if row.is_missed]
        if not missed:
            return rows
        print(f"missed: {'; '.join(missed)}. Trying again.", flush=True)
    return benchmark.measure(effort)


def _conclusion(rows: list[Row], missed: list[Row]) -> str:
    promised = sum(figure.bound is not None for row in rows for figure in row.figures)
    if not missed:
        return f"All {promised} promised bounds were kept, within noise."
    return "Missed by more than noise: " + "; ".join(f"{row.group}: {row.name}" for row in missed)


def _write(path: Path, machine: dict[str, str], rows: list[Row], effort: Effort | None) -> None:
    """Write the rows, and with ``--full`` also what the pictures need."""
    found: dict[str, object] = {"machine": machine, "rows": [row.as_json() for row in rows]}
    if effort is not None:
        found |= {"kms_calls": kms_calls_an_hour(), "steps": steps(effort), "packages": packages(effort)}
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    effort = parser.add_mutually_exclusive_group()
    effort.add_argument(
        "--full", action="store_true", help="measure more sizes and rounds; with --json also what the pictures need"
    )
    effort.add_argument(
        "--quick", action="store_true", help="measure too little of everything, only to see whether it runs"
    )
    parser.add_argument("--check", action="store_true", help="fail if a promised bound was missed")
    parser.add_argument("--only", default="", metavar="NAME", help="run only benchmarks with this text in their name")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the results to this file")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds, and so stops everything that was started
    sys.exit(main())

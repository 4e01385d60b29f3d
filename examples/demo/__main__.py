"""Encrypt the records of a file in one Lambda function, decrypt them in another, and show what the cache did."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from examples.demo.emulator import EmulatorUnavailable
from examples.demo.kms_server import kms_server
from examples.demo.play import Play
from examples.demo.records import RECORDS, read
from examples.demo.report import samples, table
from examples.demo.stages import EmulatorStage, InProcessStage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from examples.demo.play import Phase


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both functions and report; return 0 if every record came back unchanged."""
    options = _parse(arguments)
    records = read(options.records)[: options.first]
    print(f"{len(records)} records, {options.batch} per invocation; KMS is a moto server on 127.0.0.1")
    with kms_server() as kms_url:
        play = Play(records=records, batch=options.batch, kms_url=kms_url)
        phases = play.perform(InProcessStage()) if options.in_process else _perform_in_emulator(play)
    print(f"\n{table(phases)}\n\n{samples(phases)}\n")
    if options.metrics:
        lines = [json.dumps(blob) for phase in phases for blob in phase.output.metrics]
        options.metrics.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    lost = play.lost(phases)
    print(f"{lost} records were lost or changed." if lost else "Every record came back unchanged.")
    return 1 if lost else 0


def _perform_in_emulator(play: Play) -> list[Phase]:
    with tempfile.TemporaryDirectory(prefix="warmkey-opt-") as opt:
        try:
            return play.perform(EmulatorStage(Path(opt)))
        except EmulatorUnavailable as reason:
            print(f"\nThe Lambda runtime emulator can't run here: {reason}.\nThe handlers run in this process instead.")
    return play.perform(InProcessStage())


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__)
    parser.add_argument(
        "--records", type=Path, default=RECORDS, help="a file with a JSON object {id, tenant, text} on each line"
    )
    parser.add_argument("--first", type=int, help="use only this many records")
    parser.add_argument("--batch", type=int, default=10, help="records per invocation")
    parser.add_argument("--metrics", type=Path, metavar="FILE", help="save the metrics that the functions wrote")
    parser.add_argument(
        "--in-process", action="store_true", help="call the handlers in this process, without the Lambda runtime"
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds the stack, which stops every started process
    sys.exit(main())

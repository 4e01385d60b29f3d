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
from examples.demo.play import WHY_SMALL, Play, small_limits
from examples.demo.records import RECORDS, read
from examples.demo.report import samples, table
from examples.demo.stages import EmulatorStage, InProcessStage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from examples.demo.play import Phase
    from examples.demo.records import Record


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both functions and report; return 0 if every record came back unchanged."""
    options = _parser().parse_args(arguments)
    records = options.records[: options.first]
    print(f"{len(records)} records, {options.batch} per invocation; KMS is a moto server on 127.0.0.1")
    print(f"The limits are small on purpose, {WHY_SMALL}:\n{small_limits()}")
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m examples.demo", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "--records",
        type=_records,
        default=str(RECORDS),
        metavar="FILE",
        help='read records from FILE, a line of JSON each: {"id": 1, "tenant": "acme", "text": "..."}',
    )
    parser.add_argument("--first", type=_count, metavar="COUNT", help="use only the first COUNT records; default: all")
    parser.add_argument(
        "--batch", type=_count, default=10, metavar="COUNT", help="records in each invocation; default: %(default)s"
    )
    parser.add_argument("--metrics", type=_new_file, metavar="FILE", help="write the functions' metrics to FILE")
    parser.add_argument("--in-process", action="store_true", help="call the handlers without the Lambda runtime")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be an integer, 1 or more, not {text!r}")
    return int(text)


def _records(text: str) -> list[Record]:
    try:
        records = read(Path(text))
    except (OSError, ValueError, TypeError) as error:
        raise argparse.ArgumentTypeError(f"must be a file of records, not {text!r}: {error}") from None
    if not records:
        raise argparse.ArgumentTypeError(f"must be a file of records, not {text!r}, which is empty")
    if len({record.id for record in records}) < len(records):
        raise argparse.ArgumentTypeError(f"must be a file of records with an id each, not {text!r}: an id occurs twice")
    return records


def _new_file(text: str) -> Path:
    path = Path(text)
    if path.is_dir() or not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"must be a file in a folder that exists, not {text!r}")
    return path


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # unwinds the stack, which stops every started process
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nstopped")

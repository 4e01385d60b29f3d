"""Runs `warmkey plan` over a file of a fuzzer's.

The first line of an input is the format, or is not one; after a space it may say ``gzip``. The rest is the file.
"""

from __future__ import annotations

import copy
import gzip
import io
import json
import re
import tempfile
import zlib
from argparse import ArgumentParser, Namespace
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from unittest import mock

from fuzz.promise import SECRET, attempt, check
from warmkey.cli.plan import add_plan
from warmkey.plan import converters
from warmkey.plan.command import run
from warmkey.plan.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FORMATS", "plan_for", "planning"]

FORMATS = ("csv", "logs", "azure-2019", "azure-2021", "huawei-2025")
_DELIMITERS = ",;\t|"
# Of a file that counts rows: as many as it may say take minutes.
_MOST_ROWS = 5_000
_runs: list[Namespace] = []


@contextmanager
def planning() -> Iterator[None]:
    """Have a folder for the files, and read the command line, which takes longer than to read a file."""
    parser = ArgumentParser()
    add_plan(parser.add_subparsers())
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(converters, "_MOST_ROWS", _MOST_ROWS):
        source, report = Path(folder, "input"), Path(folder, "plan.json")
        command_line = ["plan", str(source), "--quiet", "--no-grid", "--json", str(report)]
        _runs.append(parser.parse_args(command_line))
        try:
            yield
        finally:
            _runs.pop()


def plan_for(data: bytes) -> None:
    """Run the command: it makes a plan, or says in one line what is wrong with the file; context labels stay inside."""
    first, _, content = data.partition(b"\n")
    arguments = copy.copy(_runs[-1])
    form, _, packing = first.decode("latin-1").partition(" ")
    arguments.format = form if form in FORMATS else None
    # Calculating takes longer than reading, and no file has a say in how: so both are calculated for some files only.
    arguments.strategy = "both" if zlib.crc32(data) % 8 == 0 else "caching"
    Path(arguments.traces[0]).write_bytes(gzip.compress(content, 1) if packing == "gzip" else content)
    report = Path(arguments.json)
    report.unlink(missing_ok=True)
    with redirect_stdout(io.StringIO()) as out:
        planned = attempt(lambda: run(arguments))
    check(SECRET not in out.getvalue(), "a label of a context that nobody asked to see")
    if planned.error is None:
        _check_report(out.getvalue(), report.read_text(encoding="utf-8"), content if form == "csv" else b"")
    else:
        check(isinstance(planned.error, BadInput), "an error that is not about the file")
        check(not report.exists() and not out.getvalue(), "something written in spite of an error")


def _check_report(text: str, report: str, rows: bytes) -> None:
    for line in text.splitlines():
        check(line.isprintable(), "a line that is not text")
    check(SECRET not in report, "a label of a context in the report")
    found = json.loads(report, parse_constant=_refuse)
    _check_counts(found, rows)


def _refuse(constant: str) -> NoReturn:
    check(False, f"{constant} in the report")  # noqa: FBT003 - as an assert
    raise AssertionError


def _check_counts(report: dict[str, Any], rows: bytes) -> None:
    """Check that each row of a trace is a message, where it is known which these are."""
    ends = report["caching"]
    whole = report["traffic"]["messages"]
    counted = ends["encrypt"]["messages"] + ends["decrypt"]["messages"]
    check(abs(counted - whole) <= whole / 1e6, "messages that are neither encrypted nor decrypted")
    text = rows.decode("utf-8-sig")
    delimiters = "".join(delimiter for delimiter in _DELIMITERS if delimiter in text)
    if len(delimiters) == 1 and '"' not in text:
        lines = [line for line in re.split("\r\n|\r|\n", text) if line.replace(delimiters, "").strip()]
        check(report["rows_used"] == len(lines) - 1, "rows that were dropped in silence")
        check(report["rows_used"] == whole, "rows that are not messages")

"""Runs `warmkey plan` over a file of a fuzzer's. The first line of an input is the format, or is not one."""

from __future__ import annotations

import io
import json
import tempfile
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from fuzz.promise import SECRET, check, check_text
from warmkey.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FORMATS", "plan_for", "planning"]

FORMATS = ("csv", "logs", "azure-2021", "huawei-2025")
_folders: list[Path] = []


@contextmanager
def planning() -> Iterator[None]:
    """Have a folder for the files."""
    with tempfile.TemporaryDirectory() as folder:
        _folders.append(Path(folder))
        try:
            yield
        finally:
            _folders.pop()


def plan_for(data: bytes) -> None:
    """Run the command: it makes a plan, or says in one line what is wrong with the file; context labels stay inside."""
    first, _, content = data.partition(b"\n")
    form = first.decode("latin-1")
    source, report = _folders[-1] / "input", _folders[-1] / "plan.json"
    source.write_bytes(content)
    report.unlink(missing_ok=True)
    options = ["--quiet", "--no-grid", "--json", str(report), *(["--from", form] if form in FORMATS else [])]
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as errors:
        code = main(["plan", str(source), *options])
    said = out.getvalue() + errors.getvalue()
    check(SECRET not in said, "a label of a context that nobody asked to see")
    if code == 0:
        _check_report(out.getvalue(), report.read_text(encoding="utf-8"))
    else:
        check(code in (1, 2) and not report.exists() and not out.getvalue(), f"code {code}, and something written")
        check_text(errors.getvalue().rstrip("\n"))


def _check_report(text: str, report: str) -> None:
    for line in text.splitlines():
        check(line.isprintable(), "a line that is not text")
    check(SECRET not in report, "a label of a context in the report")
    json.loads(report, parse_constant=_refuse)


def _refuse(constant: str) -> NoReturn:
    check(False, f"{constant} in the report")  # noqa: FBT003 - as an assert
    raise AssertionError

"""The command prints a row for each suite and operation; what it measures is never looked at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from benchmarks.entry_memory import main

if TYPE_CHECKING:
    import pytest


def test_each_suite_and_operation_gets_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--entries", "5"]) == 0

    printed = capsys.readouterr().out
    rows = re.findall(r"^(0x\w{4} \w+): -?\d+\.\d KB per entry$", printed, re.MULTILINE)
    assert rows == ["0x0578 encrypt", "0x0578 decrypt", "0x0478 encrypt", "0x0478 decrypt"]

"""The command runs, with too little of everything; what it finds is never looked at, because machines are busy."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("aws_encryption_sdk")
from benchmarks.__main__ import BENCHMARKS, main
from benchmarks.page import PAGE, RESULTS, with_figures

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "name",
    [
        "warm 0x0478 1024",
        "warm 0x0578 1024",
        "stampede",
        "frame lengths",
        "sealed records",
        "data masking",
        "event loop",
        "branch keys",
        "observability",
        "signatures",
        "awscrt in a function",
    ],
)
def test_it_prints_and_writes(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if name == "branch keys":
        pytest.importorskip("aws_cryptographic_material_providers", reason="make interop installs what it measures")
    status = main(["--quick", "--only", name, "--json", str(tmp_path / "found.json")])
    found = json.loads((tmp_path / "found.json").read_text())
    printed = capsys.readouterr().out

    assert status == 0
    assert found["rows"]
    assert [row["name"] for row in found["rows"] if row["name"] not in printed] == []


def test_an_unknown_name_is_answered_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--only", "nonsense"])
    printed = capsys.readouterr().out

    assert status == 2
    assert [benchmark.name for benchmark in BENCHMARKS if benchmark.name not in printed] == []


def test_the_page_shows_the_results_beside_it() -> None:
    page = PAGE.read_text()

    assert page == with_figures(page, json.loads(RESULTS.read_text()))

"""What pip-audit answered is read for what it does not say, too. The answers here are made up, in its form."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from tools import audit
from tools.audit import interpret, pins

if TYPE_CHECKING:
    from pathlib import Path

PINNED = {"good": "1.0", "bad-one": "2.0"}
GOOD = {"name": "good", "version": "1.0", "vulns": []}
BAD = {
    "name": "bad_one",
    "version": "2.0",
    "vulns": [
        {"id": "MADE-UP-2026-1", "fix_versions": ["2.1"], "aliases": ["CVE-0000-0000"], "description": "made up"}
    ],
}
CLEAN = {"name": "bad-one", "version": "2.0", "vulns": []}


def answer(*rows: dict[str, Any]) -> str:
    return json.dumps({"dependencies": rows, "fixes": []})


def test_pins_are_read_with_normalized_names() -> None:
    text = "# a comment\nGood==1.0 \\\n    --hash=sha256:00\nbad_one[extra]==2.0 ; python_version < '3.12'\n"

    assert pins(text) == PINNED


def test_a_vulnerability_is_named_with_its_remedy() -> None:
    found = interpret("layer.txt", PINNED, answer(GOOD, BAD))

    assert found.vulnerable == ("bad_one 2.0: MADE-UP-2026-1, fixed in 2.1",)
    assert found.not_audited == {}


def test_no_vulnerability_is_said_only_of_what_was_looked_up() -> None:
    found = interpret("layer.txt", PINNED, answer(GOOD, CLEAN))

    assert found.lines() == ["layer.txt: 0 vulnerabilities in 2 packages"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (
            {"name": "bad-one", "skip_reason": "Dependency not found on the index: bad-one (2.0)"},
            "not found on the index",
        ),
        ({"name": "bad-one", "version": "2.0", "skip_reason": "skipped"}, "skipped"),
        ({"name": "bad-one", "version": "2.0"}, "no answer"),
        ({"name": "bad-one", "version": "1.9", "vulns": []}, "looked up 1.9, and 2.0 is pinned"),
        ({"name": "another", "version": "2.0", "vulns": []}, "does not mention it"),
    ],
)
def test_what_was_skipped_not_found_or_not_mentioned_is_not_audited(row: dict[str, Any], reason: str) -> None:
    found = interpret("layer.txt", PINNED, answer(GOOD, row))

    assert reason in found.not_audited["bad-one"]
    assert found.lines()[0] == "layer.txt: 0 vulnerabilities in 1 packages"
    assert "not audited: bad-one" in found.lines()[1]


@pytest.mark.parametrize("output", ["", "Traceback", "[]", '{"error": 1}', "null"])
def test_an_unreachable_service_is_not_good_news(output: str) -> None:
    found = interpret("layer.txt", PINNED, output, "warning\nConnectionError: no route to host\n")

    assert found.lines() == ["layer.txt: not audited", "  not audited: * (ConnectionError: no route to host)"]
    assert "vulnerabilit" not in "".join(found.lines())


def test_an_answer_that_leaves_everything_out_is_not_good_news() -> None:
    assert interpret("layer.txt", PINNED, answer()).lines()[0] == "layer.txt: not audited"


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "layer.txt").write_text("good==1.0\nbad-one==2.0\n")
    monkeypatch.setattr(audit, "ROOT", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("rows", "options", "status"),
    [
        ([GOOD, CLEAN], [], 0),
        ([GOOD, CLEAN], ["--strict"], 0),
        ([GOOD, BAD], [], 1),
        ([GOOD], [], 0),
        ([GOOD], ["--strict"], 1),
    ],
)
def test_strict_fails_for_what_is_not_known(
    clone: Path, monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, Any]], options: list[str], status: int
) -> None:
    def run(command: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        assert command[-1] == str(clone / "requirements" / "layer.txt")
        return subprocess.CompletedProcess(command, 1, stdout=answer(*rows), stderr="")

    monkeypatch.setattr(subprocess, "run", run)

    assert audit.main(["pip-audit", *options]) == status


def test_a_program_that_is_not_there_audits_nothing(clone: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert audit.main([str(clone / "no-such-program"), "--strict"]) == 1
    assert capsys.readouterr().out.startswith("layer.txt: not audited\n")

"""A handler of one's own under Lambda's runtime client: as the page on it says."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from examples.demo.emulator import EmulatorUnavailable
from examples.demo.stages import EmulatorStage
from examples.local.__main__ import main
from layer.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

OWN = """
import json
import os

import helper
import warmkey

context = {"purpose": "local"}

def handler(event, _context):
    if "fail" in event:
        raise ValueError("on purpose")
    print("the function says", helper.GREETING)
    text = warmkey.encrypt_text(json.dumps(event), context)
    return {"same": json.loads(warmkey.decrypt_text(text, context)) == event, "flavour": os.environ.get("FLAVOUR")}
"""


@pytest.fixture
def handler(tmp_path: Path) -> str:
    (tmp_path / "orders").mkdir()
    (tmp_path / "orders" / "app.py").write_text(OWN)
    (tmp_path / "orders" / "helper.py").write_text("GREETING = 'hello'\n")
    return f"{tmp_path}/orders/app.handler"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    status = main(arguments)
    said = capsys.readouterr()
    if "can't run here" in said.err:
        pytest.skip(said.err)
    return status, said.out + said.err


@pytest.mark.layer
@pytest.mark.runtime
def test_the_handler_runs_with_its_own_modules_and_warm_invocations_ask_kms_no_more(
    handler: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"order": 1}')
    status, said = run(capsys, handler, "--event", str(event), "--times", "3", "--env", "FLAVOUR=vanilla")

    assert status == 0
    results = [json.loads(text) for text in re.findall(r"^\{.*?^\}", said, re.MULTILINE | re.DOTALL)]
    assert results == 3 * [{"same": True, "flavour": "vanilla"}]
    assert said.count("the function says hello") == 3
    assert "KMS was asked for: 1 Decrypt, 1 GenerateDataKey" in said


@pytest.mark.layer
@pytest.mark.runtime
def test_a_handler_that_fails_is_said_to_and_ends_with_1(
    handler: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"fail": true}'))
    status, said = run(capsys, handler, "--event", "-")

    assert status == 1
    assert "invocation 1 failed: ValueError: on purpose" in said


@pytest.mark.layer
@pytest.mark.runtime
def test_what_the_page_shows_works(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    page = (ROOT / "docs" / "local.md").read_text()
    (shown,) = re.findall(r"^make local HANDLER=(\S+) EVENT=(\S+)$", page, re.MULTILINE)
    monkeypatch.chdir(ROOT)
    status, said = run(capsys, shown[0], "--event", shown[1])

    assert status == 0
    assert '"tenant": "acme"' in said


@pytest.mark.parametrize(
    ("handler", "event", "problem"),
    [
        ("app", "", "HANDLER must be like orders/app.handler (make local HANDLER=orders/app.handler), not 'app'"),
        ("", "", "HANDLER must be like orders/app.handler (make local HANDLER=orders/app.handler), not missing"),
        ("nowhere/app.handler", "", "which is not a file"),
        ("examples/functions/encrypt/app.handler", "README.md", "EVENT must hold JSON, and 'README.md' does not: "),
        ("examples/functions/encrypt/app.handler", "no.json", "or - for standard input; 'no.json': No such"),
        ("examples/functions/encrypt/app.handler", "docs", "or - for standard input; 'docs': Is a"),
        ("examples/functions/encrypt/app.handle", "", "HANDLER names handle, which "),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_starts(
    handler: str, event: str, problem: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)

    assert main([*([handler] if handler else []), "--event", event]) == 2
    assert problem in capsys.readouterr().err


def test_a_layer_that_was_not_built_is_named_with_what_builds_it(
    handler: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(*_: object) -> None:
        raise EmulatorUnavailable("warmkey-core.zip does not exist")

    monkeypatch.setattr(EmulatorStage, "start", start)

    assert main([handler, "--variant", "core"]) == 2
    assert "does not exist. `make runtime` and `make layer VARIANT=core` make" in capsys.readouterr().err


@pytest.mark.parametrize("times", ["0", "-1", "many"])
def test_there_is_at_least_one_invocation(times: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["app.handler", f"--times={times}"])

    assert "must be an integer, 1 or more" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["FLAVOUR", "=vanilla"])
def test_a_variable_has_a_name_and_a_value(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["app.handler", "--env", text])

    assert "must be NAME=VALUE" in capsys.readouterr().err


def test_a_module_that_can_not_be_parsed_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "app.py").write_text("def handler(:\n")

    assert main([f"{tmp_path}/app.handler"]) == 2
    assert "app.py can't be parsed: " in capsys.readouterr().err


@pytest.mark.parametrize("program", ["examples.demo", "examples.local"])
def test_an_interruption_is_one_line(program: str) -> None:
    code = (
        "import argparse, runpy, sys\n"
        "def interrupt(*_): raise KeyboardInterrupt\n"
        "argparse.ArgumentParser.parse_args = interrupt\n"
        f"runpy.run_module({program!r}, run_name='__main__')\n"
    )
    command = [sys.executable, "-c", code]
    variables = {**os.environ, "PYTHONPATH": f"{ROOT}/src"}
    done = subprocess.run(command, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr.strip()) == (1, "stopped")

"""The command line says in plain words that cryptography can't be used; programs get the error."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from warmkey import ConfigurationError, crypto
from warmkey.crypto import installation
from warmkey.crypto.end_of_command import end_the_command

SRC = Path(__file__).parents[2] / "src"
PROBLEM = "cryptography is not installed for Python 3."
SCRIPT = "import sys; from warmkey.cli.main import main; sys.exit(main())"


def without_cryptography(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-S", *arguments],
        env={"PYTHONPATH": str(SRC), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_doctor_reports_it_as_a_finding() -> None:
    done = without_cryptography("-m", "warmkey", "doctor")

    assert (done.returncode, done.stderr) == (2, "")
    assert f"FAILURE cryptography-unusable\n  found   {PROBLEM}" in done.stdout
    assert "docs/errors.md#cryptography-unusable" in done.stdout
    assert done.stdout.endswith("1 will fail\n")


def test_programs_read_the_finding_as_json() -> None:
    done = without_cryptography("-m", "warmkey", "doctor", "--json")

    assert json.loads(done.stdout)["codes"] == {"cryptography-unusable": 1}


@pytest.mark.parametrize("command", [("inspect", "a"), ("--version",), ()], ids=str)
def test_other_commands_end_in_one_line(command: tuple[str, ...]) -> None:
    done = without_cryptography("-m", "warmkey", *command)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"warmkey: {PROBLEM}")
    assert done.stderr.count("\n") == 1


def test_the_installed_script_is_the_same_command(tmp_path: Path) -> None:
    (tmp_path / "warmkey").write_text(SCRIPT)

    done = without_cryptography(str(tmp_path / "warmkey"), "doctor")

    assert (done.returncode, done.stderr) == (2, "")


def test_the_package_asks_for_it_and_raises_the_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise ConfigurationError("what is wrong")

    monkeypatch.setattr(installation, "check_native_parts", refuse)
    with pytest.raises(ConfigurationError, match="what is wrong"):
        importlib.reload(crypto)


@pytest.mark.parametrize("script", ["handler.py", "not-warmkey"])
def test_a_program_gets_the_error(tmp_path: Path, script: str) -> None:
    (tmp_path / script).write_text(
        "try:\n    import warmkey\nexcept ValueError as error:\n    print(type(error).__name__, error)"
    )

    done = without_cryptography(str(tmp_path / script), "doctor")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"ConfigurationError {PROBLEM}")


@pytest.mark.parametrize(
    ("argv", "orig_argv"),
    [
        (["-m", "doctor"], ["python", "-m", "another", "doctor"]),
        (["/bin/pytest", "warmkey"], ["python", "/bin/pytest", "warmkey"]),
        ([""], ["python"]),
        (["-c", "warmkey"], ["python", "-c", "import warmkey", "warmkey"]),
    ],
)
def test_what_is_not_the_command_goes_on(
    monkeypatch: pytest.MonkeyPatch, argv: list[str], orig_argv: list[str]
) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(sys, "orig_argv", orig_argv)

    end_the_command(ConfigurationError("a"))


@pytest.mark.parametrize(
    ("argv", "status"), [(["-m", "doctor"], 2), (["-m", "doctor", "--json"], 2), (["-m", "inspect"], 1)]
)
def test_the_command_exits_with_its_own_codes(
    monkeypatch: pytest.MonkeyPatch, argv: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", argv)
    monkeypatch.setattr(sys, "orig_argv", ["python", "-X", "dev", "-m", "warmkey", *argv[1:]])

    with pytest.raises(SystemExit) as ended:
        end_the_command(ConfigurationError("what is wrong"))

    printed = capsys.readouterr()
    assert ended.value.code == status
    assert "what is wrong" in printed.out + printed.err

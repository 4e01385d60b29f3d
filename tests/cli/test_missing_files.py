"""Every command says in plain words which of its files is missing, or is not a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from warmkey.cli.main import main
from warmkey.testing import FakeKms

KEY_ARN = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
RATES = ("--writes-per-second", "1", "--no-grid", "--quiet")
# Where the name of the file goes.
READING = {
    "inspect": ("inspect", "{}"),
    "inspect base64": ("inspect", "--base64", "{}"),
    "encrypt": ("encrypt", "--key-arn", KEY_ARN, "{}", "out"),
    "decrypt": ("decrypt", "--key-arn", KEY_ARN, "{}", "out"),
    "doctor": ("doctor", "--offline", "--kms-key-arns", KEY_ARN, "--sample", "{}"),
    "plan": ("plan", "{}"),
    "plan prices": ("plan", "--prices", "{}", *RATES),
}
WRITING = {
    "encrypt": ("encrypt", "--key-arn", KEY_ARN, "file", "{}"),
    "plan json": ("plan", *RATES, "--json", "{}"),
    "plan html": ("plan", *RATES, "--html", "{}"),
    "plan trace": ("plan", "--sample", "--no-grid", "--quiet", "--method", "model", "--save-trace", "{}"),
    "re-encrypt state": ("re-encrypt", "s3", "--bucket", "letters", "--key-arn", KEY_ARN, "--state", "{}"),
}


def error_of(command: tuple[str, ...], name: str, capsys: pytest.CaptureFixture[str]) -> str:
    kms = FakeKms("us-west-2")
    arguments = [argument.replace("{}", name) for argument in command]

    assert main(arguments, kms_clients=lambda _: kms, s3_clients=lambda _: None) in (1, 2)
    printed = capsys.readouterr()
    assert printed.out == ""  # an error comes before the work
    return printed.err.splitlines()[-1]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("text")


@pytest.mark.parametrize("command", READING.values(), ids=READING)
def test_what_is_read_has_to_exist(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    said = error_of(command, "missing", capsys)

    assert said == "warmkey: the file 'missing' does not exist; check its name and its folder"


@pytest.mark.parametrize("command", READING.values(), ids=READING)
def test_what_is_read_has_to_be_a_file(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert error_of(command, ".", capsys) == "warmkey: '.' is a folder; name a file"
    assert error_of(command, "file/a", capsys).startswith(
        "warmkey: a part of the path 'file/a' is a file, not a folder"
    )


@pytest.mark.parametrize("command", WRITING.values(), ids=WRITING)
def test_what_is_written_needs_a_folder(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    said = error_of(command, "missing/out", capsys)

    assert said == f"warmkey: the folder to write to does not exist: '{Path('missing').resolve()}'"

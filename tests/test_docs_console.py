"""The commands of the pages run one after the other, as a reader types them, and print what the pages show.

``...`` on a page stands for anything, and so do versions and architectures. docs/choosing-limits.md has a test of its
own (tests/plan/test_page.py), which also writes it.
"""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.cli.exit_code import exit_code
from tests.cli.re_encryption.stage import REGION, Stage, stage
from tests.test_docs import EXAMPLE_KEY_ARN, PAGES, id_of

if TYPE_CHECKING:
    from collections.abc import Iterator

WRITTEN_BY_A_TEST = {"docs/choosing-limits.md"}
# tests/cli/test_report.py knows what is random in it.
COMPARED_ELSEWHERE = {"warmkey inspect letter.encrypted"}
# What the function of docs/doctor.md lacks is GenerateDataKey.
ROLE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["kms:Decrypt", "kms:DescribeKey"], "Resource": "*"}],
}
# What stands for anything: points, and what differs from machine to machine.
ANYTHING = re.compile(r"\.\.\.|\b\d+\.\d+\.\d+\b|x86_64")


class Command(NamedTuple):
    """One line that the reader types, joined where it goes on, and what the page says it prints."""

    text: str
    output: str


def commands_of(page: Path) -> list[Command]:
    text = page.read_text()
    found = []
    for console, indented in re.findall(
        r"^```console\n(.*?)^```$|^    (warmkey [^\n]*)$", text, re.MULTILINE | re.DOTALL
    ):
        for each in re.split(r"^\$ ", console.replace("\\\n", ""), flags=re.MULTILINE)[1:] or [f"{indented}\n"]:
            command, _, output = each.partition("\n")
            found.append(Command(command, output))
    return found


WITH_COMMANDS = [page for page in PAGES if id_of(page) not in WRITTEN_BY_A_TEST and commands_of(page)]


class Terminal:
    """A shell with variables, in a folder with a letter."""

    def __init__(self, here: Stage, capture: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.here, self._capture, self._monkeypatch = here, capture, monkeypatch
        for name, arn in (("KEY_ARN", here.new), ("NEW_KEY_ARN", here.new), ("OLD_KEY_ARN", here.old)):
            monkeypatch.setenv(name, arn)
        monkeypatch.setenv("BRANCH_KEYS_ARN", here.old)

    def type(self, line: str) -> tuple[str, str]:
        """Return what is printed as errors and remarks, and what as output.

        Pipes lead to other programs, and what they do is tested elsewhere.
        """
        words = [os.path.expandvars(word) for word in shlex.split(line)]
        if words[0] == "export":
            for assignment in words[1:]:
                name, value = assignment.split("=")
                self._monkeypatch.setenv(name, value.replace(EXAMPLE_KEY_ARN, self.here.new))
            return "", ""
        if words[0] != "warmkey" or "|" in words:
            return "", ""
        code = exit_code(
            [self.here.old if word == "ARN" else word for word in words[1:]],
            kms_clients=lambda _region: self.here.kms,
            dynamodb_clients=lambda _region: self.here.dynamodb,
            s3_clients=lambda _region: self.here.s3,
        )
        out, err = self._capture.readouterr()
        assert code == 0 or (words[1] == "doctor" and code == 2), err
        return err, out


@pytest.fixture
def terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.chdir(tmp_path)
    Path("letter").write_bytes(b"dear all,\n" * 100_000)
    with stage() as here:
        here.make_table()
        here.make_bucket()
        here.put_item({"id": "a", "_sealed": here.encrypt(b"x")})
        Path("letter.encrypted").write_bytes(here.encrypt(b"x"))
        here.s3.put_object(Bucket="letters", Key="2026/a", Body=here.encrypt(b"x"))
        yield Terminal(here, capsys, monkeypatch)


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=id_of)
def test_the_commands_of_a_page_do_what_it_says(page: Path, terminal: Terminal) -> None:
    if page.stem == "doctor":
        terminal.here.kms.attach_policy(ROLE)
    for command in commands_of(page):
        err, out = terminal.type(command.text)
        if command.output and out and command.text not in COMPARED_ELSEWHERE:
            shape = shape_of(command.output)
            assert shape.fullmatch(" ".join(out.split())) or shape.fullmatch(" ".join((err + out).split())), err + out


def shape_of(shown: str) -> re.Pattern[str]:
    """Return the pattern of what the page shows, whose lines may be broken elsewhere."""
    shown = shown.replace("arn:aws:kms:us-west-2:111122223333:key/1234abcd-...", "...")
    shown = shown.replace("kms.us-west-2", f"kms.{REGION}")
    parts = [re.escape(" ".join(part.split())).replace(r"\ ", r"\s*") for part in ANYTHING.split(shown)]
    return re.compile(".*".join(parts))


def test_every_page_with_commands_is_tried() -> None:
    tried = {id_of(page) for page in WITH_COMMANDS}

    assert {f"docs/{name}.md" for name in ("branch-keys", "doctor", "inspect", "migrating", "permissions")} <= tried

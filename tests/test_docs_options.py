"""The pages name every option of every command, and no option that does not exist."""

from __future__ import annotations

import re

import pytest

from examples.demo import __main__ as demo
from examples.local import __main__ as local
from tests.cli.exit_code import exit_code
from tests.test_docs import PAGES, ROOT, id_of
from tools.publish_layer import __main__ as publish_layer
from warmkey.lambda_runtime.settings import VARIABLES

DOCS = ROOT / "docs"
# The page of each command.
COMMANDS = {
    "inspect": "inspect",
    "encrypt": "inspect",
    "decrypt": "inspect",
    "keystore create-table": "branch-keys",
    "keystore create": "branch-keys",
    "keystore rotate": "branch-keys",
    "keystore list": "branch-keys",
    "keystore show": "branch-keys",
    "policy": "permissions",
    "re-encrypt dynamodb": "migrating",
    "re-encrypt s3": "migrating",
    "doctor": "doctor",
    "plan": "choosing-limits",
}
# The pages on permissions and the doctor say that settings are options too; docs/settings.md has them.
SETTINGS = {f"--{name.removeprefix('WARMKEY_').lower().replace('_', '-')}" for name in VARIABLES}
# Programs of the clone, by the page of each.
PROGRAMS = {
    "docs/local.md": local.main,
    "docs/publishing.md": publish_layer.main,
    "examples/demo/README.md": demo.main,
}
# Of commands that are not ours, and of ours that a page names only in passing.
OTHERS = {
    "aws": "--compatible-architectures --compatible-runtimes --environment --function-name --layer-name --layers "
    "--zip-file",
    "benchmarks": "--megabytes --only",
    "pip": "--target",
    "sam": "--config-env --guided",
    "warmkey": "--help --version",
}


def options_of(command: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    assert exit_code([*command.split(), "--help"]) == 0
    return _options(capsys)


def _options(capsys: pytest.CaptureFixture[str]) -> set[str]:
    return set(re.findall(r"^\s+(?:-h, )?(--[a-z0-9-]+)", capsys.readouterr().out, re.MULTILINE)) - {"--help"}


def named_in(text: str) -> set[str]:
    return set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", text))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_of_a_command_names_each_of_its_options(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    options = options_of(command, capsys)
    page = (DOCS / f"{COMMANDS[command]}.md").read_text()

    assert options - named_in(page) - (SETTINGS if command in ("policy", "doctor") else set()) == set()
    assert options


@pytest.mark.parametrize("page", PROGRAMS)
def test_the_page_of_a_program_names_each_of_its_options(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert options_of_program(page, capsys) - named_in((ROOT / page).read_text()) == set()


def options_of_program(page: str, capsys: pytest.CaptureFixture[str]) -> set[str]:
    with pytest.raises(SystemExit):
        PROGRAMS[page](["--help"])
    return _options(capsys) - {"--event"}  # which `make local` takes as EVENT


def test_every_option_on_the_pages_is_one_of_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    known = SETTINGS.union(
        *(options_of(command, capsys) for command in COMMANDS),
        *(options_of_program(page, capsys) for page in PROGRAMS),
        *map(str.split, OTHERS.values()),
    )

    assert {(id_of(page), option) for page in PAGES for option in named_in(page.read_text()) - known} == set()


@pytest.mark.parametrize("command", COMMANDS)
def test_help_says_what_each_option_does(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A default alone says nothing; and of the command itself, there is a sentence."""
    exit_code([*command.split(), "--help"])
    out = capsys.readouterr().out
    shown = re.sub(r"\n {6,}", "  ", out).splitlines()
    lines = [line for line in shown if re.match(r"^  (-h, )?--[a-z0-9-]+", line)]

    assert re.search(r"^[A-Z][^.:]*\.", out, re.MULTILINE)
    assert [line for line in lines if not re.search(r"\S  +(?!default:)\w", line)] == []
    assert lines

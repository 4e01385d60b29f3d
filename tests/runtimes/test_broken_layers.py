"""What is unpacked in a way that can't work fails at import, by an error that says what was found and what to do.

Each case does to the built layer what people do to theirs, and reads what Lambda answers. The page on errors quotes it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from examples.demo.emulator import FunctionFailed
from layer.project import ROOT
from tests.runtimes.unpacked import MACHINE, RUNTIMES, pins, start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.runtimes.unpacked import Files, Parts

pytestmark = [pytest.mark.layer, pytest.mark.runtime]

RUST = "python/cryptography/hazmat/bindings/_rust.abi3.so"
OTHER_MACHINE = {"x86_64": ("aarch64", b"\xb7\0"), "aarch64": ("x86_64", b"\x3e\0")}
PYTHON = RUNTIMES[-1] if RUNTIMES else ""
OTHER = "312" if PYTHON == "3.11" else "311"
OURS, OLDER = pins("layer")["cryptography"], pins("neighbours")["cryptography"]


def for_another_machine(parts: Parts) -> Files:
    """As the layer of the other architecture has them: the names, and what the libraries say they are for."""
    machine, number = OTHER_MACHINE[MACHINE]
    return {
        name.replace(f"-{MACHINE}-", f"-{machine}-"): content[:18] + number + content[20:]
        if name.endswith(".so")
        else content
        for name, content in parts["core"].items()
    }


def without_backend_for_this_python(parts: Parts) -> Files:
    tag = f"_cffi_backend.cpython-{PYTHON.replace('.', '')}-"
    return {name: content for name, content in parts["core"].items() if tag not in name}


def without_library(parts: Parts) -> Files:
    return {name: content for name, content in parts["core"].items() if name != RUST}


def with_library_of_another_version(parts: Parts) -> Files:
    about = {name: content for name, content in parts["older"].items() if name.startswith("python/cryptography-")}
    return {**parts["core"], **about, RUST: parts["older"][RUST]}


def pretending(part: str, file: str, version: str, other: str) -> Callable[[Parts], Files]:
    """The layer, and over it *part* whose *file* says *other* instead of *version*."""

    def break_it(parts: Parts) -> Files:
        changed = parts[part][file].replace(version.encode(), other.encode())
        return {**parts["core"], **parts[part], file: changed}

    return break_it


@dataclass(frozen=True, kw_only=True)
class Case:
    """*quoted* is what the page on errors has of it; *found* are parts of the rest; ``OPT`` stands for its folder."""

    breaking: Callable[[Parts], Files]
    quoted: str
    found: tuple[str, ...]
    remedy: str


CASES = {
    "another architecture": Case(
        breaking=for_another_machine,
        quoted="cryptography can't be loaded by",
        found=(
            f"Python {PYTHON} on {MACHINE}",
            f"Found OPT/python/cryptography ({OURS}); OPT/{RUST} for {OTHER_MACHINE[MACHINE][0]}.",
        ),
        remedy="Attach warmkey's layer for this architecture and runtime",
    ),
    "no _cffi_backend for this Python": Case(
        breaking=without_backend_for_this_python,
        quoted="cryptography needs _cffi_backend, and there is none for",
        found=(f"Python {PYTHON} on {MACHINE}", f"OPT/python/_cffi_backend.cpython-{OTHER}-{MACHINE}-linux-gnu.so for"),
        remedy="Attach warmkey's layer for this architecture and runtime",
    ),
    "no library": Case(
        breaking=without_library,
        quoted="cryptography can't be loaded by",
        found=(f"Found OPT/python/cryptography ({OURS}); no library.",),
        remedy="install manylinux2014 wheels",
    ),
    "mixed files": Case(
        breaking=with_library_of_another_version,
        quoted="two copies were unpacked over each other",
        found=(
            f"are of version {OURS} and its library of version {OLDER}",
            f"Found OPT/python/cryptography ({OLDER} and {OURS})",
        ),
        remedy="Keep one of them",
    ),
    "cryptography too old": Case(
        breaking=pretending("older", "python/cryptography/__about__.py", OLDER, "46.0.7"),
        quoted="is too old: warmkey needs 47 or later",
        found=("cryptography 46.0.7", "Found OPT/python/cryptography"),
        remedy="update it, or remove it",
    ),
    "boto3 too old": Case(
        breaking=pretending("boto3", "python/botocore/__init__.py", pins("neighbours")["botocore"], "1.34.162"),
        quoted="boto3 is too old: warmkey needs 1.35 or later",
        found=("Found botocore 1.34.162 in OPT/python/botocore",),
        remedy="Update it, or remove it",
    ),
}


@pytest.mark.skipif(not RUNTIMES, reason="`make runtimes` has not run")
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_error_says_what_was_found_and_what_to_do(
    case: Case, parts: Parts, environment: Mapping[str, str], tmp_path: Path
) -> None:
    opt = case.breaking(parts)
    with (
        start(tmp_path, runtime=PYTHON, opt=opt, function={}, environment=environment) as running,
        pytest.raises(FunctionFailed) as failed,
    ):
        running.invoke({})
    said = str(failed.value).replace(str(tmp_path / "opt"), "OPT")

    assert "ConfigurationError" in said
    assert [words for words in (case.quoted, *case.found, case.remedy) if words not in said] == [], said


@pytest.mark.parametrize("quoted", sorted({case.quoted for case in CASES.values()}))
def test_the_page_on_errors_quotes_it(quoted: str) -> None:
    page = (ROOT / "docs" / "errors.md").read_text()

    assert re.search(rf"^.*`[^`]*{re.escape(quoted)}[^`]*`", page, re.MULTILINE)

"""Fetching a Python: what is asked of apt, what is said where there is none, and what the starter starts."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from layer.runtimes import ARCHITECTURES, HOST, RUNTIMES
from tools import debian_pythons
from tools.debian_pythons import Apt, Unavailable

if TYPE_CHECKING:
    from pathlib import Path

OTHER = next(name for name in ARCHITECTURES if name != HOST)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What is run; each command answers as :func:`answer` does."""
    seen: list[list[str]] = []

    def run(command: list[str], **_options: object) -> subprocess.CompletedProcess[str]:
        seen.append(command)
        return subprocess.CompletedProcess(command, 0, stdout=answer(command), stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    return seen


def answer(command: list[str]) -> str:
    if "indextargets" in command:
        return (
            "Other Vendor mirror://other/\nDebian Debian-Security mirror://security/\nDebian Debian mirror://debian/\n"
        )
    if "depends" in command:
        return (
            "python3.14:arm64\n  Depends: libc6:arm64\nlibc6:arm64\n  Depends: libc6\n<media-types:arm64>\n"
            "libc6\ngcc-16-base:arm64\ndebconf\n"
        )
    return ""


@pytest.fixture
def has_apt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(debian_pythons, "KEYRING", tmp_path)
    monkeypatch.setattr("shutil.which", lambda name: f"/usr/bin/{name}")


@pytest.mark.usefixtures("has_apt")
def test_packages_come_from_the_machines_own_mirror_with_signatures_checked(
    tmp_path: Path, commands: list[list[str]]
) -> None:
    Apt(suite="sid", folder=tmp_path).update()
    source = (tmp_path / "suite.sources").read_text()

    assert "URIs: mirror://debian/\nSuites: sid\n" in source
    assert f"Signed-By: {tmp_path}" in source
    assert not any("unauthenticated" in word.lower() for command in commands for word in command)


@pytest.mark.usefixtures("has_apt")
def test_apt_keeps_its_state_in_a_folder_of_its_own(tmp_path: Path, commands: list[list[str]]) -> None:
    Apt(suite="sid", folder=tmp_path).update()
    options = dict(word[2:].split("=", 1) for word in commands[-1] if word.startswith("-oDir"))

    assert {value for value in options.values() if not value.startswith(str(tmp_path))} == {"/dev/null"}
    assert options.keys() >= {"Dir::State::Lists", "Dir::State::status", "Dir::Cache", "Dir::Etc::SourceParts"}


@pytest.mark.usefixtures("commands")
def test_what_a_python_needs_of_its_own_architecture_is_unpacked_and_nothing_that_only_a_system_needs(
    tmp_path: Path,
) -> None:
    (tmp_path / "apt-sid").mkdir()
    (tmp_path / "apt-sid" / "suite.sources").touch()

    _, packages = debian_pythons._packages("python3.14:arm64", "sid", tmp_path)

    assert packages == ["python3.14:arm64", "libc6:arm64"]


def test_a_machine_without_apt_is_told_what_it_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian_pythons, "KEYRING", tmp_path / "none")

    with pytest.raises(Unavailable, match="needs apt, dpkg and Debian's keyring"):
        Apt(suite="sid", folder=tmp_path).update()


def test_a_runtime_that_no_suite_has_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="no suite of Debian has it"):
        debian_pythons.fetch("3.12", OTHER, tmp_path)


def test_one_that_cannot_be_had_does_not_keep_the_others_from_being_tried(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fetch(runtime: str, architecture: str, folder: Path) -> Path:
        if runtime == "3.12":
            raise Unavailable("no suite of Debian has it")
        return folder / f"{runtime}-{architecture}"

    monkeypatch.setattr(debian_pythons, "fetch", fetch)
    debian_pythons.main(["3.12-arm64", "3.14-arm64"])
    said = capsys.readouterr()

    assert said.err == "Python 3.12 for arm64: not available (no suite of Debian has it)\n"
    assert said.out == "Python 3.14 for arm64: build/pythons/3.14-arm64\n"


def test_what_is_missing_are_the_pythons_that_the_machine_lacks_and_all_of_the_other_architecture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(debian_pythons, "find_interpreters", lambda _runtimes: [])
    missing = debian_pythons.missing_here()

    assert {(runtime, name) for runtime in RUNTIMES for name in (HOST, OTHER)} <= set(missing)


def test_the_starter_gives_all_arguments_to_the_python_beside_it(tmp_path: Path) -> None:
    """The loader here is a program that prints how it was called."""
    architecture = ARCHITECTURES[HOST]
    loader = tmp_path / "usr" / "lib64" / debian_pythons._LOADERS[HOST]
    loader.parent.mkdir(parents=True)
    loader.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    loader.chmod(0o755)
    debian_pythons._add_starter(tmp_path, "3.14", architecture, "")

    said = subprocess.run(
        [tmp_path / "bin" / "python3.14", "-c", "two words"], check=True, capture_output=True, text=True, timeout=20
    ).stdout.splitlines()

    triplet = f"{architecture.machine}-linux-gnu"
    libraries = f"{tmp_path}/usr/lib/{triplet}:{tmp_path}/lib/{triplet}"
    assert said == ["--library-path", libraries, f"{tmp_path}/usr/bin/python3.14", "-c", "two words"]

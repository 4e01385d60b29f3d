"""What is checked in says nothing of the machine that it was written on, nor of where packages come from."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.architecture.sources import ROOT

# Put together here, so that this file does not find itself.
_SOMEBODYS_HOME = re.compile(r"/(?:root|work|Users|home)/[\w.-]+/|/(?:root|work)/\w|~/\.pyenv|/tmp/(?!\$|\{)\w+/")
_REGISTRIES = re.compile(
    "|".join(("py" + r"pi\.org", "pythonhosted" + r"\.org", "registry" + r"\.npmjs", "yarnpkg" + r"\.com"))
)


def tracked() -> list[str]:
    """Files under version control, or none where there is no such thing."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    found = {}
    for name in tracked():
        try:
            found[name] = (ROOT / name).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
    if not found:
        pytest.skip("there is no version control here that could say what is checked in")
    return found


def matches(texts: dict[str, str], pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{name}:{number}: {found[0]}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if (found := pattern.search(line)) and name != "tests/architecture/test_repository.py"
    ]


def test_no_path_of_a_developers_machine(texts: dict[str, str]) -> None:
    assert matches(texts, _SOMEBODYS_HOME) == []


def test_no_address_of_a_package_registry(texts: dict[str, str]) -> None:
    """Whoever installs has an index of their own; locks pin by hash."""
    assert matches(texts, _REGISTRIES) == []


def test_locks_record_no_download_addresses(texts: dict[str, str]) -> None:
    locks = [name for name in texts if name.endswith(("package-lock.json", "yarn.lock", "uv.lock", "poetry.lock"))]

    assert locks == [f"tests/{room}/node/package-lock.json" for room in ("interop", "policy", "workflows")]
    for lock in locks:
        assert '"resolved"' not in texts[lock]
        assert '"integrity"' in texts[lock]


def test_no_private_key_is_checked_in(texts: dict[str, str]) -> None:
    assert matches(texts, re.compile("BEGIN (?:[A-Z]+ )?PRIVATE" + " KEY-----\n?[A-Za-z0-9+/]{40}")) == []


def test_no_mark_of_an_unfinished_merge_is_checked_in(texts: dict[str, str]) -> None:
    assert matches(texts, re.compile(r"^(?:<{7}|\|{7}|>{7})(?: |$)")) == []

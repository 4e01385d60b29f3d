"""What a refresh of the pins says."""

from __future__ import annotations

import re
import tomllib

from layer.project import ROOT
from tools.refresh_pins import changes


def test_a_change_is_named_once_with_the_files_that_have_it() -> None:
    before = {"demo": {"boto3": "1.0", "moto": "5.0"}, "test": {"boto3": "1.0"}}
    after = {"demo": {"boto3": "1.1", "moto": "5.0"}, "test": {"boto3": "1.1"}}

    assert changes(before, after) == ["boto3: 1.0 → 1.1  (demo, test)"]


def test_what_came_and_went_is_named_too() -> None:
    assert changes({"demo": {"old": "1"}}, {"demo": {"new": "2"}, "site": {"new": "2"}}) == [
        "new: none → 2  (demo, site)",
        "old: 1 → none  (demo)",
    ]


def test_nothing_is_said_of_what_stayed() -> None:
    assert changes({"demo": {"same": "1"}}, {"demo": {"same": "1"}}) == []


def test_every_group_has_its_pins_and_its_row() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    page = (ROOT / "requirements" / "README.md").read_text()
    command = (ROOT / "tools" / "compile_requirements.sh").read_text()

    assert {path.stem for path in (ROOT / "requirements").glob("*.txt")} == set(groups)
    assert [group for group in groups if f"`{group}`" not in page] == []
    assert [group for group in groups if not re.search(rf"\b{group}\b", command)] == []


def test_a_group_is_pinned_with_all_that_it_names() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    missing = [
        (group, name)
        for group, needs in groups.items()
        for need in needs
        if isinstance(need, str) and (name := re.match(r"[\w-]+", need)) is not None
        if not re.search(rf"^{name[0]}==", (ROOT / "requirements" / f"{group}.txt").read_text(), re.MULTILINE)
    ]

    assert missing == []

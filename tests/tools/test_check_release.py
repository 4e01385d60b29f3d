"""A release says the same in tag, package and changelog."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from layer.project import ROOT
from tools.check_release import problems

if TYPE_CHECKING:
    from pathlib import Path


def clone(folder: Path, changelog: str, version: str = "0.2.0") -> Path:
    (folder / "src" / "warmkey").mkdir(parents=True)
    (folder / "src" / "warmkey" / "__init__.py").write_text(f'__version__ = "{version}"\n')
    (folder / "CHANGELOG.md").write_text(f"# Changelog\n\n{changelog}")
    return folder


RELEASED = "## [0.2.0] - 2026-12-01\n\n### Added\n\n## [0.1.0] - 2026-11-27\n"


def test_this_clone_has_nothing_wrong() -> None:
    assert problems(ROOT) == []


def test_a_version_with_its_heading_can_be_released(tmp_path: Path) -> None:
    assert problems(clone(tmp_path, RELEASED), "v0.2.0") == []


@pytest.mark.parametrize(
    ("changelog", "tag", "problem"),
    [
        (RELEASED, "v0.3.0", "the tag must be v0.2.0"),
        (RELEASED, "0.2.0", "the tag must be v0.2.0"),
        ("## [Unreleased]\n\nWill be 0.2.0.\n", "v0.2.0", r"a heading '## [0.2.0] - YYYY-MM-DD'"),
        ("## [0.2.0] - soon\n", "v0.2.0", "must have a date like 2026-11-27, not 'soon'"),
        ("## [0.1.0] - 2026-11-27\n\n## [0.2.0] - 2026-12-01\n", "v0.2.0", "newest version first"),
        ("## [0.2.0] - 2026-12-01\n\n### New\n", "v0.2.0", "a section 'New'"),
        ("## [0.1.0] - 2026-11-27\n", "", "a heading for 0.2.0 or for Unreleased"),
    ],
)
def test_what_does_not_agree_is_named(tmp_path: Path, changelog: str, tag: str, problem: str) -> None:
    found = problems(clone(tmp_path, changelog), tag)

    assert [line for line in found if problem in line] != []

"""docs/choosing-limits.md shows what the commands in it print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from examples.plan.page import PAGE, updated
from examples.plan.pictures import draw

if TYPE_CHECKING:
    from pathlib import Path


def test_the_page_shows_what_its_commands_print() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert page.count("$ warmkey plan ") == 5
    assert updated(page) == page


def test_its_pictures_are_those_that_are_drawn(tmp_path: Path) -> None:
    for picture in draw(tmp_path):
        shown = PAGE.parent / "pictures" / picture.name
        assert f"pictures/{picture.name}" in PAGE.read_text(encoding="utf-8")
        assert shown.is_file()
        assert picture.stat().st_size > 10_000

"""Who looks for an example finds it in the list, and each is tested."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path for path in (ROOT / "examples").iterdir() if path.suffix == ".py")


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_it_is_in_the_list_of_examples(example: Path) -> None:
    (_, listed) = (ROOT / "docs" / "README.md").read_text().split("## Examples")

    assert f"(../examples/{example.name})" in listed


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_a_test_runs_it(example: Path) -> None:
    assert any(re.search(rf"\b{example.stem}\b", test.read_text()) for test in (ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_its_docstring_names_the_test_that_is_there(example: Path) -> None:
    named = re.findall(r"``(tests/\S+\.py)``", example.read_text())

    assert [name for name in named if not (ROOT / name).exists()] == []

"""docs/security.md states properties: each names an adversary and tests that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/security.md"
PROPERTY = re.compile(r"^\*\*([A-Z]\d+)\. ([^*]+)\.\*\*(.*?)(?=^\*\*[A-Z]\d+\. |^#|\Z)", re.MULTILINE | re.DOTALL)
TEST = re.compile(r"^- \[`(test_\w+)`\]\(\.\./(tests/[\w/]+\.py)\)$", re.MULTILINE)


class Property(NamedTuple):
    """A property of the page, and the tests that it links."""

    name: str
    tests: list[tuple[str, str]]


def properties(text: str) -> list[Property]:
    return [Property(found[1], TEST.findall(found[3])) for found in PROPERTY.finditer(text)]


def functions(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


PROPERTIES = properties(PAGE.read_text())


@pytest.mark.parametrize("stated", PROPERTIES, ids=lambda stated: stated.name)
def test_every_property_links_tests_that_are_there(stated: Property) -> None:
    missing = [f"{path}: {name}" for name, path in stated.tests if name not in functions(path)]

    assert stated.tests
    assert missing == []


def test_each_property_has_a_name_of_its_own() -> None:
    names = [stated.name for stated in PROPERTIES]

    assert len(set(names)) == len(names) >= 40


def test_every_link_to_a_test_belongs_to_a_property() -> None:
    linked = re.findall(r"\]\(\.\./tests/", PAGE.read_text())

    assert len(linked) == sum(len(stated.tests) for stated in PROPERTIES)


def test_every_group_says_against_whom() -> None:
    guaranteed = PAGE.read_text().partition("## What is guaranteed")[2].partition("\n## ")[0]
    groups = guaranteed.split("\n### ")[1:]

    assert [group.splitlines()[0] for group in groups if "\nAgainst **" not in group] == []


def test_a_property_without_a_test_is_noticed() -> None:
    text = "**A1. One.** Text.\n\n- [`test_x`](../tests/x.py)\n\n**A2. Two.** Text.\n\n### Next\n"

    assert properties(text) == [Property("A1", [("test_x", "tests/x.py")]), Property("A2", [])]

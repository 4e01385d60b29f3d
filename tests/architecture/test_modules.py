"""Modules stay small enough to be read at one sitting, and say what they are for."""

from __future__ import annotations

import ast
import re
import statistics

from tests.architecture.sources import modules

# One subject may be long. What is longer than this has two. Lines that cite the specification are not
# counted: with much to cite, a module still has one subject.
LONGEST = 420
MEDIAN = 130
CITATION = re.compile(r"\s*# spec: ")


def test_none_is_too_long() -> None:
    lengths = {
        name: sum(not CITATION.match(line) for line in path.read_text(encoding="utf-8").splitlines())
        for name, path in modules().items()
    }

    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}
    assert statistics.median(lengths.values()) <= MEDIAN


def test_each_says_what_it_is_for() -> None:
    silent = [
        name for name, path in modules().items() if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]

    assert silent == []


def test_all_names_exist() -> None:
    """`__all__` promises only what the module has, sorted so that a diff shows what changed."""
    for name, path in modules().items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        promised = [
            ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        ]
        for names in promised:
            assert len(set(names)) == len(names), name

"""The file that type checkers hold the public API to leaves out no public name."""

from __future__ import annotations

import ast
from pathlib import Path

import warmkey
import warmkey.caches
import warmkey.cmms
import warmkey.keyrings
from tests.architecture.sources import ROOT, SOURCE


def test_every_public_name_is_used_there() -> None:
    tree = ast.parse((ROOT / "tests/typing/api.py").read_text(encoding="utf-8"))
    loaded = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    loaded |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}

    for package in (warmkey, warmkey.caches, warmkey.cmms, warmkey.keyrings):
        assert set(package.__all__) - loaded == set()


def test_the_package_says_that_it_is_typed() -> None:
    assert (SOURCE / "warmkey/py.typed").read_text(encoding="utf-8") == ""
    assert (Path(warmkey.__file__).parent / "py.typed").is_file()

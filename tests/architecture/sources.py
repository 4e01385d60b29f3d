"""The library's modules and what they import when they are loaded or run."""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"


class Import(NamedTuple):
    """One import: which module asks for which."""

    importer: str
    imported: str


@cache
def modules() -> dict[str, Path]:
    """Every module of the library, by its name."""
    paths = sorted((SOURCE / "warmkey").rglob("*.py"))
    return {".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


@cache
def imports() -> tuple[Import, ...]:
    """All of them, but for those that only type checkers see."""
    found: list[Import] = []
    for name, path in modules().items():
        finder = _Finder(name)
        finder.visit(ast.parse(path.read_text(encoding="utf-8")))
        found += finder.found
    return tuple(found)


class _Finder(ast.NodeVisitor):
    def __init__(self, importer: str) -> None:
        self.importer = importer
        self.found: list[Import] = []

    def visit_If(self, node: ast.If) -> None:
        for statement in node.orelse if ast.unparse(node.test) == "TYPE_CHECKING" else (*node.body, *node.orelse):
            self.visit(statement)

    def visit_Import(self, node: ast.Import) -> None:
        self.found += (Import(self.importer, alias.name) for alias in node.names)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        assert node.level == 0, f"{self.importer} has a relative import"
        assert node.module is not None
        self.found.append(Import(self.importer, node.module))


def room_of(module: str) -> str:
    """The room that a module of ours is in: ``warmkey.cmms.caching`` is in ``cmms``."""
    return ([*module.split("."), ""])[1]


def third_party(module: str) -> str | None:
    """The top-level name of a package that is neither ours nor Python's."""
    top = module.partition(".")[0]
    return None if top == "warmkey" or top in sys.stdlib_module_names else top

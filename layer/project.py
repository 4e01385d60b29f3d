"""The metadata of ``pyproject.toml``, with the version, whose one source is the package."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path
from typing import Any

__all__ = ["ROOT", "metadata", "version"]

ROOT = Path(__file__).resolve().parent.parent


def version(clone: Path = ROOT) -> str:
    """Return ``__version__`` of the package in *clone*, without importing it."""
    module = ast.parse((clone / "src" / "warmkey" / "__init__.py").read_text(encoding="utf-8"))
    (found,) = (
        statement.value.value
        for statement in module.body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Constant)
        and [name.id for name in statement.targets if isinstance(name, ast.Name)] == ["__version__"]
    )
    return str(found)


def metadata(clone: Path = ROOT) -> dict[str, Any]:
    """Return the ``project`` table, with the version."""
    project: dict[str, Any] = tomllib.loads((clone / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {**project, "version": version(clone)}

"""What the kit imports, and what it leaves to those who have it."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import warmkey.testing

FILES = sorted(Path(warmkey.testing.__file__).parent.glob("*.py"))
PUBLIC = ("warmkey.testing", "warmkey.clock", "warmkey.branch_keys", "warmkey.events", "warmkey.exceptions")
# And what keeps secrets out of what is shown, which nobody else needs.
SHOWING = ("warmkey.choices", "warmkey.safe_repr")


def modules_imported_by(file: Path) -> set[str]:
    modules: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            modules.add(node.module or "")
    return modules


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_kit_uses_public_names_of_warmkey_only(file: Path) -> None:
    ours = {module for module in modules_imported_by(file) if module.startswith("warmkey.")}

    assert not {module for module in ours if not module.startswith(PUBLIC + SHOWING)}


def test_importing_the_kit_needs_neither_moto_nor_pytest() -> None:
    script = "import sys, warmkey.testing; print(sorted({'moto', 'pytest', 'boto3'} & sys.modules.keys()))"
    environment = os.environ | {"PYTHONPATH": str(FILES[0].parents[2])}
    run = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=True
    )

    assert run.stdout.strip() == "[]"

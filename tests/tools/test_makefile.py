"""The Makefile says which Python it needs before it installs anything."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from layer.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

OLD = """#!/bin/sh
exec python3 -c "import sys; sys.version_info = (3, 10, 1); exec(sys.argv[1])" "$2"
"""


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
@pytest.mark.parametrize("named", ["nowhere/python", "old", ""])
def test_a_python_that_does_not_do_is_told_before_anything_is_installed(tmp_path: Path, named: str) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "uv.txt").touch()
    old = tmp_path / "old"
    old.write_text(OLD)
    old.chmod(0o755)
    python = str(tmp_path / named) if named else ""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "-f", ROOT / "Makefile", ".venv/.installed", f"PYTHON={python}"],
        cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert f"PYTHON must be a Python 3.11 to 3.14, not '{python}'" in done.stderr
    assert not (tmp_path / ".venv").exists()

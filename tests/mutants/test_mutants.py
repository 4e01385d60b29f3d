"""Tests notice when a line is broken: those of 40 requirements of the specification, and those that a long run drew."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("part", ["--requirements", "--noticed"])
def test_mutants_are_noticed(part: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.mutants", part],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr[-2000:]

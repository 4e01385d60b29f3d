"""Tests notice when a line that follows a requirement of the specification is broken."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_tests_that_claim_a_requirement_notice_when_its_line_is_broken() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tools.mutants", "--requirements"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr[-2000:]

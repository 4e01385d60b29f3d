"""``import warmkey``: a table of contents."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import warmkey

ROOT = Path(__file__).parents[1]


def test_a_star_import_brings_all_of_them() -> None:
    names: dict[str, object] = {}
    exec("from warmkey import *", names)

    assert set(warmkey.__all__) <= names.keys()


def test_keyrings_that_few_functions_need_cost_a_cold_start_nothing() -> None:
    later = ["warmkey.crypto.rsa", "warmkey.crypto.ecdh", "warmkey.keyrings.raw_rsa", "warmkey.keyrings.raw_ecdh"]
    program = f"import sys, warmkey; print([m for m in {later!r} if m in sys.modules])"

    loaded = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
    )

    assert loaded.stdout.strip() == "[]"

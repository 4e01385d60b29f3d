"""Sealed records, tokens and checkpoints are read by a short program over the official JavaScript client."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from tests.interop.peers import NODE, why_no_node
from tests.vectors.test_sealed_vectors import CONTENT, VECTORS

pytestmark = pytest.mark.interop

KEY = CONTENT["wrapping key"]


@pytest.fixture(scope="module")
def answers() -> list[dict[str, Any]]:
    reason = why_no_node()
    if reason:
        pytest.skip(reason)
    done = subprocess.run(
        ["node", str(NODE / "read_sealed.cjs"), KEY["namespace"], KEY["name"], KEY["key"]],
        input="".join(f"{json.dumps(vector)}\n" for vector in VECTORS),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return [json.loads(line) for line in done.stdout.split("\n") if line]


def test_it_reads_what_we_read_and_refuses_what_we_refuse(answers: list[dict[str, Any]]) -> None:
    """Less what is only malformed: a short reader need not check that a text was the only one for its content."""
    compared = [
        (vector["what"], vector.get("result"), answer.get("result"))
        for vector, answer in zip(VECTORS, answers, strict=True)
        if vector["outcome"] != "malformed"
    ]

    assert [(what, found) for what, expected, found in compared if found != expected] == []
    assert len(compared) > 100


@pytest.mark.parametrize("name", ["read_record.cjs", "read_sealed.cjs"])
def test_it_is_short(name: str) -> None:
    assert len((NODE / name).read_text(encoding="utf-8").splitlines()) < 60

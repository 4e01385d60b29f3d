"""Source and tests claim every MUST of the specification, or the ledger says why not."""

from __future__ import annotations

from pathlib import Path

from tools.conformance.check import problems

ROOT = Path(__file__).parents[2]


def test_every_claim_has_its_row_and_every_must_its_claims_or_a_reason() -> None:
    assert problems(ROOT) == []

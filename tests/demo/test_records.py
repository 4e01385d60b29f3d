"""The data file of the demonstration."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from examples.demo import records

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_there_are_hundreds_of_records_of_several_tenants_and_a_few_are_large() -> None:
    found = records.read()
    large = [record for record in found if len(record.text) > 16_000]

    assert len(found) >= 300
    assert len(Counter(record.tenant for record in found)) >= 5
    assert 1 <= len(large) <= 10


def test_the_file_is_what_its_generator_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    committed = records.RECORDS.read_bytes()
    monkeypatch.setattr(records, "RECORDS", tmp_path / "records.jsonl")
    records.main()

    assert records.RECORDS.read_bytes() == committed

"""What a run costs, by the prices of November 2026 and counts that are made by hand."""

from __future__ import annotations

import pytest

from warmkey.cli.re_encryption.costs import ListedObjects, bucket_estimate, table_estimate


@pytest.mark.parametrize(
    ("storage_class", "get", "put", "gb"),
    [
        ("STANDARD", 0.4e-6, 5e-6, 0.0),
        ("INTELLIGENT_TIERING", 0.4e-6, 5e-6, 0.0),
        ("STANDARD_IA", 1e-6, 10e-6, 0.01),
        ("ONEZONE_IA", 1e-6, 10e-6, 0.01),
        ("GLACIER_IR", 10e-6, 20e-6, 0.03),
    ],
)
def test_objects_cost_what_their_storage_class_does(storage_class: str, get: float, put: float, gb: float) -> None:
    found = ListedObjects()
    found.add({"StorageClass": storage_class, "Size": 2**30})
    found.add({"StorageClass": storage_class, "Size": 1})

    costs = bucket_estimate(found, versioning=None, keys=1).costs

    assert costs == (
        ("list requests", 2, 5e-6),
        (f"requests to read ({storage_class})", 12, get),
        (f"requests to write ({storage_class})", 2, put),
        *([(f"GB read back ({storage_class})", 2, gb)] if gb else []),
        ("KMS requests, or far fewer, as items share data keys and contexts", 6, 3e-6),
    )


def test_items_cost_read_units_of_four_kilobytes_and_write_units_of_one() -> None:
    costs = table_estimate({"ItemCount": 10, "TableSizeBytes": 10 * 6000}, parts=1, keys=2).costs

    assert costs == (
        ("read units", 15, 0.125e-6),
        ("write units", 60, 0.625e-6),
        ("KMS requests, or far fewer, as items share data keys and contexts", 40, 3e-6),
    )

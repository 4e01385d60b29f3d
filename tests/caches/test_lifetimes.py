"""When entries may be used without a closer look, and how old an evicted one is said to be."""

from __future__ import annotations

import pytest

from warmkey import CacheEntry
from warmkey.algorithm_suites import AlgorithmSuite
from warmkey.caches.lifetimes import ALWAYS, eviction, narrowed
from warmkey.clock import Instant
from warmkey.events import CacheEviction, EvictionReason, Operation
from warmkey.structures import EncryptionMaterials

MATERIALS = EncryptionMaterials(algorithm_suite=AlgorithmSuite(0x0478), plaintext_data_key=b"k" * 32)


def entry(monotonic: float, wall: float, time_to_live: float) -> CacheEntry:
    created = Instant(monotonic, wall)
    return CacheEntry(MATERIALS, operation=Operation.ENCRYPT, created=created, time_to_live=time_to_live)


def test_entries_may_be_used_from_the_last_creation_until_the_first_expiry_by_each_clock() -> None:
    span = narrowed(ALWAYS, entry(100, 5_000, 60))

    assert span == (100, 160, 5_000, 5_060)
    assert narrowed(span, entry(110, 5_001, 20)) == (110, 130, 5_001, 5_021)
    assert narrowed(span, entry(90, 4_990, 100)) == span


@pytest.mark.parametrize(
    ("monotonic", "wall", "age"), [(0, 0, 0), (0.5, 0, 0.5), (0, 0.5, 0.5), (-9, -9, 0), (7, -9, 7)]
)
def test_the_age_of_an_evicted_entry_is_what_the_clock_says_that_says_more_and_never_negative(
    monotonic: float, wall: float, age: float
) -> None:
    evicted = entry(100, 5_000, 60)
    evicted.reserve(3, 10, 10)

    assert eviction(evicted, EvictionReason.EXPIRED, Instant(100 + monotonic, 5_000 + wall)) == CacheEviction(
        operation=Operation.ENCRYPT,
        reason=EvictionReason.EXPIRED,
        age_seconds=age,
        messages=1,
        plaintext_bytes=3,
    )

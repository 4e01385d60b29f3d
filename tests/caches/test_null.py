"""The null cache keeps nothing."""

from __future__ import annotations

from warmkey import CacheEntry, EncryptionMaterials
from warmkey.algorithm_suites import AlgorithmSuite
from warmkey.caches import NullCMC
from warmkey.clock import SystemClock
from warmkey.events import Operation


# spec: framework/cryptographic-materials-cache.md#overview 655c
def test_whatever_is_put_is_not_there() -> None:
    cache = NullCMC()
    entry = CacheEntry(
        EncryptionMaterials(algorithm_suite=AlgorithmSuite(0x0478)),
        operation=Operation.ENCRYPT,
        created=SystemClock().now(),
        time_to_live=60,
    )
    cache.put_cache_entry(b"id", entry)

    assert cache.get_cache_entry(b"id") is None
    assert (len(cache), cache.capacity, bool(cache)) == (0, 0, True)


# Source: framework/cryptographic-materials-cache.md#delete-cache-entry
def test_deleting_what_is_not_there_succeeds() -> None:
    NullCMC().delete_cache_entry(b"id")

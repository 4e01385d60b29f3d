"""KMS requests and evictions, counted."""

from __future__ import annotations

from warmkey.events import (
    BypassReason,
    CacheBypass,
    CacheEviction,
    EvictionReason,
    KmsOutcome,
    KmsRequest,
    Operation,
)
from warmkey.fork_safety import living_instances
from warmkey.observability.counters import KmsAndEvictionCounter


def request(operation: str = "Decrypt", outcome: KmsOutcome = KmsOutcome.OK) -> KmsRequest:
    return KmsRequest(kms_operation=operation, key_arn="k", duration_seconds=0.1, attempts=1, outcome=outcome)


def eviction(reason: EvictionReason) -> CacheEviction:
    return CacheEviction(operation=Operation.DECRYPT, reason=reason, age_seconds=1, messages=1, plaintext_bytes=0)


def test_requests_are_counted_by_operation_and_outcome() -> None:
    tally = KmsAndEvictionCounter()
    for event in (request(), request(), request(outcome=KmsOutcome.DENIED), request("Encrypt")):
        tally(event)

    assert tally.kms_requests() == {
        "Decrypt": {KmsOutcome.OK: 2, KmsOutcome.DENIED: 1},
        "Encrypt": {KmsOutcome.OK: 1},
    }


def test_evictions_are_counted_by_reason() -> None:
    tally = KmsAndEvictionCounter()
    for reason in (EvictionReason.CAPACITY, EvictionReason.EXPIRED, EvictionReason.CAPACITY):
        tally(eviction(reason))

    assert tally.evictions() == {EvictionReason.CAPACITY: 2, EvictionReason.EXPIRED: 1}


def test_what_the_caching_cmm_counts_is_not_counted_again() -> None:
    tally = KmsAndEvictionCounter()
    event = CacheBypass(operation=Operation.ENCRYPT, reason=BypassReason.CACHING_OFF)
    tally(event)

    assert (tally.kms_requests(), tally.evictions()) == ({}, {})


def test_a_forked_child_counts_for_itself_and_waits_for_no_lock_of_its_parent() -> None:
    tally = KmsAndEvictionCounter()
    tally(request())
    with tally._lock:
        tally.reset(EvictionReason.FORK)
        tally(eviction(EvictionReason.FORK))

    assert (tally.kms_requests(), tally.evictions()) == ({}, {EvictionReason.FORK: 1})


def test_a_snapshot_takes_along_what_was_dropped_for_it() -> None:
    tally = KmsAndEvictionCounter()
    tally(eviction(EvictionReason.SNAPSHOT))
    tally.reset(EvictionReason.SNAPSHOT)

    assert tally.evictions() == {EvictionReason.SNAPSHOT: 1}


def test_every_tally_is_told_of_copies() -> None:
    tally = KmsAndEvictionCounter()

    assert tally in living_instances(KmsAndEvictionCounter)

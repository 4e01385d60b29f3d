"""Counts of an outcome begin at nothing."""

from __future__ import annotations

from warmkey.plan.outcome import Counts


def test_nothing_is_counted_before_there_are_messages() -> None:
    counts = Counts()

    assert (counts.messages, counts.hits, counts.dynamodb_requests, counts.hit_ratio) == (0, 0, 0, 0)
    for reasons in (counts.misses, counts.bypasses, counts.evictions, counts.kms_requests):
        assert not reasons

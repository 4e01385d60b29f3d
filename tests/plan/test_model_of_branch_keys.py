"""The array model of the hierarchical keyring, on a few rows that are counted by hand."""

from __future__ import annotations

from tests.plan.made import replayed, trace_of
from warmkey.plan.limits import Limits
from warmkey.plan.trace_model import model


def test_each_message_that_is_not_a_hit_is_a_request_to_kms_and_to_dynamodb() -> None:
    trace = trace_of(
        (0, "encrypt", "a", 1, "w", ""),
        (1, "encrypt", "a", 1, "w", ""),
        (2, "decrypt", "a", 1, "r", ""),
        (3, "decrypt", "a", 1, "r", ""),
        (4, "decrypt", "a", 1, "r", ""),
    )

    outcome = model("hierarchical", trace, Limits(jitter=0))

    for counts, hits in ((outcome.encrypt, 1), (outcome.decrypt, 2)):
        assert (counts.hits, counts.kms_requests, counts.dynamodb_requests) == (hits, {"Decrypt": 1}, 1)


def test_who_writes_keeps_the_branch_key_for_reading_where_just_two_entries_are_free() -> None:
    trace = trace_of(
        (0, "encrypt", "a", 1, "c", ""),
        (1, "decrypt", "a", 1, "c", ""),
        (10, "encrypt", "b", 1, "c", ""),  # from here on the cache is too small
    )
    limits = Limits(jitter=0, capacity=2)

    modelled, counted = model("hierarchical", trace, limits), replayed(trace, limits, "hierarchical")

    assert modelled.decrypt.hits == counted.decrypt.hits == 1

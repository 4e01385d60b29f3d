"""Which metrics there are, and what each fact adds to them."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from tests.observability.examples_of_events import (
    BRANCH_KEYS,
    BYPASS,
    COALESCED,
    EVERY,
    EVICTION,
    FAILED,
    HIT,
    KMS_OK,
    KMS_THROTTLED,
    MISS,
    OTHERS,
    REFUSED,
    UNCACHEABLE,
)
from warmkey.events import BypassReason, Event, EvictionReason, KmsOutcome, MissReason
from warmkey.observability.metrics import METRICS, MetricsBuffer, MetricsMode, measures


def tally_of(*events: Event, mode: MetricsMode = MetricsMode.SUMMARY) -> MetricsBuffer:
    tally = MetricsBuffer(mode)
    for event in events:
        tally.add(event)
    return tally


def test_the_summary_has_twelve_series() -> None:
    summary = [name for name, metric in METRICS.items() if not metric.detailed and not metric.branch_keys]

    assert summary == [
        "CacheHits",
        "CacheCoalesced",
        "CacheMisses",
        "CacheBypasses",
        "CacheEvictions",
        "RequestsFailed",
        "MessagesRefusedMalformed",
        "MessagesRefusedAuthentication",
        "MessagesRefusedPolicy",
        "KmsRequests",
        "KmsThrottled",
        "UnsealedRecordsPassed",
    ]


def test_where_no_message_is_refused_it_writes_no_more_than_nine() -> None:
    assert len(tally_of(*(event for event in OTHERS if event not in REFUSED)).series()) == 9


def test_whatever_happens_the_summary_writes_no_more_than_twelve() -> None:
    assert tally_of(*OTHERS).series() == {
        "CacheHits": [1],
        "CacheCoalesced": [1],
        "CacheMisses": [1],
        "CacheBypasses": [1],
        "RequestsFailed": [1],
        "MessagesRefusedMalformed": [1],
        "MessagesRefusedAuthentication": [1],
        "MessagesRefusedPolicy": [1],
        "CacheEvictions": [1],
        "KmsRequests": [2],
        "KmsThrottled": [1],
        "UnsealedRecordsPassed": [1],
    }


def test_branch_keys_add_four_series() -> None:
    summary = [name for name, metric in METRICS.items() if not metric.detailed and metric.branch_keys]

    assert summary == ["BranchKeyHits", "BranchKeyMisses", "DynamoDbRequests", "DynamoDbThrottled"]
    assert tally_of(*BRANCH_KEYS).series() == {
        "BranchKeyHits": [1],
        "BranchKeyMisses": [1],
        "DynamoDbRequests": [2],
        "DynamoDbThrottled": [1],
    }


def test_details_of_branch_keys() -> None:
    detailed = tally_of(*BRANCH_KEYS, mode=MetricsMode.DETAILED).series()

    assert {name: values for name, values in detailed.items() if METRICS[name].detailed} == {
        "BranchKeyCoalesced": [1],
        "BranchKeyFailures": [1],
        "BranchKeyFailuresRecalled": [1],
        "BranchKeyEvictions": [1],
        "BranchKeyAge": [3600.5],
        "DynamoDbRequestsOk": [1],
        "DynamoDbRequestsThrottled": [1],
        "DynamoDbRetries": [2],
        "DynamoDbLatency": [4.5, 1250],
    }


def test_details_say_why_and_how_long() -> None:
    detailed = tally_of(*OTHERS, mode=MetricsMode.DETAILED).series()

    assert {name: values for name, values in detailed.items() if METRICS[name].detailed} == {
        "FailuresRecalled": [1],
        "CacheMissesMessagesSpent": [1],
        "CacheBypassesOverByteLimit": [1],
        "CacheEvictionsCapacity": [1],
        "DataKeyAge": [12.5],
        "DataKeyMessages": [7],
        "DataKeyBytes": [4096],
        "KmsRequestsOk": [1],
        "KmsRequestsThrottled": [1],
        "MessagesAbandoned": [1],
        "KmsRetries": [2],
        "KmsLatency": [12.5, 1500],
    }


@pytest.mark.parametrize(
    "events",
    [
        [replace(MISS, reason=reason) for reason in MissReason],
        [replace(BYPASS, reason=reason) for reason in BypassReason],
        [replace(EVICTION, reason=reason) for reason in EvictionReason],
        [replace(KMS_OK, outcome=outcome) for outcome in KmsOutcome],
    ],
    ids=["misses", "bypasses", "evictions", "kms"],
)
def test_every_reason_has_a_metric_of_its_own(events: list[Event]) -> None:
    by_reason = [list(measures(event))[1][0] for event in events]

    assert len(set(by_reason)) == len(events)
    assert set(by_reason) <= METRICS.keys()


def test_there_is_an_example_of_every_kind_of_event() -> None:
    assert {type(event) for event in EVERY} == set(get_args(Event))


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (HIT, "CacheHits"),
        (COALESCED, "CacheCoalesced"),
        (MISS, "CacheMisses"),
        (BYPASS, "CacheBypasses"),
        (FAILED, "RequestsFailed"),
    ],
)
def test_a_request_ends_in_one_metric_of_the_summary(event: Event, name: str) -> None:
    assert [found for found, _ in measures(event) if not METRICS[found].detailed] == [name]


def test_a_request_that_kms_answered_is_no_throttled_one() -> None:
    assert tally_of(KMS_OK)["KmsThrottled"] == 0
    assert tally_of(KMS_THROTTLED)["KmsThrottled"] == 1


def test_a_count_of_zero_is_not_written() -> None:
    """CloudWatch would bill for it."""
    assert tally_of(KMS_OK, mode=MetricsMode.DETAILED).series().keys() == {"KmsRequests", "KmsRequestsOk", "KmsLatency"}


def test_off_writes_nothing_and_counts_all_the_same() -> None:
    tally = tally_of(*EVERY, mode=MetricsMode.OFF)

    assert tally.series() == {}
    assert tally["CacheHits"] == 1


def test_a_warning_for_people_measures_nothing() -> None:
    assert not tally_of(UNCACHEABLE)


def test_no_hits_are_nothing_to_write() -> None:
    tally = tally_of()
    tally.add_hits(0)
    assert not tally

    tally.add_hits(3)
    assert tally.series() == {"CacheHits": [3]}

"""What becomes of requests at steady rates, with figures that are counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from warmkey.plan.flows import Flow
from warmkey.plan.life import Life


def test_misses_and_evictions_without_another_reason_are_by_age() -> None:
    flow = Flow(requests=10, fetches=5, absent=1, spent=1.5, pushed_out=0.5, replaced=0.25, cut_off=0.75)

    counts = flow.counts(2, "Decrypt", branch_keys=True)

    assert (counts.messages, counts.hits) == (20, 10)
    assert counts.misses == {"absent": 2, "expired": 5, "messages-spent": 3, "bytes-spent": 0}
    assert counts.evictions == {"capacity": 1, "expired": 4, "messages-spent": 3, "bytes-spent": 0, "replaced": 0.5}
    assert (counts.kms_requests, counts.dynamodb_requests) == ({"Decrypt": 10}, 10)


def test_nothing_expires_where_other_reasons_are_estimated_to_be_more_than_all() -> None:
    counts = Flow(requests=1, fetches=0.5, absent=0.5, spent=0.25, cut_off=0.5).counts(1, "Decrypt")

    assert (counts.misses["expired"], counts.evictions["expired"], counts.dynamodb_requests) == (0, 0, 0)


def test_what_follows_a_fetch_is_counted_for_all_entries_of_all_containers() -> None:
    spans = {"hits": 3.0, "present": 60.0, "spent": 0.25, "pushed_out": 0.1}
    life = Life(**{name: np.array([value]) for name, value in spans.items()})

    flow = Flow.of(np.array([2.0]), np.array([5.0]), life, containers=4, ending=0.5)

    assert (flow.requests, flow.fetches) == (40, 10)  # each fetch serves itself and three hits
    assert (flow.spent, flow.pushed_out) == pytest.approx((2.5, 1))
    assert (flow.absent, flow.cut_off) == pytest.approx((20 * min(0.4 + 0.05, 0.5), 20 * 0.4))

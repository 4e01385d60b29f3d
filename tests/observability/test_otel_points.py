"""Which instruments there are, and that every fact is counted as in CloudWatch's embedded format."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from tests.observability.examples_of_events import EVERY, EVICTION, KMS_THROTTLED, MALFORMED, MISS
from warmkey.events import Event, EvictionReason, KmsOutcome, MissReason
from warmkey.observability.metrics import measures
from warmkey.observability.otel_points import COUNTERS, HISTOGRAMS, points

PAGE = (Path(__file__).parents[2] / "docs" / "observability.md").read_text(encoding="utf-8")


def test_what_a_miss_adds() -> None:
    attributes = (
        ("warmkey.operation", "encrypt"),
        ("warmkey.outcome", "miss"),
        ("warmkey.reason", "messages-spent"),
    )

    assert list(points(MISS)) == [("warmkey.messages", attributes, 1)]


def test_a_request_that_failed_has_the_conventional_attribute() -> None:
    name = (("rpc.system.name", "aws-api"), ("rpc.method", "KMS/Decrypt"))

    assert list(points(KMS_THROTTLED)) == [
        ("warmkey.kms.requests", (*name, ("warmkey.outcome", "throttled")), 1),
        ("warmkey.kms.retries", name, 2),
        ("rpc.client.call.duration", (*name, ("error.type", "throttled")), 1.5),
    ]


def test_a_refused_message_tells_why() -> None:
    ((_, attributes, _),) = points(MALFORMED)

    assert dict(attributes)["warmkey.reason"] == "malformed"


def test_an_eviction_adds_what_its_data_key_was_used_for() -> None:
    values = {name: value for name, _, value in points(EVICTION)}

    assert values == {
        "warmkey.data_key.evictions": 1,
        "warmkey.data_key.age": 12.5,
        "warmkey.data_key.messages": 7,
        "warmkey.data_key.size": 4096,
    }


@pytest.mark.parametrize("event", EVERY)
def test_a_fact_is_measured_by_both_or_by_neither(event: Event) -> None:
    assert bool([name for name, _, _ in points(event)]) == bool([name for name, value in measures(event) if value])


@pytest.mark.parametrize("event", EVERY)
def test_instruments_and_attributes_are_text_that_somebody_has_declared(event: Event) -> None:
    for name, attributes, _ in points(event):
        assert name in {**COUNTERS, **HISTOGRAMS}
        assert all(type(value) is str for _, value in attributes)


def test_every_instrument_is_used() -> None:
    used = {name for event in EVERY for name, _, _ in points(event)}

    assert used == {**COUNTERS, **HISTOGRAMS}.keys()


def test_no_attribute_names_a_key_or_a_context() -> None:
    names = {name for event in EVERY for _, attributes, _ in points(event) for name, _ in attributes}

    assert names == {
        "db.operation.name",
        "db.system.name",
        "error.type",
        "rpc.method",
        "rpc.system.name",
        "warmkey.operation",
        "warmkey.outcome",
        "warmkey.reason",
    }
    assert "key_arn" in {field.name for field in fields(KMS_THROTTLED)}, "it is known, and left out"


@pytest.mark.parametrize("name", [*COUNTERS, *HISTOGRAMS, "warmkey.container.age"])
def test_the_page_has_every_instrument(name: str) -> None:
    assert f"| `{name}` |" in PAGE


def test_boundaries_are_those_that_dashboards_were_made_for() -> None:
    ages = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200)

    assert {name: histogram.boundaries for name, histogram in HISTOGRAMS.items()} == {
        "rpc.client.call.duration": (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10),
        "db.client.operation.duration": (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10),
        "warmkey.data_key.age": ages,
        "warmkey.data_key.messages": (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000),
        "warmkey.data_key.size": tuple(10**power for power in range(3, 10)),
        "warmkey.branch_key.age": ages,
    }


def test_boundaries_ascend() -> None:
    for histogram in HISTOGRAMS.values():
        assert sorted(set(histogram.boundaries)) == list(histogram.boundaries)


def test_reasons_are_those_of_the_metrics() -> None:
    assert {str(reason) for reason in MissReason} == {
        dict(attributes)["warmkey.reason"]
        for reason in MissReason
        for _, attributes, _ in points(type(MISS)(operation=MISS.operation, reason=reason))
    }
    assert KmsOutcome.OK == "ok"
    assert EvictionReason.FORK == "fork"

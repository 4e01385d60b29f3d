"""The model says what a replay counts: exactly without pressure on the capacity, and closely under it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.plan.made import encrypts, random_trace, replayed, some, trace_of
from warmkey.plan.containers import WarmContainers
from warmkey.plan.limits import Limits
from warmkey.plan.sample import sample
from warmkey.plan.trace import make_trace
from warmkey.plan.trace_model import model

if TYPE_CHECKING:
    from warmkey.plan.outcome import Outcome
    from warmkey.plan.trace import Trace

STRATEGIES = ("caching", "hierarchical")
EXACT_NAMES = ("seconds", "max_messages_per_data_key", "max_bytes_per_data_key", "max_entries", "peak")


def figures(outcome: Outcome) -> dict[str, object]:
    """Return what replay and model have to agree on where nothing is evicted by capacity."""
    found: dict[str, object] = {name: getattr(outcome, name) for name in EXACT_NAMES}
    for name, counts in (("encrypt", outcome.encrypt), ("decrypt", outcome.decrypt)):
        found |= {
            f"{name} messages": counts.messages,
            f"{name} hits": counts.hits,
            f"{name} bypasses": some(counts.bypasses),
            f"{name} kms": some(counts.kms_requests),
            f"{name} dynamodb": counts.dynamodb_requests,
            f"{name} misses": sum(counts.misses.values()),
        }
    found["seconds"] = (outcome.kms_per_second.seconds.tolist(), outcome.kms_per_second.counts.tolist())
    return found


row = st.tuples(
    st.integers(0, 100),
    st.sampled_from(["encrypt", "decrypt"]),
    st.sampled_from("ab"),
    st.integers(0, 9),
    st.sampled_from("xy"),
    st.sampled_from(["", "", "k1", "k2"]),
)


@pytest.mark.parametrize("strategy", STRATEGIES)
@given(
    rows=st.lists(row, min_size=1, max_size=30),
    max_age=st.sampled_from([1, 5, 20, 1000]),
    max_messages=st.sampled_from([1, 2, 5, 1000]),
    max_bytes=st.sampled_from([0, 5, 12, 1000]),
)
@settings(max_examples=40)
def test_with_room_for_all_they_agree_in_every_count(
    strategy: str, rows: list[tuple[float, str, str, int, str, str]], max_age: float, max_messages: int, max_bytes: int
) -> None:
    trace = trace_of(*rows)
    limits = Limits(max_age=max_age, branch_key_ttl=max_age, jitter=0, max_messages=max_messages, max_bytes=max_bytes)

    replay, modelled = replayed(trace, limits, strategy), model(strategy, trace, limits)

    assert figures(modelled) | {"max_entries": 0} == figures(replay) | {"max_entries": 0}
    assert abs(modelled.max_entries - replay.max_entries) <= 4  # what expired stays until somebody sweeps


@pytest.mark.parametrize("limits", [Limits(max_age=50, jitter=0, max_messages=7, max_bytes=9000), Limits(capacity=0)])
def test_reasons_agree_too(limits: Limits) -> None:
    trace = random_trace(seed=8, rows=2000, seconds=1800, contexts=12, reads=0.4, random_reads=True)

    replay, modelled = replayed(trace, limits), model("caching", trace, limits)

    assert some(modelled.encrypt.misses) == some(replay.encrypt.misses)
    assert some(modelled.encrypt.evictions) == some(replay.encrypt.evictions)
    assert some(modelled.decrypt.misses) == some(replay.decrypt.misses)


@pytest.fixture(scope="module")
def shipped() -> Trace:
    return make_trace(sample(), WarmContainers())


@pytest.mark.parametrize(
    ("limits", "strategy"),
    [
        (Limits(), "caching"),
        (Limits(max_age=60), "caching"),
        (Limits(max_messages=5, max_bytes=20_000, jitter=0.3), "caching"),
        (Limits(branch_key_ttl=300), "hierarchical"),
    ],
)
def test_on_the_shipped_trace_the_hit_ratio_is_within_a_hundredth(
    shipped: Trace, limits: Limits, strategy: str
) -> None:
    replay, modelled = replayed(shipped, limits, strategy), model(strategy, shipped, limits)

    for each, other in ((modelled, replay), (modelled.encrypt, replay.encrypt), (modelled.decrypt, replay.decrypt)):
        assert each.hit_ratio == pytest.approx(other.hit_ratio, abs=0.01)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("capacity", [5, 15, 60])
@pytest.mark.parametrize("max_age", [60, 1000])
def test_under_pressure_the_hit_ratio_is_within_two_hundredths(capacity: int, max_age: float, strategy: str) -> None:
    trace = random_trace(
        seed=capacity, rows=4000, seconds=1200, contexts=200, exponent=0.9, reads=0.3, random_reads=True, containers=2
    )
    limits = Limits(max_age=max_age, branch_key_ttl=max_age, jitter=0, capacity=capacity)

    replay, modelled = replayed(trace, limits, strategy), model(strategy, trace, limits)

    assert modelled.hit_ratio == pytest.approx(replay.hit_ratio, abs=0.02)
    assert modelled.max_entries <= replay.max_entries <= capacity


@pytest.mark.parametrize(("ttl", "capacity"), [(5, 4), (5, 8), (20, 8), (30, 16)])
def test_containers_that_read_what_they_write_are_within_two_hundredths_too(ttl: float, capacity: int) -> None:
    """Whether a writer keeps the branch key for reading depends on how full its cache is just then."""
    apart = random_trace(seed=capacity, rows=2500, seconds=2500, contexts=8, reads=0.4, random_reads=True, containers=2)
    trace = replace(apart, containers=apart.containers % 2)
    limits = Limits(branch_key_ttl=ttl, jitter=0, capacity=capacity)

    replay, modelled = replayed(trace, limits, "hierarchical"), model("hierarchical", trace, limits)

    for each, other in ((modelled, replay), (modelled.encrypt, replay.encrypt), (modelled.decrypt, replay.decrypt)):
        assert each.hit_ratio == pytest.approx(other.hit_ratio, abs=0.02)


@pytest.mark.parametrize("seed", range(4))
def test_data_keys_that_are_read_push_out_those_that_write_and_so_make_more_of_them(seed: int) -> None:
    apart = random_trace(seed=seed, rows=1500, seconds=600, contexts=3, reads=0.4, random_reads=True, containers=1)
    trace = replace(apart, containers=apart.containers * 0)
    limits = Limits(max_age=300, jitter=0, capacity=5)

    assert model("caching", trace, limits).hit_ratio == pytest.approx(replayed(trace, limits).hit_ratio, abs=0.01)


def test_readers_alone_can_be_under_pressure() -> None:
    trace = trace_of(*((each, "decrypt", "a", 1, "c", f"k{each % 4}") for each in range(40)))
    limits = Limits(max_age=300, jitter=0, capacity=2)

    assert model("caching", trace, limits).decrypt.hits == replayed(trace, limits).decrypt.hits == 0


def test_pressure_is_seen_on_the_shipped_trace_too(shipped: Trace) -> None:
    limits = Limits(capacity=8, jitter=0)

    replay, modelled = replayed(shipped, limits), model("caching", shipped, limits)

    assert replay.encrypt.evictions["capacity"] > 100
    assert modelled.hit_ratio == pytest.approx(replay.hit_ratio, abs=0.02)


def test_a_busy_entry_with_thousands_of_data_keys_takes_the_other_way_through_the_array() -> None:
    trace = encrypts([each / 100 for each in range(5000)])

    outcome = model("caching", trace, Limits(max_messages=2, jitter=0))

    assert outcome.encrypt.misses == {"absent": 1, "expired": 0, "messages-spent": 2499, "bytes-spent": 0}


def test_lengths_whose_sum_is_beyond_an_integer_are_summed_all_the_same() -> None:
    trace = encrypts(range(9000), length=2**50)
    limits = Limits(max_age=1e6, max_messages=2**32, max_bytes=2**63 - 1, jitter=0)

    outcome = model("caching", trace, limits)

    assert outcome.encrypt.misses["bytes-spent"] == 1


def test_a_trace_of_centuries_and_a_lifetime_without_end_are_no_trouble() -> None:
    trace = trace_of((-4.2e9, "encrypt", "a", 1, "c", ""), (4.2e9, "encrypt", "a", 1, "c", ""))

    for max_age, hits in ((1e9, 0), (1e10, 1)):
        limits = Limits(max_age=max_age, branch_key_ttl=max_age, jitter=0)
        for strategy in STRATEGIES:
            assert model(strategy, trace, limits).encrypt.hits == replayed(trace, limits, strategy).encrypt.hits == hits


def test_the_cold_start_counts_each_entry_once_in_the_busiest_second() -> None:
    trace = trace_of(
        (0.0, "encrypt", "a", 1, "c1", ""),
        (0.1, "encrypt", "a", 1, "c1", ""),
        (0.2, "encrypt", "a", 1, "c2", ""),
        (0.9, "encrypt", "b", 1, "c2", ""),
        (5.0, "encrypt", "a", 1, "c1", ""),
    )

    assert model("caching", trace, Limits()).cold_start == 3
    assert model("hierarchical", trace, Limits()).cold_start == 3


def test_a_version_that_an_active_key_has_filled_is_no_request_of_a_cold_start() -> None:
    trace = trace_of((0.0, "encrypt", "a", 1, "c1", ""), (0.1, "decrypt", "a", 1, "c1", ""))

    assert model("hierarchical", trace, Limits()).cold_start == 1


def test_the_random_part_of_lifetimes_is_the_same_each_time(shipped: Trace) -> None:
    limits = replace(Limits(), jitter=0.5)

    assert model("caching", shipped, limits).kms_requests == model("caching", shipped, limits).kms_requests

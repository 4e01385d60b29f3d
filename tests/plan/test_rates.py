"""Rates: the closed form says what the array model counts on a long made trace, and costs no time."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import exp

import numpy as np
import pytest

from tests.plan.made import replayed
from warmkey.exceptions import ConfigurationError
from warmkey.plan.containers import WarmContainers
from warmkey.plan.errors import BadInput
from warmkey.plan.limits import Limits
from warmkey.plan.poisson import at_most, limited_mean
from warmkey.plan.rates import Contexts, Rates, sampled
from warmkey.plan.rates_model import model_of_rates
from warmkey.plan.trace import Trace, make_trace
from warmkey.plan.trace_model import model

WRITERS = Rates(writes_per_second=10, containers=4, contexts=Contexts(count=20), period=20_000)
ZIPF = replace(WRITERS, contexts=Contexts(count=2000, exponent=1.0), containers=2)
STREAM = Rates(
    writes_per_second=5,
    reads_per_second=5,
    containers=10,
    readers=4,
    contexts=Contexts(count=10),
    read_window=300,
    period=20_000,
)
TOGETHER = Rates(
    writes_per_second=10,
    reads_per_second=5,
    containers=5,
    contexts=Contexts(count=50, exponent=0.8),
    read_window=600,
    period=20_000,
)
READERS = Rates(reads_per_second=5, containers=5, contexts=Contexts(count=50), period=20_000)
SHORT_LIVED = replace(TOGETHER, container_lifetime=900, read_window=60)


@cache
def made(rates: Rates) -> Trace:
    return make_trace(sampled(rates, seed=3, progress=lambda _done: None), WarmContainers())


@pytest.mark.parametrize("strategy", ["caching", "hierarchical"])
@pytest.mark.parametrize(
    "rates",
    [WRITERS, ZIPF, STREAM, TOGETHER, READERS, SHORT_LIVED],
    ids=["writers", "Zipf", "stream", "together", "readers", "short lived"],
)
@pytest.mark.parametrize(
    "limits",
    [
        Limits(branch_key_ttl=900),
        Limits(max_age=60, max_messages=5, branch_key_ttl=200),
        Limits(max_bytes=4096, branch_key_ttl=900),
    ],
    ids=["defaults", "short", "bytes"],
)
def test_the_closed_form_is_within_a_hundredth(rates: Rates, limits: Limits, strategy: str) -> None:
    counted, calculated = model(strategy, made(rates), limits), model_of_rates(strategy, rates, limits)

    assert calculated.hit_ratio == pytest.approx(counted.hit_ratio, abs=0.01)
    assert calculated.messages == pytest.approx(counted.messages, rel=0.02)
    assert calculated.cold_start == pytest.approx(counted.cold_start, rel=0.35)
    assert calculated.max_messages_per_data_key == pytest.approx(counted.max_messages_per_data_key, rel=0.35)


@pytest.mark.parametrize("strategy", ["caching", "hierarchical"])
@pytest.mark.parametrize(
    ("rates", "capacity"), [(ZIPF, 30), (ZIPF, 200), (STREAM, 30), (TOGETHER, 30), (READERS, 30), (SHORT_LIVED, 30)]
)
def test_under_pressure_it_is_within_two_hundredths(rates: Rates, capacity: int, strategy: str) -> None:
    limits = Limits(capacity=capacity, max_age=1000)

    counted, calculated = model(strategy, made(rates), limits), model_of_rates(strategy, rates, limits)

    assert calculated.hit_ratio == pytest.approx(counted.hit_ratio, abs=0.02)
    assert calculated.max_entries <= capacity


def test_a_made_trace_can_be_replayed_too() -> None:
    rates = replace(WRITERS, period=400, writes_per_second=5)
    trace = make_trace(sampled(rates, seed=1, progress=lambda _done: None), WarmContainers())
    limits = Limits(max_age=20, jitter=0)

    assert replayed(trace, limits).hit_ratio == pytest.approx(
        model_of_rates("caching", rates, limits).hit_ratio, abs=0.02
    )


def test_without_limit_and_replacement_the_hit_ratio_is_the_well_known_one() -> None:
    rates = Rates(writes_per_second=0.5, container_lifetime=1e9)
    limits = Limits(max_age=60, jitter=0, max_messages=2**32)

    assert model_of_rates("caching", rates, limits).hit_ratio == pytest.approx(30 / 31, abs=1e-6)


def test_reasons_say_which_limit_is_met() -> None:
    rates = replace(WRITERS, writes_per_second=1000)
    by_messages = model_of_rates("caching", rates, Limits(max_messages=10)).encrypt
    by_bytes = model_of_rates("caching", rates, Limits(max_bytes=10_240)).encrypt

    assert by_messages.misses["messages-spent"] > 1000 * by_messages.misses["expired"]
    assert by_bytes.misses["bytes-spent"] == pytest.approx(by_messages.misses["messages-spent"])
    assert by_messages.evictions["messages-spent"] == by_messages.misses["messages-spent"]


@pytest.mark.parametrize(
    ("limits", "bypasses"),
    [
        (Limits(capacity=0), ("caching-off", "caching-off")),
        (Limits(capacity=0, max_bytes=10), ("over-byte-limit", "caching-off")),
    ],
)
def test_without_capacity_nothing_is_cached(limits: Limits, bypasses: tuple[str, str]) -> None:
    outcome = model_of_rates("caching", STREAM, limits)

    assert (list(outcome.encrypt.bypasses), list(outcome.decrypt.bypasses)) == ([bypasses[0]], [bypasses[1]])
    assert outcome.kms_requests == outcome.messages == STREAM.period * 10
    assert model_of_rates("hierarchical", STREAM, limits).hit_ratio == pytest.approx(0, abs=1e-6)


def test_a_message_over_the_byte_limit_has_a_data_key_of_its_own_which_readers_meet_too() -> None:
    outcome = model_of_rates("caching", STREAM, Limits(max_bytes=100))

    assert outcome.encrypt.bypasses == {"over-byte-limit": STREAM.writes_per_second * STREAM.period}
    assert outcome.decrypt.hit_ratio < 0.2
    assert (outcome.max_messages_per_data_key, outcome.max_bytes_per_data_key) == (1, 1024)


@pytest.mark.parametrize(("strategy", "limits"), [("hierarchical", Limits()), ("caching", Limits(capacity=0))])
def test_a_data_key_of_one_message_alone_has_one_message_however_seldom_they_are(strategy: str, limits: Limits) -> None:
    for writes, most in ((0.25, (1, 1024)), (0, (0, 0))):
        rates = replace(STREAM, writes_per_second=writes)
        outcome = model_of_rates(strategy, rates, limits)

        assert (outcome.max_messages_per_data_key, outcome.max_bytes_per_data_key) == most


def test_contexts_that_share_a_branch_key_fetch_it_once() -> None:
    alone = model_of_rates("hierarchical", ZIPF, Limits())
    shared = model_of_rates("hierarchical", replace(ZIPF, branch_keys=10), Limits())

    counted = model("hierarchical", made(replace(ZIPF, branch_keys=10)), Limits())
    assert shared.kms_requests < alone.kms_requests / 10
    assert shared.hit_ratio == pytest.approx(counted.hit_ratio, abs=0.01)


def test_a_billion_requests_are_calculated() -> None:
    rates = Rates(
        writes_per_second=200_000,
        reads_per_second=100_000,
        containers=3000,
        readers=500,
        contexts=Contexts(count=10**9, exponent=1.1),
    )

    assert model_of_rates("caching", rates, Limits()).messages == pytest.approx(1.08e9)


def test_zipf_shares_sum_to_one_and_stay_in_proportion() -> None:
    shares, counts = Contexts(count=10**7, exponent=1.0).shares()

    assert (shares * counts).sum() == pytest.approx(1)
    assert counts.sum() == 10**7
    assert shares[0] / shares[9] == pytest.approx(10)
    assert shares[0] == pytest.approx(1 / sum(1 / rank for rank in range(1, 10**7)), rel=1e-4)


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5, 2.0])
def test_zipf_shares_are_those_of_single_ranks_though_many_are_taken_together(exponent: float) -> None:
    whole = sum(rank**-exponent for rank in range(1, 10_001))
    shares, counts = Contexts(count=10_000, exponent=exponent).shares()

    assert shares[0] == pytest.approx(1 / whole, rel=1e-6)
    assert (shares * counts)[-50:].sum() == pytest.approx(
        sum(rank**-exponent for rank in range(10_001 - int(counts[-50:].sum()), 10_001)) / whole, rel=1e-6
    )


def test_zipf_contexts_are_drawn_in_proportion() -> None:
    trace = made(replace(ZIPF, contexts=Contexts(count=50_000, exponent=1.2)))

    uses = np.bincount(trace.contexts)
    assert uses[0] / uses[3] == pytest.approx(4**1.2, rel=0.05)
    assert len(uses) > 10_000


@pytest.mark.parametrize("mean", [0.0, 0.3, 5.0, 150.0, 1000.0, 1e7])
@pytest.mark.parametrize("count", [-1, 0, 3, 150, 1000, 1e7])
def test_poisson_probabilities(mean: float, count: float) -> None:
    found = float(at_most(count, np.array([mean]))[0])

    if count < 0:
        expected = 0.0
    elif mean <= 700:
        term, expected = exp(-mean), 0.0
        for number in range(min(int(count), 2000) + 1):
            expected += term
            term *= mean / (number + 1)
    else:
        expected = {True: 1.0, False: 0.0}[count > mean] if count != mean else 0.5
    assert found == pytest.approx(expected, abs=0.01 if mean > 700 else 5e-4)


def test_a_limited_mean_is_cut_off_by_limit_and_by_the_end_of_the_container() -> None:
    rate = np.array([2.0])

    assert limited_mean(rate, np.array([3.0]), 0.0, 1e9)[0] == pytest.approx(6)
    assert limited_mean(rate, np.array([3.0]), 0.0, 2)[0] == pytest.approx(2, abs=0.05)
    assert limited_mean(rate, np.array([1e9]), 0.5, 1e9)[0] == pytest.approx(4)
    assert limited_mean(rate, np.array([3.0]), 0.5, 0)[0] == 0


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"writes_per_second": 0}, "--writes-per-second or --reads-per-second must be greater than 0"),
        ({"containers": 0}, "containers must be an int from 1 to"),
        ({"readers": 0}, "readers must be an int from 1 to"),
        ({"length": -1}, "bytes must be an int from 0 to"),
        ({"period": 0}, "period must be a finite number of seconds greater than 0"),
        ({"branch_keys": 21}, "branch_keys must be an int from 1 to 20"),
    ],
)
def test_rates_that_make_no_sense_are_refused(change: dict[str, float], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        replace(WRITERS, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize("rates", [replace(WRITERS, period=1e6), replace(WRITERS, period=0.01)])
def test_too_many_rows_or_none_are_not_made(rates: Rates) -> None:
    with pytest.raises(BadInput, match="give a --period that fits, or use --method model"):
        sampled(rates, seed=1, progress=lambda _done: None)


@pytest.mark.parametrize("name", ["writes_per_second", "reads_per_second"])
def test_a_million_million_messages_per_second_are_the_most(name: str) -> None:
    assert getattr(Rates(**{name: 1e12}), name) == 1e12  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=f"^{name} must be "):
        Rates(**{name: 1.5e12})  # type: ignore[arg-type]


def test_a_container_lives_for_two_hours_unless_more_is_known() -> None:
    assert Rates(writes_per_second=1).container_lifetime == 7200

"""The caching CMM at steady rates: what readers fetch, with figures that are counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from warmkey.plan.life import Life
from warmkey.plan.limits import Limits
from warmkey.plan.rates import Rates
from warmkey.plan.rates_of_caching import _DataKeys, _Steady, caching

BUSY = 1000.0  # reads a second: there is one right after the end of each lifetime


def fetches(seconds: list[float], *, present: float) -> list[float]:
    rates = Rates(writes_per_second=1, reads_per_second=1)
    spans = np.array(seconds)
    keys = _DataKeys(made=np.ones_like(spans), reads=BUSY * spans, seconds=spans)
    read = Life(
        hits=np.full_like(spans, BUSY * present),
        present=np.full_like(spans, present),
        spent=np.zeros_like(spans),
        pushed_out=np.zeros_like(spans),
    )
    return _Steady(rates, Limits())._fetches_of_readers(keys, read).tolist()


def test_a_busy_reader_fetches_a_data_key_once_for_each_lifetime_that_begins() -> None:
    assert fetches([9.0, 1.0, 4.5], present=2.0) == [5, 1, 3]


@pytest.mark.parametrize("lifetimes", [300, 5_000, 1_000_000])
def test_that_is_so_for_any_number_of_lifetimes(lifetimes: float) -> None:
    assert fetches([lifetimes], present=1.0) == [pytest.approx(lifetimes, rel=2e-3)]


def test_a_data_key_that_is_read_for_days_is_fetched_each_second_if_it_may_be_cached_for_a_second() -> None:
    rates = Rates(writes_per_second=1e-3, reads_per_second=1e5, read_window=1e5)

    decrypt = caching(rates, Limits(max_age=1, jitter=0)).decrypt

    in_use = 1e-3 * 1e5  # data keys that are read at a time
    assert decrypt.kms_requests["Decrypt"] == pytest.approx(in_use * rates.period, rel=0.01)


def test_a_data_key_that_was_pushed_out_is_absent_when_it_is_read_again() -> None:
    steady = _Steady(Rates(writes_per_second=1, reads_per_second=1), Limits())
    keys = _DataKeys(made=np.array([0.5]), reads=np.array([9 * BUSY]), seconds=np.array([9.0]))
    read = Life(hits=np.array([2 * BUSY]), present=np.array([2.0]), spent=np.zeros(1), pushed_out=np.array([0.25]))

    flow = steady._reading(keys, read)

    # Five fetches by the one reader: the first, and four more, a quarter of which find their entry evicted.
    assert (flow.requests, flow.fetches) == (0.5 * 9 * BUSY, 0.5 * 5)
    assert (flow.absent, flow.pushed_out) == (0.5 * (1 + 4 * 0.25), 0.5 * 5 * 0.25)

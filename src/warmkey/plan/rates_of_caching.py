"""The caching CMM at steady rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from warmkey.events import BypassReason, MissReason
from warmkey.plan.flows import Flow, busiest, outcome_of_rates
from warmkey.plan.life import characteristic_time, life, lifetimes
from warmkey.plan.outcome import Counts
from warmkey.plan.poisson import at_most
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from warmkey.plan.life import Life
    from warmkey.plan.limits import Limits
    from warmkey.plan.outcome import Outcome, Reals
    from warmkey.plan.rates import Rates

__all__ = ["caching"]

_MOST_TERMS = 2_000
_TINY = 1e-30


def caching(rates: Rates, limits: Limits) -> Outcome:
    """Return the outcome; see :mod:`warmkey.plan.rates_model`."""
    if limits.capacity == 0:
        return _without_cache(rates, limits)
    return _Steady(rates, limits).outcome()


def _without_cache(rates: Rates, limits: Limits) -> Outcome:
    too_long = rates.length > limits.max_bytes
    reason = BypassReason.OVER_BYTE_LIMIT if too_long else BypassReason.CACHING_OFF
    encrypt = _bypassed(rates.writes_per_second * rates.period, "GenerateDataKey", reason)
    decrypt = _bypassed(rates.reads_per_second * rates.period, "Decrypt", BypassReason.CACHING_OFF)
    return outcome_of_rates(
        rates,
        encrypt,
        decrypt,
        most_messages=float(rates.writes_per_second > 0),
        max_entries=0.0,
        cold_start=busiest(rates.writes_per_second + rates.reads_per_second, rates.period),
    )


def _bypassed(messages: float, kms_operation: str, reason: BypassReason) -> Counts:
    return Counts(
        messages=messages,
        bypasses={str(reason): messages} if messages else {},
        kms_requests={kms_operation: messages},
    )


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class _DataKeys:
    """Data keys as readers meet them, in groups.

    :ivar made: per second, of each group, in all contexts together
    :ivar reads: that each reader makes of one data key in all
    :ivar seconds: in which these reads are spread
    """

    made: Reals
    reads: Reals
    seconds: Reals

    @property
    def rate(self) -> Reals:
        """Return how often per second one reader reads under one data key, as long as anybody reads under it."""
        return np.maximum(self.reads / self.seconds, _TINY)


class _Steady:
    def __init__(self, rates: Rates, limits: Limits) -> None:
        self._rates = rates
        self._limits = limits
        self._shares, self._contexts = rates.contexts.shares()
        self._spans = lifetimes(limits.max_age, limits.jitter)
        self._ending = 1 / rates.container_lifetime
        by_bytes = limits.max_bytes // rates.length if rates.length else limits.max_messages
        self._limit = min(limits.max_messages, by_bytes)
        self._limit_reason = MissReason.MESSAGES_SPENT if limits.max_messages <= by_bytes else MissReason.BYTES_SPENT
        self._writes = np.maximum(rates.writes_per_second * self._shares / rates.containers, _TINY)
        self._readers = rates.containers if rates.readers is None else rates.readers

    def outcome(self) -> Outcome:
        """Return what happens in the period."""
        writers, readers = self._characteristics()
        rates = self._rates
        written = self._written(writers)
        keys = self._data_keys(written)
        read = self._read(keys, readers)
        decrypt = self._reading(keys, read).counts(rates.period, "Decrypt")
        return outcome_of_rates(
            rates,
            self._writing(written),
            decrypt,
            most_messages=self._most_messages(),
            max_entries=min(float(self._limits.capacity), max(self._entries(np.inf, np.inf))),
            cold_start=self._cold_start(keys),
        )

    # --- entries

    def _characteristics(self) -> tuple[float, float]:
        """Return the characteristic times of the caches of writers and of readers."""
        capacity = self._limits.capacity
        if self._rates.readers is None:
            both = characteristic_time(capacity, lambda time: sum(self._entries(time, time)))
            return both, both
        writers = characteristic_time(capacity, lambda time: self._entries(time, np.inf)[0])
        return writers, characteristic_time(capacity, lambda time: self._entries(writers, time)[1])

    def _entries(self, writers: float, readers: float) -> tuple[float, float]:
        """Return how many entries encrypting and decrypting keep in a cache of these characteristic times."""
        written = self._written(writers)
        present = self._writes * written.present
        keys = self._data_keys(written)
        read = self._read(keys, readers)
        stay = self._fetches_of_readers(keys, read) * read.present * keys.made
        return float((present / (1 + present) * self._contexts * self._is_cached()).sum()), float(stay.sum())

    def _is_cached(self) -> bool:
        return self._rates.length <= self._limits.max_bytes

    # --- writers

    def _written(self, characteristic: float) -> Life:
        return life(self._writes, self._spans, self._ending, self._limit, characteristic)

    def _writing(self, written: Life) -> Counts:
        if not self._rates.writes_per_second:
            return Counts(kms_requests={"GenerateDataKey": 0.0})
        if not self._is_cached():
            messages = self._rates.writes_per_second * self._rates.period
            return _bypassed(messages, "GenerateDataKey", BypassReason.OVER_BYTE_LIMIT)
        flow = Flow.of(self._writes, self._contexts, written, containers=self._rates.containers, ending=self._ending)
        return flow.counts(self._rates.period, "GenerateDataKey", limit=self._limit_reason)

    def _most_messages(self) -> float:
        if not self._rates.writes_per_second:
            return 0.0
        if not self._is_cached():
            return 1.0
        mean = float(self._writes.max()) * self._limits.max_age
        return min(float(self._limit), 1 + busiest(mean, self._rates.period / self._limits.max_age))

    # --- readers

    def _data_keys(self, written: Life) -> _DataKeys:
        """Return the data keys that the writers make; where nobody writes, one for each context, for ever.

        Data keys have more messages or fewer. Half of them are taken as larger than the mean by a standard deviation,
        and half as smaller.
        """
        rates = self._rates
        if not rates.writes_per_second:
            reads = rates.reads_per_second * self._shares / self._readers * rates.period
            always = np.full_like(reads, rates.period)
            return _DataKeys(made=self._contexts / rates.period, reads=reads, seconds=always)
        hits = written.hits * self._is_cached()
        made = rates.writes_per_second * self._shares / (1 + hits) * self._contexts
        deviation = np.sqrt(hits * (1 - np.minimum(written.spent, 1.0)))
        messages = np.concatenate([1 + hits + deviation, 1 + hits - deviation])
        each_reads = rates.reads_per_second / rates.writes_per_second / self._readers
        seconds = _spread(hits / self._writes, rates.read_window)
        return _DataKeys(made=np.tile(made, 2) / 2, reads=each_reads * messages, seconds=np.tile(seconds, 2))

    def _read(self, keys: _DataKeys, characteristic: float) -> Life:
        return life(keys.rate, self._spans, self._ending, np.inf, characteristic)

    def _fetches_of_readers(self, keys: _DataKeys, read: Life) -> Reals:
        """Return how often one reader fetches one data key: its first read, and each first read after a lifetime."""
        if not self._rates.reads_per_second or not self._rates.writes_per_second:
            return keys.reads / (1 + read.hits)
        spans = keys.seconds / read.present
        is_long = spans > _MOST_TERMS
        found = np.zeros_like(keys.reads)
        for number in range(int(spans[~is_long].max(initial=0)) + 1):
            left = np.maximum(keys.seconds - number * read.present, 0.0)
            more = 1 - at_most(number, keys.rate * left)
            if not more.any():
                break
            found += more
        # Over so many lifetimes the first one weighs nothing.
        return np.where(is_long, keys.reads / (1 + read.hits), np.minimum(found, keys.reads))

    def _reading(self, keys: _DataKeys, read: Life) -> Flow:
        if not self._rates.writes_per_second:
            return Flow.of(keys.rate, self._contexts, read, containers=self._readers, ending=self._ending)
        each = keys.made * self._readers
        fetches = self._fetches_of_readers(keys, read)
        first = np.minimum(-np.expm1(-keys.reads), fetches)
        pushed_out = (fetches - first) * read.pushed_out
        return Flow(
            requests=float((keys.reads * each).sum()),
            fetches=float((fetches * each).sum()),
            absent=float(((first + pushed_out) * each).sum()),
            pushed_out=float((fetches * read.pushed_out * each).sum()),
        )

    def _cold_start(self, keys: _DataKeys) -> float:
        """Return the requests of the first second: each entry that is used in it is fetched once."""
        rates = self._rates
        writes = -np.expm1(-self._writes) if self._is_cached() else self._writes
        reads = -np.expm1(-keys.rate) * keys.made * keys.seconds * self._readers
        return busiest(float((writes * rates.containers * self._contexts).sum() + reads.sum()), rates.period)


def _spread(use: Reals, window: float) -> Reals:
    """Return how long reads of a data key last whose messages are written in *use* seconds, as if they came evenly.

    In truth more of them come in the middle: the density is that of a sum of two times, each anywhere in its span.
    """
    longer, shorter = np.maximum(use, window), np.minimum(use, window)
    spread: Reals = longer / (1 - shorter / (3 * longer))
    return spread

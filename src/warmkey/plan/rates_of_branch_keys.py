"""The hierarchical keyring at steady rates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from warmkey.plan.flows import Flow, busiest, outcome_of_rates
from warmkey.plan.life import characteristic_time, life, lifetimes

if TYPE_CHECKING:
    from warmkey.plan.life import Life
    from warmkey.plan.limits import Limits
    from warmkey.plan.outcome import Outcome, Reals
    from warmkey.plan.rates import Rates

__all__ = ["hierarchical"]

_TINY = 1e-30


def hierarchical(rates: Rates, limits: Limits) -> Outcome:
    """Return the outcome; see :mod:`warmkey.plan.rates_model`."""
    return _Steady(rates, limits).outcome()


def _branch_key_shares(rates: Rates) -> tuple[Reals, Reals]:
    """Return the shares of messages of single branch keys, and how many have each; contexts take turns among them."""
    shares, counts = rates.contexts.shares()
    if rates.branch_keys is None or rates.branch_keys == rates.contexts.count:
        return shares, counts
    first = np.cumsum(counts) <= rates.branch_keys
    rest = 1 - float((shares * counts)[first].sum())
    covered = float(counts[first].sum())
    own, many = np.append(shares[first], 0.0), np.append(counts[first], rates.branch_keys - covered)
    return own + rest / rates.branch_keys, many


class _Steady:
    def __init__(self, rates: Rates, limits: Limits) -> None:
        self._rates = rates
        self._limits = limits
        self._shares, self._keys = _branch_key_shares(rates)
        self._spans = lifetimes(limits.branch_key_ttl, limits.jitter)
        self._ending = 1 / rates.container_lifetime
        self._together = rates.readers is None
        self._readers = rates.containers if rates.readers is None else rates.readers
        self._writes = np.maximum(rates.writes_per_second * self._shares / rates.containers, _TINY)
        self._reads = np.maximum(rates.reads_per_second * self._shares / self._readers, _TINY)

    def outcome(self) -> Outcome:
        """Return what happens in the period."""
        rates = self._rates
        writers, readers = self._characteristics()
        written, read = self._life(self._writes, writers), self._life(self._reads, readers)
        encrypt = Flow.of(self._writes, self._keys, written, containers=rates.containers, ending=self._ending)
        decrypt = Flow.of(self._reads, self._keys, read, containers=self._readers, ending=self._ending)
        if self._together and rates.writes_per_second and not np.isfinite(writers):
            decrypt = self._filled_by_writers(written)
        return outcome_of_rates(
            rates,
            encrypt.counts(rates.period, "Decrypt", branch_keys=True),
            decrypt.counts(rates.period, "Decrypt", branch_keys=True),
            most_messages=float(rates.writes_per_second > 0),
            max_entries=min(float(self._limits.capacity), self._most_entries()),
            cold_start=self._cold_start(),
        )

    def _life(self, rate: Reals, characteristic: float) -> Life:
        return life(rate, self._spans, self._ending, np.inf, characteristic)

    def _present(self, rate: Reals, characteristic: float) -> float:
        present = rate * self._life(rate, characteristic).present
        return float((present / (1 + present) * self._keys).sum())

    def _characteristics(self) -> tuple[float, float]:
        """Return the characteristic times of the caches of writers and of readers; versions are filled if they fit."""
        capacity = self._limits.capacity
        if capacity == 0:
            return 0.0, 0.0
        if self._together:
            both = characteristic_time(
                capacity, lambda time: self._present(self._writes, time) + self._present(self._reads, time)
            )
            return both, both
        return (
            characteristic_time(capacity, lambda time: self._present(self._writes, time)),
            characteristic_time(capacity, lambda time: self._present(self._reads, time)),
        )

    def _most_entries(self) -> float:
        written, read = self._present(self._writes, np.inf), self._present(self._reads, np.inf)
        return 2 * max(written, read) if self._together else max(2 * written, read)

    def _filled_by_writers(self, written: Life) -> Flow:
        """Return what reads do where each fetch to write fills the version's entry too.

        A read fetches only in the pause between the end of such an entry and the next fetch to write, and again after
        each lifetime for which the pause lasts.
        """
        writes, reads = self._writes, self._reads
        first = reads / (reads + writes)
        again = first * np.exp(-writes * written.present)
        fetches_to_write = writes / (1 + written.hits)
        fetches = np.minimum(fetches_to_write * first / np.maximum(1 - again, _TINY), reads)
        many = self._keys * self._readers
        new = self._ending * reads / (reads + self._ending) * first
        return Flow(
            requests=float((reads * many).sum()),
            fetches=float((fetches * many).sum()),
            absent=float((np.minimum(new, fetches) * many).sum()),
        )

    def _cold_start(self) -> float:
        """Return the requests of the first second; whoever writes first need not fetch to read."""
        writes = -np.expm1(-self._writes) * self._rates.containers
        reads = -np.expm1(-self._reads) * self._readers
        if self._together:
            reads = reads * self._reads / (self._reads + self._writes)
        return busiest(float(((writes + reads) * self._keys).sum()), self._rates.period)

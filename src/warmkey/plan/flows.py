"""Requests for cache entries at steady rates, and what becomes of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from warmkey.events import EvictionReason, MissReason
from warmkey.plan.outcome import EVICTIONS, MISSES, NOTHING, Counts, Outcome
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from warmkey.plan.life import Life
    from warmkey.plan.outcome import Reals
    from warmkey.plan.rates import Rates

__all__ = ["Flow", "busiest", "outcome_of_rates"]


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """Requests of one operation in the whole fleet, per second.

    :ivar requests: of them
    :ivar fetches: requests that no entry serves
    :ivar absent: fetches because there is no entry, or no longer
    :ivar spent: fetches because a limit on messages or bytes was reached
    :ivar pushed_out: entries that are evicted by the capacity
    :ivar replaced: entries that another replaces in good time
    :ivar cut_off: entries that are lost with their container
    """

    requests: float
    fetches: float
    absent: float
    spent: float = 0.0
    pushed_out: float = 0.0
    replaced: float = 0.0
    cut_off: float = 0.0

    @classmethod
    def of(cls, rate: Reals, entries: Reals, life: Life, *, containers: float, ending: float) -> Flow:
        """Return the requests at *rate* for each of *entries* in each of *containers*.

        :param life: what follows a fetch
        :param ending: how often per second a container is replaced
        """
        many = entries * containers
        fetches = rate / (1 + life.hits)
        first = ending * rate / (rate + ending)
        pushed_out = fetches * life.pushed_out
        return cls(
            requests=float((rate * many).sum()),
            fetches=float((fetches * many).sum()),
            absent=float((np.minimum(first + pushed_out, fetches) * many).sum()),
            spent=float((fetches * life.spent * many).sum()),
            pushed_out=float((pushed_out * many).sum()),
            cut_off=float((np.minimum(first, fetches) * many).sum()),
        )

    def counts(
        self,
        period: float,
        kms_operation: str,
        *,
        limit: MissReason = MissReason.MESSAGES_SPENT,
        branch_keys: bool = False,
    ) -> Counts:
        """Return what becomes of the messages of *period* seconds.

        :param limit: the limit that is reached first
        """
        misses = dict.fromkeys(map(str, MISSES), 0.0)
        misses |= {MissReason.ABSENT: self.absent, limit: self.spent}
        misses[MissReason.EXPIRED] = max(0.0, self.fetches - self.absent - self.spent)
        evictions = dict.fromkeys(map(str, EVICTIONS), 0.0)
        evictions |= {EvictionReason.CAPACITY: self.pushed_out, EvictionReason.REPLACED: self.replaced}
        evictions[EvictionReason(limit)] = self.spent
        left = self.fetches - self.pushed_out - self.spent - self.cut_off - self.replaced
        evictions[EvictionReason.EXPIRED] = max(0.0, left)
        fetches = self.fetches * period
        return Counts(
            messages=self.requests * period,
            hits=(self.requests - self.fetches) * period,
            misses=_times(misses, period),
            evictions=_times(evictions, period),
            kms_requests={kms_operation: fetches},
            dynamodb_requests=fetches if branch_keys else 0.0,
        )


def _times(counted: Mapping[str, float], factor: float) -> dict[str, float]:
    return {str(name): count * factor for name, count in counted.items()}


def busiest(per_second: float, seconds: float) -> float:
    """Return about how many requests the busiest of *seconds* has if they come at random."""
    return per_second + math.sqrt(2 * per_second * math.log(max(seconds, 2.0)))


def outcome_of_rates(
    rates: Rates,
    encrypt: Counts,
    decrypt: Counts,
    *,
    most_messages: float,
    max_entries: float,
    cold_start: float,
) -> Outcome:
    """Return the outcome of one period.

    :param most_messages: that are encrypted under the most used data key
    """
    found = Outcome(
        encrypt=encrypt,
        decrypt=decrypt,
        seconds=rates.period,
        max_messages_per_data_key=most_messages,
        max_bytes_per_data_key=most_messages * rates.length,
        max_entries=max_entries,
        kms_per_second=NOTHING,
        peak=0.0,
        cold_start=cold_start,
    )
    found.peak = busiest(found.kms_requests / rates.period, rates.period)
    return found

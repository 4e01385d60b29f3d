"""How long a cache entry lives that messages use at random, and how many of them it serves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from warmkey.plan.poisson import at_most, limited_mean
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Callable

    from warmkey.plan.outcome import Reals

__all__ = ["Life", "characteristic_time", "life", "lifetimes"]

_JITTER_STEPS = 4
_BISECTIONS = 25
_TINY = 1e-30
_LARGEST_EXPONENT = 700.0


def lifetimes(longest: float, jitter: float) -> Reals:
    """Return lifetimes that stand for all that *jitter* makes of the *longest*, each as likely."""
    steps = (np.arange(_JITTER_STEPS) + 0.5) / _JITTER_STEPS
    return longest * (1 - jitter * (steps if jitter else np.zeros(1)))


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """What follows a fetch of an entry, for entries of several kinds.

    :ivar hits: messages that the fetched key serves besides the one that fetched it
    :ivar present: seconds that its entry stays in the cache
    :ivar spent: how likely it is that a limit on messages or bytes ends it
    :ivar pushed_out: how likely it is that the capacity does
    """

    hits: Reals
    present: Reals
    spent: Reals
    pushed_out: Reals


def life(rate: Reals, spans: Reals, ending: float, limit: float, characteristic: float) -> Life:
    """Return what follows a fetch, for entries used at *rate*.

    :param spans: lifetimes, each as likely
    :param ending: container replacements per second
    :param limit: messages per key
    :param characteristic: seconds without use after which the cache evicts an entry
    """
    present, pushed_out = _presence(rate, spans[:, None], ending, characteristic)
    as_long = present if not ending else -np.log1p(-np.minimum(ending * present, 1 - 1e-12)) / ending
    hits = limited_mean(rate, as_long, ending, limit - 1)
    goes_on = rate / (rate + ending)
    spent = goes_on**limit * (1 - at_most(limit - 1, (rate + ending) * as_long))
    return Life(
        hits=hits.mean(axis=0),
        present=present.mean(axis=0),
        spent=spent.mean(axis=0),
        pushed_out=pushed_out.mean(axis=0),
    )


def _presence(rate: Reals, span: Reals, ending: float, characteristic: float) -> tuple[Reals, Reals]:
    """Return how long an entry stays, on the mean, and how likely the capacity ends it."""
    sure = np.minimum(span, characteristic)
    certain = sure if not ending else -np.expm1(-ending * sure) / ending
    if not np.isfinite(characteristic):
        return certain + np.zeros_like(rate), np.zeros_like(certain + rate)
    until_pause = _until_pause(rate, characteristic)
    rest = np.maximum(span - characteristic, 0.0)
    per_second = 1 / until_pause + ending
    more = np.exp(-ending * sure) * -np.expm1(-per_second * rest) / per_second
    return certain + more, np.where(span > characteristic, -np.expm1(-rest / until_pause), 0.0)


def _until_pause(rate: Reals, characteristic: float) -> Reals:
    """Return how long it takes, on the mean and beyond *characteristic*, until a pause of that length ends."""
    messages = np.clip(rate * characteristic, _TINY, _LARGEST_EXPONENT)
    few = messages < 1e-6  # noqa: PLR2004 - the difference below would be lost in rounding
    return np.maximum(characteristic * np.where(few, messages / 2, np.expm1(messages) / messages - 1), _TINY)


def characteristic_time(capacity: int, entries: Callable[[float], float]) -> float:
    """Return the characteristic time: that at which *entries* says that the cache is full; infinite if it never is."""
    if entries(np.inf) <= capacity:
        return np.inf
    low, high = 0.0, 1.0
    while entries(high) < capacity:
        high *= 2
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if entries(middle) < capacity else (low, middle)
    return high

"""The Poisson distribution, for arrays of means and without SciPy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from warmkey.plan.outcome import Reals

__all__ = ["at_most", "limited_mean"]

# Up to this mean the probabilities are summed up; above it, the approximation of Wilson and Hilferty is as good.
_SUMMED_UP_TO = 30.0
# What is further from the mean than so many standard deviations does not happen.
_FAR = 12.0


def at_most(count: float, mean: Reals) -> Reals:
    """Return the probability that a Poisson variable of each *mean* is *count* or less."""
    found = np.where(mean <= count, 1.0, 0.0)
    if count < 0:
        return np.zeros_like(mean)
    near = np.abs(mean - count) < _FAR * np.sqrt(mean) + 2 * _FAR
    small = near & (mean <= _SUMMED_UP_TO)
    found[small] = _summed(count, mean[small])
    large = near & ~small
    found[large] = _approximate(count, mean[large])
    return found


def _summed(count: float, mean: Reals) -> Reals:
    term = np.exp(-mean)
    total = term.copy()
    largest = float(mean.max(initial=0))
    for number in range(1, int(min(count, largest + _FAR * largest**0.5 + 2 * _FAR)) + 1):
        term = term * mean / number
        total += term
    return np.minimum(total, 1.0)


def _approximate(count: float, mean: Reals) -> Reals:
    """Return what the cube root of a chi-squared variable, which is nearly normal, says."""
    shape = count + 1
    deviation = (np.cbrt(mean / shape) - (1 - 1 / (9 * shape))) * 3 * np.sqrt(shape)
    return 0.5 - _erf(deviation / np.sqrt(2)) / 2


def _erf(numbers: Reals) -> Reals:
    """Return the error function, to seven digits: formula 7.1.26 of Abramowitz and Stegun."""
    weight = 1 / (1 + 0.3275911 * np.abs(numbers))
    series = np.zeros_like(numbers)
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = (series + factor) * weight
    return np.sign(numbers) * (1 - series * np.exp(-numbers * numbers))


def limited_mean(rate: Reals, span: Reals, ending: float, limit: float) -> Reals:
    """Return how many messages come within a lifetime, on the mean, counting up to *limit* of them.

    :param rate: messages per second
    :param span: seconds that the lifetime lasts, unless it is cut off
    :param ending: how often per second lifetimes are cut off, at random; 0: never
    """
    if limit <= 0:
        return np.zeros_like(rate * span)
    if not ending:
        mean = rate * span
        return mean * at_most(limit - 1, mean) + limit * (1 - at_most(limit, mean))
    goes_on = rate / (rate + ending)  # that the next message comes before the end
    mean = (rate + ending) * span
    reached = goes_on**limit * (1 - at_most(limit, mean))
    return rate / ending * (1 - np.exp(-ending * span) * at_most(limit, rate * span) - reached)

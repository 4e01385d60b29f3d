"""The closed form: what caches do with messages that come at random, at steady rates.

With messages at rate λ for one entry, each fetch is followed by h = E[min(N, limit - 1)] hits, where N is Poisson with
mean λ times the entry's lifetime, so the hit ratio is h / (1 + h). The lifetime is the maximum age, less its random
part, cut off when the container is replaced (at random, so what remains of a life does not depend on what is over) or
when the entry is evicted.

Under pressure on the capacity an entry is evicted if it is not used for the characteristic time of the cache (Che and
others): the time for which the entries in the cache, on the mean, are as many as it holds. The time until the first
such pause is taken as that time and an exponential part that has the known mean, (exp(λτ) - 1) / λ.

Readers: each reader meets each data key. Its reads are spread over the time in which messages under it are read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.plan.rates_of_branch_keys import hierarchical
from warmkey.plan.rates_of_caching import caching

if TYPE_CHECKING:
    from warmkey.plan.limits import Limits
    from warmkey.plan.outcome import Outcome
    from warmkey.plan.rates import Rates

__all__ = ["model_of_rates"]


def model_of_rates(strategy: str, rates: Rates, limits: Limits) -> Outcome:
    """Return what the cache of *strategy* does with *rates*, in the steady state.

    :param strategy: ``caching`` or ``hierarchical``
    """
    return {"caching": caching, "hierarchical": hierarchical}[strategy](rates, limits)

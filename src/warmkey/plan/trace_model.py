"""Estimate with arrays what a replay of a trace would count.

Without pressure on the capacity the model follows the rules of the cache exactly, apart from the random part of
lifetimes. Under pressure, an entry counts as evicted when as many others as the cache holds were used since it was.
That leaves out that expired entries make room early, so such a model is close, and not exact.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.plan.model_of_branch_keys import hierarchical
from warmkey.plan.model_of_caching import caching

if TYPE_CHECKING:
    from warmkey.plan.limits import Limits
    from warmkey.plan.outcome import Outcome
    from warmkey.plan.trace import Trace

__all__ = ["model"]


def model(strategy: str, trace: Trace, limits: Limits) -> Outcome:
    """Return about what the cache of *strategy* does with *trace*.

    :param strategy: ``caching`` or ``hierarchical``
    """
    return {"caching": caching, "hierarchical": hierarchical}[strategy](trace, limits)

"""Why keys left the cache, counted by hand."""

from __future__ import annotations

from tests.plan.made import encrypts, replayed, trace_of
from warmkey.plan.limits import Limits
from warmkey.plan.trace_model import model

NONE = {"capacity": 0, "expired": 0, "messages-spent": 0, "bytes-spent": 0, "replaced": 0}


def test_what_stays_is_not_evicted() -> None:
    assert model("caching", encrypts([0, 1, 2]), Limits(jitter=0)).encrypt.evictions == NONE


def test_a_full_cache_evicts_what_makes_room_and_keeps_the_rest() -> None:
    contexts = "abacba"  # c pushes b out, b pushes a out, and a pushes c out
    trace = trace_of(*((time, "encrypt", context, 1, "c", "") for time, context in enumerate(contexts)))
    limits = Limits(max_age=60, jitter=0, capacity=2)

    modelled, counted = model("caching", trace, limits).encrypt, replayed(trace, limits).encrypt

    assert modelled.evictions == counted.evictions == NONE | {"capacity": 3}

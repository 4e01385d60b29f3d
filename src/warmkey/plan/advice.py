"""What follows from a plan, in sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from warmkey.plan.labels import STRATEGIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warmkey.plan.plan import Plan, Planned

__all__ = ["advice"]

_MUCH_OF_THE_QUOTA = 0.8
_HARDLY_ANY_HITS = 0.2
_MANY_EVICTIONS = 0.05
_CLEARLY_LESS = 0.9
_ENOUGH = 100


def advice(plan: Plan) -> Iterator[str]:
    """Yield sentences; the first is about the choice between the strategies."""
    if plan.first.outcome.messages < _ENOUGH:
        yield f"There are fewer than {_ENOUGH} messages, too few to say what to choose."
        return
    caching, hierarchical = plan.strategies.get("caching"), plan.strategies.get("hierarchical")
    if caching is not None and hierarchical is not None:
        yield _comparison(caching, hierarchical)
    for name, planned in plan.strategies.items():
        yield from _warnings(f"the {STRATEGIES[name]}", planned)
    yield from _dearer_than_no_cache(plan)
    yield from _contexts_used_once(plan)


def _comparison(caching: Planned, hierarchical: Planned) -> str:
    one, other = caching.outcome, hierarchical.outcome
    lags = (
        f"a revocation takes effect after {hierarchical.bill.revocation_lag_seconds:g} s instead of "
        f"{caching.bill.revocation_lag_seconds:g} s"
    )
    if max(one.hit_ratio, other.hit_ratio) < _HARDLY_ANY_HITS:
        return (
            "Neither strategy helps: hardly any message finds its key in the cache. Group messages under coarser "
            "encryption contexts, or call KMS for each message."
        )
    before, after = caching.bill.dollars_per_month["total"], hierarchical.bill.dollars_per_month["total"]
    requests = f"{other.kms_requests:,.0f} KMS requests instead of {one.kms_requests:,.0f}"
    dollars = f"{after:,.2f} dollars a month instead of {before:,.2f}"
    relieved = hierarchical.bill.quota_share_cold_start < _MUCH_OF_THE_QUOTA < caching.bill.quota_share_cold_start
    if after < before * _CLEARLY_LESS or relieved:
        return f"Branch keys pay: {requests}, {dollars}. The price is a DynamoDB table, and {lags}."
    return f"Branch keys save little: {requests}, {dollars}. They need a DynamoDB table, and {lags}."


def _warnings(name: str, planned: Planned) -> Iterator[str]:
    outcome, bill = planned.outcome, planned.bill
    if bill.quota_share_cold_start > _MUCH_OF_THE_QUOTA:
        yield (
            f"With {name}, a start with cold caches takes {bill.quota_share_cold_start:.0%} of the Region's quota in "
            "one second; ask for a higher quota, deploy in steps, or use fewer, busier containers."
        )
    if bill.quota_share_peak > _MUCH_OF_THE_QUOTA:
        yield f"With {name}, the busiest second takes {bill.quota_share_peak:.0%} of the Region's quota."
    evicted = outcome.encrypt.evictions.get("capacity", 0) + outcome.decrypt.evictions.get("capacity", 0)
    if evicted > outcome.messages * _MANY_EVICTIONS:
        yield (
            f"With {name}, {evicted:,.0f} entries are evicted by the capacity before their time; a larger "
            "WARMKEY_CACHE_CAPACITY saves KMS requests."
        )
    if outcome.decrypt.messages and outcome.decrypt.hit_ratio < _HARDLY_ANY_HITS < outcome.encrypt.hit_ratio:
        yield (
            f"With {name}, readers make {outcome.decrypt.messages - outcome.decrypt.hits:,.0f} requests and writers "
            f"{outcome.encrypt.messages - outcome.encrypt.hits:,.0f}: a reader asks for every data key that it meets."
        )


def _dearer_than_no_cache(plan: Plan) -> Iterator[str]:
    """Say where settings that were chosen cost more than a request to KMS for each message would."""
    without = plan.request.around.dollars_without_cache(plan.first.outcome)
    for name, planned in plan.strategies.items():
        if planned.choice is not None and planned.choice.dollars > without:
            yield (
                f"With the {STRATEGIES[name]}, the settings within the bounds cost {planned.choice.dollars:,.2f} "
                f"dollars a month, and no cache costs {without:,.2f}: choose them for speed or for the quota, or raise "
                "--max-lag or --max-keys-exposed, or lower --max-dollars."
            )


def _contexts_used_once(plan: Plan) -> Iterator[str]:
    trace = plan.traffic.trace
    if trace is not None:
        uses = np.bincount(trace.contexts)
        once, used = int(np.count_nonzero(uses == 1)), int(np.count_nonzero(uses))
        if once * 2 > used:
            yield (
                f"{once:,} of {used:,} encryption contexts are used once. A context that changes with every message is "
                "never in the cache; bind such values inside the message instead."
            )

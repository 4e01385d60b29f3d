"""A plan as JSON: the names in it are promises."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from warmkey.plan.labels import busiest_contexts
from warmkey.plan.variables import variables

if TYPE_CHECKING:
    from collections.abc import Mapping

    from warmkey.plan.bill import Bill
    from warmkey.plan.grid import Cell
    from warmkey.plan.outcome import Counts, Outcome
    from warmkey.plan.plan import Plan, Planned

__all__ = ["as_dict", "as_json"]


def as_json(plan: Plan, *, show_contexts: bool) -> str:
    """Return the plan as a JSON object.

    :param show_contexts: whether context labels are in it; else they are numbered
    """
    return json.dumps(as_dict(plan, show_contexts=show_contexts), indent=2) + "\n"


def as_dict(plan: Plan, *, show_contexts: bool) -> dict[str, Any]:
    """Return what the JSON object has."""
    request, around = plan.request, plan.request.around
    ignored = dict(plan.traffic.ignored)
    found: dict[str, Any] = {
        "method": request.method,
        "rows_used": plan.traffic.rows,
        "rows_ignored": sum(ignored.values()),
        "rows_ignored_by_reason": ignored,
        "region": around.region,
        "kms_requests_per_second_quota": _plain(around.quota),
        "prices": {"date": around.prices.date, "source": around.prices.source},
        "limits": {
            "max_age_seconds": request.limits.max_age,
            "max_age_jitter": request.limits.jitter,
            "max_messages_encrypted": request.limits.max_messages,
            "max_bytes_encrypted": request.limits.max_bytes,
            "cache_capacity": request.limits.capacity,
            "branch_key_ttl_seconds": request.limits.branch_key_ttl,
        },
        "notes": list(plan.notes),
        "traffic": _traffic(plan),
        "contexts": [
            {"context": label, "messages": messages}
            for label, messages in busiest_contexts(plan.traffic, show_contexts=show_contexts)
        ],
    }
    if plan.observed is not None:
        found["observed"] = plan.observed.as_dict()
    return found | {name: _strategy(name, planned) for name, planned in plan.strategies.items()}


def _traffic(plan: Plan) -> dict[str, Any]:
    outcome = next(iter(plan.strategies.values())).outcome
    requests = outcome.messages
    around = plan.request.around
    return {
        "seconds": _plain(outcome.seconds),
        "messages": _plain(requests),
        **plan.traffic.sizes,
        "without_cache": {
            "kms_requests": _plain(requests),
            "kms_dollars_per_month": _plain(
                requests * around.months_in(outcome.seconds) * around.prices.kms_dollars_per_request
            ),
        },
    }


def _strategy(name: str, planned: Planned) -> dict[str, Any]:
    found = _outcome(planned.outcome) | _bill(planned.bill)
    if planned.modelled is not None:
        found["model"] = _outcome(planned.modelled)
        found["model_hit_ratio_difference"] = _plain(planned.modelled.hit_ratio - planned.outcome.hit_ratio)
    if planned.cells:
        found["grid"] = [_cell(cell) for cell in planned.cells]
    if planned.knee is not None:
        found["knee"] = _cell(planned.knee)
    if planned.choice is not None:
        found["choice"] = _cell(planned.choice) | {"variables": variables(name, planned.choice.limits)}
    return found


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "encrypt": _counts(outcome.encrypt),
        "decrypt": _counts(outcome.decrypt),
        "hit_ratio": _plain(outcome.hit_ratio),
        "kms_requests": _plain(outcome.kms_requests),
        "dynamodb_requests": _plain(outcome.dynamodb_requests),
        "kms_requests_in_peak_second": _plain(outcome.peak),
        "kms_requests_in_cold_start_second": _plain(outcome.cold_start),
        "max_messages_per_data_key": _plain(outcome.max_messages_per_data_key),
        "max_bytes_per_data_key": _plain(outcome.max_bytes_per_data_key),
        "max_entries": _plain(outcome.max_entries),
    }


def _counts(counts: Counts) -> dict[str, Any]:
    return {
        "messages": _plain(counts.messages),
        "hits": _plain(counts.hits),
        "hit_ratio": _plain(counts.hit_ratio),
        "misses": _each(counts.misses),
        "bypasses": _plain(sum(counts.bypasses.values())),
        "bypasses_by_reason": _each(counts.bypasses),
        "evictions": _each(counts.evictions),
        "kms_requests": _each(counts.kms_requests),
        "dynamodb_requests": _plain(counts.dynamodb_requests),
    }


def _bill(bill: Bill) -> dict[str, Any]:
    return {
        "dollars_per_month": _each(bill.dollars_per_month),
        "quota_share_peak": _plain(bill.quota_share_peak),
        "quota_share_cold_start": _plain(bill.quota_share_cold_start),
        "revocation_lag_seconds": _plain(bill.revocation_lag_seconds),
        "cache_bytes": _plain(bill.cache_bytes),
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "lifetime_seconds": _plain(cell.lifetime),
        "max_messages": cell.limits.max_messages,
        "capacity": cell.limits.capacity,
        "kms_requests_per_month": _plain(cell.requests_per_month),
        "hit_ratio": _plain(cell.hit_ratio),
        "dollars_per_month": _plain(cell.dollars),
    }


def _each(counted: Mapping[str, float]) -> dict[str, float]:
    return {str(name): _plain(value) for name, value in counted.items()}


def _plain(value: float) -> float:
    """Return a whole number as an int, and any other with nine digits."""
    number = float(value)
    return int(number) if number.is_integer() else float(f"{number:.9g}")

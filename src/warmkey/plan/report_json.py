"""A plan as JSON: the names in it are promises."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from warmkey.plan.labels import busiest_contexts
from warmkey.plan.variables import variables

if TYPE_CHECKING:
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
        "notes": list(plan.traffic.notes),
        "traffic": _plain(_traffic(plan)),
        "contexts": [
            {"context": label, "messages": messages}
            for label, messages in busiest_contexts(plan.traffic, show_contexts=show_contexts)
        ],
    }
    if plan.observed is not None:
        found["observed"] = plan.observed.as_dict()
    return found | {name: _plain(_strategy(name, planned)) for name, planned in plan.strategies.items()}


def _traffic(plan: Plan) -> dict[str, Any]:
    outcome = plan.first.outcome
    return {
        "seconds": outcome.seconds,
        "messages": outcome.messages,
        **plan.traffic.sizes,
        "without_cache": {
            "kms_requests": outcome.messages,
            "kms_dollars_per_month": plan.request.around.dollars_without_cache(outcome),
        },
    }


def _strategy(name: str, planned: Planned) -> dict[str, Any]:
    found = _outcome(planned.outcome) | _bill(planned.bill)
    if planned.modelled is not None:
        found["model"] = _outcome(planned.modelled)
        found["model_hit_ratio_difference"] = planned.modelled.hit_ratio - planned.outcome.hit_ratio
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
        "hit_ratio": outcome.hit_ratio,
        "kms_requests": outcome.kms_requests,
        "dynamodb_requests": outcome.dynamodb_requests,
        "kms_requests_in_peak_second": outcome.peak,
        "kms_requests_in_cold_start_second": outcome.cold_start,
        "max_messages_per_data_key": outcome.max_messages_per_data_key,
        "max_bytes_per_data_key": outcome.max_bytes_per_data_key,
        "max_entries": outcome.max_entries,
    }


def _counts(counts: Counts) -> dict[str, Any]:
    return {
        "messages": counts.messages,
        "hits": counts.hits,
        "hit_ratio": counts.hit_ratio,
        "misses": counts.misses,
        "bypasses": sum(counts.bypasses.values()),
        "bypasses_by_reason": counts.bypasses,
        "evictions": counts.evictions,
        "kms_requests": counts.kms_requests,
        "dynamodb_requests": counts.dynamodb_requests,
    }


def _bill(bill: Bill) -> dict[str, Any]:
    return {
        "dollars_per_month": bill.dollars_per_month,
        "quota_share_peak": bill.quota_share_peak,
        "quota_share_cold_start": bill.quota_share_cold_start,
        "revocation_lag_seconds": bill.revocation_lag_seconds,
        "cache_bytes": bill.cache_bytes,
    }


def _cell(cell: Cell) -> dict[str, Any]:
    return {
        "lifetime_seconds": cell.lifetime,
        "max_messages": cell.limits.max_messages,
        "capacity": cell.limits.capacity,
        "kms_requests_per_month": cell.requests_per_month,
        "hit_ratio": cell.hit_ratio,
        "dollars_per_month": cell.dollars,
    }


def _plain(value: Any) -> Any:  # noqa: ANN401 - a number or a text, or many of them
    """Return *value* with whole numbers as int and any other with nine digits, whatever it is inside of."""
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, str):
        return value
    number = float(value)
    return int(number) if number.is_integer() else float(f"{number:.9g}")

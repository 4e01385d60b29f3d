"""A Lambda function that is observed in every way at once; tests invoke it under the real runtime client."""

from __future__ import annotations

from itertools import permutations
from typing import Any

from aws_lambda_powertools import Logger, Metrics

import warmkey

logger = Logger()
metrics = Metrics()
DECORATORS = {
    "instrument": warmkey.instrument,
    "metrics": metrics.log_metrics,
    "logger": logger.inject_lambda_context,
}


def work(event: dict[str, Any], context: Any) -> str:
    for number in range(event["messages"]):
        warmkey.encrypt(b"a message", {"tenant": event.get("tenant", f"tenant-{number}")})
    if event.get("fail"):
        raise LookupError("as asked")
    request_id: str = context.aws_request_id
    return request_id


def decorated(order: tuple[str, ...]) -> Any:
    def work_and_count(event: dict[str, Any], context: Any) -> str:
        metrics.add_metric(name="Orders", unit="Count", value=1)
        return work(event, context)

    decorate: Any = work_and_count
    for name in reversed(order):
        decorate = DECORATORS[name](decorate)
    return decorate


HANDLERS = {",".join(order): decorated(order) for order in permutations(DECORATORS)}


def handler(event: dict[str, Any], context: Any) -> Any:
    return HANDLERS.get(event.get("order", ""), work)(event, context)

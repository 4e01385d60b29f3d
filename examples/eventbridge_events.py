"""Events on an EventBridge bus whose secret fields only this program can read; rules match the others.

Each event is a sealed record: its secret fields travel in one message, tied to the order's ID. EventBridge, its archive
and whoever else has a rule see the rest.

Needs ``WARMKEY_KMS_KEY_ARNS`` and a bus. ``tests/examples/test_eventbridge_events.py`` runs it on moto.
"""

from __future__ import annotations

import json
from typing import Any

import warmkey

__all__ = ["RULE", "handler", "publish"]

SECRET = ("card", "name")
# What a rule can look at; never a field of SECRET.
RULE = {"source": ["shop.orders"], "detail": {"status": ["paid"]}}


def publish(events: Any, bus: str, tenant: str, order: dict[str, Any]) -> None:  # noqa: ANN401 - boto3 has no types
    """Publish *order*, which has an ``id`` and a ``status``. An event is JSON, so the message in it is text."""
    detail = warmkey.seal_record(
        {**order, "tenant": tenant}, SECRET, {"tenant": tenant}, bound_to=["tenant", "id"], text=True
    )
    entry = {
        "EventBusName": bus,
        "Source": "shop.orders",
        "DetailType": "order changed",
        "Detail": json.dumps(detail),
    }
    answer = events.put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        raise RuntimeError(f"the event was not published: {answer['Entries'][0]['ErrorCode']}")


def handler(event: dict[str, Any], _context: object) -> str:
    """Handle one event; return whom a receipt is for.

    Whoever can put events on the bus can't make one up, nor move the secret fields of one order to another: then this
    raises, and after its retries Lambda sends the event to the dead-letter queue. A whole event can be sent again, as
    EventBridge itself may do.
    """
    detail = event["detail"]
    order = warmkey.unseal_record(detail, {"tenant": detail["tenant"]}, bound_to=["tenant", "id"])
    return f"order {order['id']}: receipt for {order['name']}, card ending in {order['card'][-4:]}"

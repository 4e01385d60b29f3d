"""Orders in DynamoDB whose card and name only this program can read.

Each order is a sealed record: its secret fields travel in one message that is bound to the order's key and version. The
rest can be queried. An order is written only if nobody else has written it since it was read, and read back through the
resource of boto3 or in a Lambda function behind the table's stream.

Needs ``WARMKEY_KMS_KEY_ARNS`` and a table with the key ``tenant`` and ``id``.
``tests/examples/test_dynamodb_item.py`` runs it on moto.
"""

from __future__ import annotations

from typing import Any

from boto3.dynamodb.conditions import Attr
from boto3.dynamodb.types import TypeDeserializer

import warmkey

__all__ = ["SECRET", "create", "load", "on_stream_event", "update"]

SECRET = ("card", "name", ("address", "street"))


def create(table: Any, tenant: str, order: dict[str, Any]) -> None:  # noqa: ANN401 - boto3 has no types
    """Store a new *order*, which has an ``id``."""
    _put(table, {**order, "tenant": tenant, "version": 1}, Attr("id").not_exists())


def update(table: Any, tenant: str, order: dict[str, Any]) -> None:  # noqa: ANN401 - boto3 has no types
    """Store *order*, changed after :func:`load` gave it, unless somebody else has stored another version meanwhile."""
    version = order["version"]
    _put(table, {**order, "tenant": tenant, "version": version + 1}, Attr("version").eq(version))


def _put(table: Any, order: dict[str, Any], condition: Any) -> None:  # noqa: ANN401 - boto3 has no types
    bound_to = ["tenant", "id", "version"]
    sealed = warmkey.seal_record(order, SECRET, {"tenant": order["tenant"]}, bound_to=bound_to)
    table.put_item(Item=sealed, ConditionExpression=condition)


def load(table: Any, tenant: str, order_id: str) -> dict[str, Any]:  # noqa: ANN401 - boto3 has no types
    """Return the order that was asked for. One of another tenant or ID is refused, whatever is in the table."""
    item = table.get_item(Key={"tenant": tenant, "id": order_id}, ConsistentRead=True)["Item"]
    return warmkey.unseal_record(item, {"tenant": tenant}, bound_to={"tenant": tenant, "id": order_id})


class _EventDeserializer(TypeDeserializer):  # type: ignore[misc]  # boto3 has no types
    """In an event binary values are base64 text, which ``unseal_record`` takes as it is."""

    def _deserialize_b(self, value: str) -> str:
        return value


def on_stream_event(event: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the orders in an event of the table's stream, as a Lambda function gets it."""
    orders = []
    for change in event["Records"]:
        image = change["dynamodb"].get("NewImage")
        if image is not None:  # it was not deleted
            keys = _item(change["dynamodb"]["Keys"])
            orders.append(warmkey.unseal_record(_item(image), {"tenant": keys["tenant"]}, bound_to=keys))
    return orders


def _item(image: dict[str, Any]) -> dict[str, Any]:
    return {name: _EventDeserializer().deserialize(value) for name, value in image.items()}

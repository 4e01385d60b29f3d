"""Store orders from a queue in DynamoDB with encrypted card numbers, and read them back."""

from __future__ import annotations

import json
import os
from typing import Any

import boto3

import warmkey


def store(event: dict[str, Any], context: object) -> dict[str, int]:
    """Handle a batch of SQS records, one order each."""
    table = _table()
    orders = [json.loads(record["body"]) for record in event["Records"]]
    for order in orders:
        card = warmkey.encrypt_text(order["card"], {"shop": order["shop"]})
        table.put_item(Item={"id": order["id"], "shop": order["shop"], "card": card})
    return {"stored": len(orders)}


def read(event: dict[str, Any], context: object) -> dict[str, str]:
    """Handle a request from a shop for one of its orders."""
    item = _table().get_item(Key={"id": event["id"]})["Item"]
    # The shop comes from the request, not from the item, so a shop can't read what was encrypted for another one.
    return {"id": item["id"], "card": warmkey.decrypt_text(item["card"], {"shop": event["shop"]})}


def _table() -> Any:
    return boto3.resource("dynamodb").Table(os.environ["TABLE_NAME"])

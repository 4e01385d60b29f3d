"""examples/dynamodb_item.py, on moto's DynamoDB."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from boto3.dynamodb.types import Binary
from botocore.exceptions import ClientError

from examples.dynamodb_item import create, load, on_stream_event, update
from warmkey import PolicyRefused

if TYPE_CHECKING:
    from warmkey.testing import KmsSession

REGION = "us-east-1"
ORDER: dict[str, Any] = {
    "id": "order-1",
    "status": "new",
    "card": "4929 1234 5678 9123",
    "name": "Erika",
    "address": {"street": "Heidestrasse 17", "city": "Koeln"},
}


@pytest.fixture
def table(session: KmsSession) -> Any:
    del session  # moto is on
    return boto3.resource("dynamodb", region_name=REGION).create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "tenant", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("tenant", "id")],
        BillingMode="PAY_PER_REQUEST",
    )


def items(table: Any) -> list[dict[str, Any]]:
    return list(table.scan()["Items"])


def put(table: Any, item: dict[str, Any], **change: Any) -> None:
    """As whoever can write the table would."""
    table.put_item(Item={**item, **change})


def change_of(table: Any) -> dict[str, Any]:
    """The change that a stream tells of the order now: JSON, so binary values are base64 text.

    moto has no answer for DescribeStream; what DynamoDB's client gives for an item is what a stream has as its image.
    """
    client = boto3.client("dynamodb", region_name=REGION)
    keys = {"tenant": {"S": "acme"}, "id": {"S": "order-1"}}
    found = client.get_item(TableName=table.name, Key=keys)
    image = {"Keys": keys} | ({"NewImage": found["Item"]} if "Item" in found else {})
    change: dict[str, Any] = json.loads(json.dumps({"dynamodb": image}, default=as_base64))
    return change


def as_base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def test_an_order_comes_back_and_the_table_does_not_know_its_secrets(table: Any) -> None:
    create(table, "acme", ORDER)

    (item,) = items(table)
    assert item.keys() == {"tenant", "id", "version", "status", "address", "_sealed"}
    assert item["address"] == {"city": "Koeln"}
    assert isinstance(item["_sealed"], Binary)
    assert load(table, "acme", "order-1") == {**ORDER, "tenant": "acme", "version": 1}


def test_an_order_is_written_only_over_the_version_that_was_read(table: Any) -> None:
    create(table, "acme", ORDER)
    mine, yours = load(table, "acme", "order-1"), load(table, "acme", "order-1")
    update(table, "acme", {**mine, "status": "paid"})

    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        update(table, "acme", {**yours, "status": "cancelled"})
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        create(table, "acme", ORDER)

    found = load(table, "acme", "order-1")
    assert (found["status"], found["version"]) == ("paid", 2)


def test_a_hundred_orders_of_a_tenant_cost_one_request_each_way(session: KmsSession, table: Any) -> None:
    for number in range(100):
        create(table, "acme", {**ORDER, "id": f"order-{number}"})
    for number in range(100):
        load(table, "acme", f"order-{number}")

    session.assert_kms_calls(1, "GenerateDataKey")
    session.assert_kms_calls(1, "Decrypt")


def test_whoever_can_write_the_table_can_not_exchange_orders(table: Any) -> None:
    create(table, "acme", ORDER)
    create(table, "acme", {**ORDER, "id": "order-2", "name": "Max"})
    first, second = (table.get_item(Key={"tenant": "acme", "id": f"order-{number}"})["Item"] for number in (1, 2))

    for change in ({"_sealed": second["_sealed"]}, {"version": 7}, {"name": "Mallory"}):
        put(table, first, **change)
        with pytest.raises(PolicyRefused):
            load(table, "acme", "order-1")
    put(table, second, tenant="other")
    with pytest.raises(PolicyRefused):
        load(table, "other", "order-2")


def test_the_function_behind_the_stream_reads_every_change(table: Any) -> None:
    create(table, "acme", ORDER)
    changes = [change_of(table)]
    update(table, "acme", {**load(table, "acme", "order-1"), "status": "paid"})
    changes.append(change_of(table))
    table.delete_item(Key={"tenant": "acme", "id": "order-1"})
    changes.append(change_of(table))

    orders = on_stream_event({"Records": changes})

    assert [(order["status"], order["version"], order["card"]) for order in orders] == [
        ("new", 1, ORDER["card"]),
        ("paid", 2, ORDER["card"]),
    ]

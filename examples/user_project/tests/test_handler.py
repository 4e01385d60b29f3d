"""Test the handlers on moto; each test has its own KMS key, DynamoDB table and default client of warmkey."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import handler
import pytest

import warmkey
from warmkey.events import CacheHit, CacheMiss

if TYPE_CHECKING:
    from warmkey.testing import KmsSession


@pytest.fixture(autouse=True)
def table(warmkey_kms: KmsSession, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Create the table. It depends on ``warmkey_kms``, which turns moto on."""
    monkeypatch.setenv("TABLE_NAME", "orders")
    return boto3.resource("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def batch(*ids: str, shop: str = "books") -> dict[str, Any]:
    """Return an SQS event."""
    return {"Records": [{"body": json.dumps({"id": id_, "shop": shop, "card": f"card of {id_}"})} for id_ in ids]}


def test_an_order_comes_back() -> None:
    handler.store(batch("1"), None)

    assert handler.read({"id": "1", "shop": "books"}, None) == {"id": "1", "card": "card of 1"}


def test_the_card_number_is_not_in_the_table(table: Any) -> None:
    handler.store(batch("1"), None)

    assert "card of 1" not in str(table.scan()["Items"])


def test_a_batch_needs_one_kms_request(warmkey_kms: KmsSession) -> None:
    handler.store(batch("1", "2", "3", "4"), None)

    warmkey_kms.assert_kms_calls(1)
    warmkey_kms.facts.assert_count(1, CacheMiss)
    warmkey_kms.facts.assert_count(3, CacheHit)


def test_each_shop_has_a_data_key_of_its_own(warmkey_kms: KmsSession) -> None:
    handler.store(batch("1", "2", shop="books"), None)
    handler.store(batch("3", "4", shop="music"), None)

    warmkey_kms.assert_kms_calls(2, "GenerateDataKey")


def test_one_shop_cannot_read_the_order_of_another() -> None:
    handler.store(batch("1", shop="books"), None)

    with pytest.raises(warmkey.WarmkeyError):
        handler.read({"id": "1", "shop": "music"}, None)


def test_a_data_key_is_not_used_for_longer_than_we_allow(warmkey_kms: KmsSession) -> None:
    warmkey_kms.configure(max_age_seconds=60)

    handler.store(batch("1"), None)
    warmkey_kms.clock.tick(61)
    handler.store(batch("2"), None)

    warmkey_kms.assert_kms_calls(2, "GenerateDataKey")
    warmkey_kms.facts.assert_count(1, CacheMiss, reason="expired")


def test_settings_may_come_from_the_environment(warmkey_kms: KmsSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARMKEY_CACHE", "off")

    handler.store(batch("1", "2", "3"), None)

    warmkey_kms.assert_kms_calls(3, "GenerateDataKey")

"""examples/api_gateway_cursor.py, on moto's DynamoDB."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote

import boto3
import pytest
from moto import mock_aws

import warmkey
from examples.api_gateway_cursor import CURSOR_SECONDS, PAGE, handler
from warmkey.testing import fake_kms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warmkey.testing import KmsSession

IDS = [f"order-{number:03}" for number in range(60)]


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[KmsSession]:
    """With the kit's KMS, because moto's denies access where AWS's says that the ciphertext is not valid."""
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with mock_aws(), fake_kms(metrics="off") as session:
        yield session


@pytest.fixture(autouse=True)
def _table(session: KmsSession, monkeypatch: pytest.MonkeyPatch) -> None:
    del session  # moto is on
    monkeypatch.setenv("TABLE", "orders")
    table = boto3.resource("dynamodb").create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "tenant", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("tenant", "id")],
        BillingMode="PAY_PER_REQUEST",
    )
    with table.batch_writer() as batch:
        for order_id in IDS:
            batch.put_item(Item={"tenant": "acme", "id": order_id})


def request(cursor: str | None = None, tenant: str = "acme") -> tuple[int, dict[str, Any]]:
    event: dict[str, Any] = {"requestContext": {"authorizer": {"jwt": {"claims": {"tenant": tenant}}}}}
    if cursor is not None:
        event["queryStringParameters"] = {"cursor": cursor}
    answer = handler(event, None)
    return answer["statusCode"], json.loads(answer["body"])


def test_all_orders_come_page_by_page() -> None:
    found: list[str] = []
    cursor, pages = None, 0
    while pages == 0 or cursor is not None:
        status, page = request(cursor)
        found, cursor, pages = found + page["orders"], page.get("cursor"), pages + 1
        assert status == 200

    assert found == IDS
    assert pages == len(IDS) // PAGE + 1


def test_a_cursor_tells_no_key_and_goes_through_a_query_string_as_it_is() -> None:
    _, page = request()
    cursor = page["cursor"]

    assert quote(cursor) == cursor
    assert parse_qs(f"cursor={cursor}") == {"cursor": [cursor]}
    assert b"order-0" not in base64.urlsafe_b64decode(cursor + "==")


def test_a_cursor_ends_after_a_quarter_of_an_hour(session: KmsSession) -> None:
    _, page = request()
    session.clock.tick(CURSOR_SECONDS - 1)
    assert request(page["cursor"])[0] == 200
    session.clock.tick(1)

    assert request(page["cursor"]) == (400, {"problem": "the cursor has expired; begin again"})


def test_a_cursor_is_for_its_tenant_only() -> None:
    _, page = request()

    assert request(page["cursor"], tenant="other") == (400, {"problem": "the cursor is not one of yours"})


def test_another_token_or_message_of_the_tenant_is_not_a_cursor() -> None:
    key = json.dumps({"tenant": "acme", "id": "order-050"})
    message = warmkey.encrypt(key.encode(), {"tenant": "acme", "purpose": "orders cursor"})

    for other in (warmkey.seal_token(key, {"tenant": "acme"}), base64.urlsafe_b64encode(message).decode()):
        assert request(other.rstrip("="))[0] == 400


def test_a_cursor_that_was_changed_anywhere_is_refused() -> None:
    _, page = request()
    cursor = page["cursor"]
    for position in range(0, len(cursor), 7):
        changed = cursor[:position] + ("A" if cursor[position] != "A" else "B") + cursor[position + 1 :]

        assert request(changed)[0] == 400
    for junk in ("", "junk", cursor[:-4], cursor + "=", cursor + "\n", "ä" * 100):
        assert request(junk)[0] == 400


def test_trouble_with_kms_is_not_the_clients(session: KmsSession) -> None:
    _, page = request()
    warmkey.purge()
    session.client.fail(error="disabled")

    with pytest.raises(warmkey.KeyUnavailable):
        request(page["cursor"])


def test_a_request_that_took_too_long_is_not_the_clients(session: KmsSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error has no attempts, as that of a cursor without a key of ours."""
    del session

    def open_token(*_: Any) -> bytes:
        raise warmkey.KeyUnavailable("another thread's request took too long", timed_out=True)

    monkeypatch.setattr(warmkey, "open_token", open_token)
    with pytest.raises(warmkey.KeyUnavailable):
        request("cursor")

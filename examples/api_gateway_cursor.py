"""A list in pages, with a cursor that its reader can neither read, change, nor give to another tenant.

The cursor is where the database stopped, which tells a key, and which a client could change to read on elsewhere. As a
token it goes through a query string as it is, and ends after 15 minutes.

Needs ``WARMKEY_KMS_KEY_ARNS`` and ``TABLE``, with the key ``tenant`` and ``id``.
``tests/examples/test_api_gateway_cursor.py`` runs it on moto.
"""

from __future__ import annotations

import json
import os
from typing import Any

import boto3
from boto3.dynamodb.conditions import Key

import warmkey

__all__ = ["handler"]

PAGE = 25
CURSOR_SECONDS = 15 * 60


@warmkey.instrument
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answer ``GET /orders?cursor=...`` of an HTTP API, for the tenant that the authorizer has found."""
    tenant = event["requestContext"]["authorizer"]["jwt"]["claims"]["tenant"]
    cursor = (event.get("queryStringParameters") or {}).get("cursor")
    try:
        start = {} if cursor is None else {"ExclusiveStartKey": _opened(cursor, tenant)}
    except warmkey.WarmkeyError as error:
        return _refused(error)
    table = boto3.resource("dynamodb").Table(os.environ["TABLE"])
    found = table.query(KeyConditionExpression=Key("tenant").eq(tenant), Limit=PAGE, **start)
    page: dict[str, Any] = {"orders": [item["id"] for item in found["Items"]]}
    if "LastEvaluatedKey" in found:
        page["cursor"] = _sealed(found["LastEvaluatedKey"], tenant)
    return _answer(200, page)


def _context_of(tenant: str) -> dict[str, str]:
    # The purpose keeps it from being taken where another token of the tenant is expected.
    return {"tenant": tenant, "purpose": "orders cursor"}


def _sealed(key: dict[str, Any], tenant: str) -> str:
    return warmkey.seal_token(json.dumps(key), _context_of(tenant), expires_in=CURSOR_SECONDS)


def _opened(cursor: str, tenant: str) -> dict[str, Any]:
    key: dict[str, Any] = json.loads(warmkey.open_token(cursor, _context_of(tenant)))
    return key


def _refused(error: warmkey.WarmkeyError) -> dict[str, Any]:
    if isinstance(error, warmkey.TokenExpired):
        return _answer(400, {"problem": "the cursor has expired; begin again"})
    if isinstance(error, (warmkey.MalformedMessage, warmkey.AuthenticationFailed, warmkey.PolicyRefused)):
        return _answer(400, {"problem": "the cursor is not one of yours"})
    if isinstance(error, warmkey.KeyUnavailable) and _is_forged(error):
        return _answer(400, {"problem": "the cursor is not one of yours"})
    raise error  # KMS or a setting, which the client can do nothing about


def _is_forged(error: warmkey.KeyUnavailable) -> bool:
    # KMS was not asked, because the cursor names no key of ours, or it says that it did not make what is in the cursor.
    return not error.timed_out and all(
        attempt.outcome is None or attempt.error_code in ("InvalidCiphertextException", "IncorrectKeyException")
        for attempt in error.attempts
    )


def _answer(status: int, body: dict[str, Any]) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"content-type": "application/json"}, "body": json.dumps(body)}

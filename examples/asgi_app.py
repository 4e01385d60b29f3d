"""Notes behind an ASGI server, all served by one event loop: ``uvicorn examples.asgi_app:app``, or in Lambda.

    PUT /notes/ID      {"title": "...", "text": "..."}     stores a note; its text is sealed
    GET /notes/ID                                          gives it back
    GET /notes?after=CURSOR                                gives two IDs, and a cursor for the next two

``warmkey.aio`` serves what a cached data key can serve at once, and waits for KMS in a thread, so one tenant's cold
start does not keep the requests of the others waiting.

Needs ``WARMKEY_KMS_KEY_ARNS``. The tenant comes from a header, where an authorizer would put it, and the table is a
dictionary; ``tests/examples/test_asgi_app.py`` runs it.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import warmkey
from warmkey import aio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import TypeAlias

    Message: TypeAlias = dict[str, Any]
    Answer: TypeAlias = tuple[int, Any]

__all__ = ["TABLE", "app"]

TABLE: dict[tuple[str, str], dict[str, Any]] = {}
_PAGE = 2
_CURSOR_SECONDS = 900
_UNUSABLE: Answer = (400, {"error": "what was sent can't be used"})


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    """Answer one request; at start-up, check the settings and build clients before there is any."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    try:
        status, answer = await _answer(scope, receive)
    except warmkey.ConfigurationError:  # a ValueError, and no client's fault
        raise
    except (warmkey.AuthenticationFailed, warmkey.PolicyRefused, ValueError, RecursionError):  # others are ValueErrors
        status, answer = _UNUSABLE
    except warmkey.KeyUnavailable as error:
        status, answer = _UNUSABLE if _is_forged(error) else (503, {"error": "try again"})
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(answer).encode()})


def _is_forged(error: warmkey.KeyUnavailable) -> bool:
    # KMS was not asked, because a cursor names no key of ours, or it says that it did not make what is in the cursor.
    return not error.timed_out and all(
        attempt.outcome is None or attempt.error_code in ("InvalidCiphertextException", "IncorrectKeyException")
        for attempt in error.attempts
    )


async def _live(receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await asyncio.to_thread(warmkey.warm_up)
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _answer(scope: Message, receive: Callable[[], Awaitable[Message]]) -> Answer:
    tenant = dict(scope["headers"]).get(b"x-tenant", b"").decode()
    match scope["method"], scope["path"].split("/")[1:]:
        case _ if not tenant:
            return 401, {"error": "no tenant"}
        case "PUT", ["notes", note_id] if note_id:
            return await _store(tenant, note_id, json.loads(await _body(receive)))
        case "GET", ["notes", note_id] if note_id:
            return await _load(tenant, note_id)
        case "GET", ["notes"]:
            return await _page(tenant, parse_qs(scope["query_string"].decode()).get("after", [None])[0])
    return 404, {"error": "the path is not known"}


async def _body(receive: Callable[[], Awaitable[Message]]) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _store(tenant: str, note_id: str, note: object) -> Answer:
    if not isinstance(note, dict):
        return _UNUSABLE
    record = {"tenant": tenant, "id": note_id, "title": note.get("title", ""), "text": note.get("text", "")}
    TABLE[tenant, note_id] = await aio.seal_record(record, ["text"], {"tenant": tenant}, bound_to=["tenant", "id"])
    return 200, {"id": note_id}


async def _load(tenant: str, note_id: str) -> Answer:
    item = TABLE.get((tenant, note_id))
    if item is None:
        return 404, {"error": "the note was not found"}
    expected = {"tenant": tenant, "id": note_id}
    return 200, await aio.unseal_record(item, {"tenant": tenant}, bound_to=expected)


async def _page(tenant: str, cursor: str | None) -> Answer:
    context = {"tenant": tenant, "purpose": "cursor"}
    after = "" if cursor is None else (await aio.open_token(cursor, context)).decode()
    ids = sorted(note_id for owner, note_id in TABLE if owner == tenant and note_id > after)
    page, more = ids[:_PAGE], ids[_PAGE:]
    following = await aio.seal_token(page[-1], context, expires_in=_CURSOR_SECONDS) if more else None
    return 200, {"ids": page, "after": following}

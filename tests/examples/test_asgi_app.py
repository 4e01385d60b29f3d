"""examples/asgi_app.py, called as an ASGI server calls it."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import warmkey
from examples.asgi_app import TABLE, app
from warmkey.testing import KmsSession, fake_kms

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTE = {"title": "Shopping", "text": "a present for Erika"}


class Response(NamedTuple):
    status: int
    body: Any


@pytest.fixture(autouse=True)
def session() -> Iterator[KmsSession]:
    TABLE.clear()
    with fake_kms() as session:
        yield session
    TABLE.clear()


async def request(method: str, path: str, body: Any = None, *, tenant: str | None = "acme") -> Response:
    path, _, query = path.partition("?")
    whole = b"" if body is None else json.dumps(body).encode()
    parts = [
        {"type": "http.request", "body": whole[:5], "more_body": True},
        {"type": "http.request", "body": whole[5:]},
    ]
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", **parts.pop(0)}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    headers = [] if tenant is None else [(b"x-tenant", tenant.encode())]
    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": headers}
    await app(scope, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]
    return Response(sent[0]["status"], json.loads(sent[1]["body"]))


def test_a_note_comes_back_and_the_table_does_not_know_its_text() -> None:
    async def main() -> Response:
        assert await request("PUT", "/notes/1", NOTE) == (200, {"id": "1"})
        return await request("GET", "/notes/1")

    assert asyncio.run(main()) == (200, {"tenant": "acme", "id": "1", **NOTE})
    assert TABLE["acme", "1"].keys() == {"tenant", "id", "title", "_sealed"}


def test_32_cold_requests_of_a_tenant_make_one_kms_request(session: KmsSession) -> None:
    async def main() -> list[Response]:
        return await asyncio.gather(*(request("PUT", f"/notes/{number}", NOTE) for number in range(32)))

    assert {response.status for response in asyncio.run(main())} == {200}
    session.assert_kms_calls(1)


def test_a_tenant_that_waits_for_kms_keeps_nobody_else_waiting(session: KmsSession) -> None:
    async def main() -> None:
        await request("PUT", "/notes/1", NOTE)
        await request("GET", "/notes/1")
        with session.client.hold() as gate:
            cold = asyncio.create_task(request("PUT", "/notes/1", NOTE, tenant="other"))
            while not gate.held:  # noqa: ASYNC110 - it is about another thread
                await asyncio.sleep(0.001)
            warm = await request("GET", "/notes/1")
            assert warm.status == 200
            assert not cold.done()
            gate.open()
            assert (await cold).status == 200

    asyncio.run(main())


def test_pages_lead_to_all_notes_of_a_tenant() -> None:
    async def main() -> list[str]:
        for number in range(5):
            await request("PUT", f"/notes/{number}", NOTE)
        await request("PUT", "/notes/of-another", NOTE, tenant="other")
        found, path = [], "/notes"
        while path:
            page = (await request("GET", path)).body
            found += page["ids"]
            path = page["after"] and f"/notes?after={page['after']}"
        return found

    assert asyncio.run(main()) == ["0", "1", "2", "3", "4"]


def test_what_is_anothers_or_cannot_be_used_is_refused(session: KmsSession) -> None:
    async def main() -> list[int]:
        for number in range(3):
            await request("PUT", f"/notes/{number}", NOTE)
        cursor = (await request("GET", "/notes")).body["after"]
        TABLE["other", "1"] = TABLE["acme", "1"]  # by whoever can write the table
        responses = [
            await request("GET", "/notes/1", tenant=None),
            await request("GET", "/notes/1", tenant="other"),
            await request("GET", f"/notes?after={cursor}", tenant="other"),
            await request("GET", "/notes?after=junk"),
            await request("GET", "/notes/9"),
            await request("PUT", "/notes/9"),
            await request("DELETE", "/notes/1"),
        ]
        session.clock.tick(901)
        responses.append(await request("GET", f"/notes?after={cursor}"))
        session.client.deny("GenerateDataKey")
        responses.append(await request("PUT", "/notes/1", NOTE, tenant="a third"))
        return [response.status for response in responses]

    assert asyncio.run(main()) == [401, 400, 400, 400, 404, 400, 404, 400, 503]


def test_a_cursor_that_was_changed_anywhere_is_refused() -> None:
    async def main() -> set[int]:
        for number in range(3):
            await request("PUT", f"/notes/{number}", NOTE)
        cursor = (await request("GET", "/notes")).body["after"]
        message = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        changed = [
            message[:place] + bytes([message[place] ^ 1]) + message[place + 1 :] for place in range(0, len(message), 3)
        ]
        texts = [base64.urlsafe_b64encode(each).rstrip(b"=").decode() for each in changed]
        return {(await request("GET", f"/notes?after={text}")).status for text in texts}

    assert asyncio.run(main()) == {400}


def test_what_the_server_must_mend_is_not_the_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[Exception] = [
        warmkey.KeyUnavailable("another thread's request took too long", timed_out=True),
        warmkey.ConfigurationError("a setting is missing"),
    ]

    async def open_token(*_: Any) -> bytes:
        raise errors.pop(0)

    monkeypatch.setattr(warmkey.aio, "open_token", open_token)
    assert asyncio.run(request("GET", "/notes?after=x")).status == 503
    with pytest.raises(warmkey.ConfigurationError):
        asyncio.run(request("GET", "/notes?after=x"))


@pytest.mark.parametrize("body", [[], None, 7, "text", [[[]]]], ids=repr)
def test_a_note_must_be_an_object(body: Any) -> None:
    assert asyncio.run(request("PUT", "/notes/1", body)).status == 400
    assert not TABLE


def test_the_settings_are_checked_before_the_first_request(monkeypatch: pytest.MonkeyPatch) -> None:
    async def start() -> list[str]:
        received = ["lifespan.startup", "lifespan.shutdown"]
        sent: list[str] = []

        async def receive() -> dict[str, Any]:
            return {"type": received.pop(0)}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message["type"])

        await app({"type": "lifespan"}, receive, send)
        return sent

    assert asyncio.run(start()) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]

    monkeypatch.setenv("WARMKEY_MAX_AGE_SECONDS", "soon")
    warmkey.reset()
    with pytest.raises(warmkey.ConfigurationError):
        asyncio.run(start())

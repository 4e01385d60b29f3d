"""The helpers for event loops: what a cached data key serves is done at once, and what waits for KMS in a thread."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import inspect
import threading
import traceback
from contextvars import ContextVar
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from boto3.dynamodb.types import Binary

import warmkey
from tests.branch_keys.key_store import TABLE, KeyStore
from tests.client_apis.test_secrets import our_locals, shown
from tests.forks import become_another_process
from tests.lambda_runtime.processes import in_child
from tests.observability.test_stack_at_log_lines import StackWalker, failing_subscriber, walker
from warmkey import (
    AwsKmsKeyring,
    Client,
    InvalidRequest,
    KeyUnavailable,
    MalformedMessage,
    MultiKeyring,
    PolicyRefused,
    TokenExpired,
    aio,
    tracing,
)
from warmkey.boundary import PENDING
from warmkey.branch_keys import AwsKmsHierarchicalKeyring
from warmkey.events import CacheCoalesced, CacheHit, CacheMiss, RequestFailed, UncacheableContext
from warmkey.fork_safety import reset_before_snapshot
from warmkey.testing import KmsSession, fake_kms
from warmkey.testing.branch_keys import FakeBranchKeyStore
from warmkey.waiting import WouldWait

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

__all__ = ["walker"]  # a fixture

CONTEXT = {"tenant": "a-tenant-of-ours"}
SECRET = "4929 1234 5678 9123"
RECORD: dict[str, Any] = {"id": "order-1", "card": SECRET, "lines": [{"note": "left"}, {"note": "right"}]}
FIELDS = ["card", ("lines", 0, "note")]
LARGE = 2**18 + 1
UNSIGNED = 0x0478
# Only how long a broken test hangs before it says so; no test that passes waits for it.
PATIENCE_SECONDS = 30.0

# What a call is for, how it is made, and the call that makes what it takes.
CALLS: dict[str, Callable[[Any], Coroutine[Any, Any, Any]]] = {
    "encrypt": lambda _given: aio.encrypt(b"data", CONTEXT),
    "decrypt": lambda given: aio.decrypt(given, CONTEXT),
    "encrypt_text": lambda _given: aio.encrypt_text("data", CONTEXT),
    "decrypt_text": lambda given: aio.decrypt_text(given, CONTEXT),
    "seal_record": lambda _given: aio.seal_record(RECORD, FIELDS, CONTEXT, bound_to=["id"]),
    "unseal_record": lambda given: aio.unseal_record(given, CONTEXT, bound_to={"id": "order-1"}),
    "seal_token": lambda _given: aio.seal_token("data", CONTEXT, expires_in=60),
    "open_token": lambda given: aio.open_token(given, CONTEXT),
}
MAKERS: dict[str, Callable[[], Any]] = {
    "decrypt": lambda: warmkey.encrypt(b"data", CONTEXT),
    "decrypt_text": lambda: warmkey.encrypt_text("data", CONTEXT),
    "unseal_record": lambda: warmkey.seal_record(RECORD, FIELDS, CONTEXT, bound_to=["id"]),
    "open_token": lambda: warmkey.seal_token("data", CONTEXT),
}
RESULTS = {"decrypt": b"data", "decrypt_text": "data", "unseal_record": RECORD, "open_token": b"data"}
every_call = pytest.mark.parametrize("name", CALLS)


def given_for(name: str) -> Any:
    return MAKERS[name]() if name in MAKERS else None


@pytest.fixture(autouse=True)
def session() -> Iterator[KmsSession]:
    with fake_kms(algorithm_suite=UNSIGNED) as session:
        yield session


@pytest.fixture
def asked_from(session: KmsSession, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The threads that asked KMS."""
    threads: list[int] = []
    request = session.client._request

    def note(*arguments: Any) -> Any:
        threads.append(threading.get_ident())
        return request(*arguments)

    monkeypatch.setattr(session.client, "_request", note)
    return threads


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on, handing a call to a thread fails."""

    def forbid() -> None:
        monkeypatch.setattr(aio._threads, "run", lambda _work: pytest.fail("it went to a thread"))

    return forbid


def left_behind() -> tuple[int, int]:
    """Flights, and reservations that are held, once every thread is done."""
    executor = aio._threads._executor
    if executor is not None:
        executor.shutdown(wait=True)
        aio._threads.reset()
    cmm: Any = warmkey.default_cmm()
    return len(cmm._fetcher._flights), sum(entry._held_messages for entry in cmm.cache._entries.values())


def messages_counted() -> int:
    """What the entries of the default cache have counted."""
    cmm: Any = warmkey.default_cmm()
    return sum(entry.messages for entry in cmm.cache._entries.values())


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until *condition* holds."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - it is about other threads
            await asyncio.sleep(0.001)


# --- the same as without an event loop


@every_call
def test_each_does_what_the_helper_of_its_name_does(name: str) -> None:
    given = given_for(name)

    found = asyncio.run(CALLS[name](given))

    if name in RESULTS:
        assert found == RESULTS[name]
    else:
        opener = {"encrypt": "decrypt", "encrypt_text": "decrypt_text", "seal_record": "unseal_record"}
        assert asyncio.run(CALLS[opener.get(name, "open_token")](found)) in RESULTS.values()


@every_call
def test_each_is_called_like_the_helper_and_tells_what_it_is_for(name: str) -> None:
    function = getattr(aio, name)

    assert inspect.iscoroutinefunction(function)
    assert inspect.signature(function) == inspect.signature(getattr(warmkey, name))
    assert function.__doc__ == getattr(warmkey, name).__doc__
    assert function.__module__ == "warmkey.aio"


def test_there_is_one_for_every_helper_that_takes_or_gives_a_message() -> None:
    assert set(aio.__all__) == CALLS.keys()
    assert aio.__all__ == sorted(aio.__all__)


@every_call
def test_arguments_may_be_named(name: str) -> None:
    first = next(iter(inspect.signature(getattr(aio, name)).parameters))
    value = given_for(name) or {"encrypt": b"data", "seal_record": RECORD}.get(name, "data")
    more: dict[str, Any] = {"fields": FIELDS} if name == "seal_record" else {}

    assert asyncio.run(getattr(aio, name)(encryption_context=CONTEXT, **{first: value}, **more)) is not None


REFUSED: dict[str, tuple[Callable[[], Any], type[Exception]]] = {
    "text to encrypt": (lambda: aio.encrypt("text", CONTEXT), InvalidRequest),
    "not a message": (lambda: aio.decrypt(b"no message", CONTEXT), MalformedMessage),
    "nothing to decrypt": (lambda: aio.decrypt(None, CONTEXT), InvalidRequest),
    "bytes to decrypt_text": (lambda: aio.decrypt_text(b"bytes", CONTEXT), InvalidRequest),
    "no record to seal": (lambda: aio.seal_record(None, ["card"], CONTEXT), InvalidRequest),
    "a record that is not sealed": (lambda: aio.unseal_record({"id": 1}, CONTEXT), PolicyRefused),
    "names that are not text": (lambda: aio.seal_record({7: "x"}, ["card"], CONTEXT), InvalidRequest),
    "no record to unseal": (lambda: aio.unseal_record(None, CONTEXT), InvalidRequest),
    "a name that can't be one": (lambda: aio.unseal_record({"id": 1}, CONTEXT, under=["x"]), InvalidRequest),
    "no token": (lambda: aio.open_token(7, CONTEXT), InvalidRequest),
    "no argument": (aio.encrypt, TypeError),
    "an unknown argument": (lambda: aio.encrypt(b"x", no_such_argument=1), TypeError),
}


@pytest.mark.parametrize(("call", "error"), REFUSED.values(), ids=REFUSED)
def test_what_the_helper_refuses_is_refused_in_the_same_way(
    call: Callable[[], Awaitable[object]], error: type[Exception]
) -> None:
    with pytest.raises(error):
        asyncio.run(call())  # type: ignore[arg-type]


def test_a_token_expires(session: KmsSession) -> None:
    token = asyncio.run(aio.seal_token(b"data", expires_in=1))
    session.clock.tick(2)

    with pytest.raises(TokenExpired):
        asyncio.run(aio.open_token(token))


@every_call
def test_a_message_is_counted_once_and_as_what_it_was(name: str, session: KmsSession) -> None:
    given = given_for(name)
    operation = "decrypt" if name in MAKERS else "encrypt"
    session.clear()

    async def twice() -> None:
        await CALLS[name](given)
        await CALLS[name](given)

    asyncio.run(twice())
    counted = getattr(warmkey.cache_info(), operation)

    assert counted.hits == sum(counted.misses.values()) == 1
    assert counted.abandoned == counted.failures == counted.coalesced == 0
    session.facts.assert_count(1, CacheMiss, operation=operation)
    session.facts.assert_count(1, CacheHit, operation=operation)


# --- at once, or in a thread


@every_call
def test_a_hit_is_served_by_the_loops_own_thread_at_once(name: str, no_threads: Callable[[], None]) -> None:
    given = given_for(name)

    async def hit() -> None:
        await CALLS[name](given)
        no_threads()
        coroutine = CALLS[name](given)
        with pytest.raises(StopIteration):  # it returns without waiting for anything
            coroutine.send(None)

    asyncio.run(hit())


@every_call
def test_kms_is_asked_from_a_thread(name: str, asked_from: list[int]) -> None:
    given = given_for(name)
    asked_from.clear()

    asyncio.run(CALLS[name](given))

    assert len(asked_from) == 1
    assert threading.get_ident() not in asked_from


@pytest.mark.parametrize("settings", [{"cache": False}, {"max_bytes_encrypted": 0}, {"refresh_ahead": True}], ids=str)
@every_call
def test_kms_is_asked_from_a_thread_whatever_the_settings(
    name: str, settings: dict[str, Any], asked_from: list[int], session: KmsSession
) -> None:
    session.configure(algorithm_suite=UNSIGNED, **settings)
    given = given_for(name)
    asked_from.clear()

    async def thrice() -> None:
        for _ in range(3):
            await CALLS[name](given)
            session.clock.tick(299)

    asyncio.run(thrice())

    assert asked_from
    assert threading.get_ident() not in asked_from


def test_the_first_use_builds_the_clients_in_a_thread(session: KmsSession, monkeypatch: pytest.MonkeyPatch) -> None:
    built_in: list[int] = []
    wire = warmkey.lambda_runtime.default_client.wire  # type: ignore[attr-defined]

    def note(*args: Any, **kwargs: Any) -> Any:
        built_in.append(threading.get_ident())
        return wire(*args, **kwargs)

    monkeypatch.setattr("warmkey.lambda_runtime.default_client.wire", note)
    asyncio.run(aio.encrypt(b"x"))

    assert len(built_in) == 1
    assert threading.get_ident() not in built_in


LONG: dict[str, Callable[[], Any]] = {
    "bytes": lambda: aio.encrypt(bytes(LARGE), CONTEXT),
    "a bytearray": lambda: aio.encrypt(bytearray(LARGE), CONTEXT),
    "few large items": lambda: aio.encrypt(memoryview(bytes(8 * (LARGE // 8 + 1))).cast("Q"), CONTEXT),
    "text": lambda: aio.encrypt_text("x" * LARGE, CONTEXT),
    "a record with long text": lambda: aio.seal_record({"id": "x" * LARGE, "card": "x"}, ["card"], CONTEXT),
    "long text deep inside": lambda: aio.seal_record({"card": {"x": {"y": "x" * LARGE}}}, ["card"], CONTEXT),
    "a long list": lambda: aio.seal_record({"card": list(range(5_000))}, ["card"], CONTEXT),
    "many lists": lambda: aio.seal_record({"card": [[[1] * 9] * 9] * 90}, ["card"], CONTEXT),
    "a large set": lambda: aio.seal_record({"card": set(range(5_000))}, ["card"], CONTEXT),
    "text in several bytes a character": lambda: aio.encrypt_text("\U0001f511" * (LARGE // 4 + 1), CONTEXT),
    "boto3's Binary": lambda: aio.seal_record({"card": Binary(bytes(LARGE))}, ["card"], CONTEXT),
    "names of fields": lambda: aio.seal_record({"card": {"x" * LARGE: 1}}, ["card"], CONTEXT),
    "long integers": lambda: aio.seal_record({"card": [10**4000] * 10}, ["card"], CONTEXT),
    "a long Decimal": lambda: aio.seal_record({"id": Decimal("1" * 50_000), "card": 1}, ["card"], CONTEXT),
    "many numbers": lambda: aio.seal_record({"card": 1, "id": [0.5, Decimal(1), 1] * 200}, ["card"], CONTEXT),
    "many paths": lambda: aio.seal_record(
        {"lines": [{"note": ""}] * 300}, [("lines", number, "note") for number in range(300)], CONTEXT
    ),
    "a long context": lambda: aio.encrypt(b"", {str(number): "" for number in range(1_100)}),
    "bytes for a token": lambda: aio.seal_token(bytes(LARGE), CONTEXT),
    "text for a token, named": lambda: aio.seal_token(data="x" * LARGE, encryption_context=CONTEXT),
}


@pytest.mark.parametrize("call", LONG.values(), ids=LONG)
def test_what_takes_long_goes_to_a_thread_although_its_data_key_is_cached(
    call: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    handed_over: list[object] = []
    run = aio._threads.run
    monkeypatch.setattr(aio._threads, "run", lambda work: handed_over.append(work) or run(work))

    async def twice() -> None:
        await call()
        handed_over.clear()
        await call()

    asyncio.run(twice())

    assert len(handed_over) == 1


@pytest.mark.parametrize("argument", ["fields", "bound_to"])
@pytest.mark.parametrize("state", ["cold", "warm"])
def test_an_iterator_is_read_once_although_a_miss_makes_the_call_again(argument: str, state: str) -> None:
    """Read again it would be empty: nothing to seal, or worse, nothing bound."""
    names: dict[str, Any] = {"fields": FIELDS, "bound_to": ["id"]}
    names[argument] = iter(names[argument])
    warmkey.encrypt(b"")  # the clients are there, so the call does not go to a thread for them, ahead of everything
    if state == "warm":
        warmkey.seal_record({"card": 1}, ["card"], CONTEXT)

    sealed = asyncio.run(aio.seal_record(RECORD, encryption_context=CONTEXT, **names))

    assert asyncio.run(aio.unseal_record(sealed, CONTEXT, bound_to=iter(["id"]))) == RECORD
    assert sealed.keys() == {"id", "lines", "_sealed"}
    warmkey.purge()
    with pytest.raises(PolicyRefused, match="bound_to names lines, which the sealed fields are not bound to"):
        asyncio.run(aio.unseal_record(sealed, CONTEXT, bound_to=iter(["lines"])))


def test_a_record_whose_message_may_hold_thousands_of_values_is_unsealed_in_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few, many = (warmkey.seal_record({"card": [1] * count}, ["card"], CONTEXT) for count in (100, 5_000))
    handed_over: list[object] = []
    run = aio._threads.run
    monkeypatch.setattr(aio._threads, "run", lambda work: handed_over.append(work) or run(work))

    async def unseal(record: dict[str, Any]) -> int:
        await aio.unseal_record(record, CONTEXT)
        handed_over.clear()
        await aio.unseal_record(record, CONTEXT, under="_sealed")
        return len(handed_over)

    assert asyncio.run(unseal(few)) == 0
    assert asyncio.run(unseal(many)) == 1


def test_the_loop_runs_while_kms_is_waited_for(session: KmsSession) -> None:
    async def main() -> bytes:
        with session.client.hold("GenerateDataKey") as gate:
            task = asyncio.create_task(aio.encrypt(b"x", CONTEXT))
            await until(lambda: gate.held)
            gate.open()  # by the loop: had it been waiting for KMS, nobody would
            return await task

    assert warmkey.decrypt(asyncio.run(main())) == b"x"


def test_32_cold_tasks_make_one_request(session: KmsSession) -> None:
    async def main() -> list[bytes]:
        return await asyncio.gather(*(aio.encrypt(b"%d" % number, CONTEXT) for number in range(32)))

    messages = asyncio.run(main())

    session.assert_kms_calls(1)
    session.facts.assert_count(1, CacheMiss)
    assert session.facts.count(CacheCoalesced) + session.facts.count(CacheHit) == 31
    assert left_behind() == (0, 0)
    assert messages_counted() == 32
    assert [warmkey.decrypt(message) for message in messages] == [b"%d" % number for number in range(32)]


def test_the_loop_runs_while_another_thread_requests_the_successor_of_a_data_key_that_is_used_up(
    session: KmsSession,
) -> None:
    session.configure(algorithm_suite=UNSIGNED, max_messages_encrypted=2)

    async def main() -> None:
        await aio.encrypt(b"x", CONTEXT)
        await aio.encrypt(b"x", CONTEXT)
        with session.client.hold("GenerateDataKey") as gate:
            first = asyncio.create_task(aio.encrypt(b"x", CONTEXT))
            await until(lambda: gate.held)
            second = asyncio.create_task(aio.encrypt(b"x", CONTEXT))
            await asyncio.sleep(0)
            gate.open()
            await asyncio.gather(first, second)

    asyncio.run(main())

    session.assert_kms_calls(2)
    assert left_behind() == (0, 0)


def test_cold_tasks_of_different_tenants_do_not_wait_for_each_other(session: KmsSession) -> None:
    async def main() -> None:
        with session.client.hold("GenerateDataKey") as gate:
            tasks = [asyncio.create_task(aio.encrypt(b"x", {"tenant": str(number)})) for number in range(8)]
            await until(lambda: gate.held == 8)
            gate.open()
            await asyncio.gather(*tasks)

    asyncio.run(main())

    session.assert_kms_calls(8)


def test_an_entry_is_renewed_ahead_of_its_end_by_a_thread_while_the_others_go_on_using_it(session: KmsSession) -> None:
    session.configure(algorithm_suite=UNSIGNED, refresh_ahead=True, max_age_seconds=100, max_age_jitter=0)

    async def main() -> None:
        await aio.encrypt(b"x", CONTEXT)
        session.clock.tick(95)
        await aio.encrypt(b"first to see that it is due", CONTEXT)
        session.assert_kms_calls(1)
        with session.client.hold("GenerateDataKey") as gate:
            renewing = asyncio.create_task(aio.encrypt(b"renews", CONTEXT))
            await until(lambda: gate.held)
            await aio.encrypt(b"goes on", CONTEXT)
            assert not renewing.done()
            gate.open()
            await renewing

    asyncio.run(main())

    session.assert_kms_calls(2)


def test_a_context_key_that_changes_with_every_message_is_still_warned_of(session: KmsSession) -> None:
    async def main() -> None:
        for number in range(60):
            await aio.encrypt(b"x", {"request": str(number)})

    asyncio.run(main())

    session.facts.assert_count(1, UncacheableContext, context_key="request", requests=50)


class Spans:
    """A subscriber that makes spans, as far as this is about them: what was waited for, and from where."""

    def __init__(self) -> None:
        self.fetches: list[tuple[str, int]] = []

    def __call__(self, event: object) -> None:
        pass

    @property
    def tracing(self) -> Spans:
        return self

    def fetch(self, fact: type, *_details: object) -> Any:
        self.fetches.append((fact.__name__, threading.get_ident()))
        return contextlib.nullcontext()

    def request(self, *_names: object, **_details: object) -> Any:
        return tracing.UNTRACED.request()


@pytest.mark.parametrize(("cache", "fact"), [("on", "CacheMiss"), ("off", "CacheBypass")])
@every_call
def test_there_is_one_span_for_a_wait_and_none_in_the_loops_thread(
    name: str, cache: str, fact: str, session: KmsSession
) -> None:
    spans = Spans()
    session.configure(algorithm_suite=UNSIGNED, cache=cache, emit=spans)
    given = given_for(name)
    spans.fetches.clear()

    asyncio.run(CALLS[name](given))

    [(found, thread)] = spans.fetches
    assert found == fact
    assert thread != threading.get_ident()


# --- branch keys


@pytest.fixture
def branch_keys(session: KmsSession) -> KeyStore:
    keys = KeyStore()
    keys.create("tenant-a")
    keys.clear()
    settings = {
        "kms_client": keys.kms,
        "dynamodb_client": keys.dynamodb,
        "kms_key_arns": keys.key_arn,
        "branch_key_store_table": TABLE,
        "branch_key_id": "tenant-a",
        "algorithm_suite": UNSIGNED,
    }
    session.configure(**settings)  # type: ignore[arg-type]
    return keys


@every_call
def test_a_hit_of_a_branch_key_is_served_at_once(
    name: str, branch_keys: KeyStore, no_threads: Callable[[], None]
) -> None:
    given = given_for(name)
    warmkey.purge()
    branch_keys.clear()

    async def hit() -> None:
        await CALLS[name](given)
        no_threads()
        await CALLS[name](given)

    asyncio.run(hit())

    assert sum(branch_keys.requests().values()) == 2


@every_call
def test_a_miss_of_a_branch_key_asks_from_a_thread(
    name: str, branch_keys: KeyStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = given_for(name)
    warmkey.purge()
    threads: list[int] = []
    for client in (branch_keys.kms, branch_keys.dynamodb):
        request = client._request  # type: ignore[attr-defined]

        def note(*arguments: Any, request: Any = request) -> Any:
            threads.append(threading.get_ident())
            return request(*arguments)

        monkeypatch.setattr(client, "_request", note)

    asyncio.run(CALLS[name](given))

    assert len(threads) == 2
    assert threading.get_ident() not in threads


def test_the_loop_runs_while_another_thread_requests_the_same_branch_key(branch_keys: KeyStore) -> None:
    async def main() -> list[bytes]:
        with branch_keys.kms.hold("Decrypt") as gate:
            tasks = [asyncio.create_task(aio.encrypt(b"x", CONTEXT)) for _ in range(2)]
            await until(lambda: gate.held)
            tasks.append(asyncio.create_task(aio.encrypt(b"y", CONTEXT)))
            await asyncio.sleep(0)
            gate.open()
            return await asyncio.gather(*tasks)

    assert len(asyncio.run(main())) == 3
    assert branch_keys.requests() == {"GetItem": 1, "Decrypt": 1}


def test_kms_is_asked_from_a_thread_where_a_branch_key_was_tried_in_vain(
    branch_keys: KeyStore, session: KmsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message names a branch key of somebody else, so what asks next is the keyring of older messages."""
    other = FakeBranchKeyStore()
    other.add("of somebody else")
    keyrings = [AwsKmsHierarchicalKeyring(other, branch_key_id="of somebody else", ttl_seconds=60)]
    generator = AwsKmsKeyring(branch_keys.key_arn, kms_client=branch_keys.kms)
    keyring = MultiKeyring(generator, keyrings)
    message = Client().encrypt(b"x", keyring=keyring, encryption_context=CONTEXT).ciphertext
    threads: list[int] = []
    request = branch_keys.kms._request

    def note(*arguments: Any) -> Any:
        threads.append(threading.get_ident())
        return request(*arguments)

    monkeypatch.setattr(branch_keys.kms, "_request", note)

    assert asyncio.run(aio.decrypt(message, CONTEXT)) == b"x"
    assert len(threads) == 1
    assert threading.get_ident() not in threads


# --- cancelled


def test_a_cancelled_task_leaves_nothing_behind_and_the_data_key_serves_others(session: KmsSession) -> None:
    async def main() -> None:
        with session.client.hold("GenerateDataKey") as gate:
            task = asyncio.create_task(aio.encrypt(b"x", CONTEXT))
            await until(lambda: gate.held)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert gate.held == 1, "the task has ended, its request has not"
            gate.open()
        await until(lambda: messages_counted() == 1)
        await until(lambda: sum(warmkey.cache_info().encrypt.misses.values()) == 1)
        await aio.encrypt(b"y", CONTEXT)

    asyncio.run(main())

    session.assert_kms_calls(1)
    assert left_behind() == (0, 0)
    assert messages_counted() == 2


def test_tasks_that_waited_for_a_cancelled_ones_request_are_served_by_it(session: KmsSession) -> None:
    async def main() -> None:
        with session.client.hold("GenerateDataKey") as gate:
            first = asyncio.create_task(aio.encrypt(b"x", CONTEXT))
            await until(lambda: gate.held)
            others = [asyncio.create_task(aio.encrypt(b"x", CONTEXT)) for _ in range(5)]
            await asyncio.sleep(0)
            first.cancel()
            others[0].cancel()
            gate.open()
            found = await asyncio.gather(first, *others, return_exceptions=True)
        assert [type(each) for each in found] == [asyncio.CancelledError] * 2 + [bytes] * 4

    asyncio.run(main())

    session.assert_kms_calls(1)
    assert left_behind() == (0, 0)


def test_a_task_that_is_cancelled_before_a_thread_was_free_never_begins(session: KmsSession) -> None:
    async def main() -> None:
        with session.client.hold("GenerateDataKey") as gate:
            busy = [asyncio.create_task(aio.encrypt(b"x", {"tenant": str(number)})) for number in range(10)]
            await until(lambda: gate.held == 10)
            late = asyncio.create_task(aio.encrypt(b"x", {"tenant": "late"}))
            await asyncio.sleep(0)
            late.cancel()
            with pytest.raises(asyncio.CancelledError):
                await late
            gate.open()
            await asyncio.gather(*busy)
        await aio.encrypt(b"x", {"tenant": "0"})

    asyncio.run(main())

    session.assert_kms_calls(10)
    assert left_behind() == (0, 0)


@every_call
def test_wherever_a_call_is_cancelled_it_leaves_nothing_behind(name: str, session: KmsSession) -> None:
    """Each place at which it gives way to the loop, one after the other."""
    given = given_for(name)

    async def cancelled_after(steps: int) -> bool:
        """Whether it was cancelled at its *steps*-th await, and not done before."""
        warmkey.default_cmm().purge()
        coroutine = CALLS[name](given)
        try:
            waiting = [coroutine.send(None) for _ in range(steps)]
        except StopIteration:
            return False
        with pytest.raises(asyncio.CancelledError):
            coroutine.throw(asyncio.CancelledError())
        for future in waiting:
            with contextlib.suppress(Exception):
                await asyncio.shield(future)
        return True

    async def main() -> int:
        places = 0
        for steps in (0, 1):
            places += await cancelled_after(steps)
        return places

    assert asyncio.run(main()) == 2
    assert left_behind() == (0, 0)


def test_a_time_out_ends_a_call(session: KmsSession) -> None:
    async def main() -> None:
        with session.client.hold() as gate:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await aio.encrypt(b"x", CONTEXT)
            gate.open()

    asyncio.run(main())


# --- failures


def test_a_failure_in_the_thread_is_the_callers(session: KmsSession) -> None:
    session.client.deny("GenerateDataKey")

    async def main() -> list[object]:
        calls = (aio.encrypt(b"x", CONTEXT) for _ in range(5))
        return await asyncio.gather(*calls, return_exceptions=True)  # type: ignore[return-value]

    found = asyncio.run(main())

    assert [type(each) for each in found] == [KeyUnavailable] * 5
    assert len({id(each) for each in found}) == 5, "each has one of its own"
    assert warmkey.cache_info().encrypt.failures == session.facts.count(RequestFailed) == 5
    assert left_behind() == (0, 0)


def test_what_stops_the_process_reaches_the_caller(session: KmsSession, monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(*_: object) -> None:
        raise SystemExit(3)

    monkeypatch.setattr(session.client, "_request", leave)

    async def main() -> int:
        try:
            await aio.encrypt(b"x", CONTEXT)
        except SystemExit as error:
            return int(str(error))
        return 0

    assert asyncio.run(main()) == 3
    assert left_behind() == (0, 0)


def test_an_exception_that_no_future_takes_does_not_leave_the_task_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock or client that a test made of an iterator raises it, when the iterator is at its end."""
    asyncio.run(aio.encrypt(b"x", CONTEXT))
    cmm: Any = warmkey.default_cmm()
    monkeypatch.setattr(cmm.cache, "_monotonic", iter(()).__next__)

    async def main() -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            await aio.encrypt(bytes(LARGE), CONTEXT)

    with pytest.raises(RuntimeError, match="StopIteration"):
        asyncio.run(main())


@pytest.mark.parametrize("cause", ["in the loop", "in a thread", "cancelled"])
def test_no_error_shows_what_was_passed_in(cause: str, session: KmsSession) -> None:
    async def fail() -> None:
        if cause == "in the loop":
            await aio.encrypt(SECRET.encode(), {"aws-crypto-reserved": SECRET})
        elif cause == "in a thread":
            session.client.deny("GenerateDataKey")
            await aio.encrypt(SECRET.encode(), {"tenant": SECRET})
        else:
            coroutine = aio.encrypt(plaintext=SECRET.encode(), encryption_context={"tenant": SECRET})
            with session.client.hold() as gate:
                coroutine.send(None)
                await until(lambda: gate.held)
                coroutine.throw(asyncio.CancelledError())

    with pytest.raises((warmkey.WarmkeyError, asyncio.CancelledError)) as caught:
        asyncio.run(fail())
    frames = [shown(value) for value in our_locals(caught.value)]
    executors = [
        shown(value)
        for frame, _line in traceback.walk_tb(caught.value.__traceback__)
        for value in frame.f_locals.values()
        if frame.f_globals["__name__"].startswith(("asyncio.", "concurrent."))
    ]

    lines = "".join(traceback.format_exception(caught.value))
    assert not any(SECRET in text for text in (*frames, *executors, lines))


@pytest.mark.parametrize("where", ["in the loop", "in a thread"])
def test_no_log_line_is_written_above_a_frame_that_holds_what_was_passed_in(
    where: str, walker: StackWalker, session: KmsSession
) -> None:
    session.configure(algorithm_suite=UNSIGNED, emit=failing_subscriber)

    async def main() -> None:
        await aio.encrypt(b"x", {"tenant": SECRET})
        walker.variables.clear()
        walker.lines.clear()
        if where == "in the loop":
            await aio.encrypt(SECRET.encode(), {"tenant": SECRET})
            await aio.encrypt(plaintext=SECRET.encode(), encryption_context={"tenant": SECRET})
        else:
            session.clock.tick(1_000)
            await aio.encrypt(SECRET.encode(), encryption_context={"tenant": SECRET})

    failing_subscriber.wants_hits = True  # type: ignore[attr-defined]
    try:
        asyncio.run(main())
    finally:
        del failing_subscriber.wants_hits  # type: ignore[attr-defined]

    assert "a subscriber failed with RuntimeError" in walker.lines
    assert any("warmkey.aio" in variable for variable in walker.variables)
    assert not any(SECRET in variable for variable in walker.variables)
    assert PENDING == {}


# --- around it


def test_the_thread_sees_the_context_variables_of_the_task(
    session: KmsSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    invocation: ContextVar[str] = ContextVar("invocation", default="none")
    seen: list[tuple[str, str]] = []
    request = session.client._request

    def note(operation: str, parameters: dict[str, Any]) -> Any:
        seen.append((parameters["EncryptionContext"]["tenant"], invocation.get()))
        return request(operation, parameters)

    monkeypatch.setattr(session.client, "_request", note)

    async def serve(tenant: str) -> None:
        invocation.set(tenant)
        await aio.encrypt(b"x", {"tenant": tenant})

    async def main() -> None:
        await asyncio.gather(*(serve(f"tenant-{number}") for number in range(5)))

    asyncio.run(main())

    assert sorted(seen) == [(f"tenant-{number}", f"tenant-{number}") for number in range(5)]


def test_what_the_caller_does_to_its_context_while_it_waits_changes_nothing(session: KmsSession) -> None:
    async def main() -> bytes:
        context = {"tenant": "a"}
        with session.client.hold() as gate:
            busy = [asyncio.create_task(aio.encrypt(b"x", {"tenant": str(number)})) for number in range(10)]
            await until(lambda: gate.held == 10)
            task = asyncio.create_task(aio.encrypt(b"x", context))
            await asyncio.sleep(0)
            context["tenant"] = "b"
            gate.open()
            await asyncio.gather(*busy)
        return await task

    assert warmkey.decrypt(asyncio.run(main()), {"tenant": "a"}) == b"x"


def test_a_subscriber_that_encrypts_in_the_middle_of_a_call_of_the_loop_is_served_too(session: KmsSession) -> None:
    made: list[bytes] = []

    def encrypt_another(event: object) -> None:
        if isinstance(event, CacheHit) and not made:
            made.append(b"")
            made[0] = warmkey.encrypt(b"of the subscriber", {"another": "context"})

    encrypt_another.wants_hits = True  # type: ignore[attr-defined]
    session.configure(algorithm_suite=UNSIGNED, emit=encrypt_another)

    async def main() -> None:
        await aio.encrypt(b"x", CONTEXT)
        await aio.encrypt(b"x", CONTEXT)

    asyncio.run(main())

    assert warmkey.decrypt(made[0]) == b"of the subscriber"


def test_no_call_ends_with_what_sends_it_to_a_thread(session: KmsSession) -> None:
    async def main() -> None:
        with contextlib.suppress(KeyUnavailable):
            await aio.encrypt(b"x", CONTEXT)

    session.client.deny("GenerateDataKey")
    asyncio.run(main())
    gc.collect()

    # Of exceptions alone: other tests' parametrization may keep an instance that no call has raised.
    assert not [thing for thing in gc.get_objects() if isinstance(thing, WouldWait) and thing.__traceback__]


def test_it_works_in_one_event_loop_after_the_other() -> None:
    for number in range(3):
        message = asyncio.run(aio.encrypt(b"x", {"tenant": str(number)}))

        assert asyncio.run(aio.decrypt(message)) == b"x"


def test_it_works_in_event_loops_of_several_threads_at_once(session: KmsSession) -> None:
    found: list[bytes] = []
    with session.client.hold("GenerateDataKey") as gate:
        loops = [
            threading.Thread(target=lambda: found.append(asyncio.run(aio.encrypt(b"x", CONTEXT)))) for _ in range(4)
        ]
        for loop in loops:
            loop.start()
        gate.wait_for(1)
        gate.open()
        for loop in loops:
            loop.join(PATIENCE_SECONDS)

    assert len(found) == 4
    session.assert_kms_calls(1)


def test_a_loop_may_be_closed_while_a_thread_is_at_work(session: KmsSession) -> None:
    with session.client.hold("GenerateDataKey") as gate:
        loop = asyncio.new_event_loop()
        task = loop.create_task(aio.encrypt(b"x", CONTEXT))
        while not gate.held:
            loop.run_until_complete(asyncio.sleep(0.001))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()
        gate.open()

    assert warmkey.decrypt(asyncio.run(aio.encrypt(b"y", CONTEXT))) == b"y"
    session.assert_kms_calls(2)


def test_a_forked_child_has_threads_of_its_own() -> None:
    asyncio.run(aio.encrypt(b"x", CONTEXT))
    parents = aio._threads._executor

    def use() -> tuple[bool, bool]:
        message = asyncio.run(aio.encrypt(b"of the child", CONTEXT))
        return aio._threads._executor is parents, warmkey.decrypt(message) == b"of the child"

    assert in_child(use) == [False, True]


def test_a_child_that_no_hook_has_told_has_threads_of_its_own(
    monkeypatch: pytest.MonkeyPatch, asked_from: list[int]
) -> None:
    asyncio.run(aio.encrypt(bytes(LARGE), CONTEXT))
    parents = aio._threads._executor  # alive here, and gone in a child
    become_another_process(monkeypatch)

    asyncio.run(aio.encrypt(bytes(LARGE), CONTEXT))

    assert len(asked_from) == 2
    assert asked_from[-1] not in {thread.ident for thread in parents._threads}  # type: ignore[union-attr]


def test_a_snapshot_has_no_threads_of_ours() -> None:
    asyncio.run(aio.encrypt(b"x", CONTEXT))
    threads = list(aio._threads._executor._threads)  # type: ignore[union-attr]

    reset_before_snapshot()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)

    assert [thread.is_alive() for thread in threads] == [False] * len(threads)
    assert asyncio.run(aio.encrypt(b"x", CONTEXT))


def test_nothing_of_an_event_loop_is_kept() -> None:
    asyncio.run(aio.encrypt(b"x", CONTEXT))
    gc.collect()
    held = [*vars(aio._threads).values(), *vars(aio).values()]

    assert not [each for each in held if isinstance(each, (asyncio.AbstractEventLoop, asyncio.Future, asyncio.Lock))]

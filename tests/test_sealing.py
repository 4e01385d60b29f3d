"""Sealed records and tokens, as a handler uses them."""

from __future__ import annotations

import base64
import copy
import json
import re
import traceback
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlencode

import pytest
from boto3.dynamodb.types import Binary

import warmkey
from warmkey import (
    AuthenticationFailed,
    InvalidRequest,
    KeyUnavailable,
    MalformedMessage,
    PolicyRefused,
    TokenExpired,
    WarmkeyError,
)
from warmkey.events import UnsealedRecordPassed
from warmkey.testing import KmsSession, SettableClock, fake_kms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONTEXT = {"tenant": "a-tenant-of-ours"}
SECRET = "4929 1234 5678 9123"
RECORD: dict[str, Any] = {
    "id": "order-1",
    "version": 1,
    "card": SECRET,
    "name": "Erika",
    "total": Decimal("12.50"),
    "photo": b"\x00\xff",
    "lines": [{"sku": "x", "note": "left"}, {"sku": "y", "note": "right"}],
}
FIELDS = ["card", "name", "total", "photo", ("lines", 1, "note")]


@pytest.fixture(autouse=True)
def session() -> Iterator[KmsSession]:
    with fake_kms() as session:
        yield session


def seal(record: dict[str, Any] = RECORD, **more: Any) -> dict[str, Any]:
    return warmkey.seal_record(record, FIELDS, CONTEXT, **({"bound_to": ["id", "version"]} | more))


def unseal(record: dict[str, Any], **more: Any) -> dict[str, Any]:
    return warmkey.unseal_record(record, CONTEXT, **more)


# --- records


def test_the_secret_fields_leave_the_record_and_come_back() -> None:
    before = copy.deepcopy(RECORD)

    sealed = seal()
    stored = copy.deepcopy(sealed)

    assert sealed.keys() == {"id", "version", "lines", "_sealed"}
    assert sealed["lines"] == [{"sku": "x", "note": "left"}, {"sku": "y"}]
    assert type(sealed["_sealed"]) is bytes
    assert SECRET.encode() not in sealed["_sealed"]
    assert unseal(sealed, bound_to={"id": "order-1"}) == RECORD == before
    assert sealed == stored


def test_a_hundred_records_of_a_tenant_cost_one_request_each_way(session: KmsSession) -> None:
    sealed = [seal({**RECORD, "id": f"order-{number}"}) for number in range(100)]
    for number, record in enumerate(sealed):
        unseal(record, bound_to={"id": f"order-{number}"})

    session.assert_kms_calls(1, "GenerateDataKey")
    session.assert_kms_calls(1, "Decrypt")


def test_kms_is_told_what_it_is_for(session: KmsSession) -> None:
    session.configure(algorithm_suite=0x0478)
    seal()
    warmkey.seal_token(b"cursor", CONTEXT)
    warmkey.encrypt(b"plaintext", CONTEXT)

    assert [call.encryption_context for call in session.client.calls if call.operation == "GenerateDataKey"] == [
        {**CONTEXT, "warmkey-kind": "record"},
        {**CONTEXT, "warmkey-kind": "token"},
        CONTEXT,
    ]


def as_stored(sealed: dict[str, Any]) -> dict[str, Any]:
    """The ways in which a store gives a message back."""
    message = sealed["_sealed"]
    return {
        "bytes": message,
        "bytearray": bytearray(message),
        "memoryview": memoryview(message),
        "Binary": Binary(message),
        "base64url": base64.urlsafe_b64encode(message).decode().rstrip("="),
        "base64 of a stream event": base64.b64encode(message).decode(),
    }


@pytest.mark.parametrize("kind", as_stored({"_sealed": b""}))
def test_the_message_may_be_bytes_or_text_of_either_kind(kind: str) -> None:
    sealed = seal()

    assert unseal({**sealed, "_sealed": as_stored(sealed)[kind]}) == RECORD


def test_the_message_can_be_text_for_stores_of_json() -> None:
    sealed = warmkey.seal_record({"id": 1, "card": SECRET}, ["card"], CONTEXT, bound_to=["id"], text=True)

    assert re.fullmatch(r"[A-Za-z0-9_-]+", sealed["_sealed"])
    assert unseal(json.loads(json.dumps(sealed)), bound_to={"id": 1}) == {"id": 1, "card": SECRET}


def test_the_message_may_have_another_name() -> None:
    sealed = seal(under="secret")

    assert "secret" in sealed
    assert unseal(sealed, under="secret") == RECORD
    with pytest.raises(PolicyRefused, match="the record has no field _sealed, so nothing in it is known to have been"):
        unseal(sealed)


def test_a_record_is_sealed_once_under_one_name() -> None:
    with pytest.raises(InvalidRequest, match="the record has a field _sealed already"):
        warmkey.seal_record(seal(), ["id"], CONTEXT)


def test_two_groups_of_fields_take_two_names() -> None:
    once = warmkey.seal_record({"a": 1, "b": 2, "id": 7}, ["a"], CONTEXT, bound_to=["id"], under="_a")
    twice = warmkey.seal_record(once, ["b"], CONTEXT, bound_to=["id", "_a"], under="_b")

    assert unseal(unseal(twice, under="_b"), under="_a") == {"a": 1, "b": 2, "id": 7}
    with pytest.raises(PolicyRefused, match="the record's _a is not the one"):
        unseal({**twice, "_a": twice["_a"][:-1] + b"x"}, under="_b")


class TestOnAWarmCache:
    """Refusals need no KMS request, and disturb no other record."""

    @pytest.fixture
    def two(self, session: KmsSession) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        one, other = seal(), seal({**RECORD, "id": "order-2", "card": "another"})
        unseal(one)
        unseal(other)
        session.clear()
        yield one, other
        session.assert_kms_calls(0)
        assert unseal(one, bound_to={"id": "order-1"}) == RECORD

    def test_two_messages_that_were_swapped_are_refused(self, two: tuple[dict[str, Any], dict[str, Any]]) -> None:
        one, other = two

        for record, message in ((one, other), (other, one)):
            with pytest.raises(
                PolicyRefused, match="the record's id is not the one that its sealed fields are bound to"
            ):
                unseal({**record, "_sealed": message["_sealed"]})

    def test_a_bound_field_that_was_changed_is_refused(self, two: tuple[dict[str, Any], dict[str, Any]]) -> None:
        with pytest.raises(PolicyRefused, match="the record's version is not the one"):
            unseal({**two[0], "version": 2})

    def test_a_whole_other_record_is_refused_by_what_the_caller_expects(
        self, two: tuple[dict[str, Any], dict[str, Any]]
    ) -> None:
        with pytest.raises(PolicyRefused, match="the sealed fields are bound to another id than bound_to expects"):
            unseal(two[1], bound_to={"id": "order-1"})

    def test_so_is_an_older_copy(self, two: tuple[dict[str, Any], dict[str, Any]]) -> None:
        with pytest.raises(PolicyRefused, match="bound to another version than bound_to expects"):
            unseal(two[0], bound_to={"id": "order-1", "version": 2})

    def test_another_tenants_record_is_refused(self, two: tuple[dict[str, Any], dict[str, Any]]) -> None:
        with pytest.raises(PolicyRefused, match="another value for 'tenant'"):
            warmkey.unseal_record(two[0], {"tenant": "b"})

    def test_a_message_that_was_changed_is_refused(self, two: tuple[dict[str, Any], dict[str, Any]]) -> None:
        message = bytearray(two[0]["_sealed"])
        message[-200] ^= 1

        with pytest.raises(AuthenticationFailed):
            unseal({**two[0], "_sealed": bytes(message)})


@pytest.mark.parametrize(
    ("value", "error", "problem"),
    [
        (None, MalformedMessage, "_sealed: must be bytes or text, not NoneType"),
        (7, MalformedMessage, "_sealed: must be bytes or text, not int"),
        ({"a": 1}, MalformedMessage, "_sealed: must be bytes or text, not dict"),
        ("AA B", MalformedMessage, "_sealed: is not the unpadded base64url that seal_record gives; it holds a space"),
        ("AA+B=", MalformedMessage, "_sealed: is not the base64 that a stream event gives"),
        ("AAAA", MalformedMessage, "."),
        (b"", MalformedMessage, "."),
        (b"no message", MalformedMessage, "not an AWS Encryption SDK message"),
    ],
    ids=repr,
)
def test_what_is_no_message_is_called_so(value: Any, error: type[WarmkeyError], problem: str) -> None:
    with pytest.raises(error, match=problem):
        unseal({**seal(), "_sealed": value})


def test_a_plain_message_of_the_same_json_is_no_sealed_record() -> None:
    message = warmkey.encrypt(b'[1,[["card","x"]],[],[]]', CONTEXT)

    with pytest.raises(PolicyRefused, match="the message is a plain message, not a sealed record; open it with"):
        unseal({"_sealed": message})


def test_a_sealed_record_is_no_plain_message(session: KmsSession) -> None:
    message = seal()["_sealed"]
    session.clear()

    with pytest.raises(PolicyRefused, match="the message is a sealed record; open it with"):
        warmkey.decrypt(message, CONTEXT)
    session.assert_kms_calls(0)
    assert warmkey.decrypt(message, CONTEXT | {"warmkey-kind": "record"}).startswith(b'[1,[["card","4929')


@pytest.mark.parametrize("plaintext", [b"", b"\x01" + b"\xff" * 8 + b"admin", b'[1,[["role","admin"]],[],[]]'])
def test_no_plaintext_makes_a_message_of_another_kind(plaintext: bytes) -> None:
    """Whoever lets users choose what is encrypted does not let them write tokens or records."""
    plain = warmkey.encrypt(plaintext, CONTEXT)
    token = warmkey.seal_token(plaintext, CONTEXT)
    record = warmkey.seal_record({"x": plaintext}, ["x"], CONTEXT)["_sealed"]

    for message in (plain, record):
        with pytest.raises(PolicyRefused, match="not a token"):
            warmkey.open_token(base64.urlsafe_b64encode(message).rstrip(b"=").decode(), CONTEXT)
    for text in (plain, token):
        with pytest.raises(PolicyRefused, match="not a sealed record"):
            unseal({"_sealed": text})
    for message in (base64.urlsafe_b64decode(token + "=="), record):
        with pytest.raises(PolicyRefused, match="open it with"):
            warmkey.decrypt(message, CONTEXT)


@pytest.mark.parametrize("stated", ["record", "token", "checkpoint", ""])
@pytest.mark.parametrize("state", ["cold", "warm"])
def test_the_kind_that_a_caller_insists_on_counts(stated: str, state: str) -> None:
    """It is a pair as any other: what the caller states is compared, and not replaced by the opener's own."""
    token, record = warmkey.seal_token(b"x", CONTEXT), seal()
    if state == "warm":
        warmkey.open_token(token, CONTEXT)
        unseal(record)
    uses = {"token": (warmkey.open_token, token), "record": (warmkey.unseal_record, record)}
    for kind, (use, sealed) in uses.items():
        if stated == kind:
            use(sealed, CONTEXT | {"warmkey-kind": stated})  # type: ignore[operator]
        else:
            with pytest.raises(PolicyRefused, match="has another value for 'warmkey-kind' than the one you supplied"):
                use(sealed, CONTEXT | {"warmkey-kind": stated})  # type: ignore[operator]


@pytest.mark.parametrize("use", [warmkey.encrypt, warmkey.seal_token])
@pytest.mark.parametrize("kind", ["record", "token", "checkpoint", "anything"])
def test_callers_can_not_choose_the_kind(use: Any, kind: str) -> None:
    with pytest.raises(InvalidRequest, match="'warmkey-kind' is reserved"):
        use(b"data", {"warmkey-kind": kind})
    with pytest.raises(InvalidRequest, match="'warmkey-kind' is reserved"):
        warmkey.seal_record({"a": 1}, ["a"], {"warmkey-kind": kind})


class TestMissing:
    """A backfill meets records that are not sealed yet."""

    def test_it_is_an_error_by_default(self) -> None:
        with pytest.raises(PolicyRefused, match="the record has no field _sealed, so nothing in it is known"):
            unseal(RECORD)

    def test_it_passes_unchanged_where_that_was_asked_for_and_is_counted(self, session: KmsSession) -> None:
        session.configure(emit=(seen := []).append)

        passed = unseal(RECORD, missing="pass")

        assert passed == RECORD
        assert passed is not RECORD
        assert seen == [UnsealedRecordPassed()]
        assert warmkey.cache_info().unsealed_records_passed == 1
        session.assert_kms_calls(0)

    def test_a_sealed_record_is_unsealed_all_the_same(self) -> None:
        assert unseal(seal(), missing="pass") == RECORD
        assert warmkey.cache_info().unsealed_records_passed == 0

    @pytest.mark.parametrize("value", [None, "", b""], ids=repr)
    def test_an_empty_value_is_not_a_missing_one(self, value: Any) -> None:
        with pytest.raises(MalformedMessage):
            unseal({**RECORD, "_sealed": value}, missing="pass")

    @pytest.mark.parametrize("bound_to", [["id"], [], {"id": "order-1"}, {}], ids=repr)
    def test_together_with_bound_to_it_is_refused(self, bound_to: Any) -> None:
        for record in (RECORD, seal()):
            with pytest.raises(InvalidRequest, match="missing='pass' can't be used together with bound_to"):
                unseal(record, missing="pass", bound_to=bound_to)

    @pytest.mark.parametrize("missing", ["ignore", None, True, ["pass"]], ids=repr)
    def test_another_word_is_refused(self, missing: Any) -> None:
        with pytest.raises(InvalidRequest, match="missing must be 'error' or 'pass', not"):
            unseal(seal(), missing=missing)


def test_is_sealed_looks_for_the_name_only() -> None:
    assert warmkey.is_sealed(seal())
    assert warmkey.is_sealed({"_sealed": None})
    assert warmkey.is_sealed({"other": 1}, under="other")
    assert not warmkey.is_sealed(RECORD)
    with pytest.raises(InvalidRequest, match="the record must be a dict, not NoneType"):
        warmkey.is_sealed(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("arguments", [{"bound_to": "id"}, {"under": ""}, {"record": []}], ids=repr)
def test_arguments_are_checked_before_kms_is_asked(session: KmsSession, arguments: dict[str, Any]) -> None:
    sealed = seal()
    session.clear()
    warmkey.default_cmm().purge()

    with pytest.raises(InvalidRequest):
        warmkey.unseal_record(**({"record": sealed, "encryption_context": CONTEXT} | arguments))
    session.assert_kms_calls(0)


# --- required context keys


@pytest.mark.parametrize("context", [None, {}, {"purpose": "test"}])
def test_required_context_keys_are_wanted_everywhere(session: KmsSession, context: Any) -> None:
    session.configure(required_context_keys="tenant")
    sealed, token = seal(), warmkey.seal_token(b"cursor", CONTEXT)

    for use in (
        lambda: warmkey.seal_record(RECORD, FIELDS, context),
        lambda: warmkey.unseal_record(sealed, context),
        lambda: warmkey.unseal_record(RECORD, context, missing="pass"),
        lambda: warmkey.seal_token(b"cursor", context),
        lambda: warmkey.open_token(token, context),
    ):
        with pytest.raises(PolicyRefused, match="lacks 'tenant'; WARMKEY_REQUIRED_CONTEXT_KEYS"):
            use()
    assert unseal(sealed) == RECORD
    assert warmkey.unseal_record(RECORD, CONTEXT, missing="pass") == RECORD
    assert warmkey.open_token(token, CONTEXT) == b"cursor"


# --- tokens


@pytest.mark.parametrize("data", [b"", b"cursor", "ключ", bytes(range(256))], ids=repr)
def test_a_token_survives_every_place_for_text(data: Any) -> None:
    token = warmkey.seal_token(data, CONTEXT)
    from_url = parse_qs(urlencode({"next": token}))["next"][0]

    assert quote(token, safe="") == token
    for text in (token, from_url, json.loads(json.dumps(token))):
        assert warmkey.open_token(text, CONTEXT) == (data.encode() if isinstance(data, str) else data)


def test_a_token_expires_by_the_wall_clock_wherever_it_is_opened(session: KmsSession) -> None:
    clock = SettableClock(wall=1_000_000.0)
    session.configure(clock=clock)
    token = warmkey.seal_token("cursor", CONTEXT, expires_in=3600)
    forever = warmkey.seal_token("cursor", CONTEXT)
    clock.tick_monotonic(1e6)

    assert warmkey.open_token(token, CONTEXT) == b"cursor"
    clock.set_wall(1_003_599.9)
    assert warmkey.open_token(token, CONTEXT) == b"cursor"
    clock.set_wall(1_003_600.0)
    with pytest.raises(TokenExpired, match="the token has expired"):
        warmkey.open_token(token, CONTEXT)
    assert warmkey.open_token(forever, CONTEXT) == b"cursor"


def test_an_expired_token_is_a_refusal_and_tells_nothing(session: KmsSession) -> None:
    clock = SettableClock()
    session.configure(clock=clock)
    token = warmkey.seal_token(SECRET, CONTEXT, expires_in=1)
    clock.tick(2)

    with pytest.raises(PolicyRefused) as caught:
        warmkey.open_token(token, CONTEXT)
    assert SECRET not in everything_of(caught.value)


def test_a_token_that_is_not_genuine_is_not_called_expired(session: KmsSession) -> None:
    clock = SettableClock()
    session.configure(clock=clock, algorithm_suite=0x0478)
    token = warmkey.seal_token("cursor", CONTEXT, expires_in=1)
    clock.tick(2)
    damaged = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")

    with pytest.raises(AuthenticationFailed):
        warmkey.open_token(damaged, CONTEXT)


def test_a_token_of_another_context_is_refused() -> None:
    token = warmkey.seal_token("cursor", CONTEXT)

    with pytest.raises(PolicyRefused, match="another value for 'tenant'"):
        warmkey.open_token(token, {"tenant": "b"})


def test_a_token_of_another_key_is_refused(session: KmsSession) -> None:
    with fake_kms():
        token = warmkey.seal_token("cursor", CONTEXT)

    with pytest.raises(KeyUnavailable):
        warmkey.open_token(token, CONTEXT)


@pytest.mark.parametrize(
    ("token", "error", "problem"),
    [
        (b"AAAA", InvalidRequest, "the token must be str, not bytes"),
        (None, InvalidRequest, "the token must be str, not NoneType"),
        ("", MalformedMessage, "token: is not the unpadded base64url that seal_token gives; it is empty"),
        ("AAA=", MalformedMessage, "token: is not the unpadded base64url that seal_token gives; it is standard base64"),
        ("AAAA\n", MalformedMessage, "newline"),
        ("AAAA", MalformedMessage, "."),
    ],
    ids=repr,
)
def test_what_is_no_token_is_called_so(token: Any, error: type[WarmkeyError], problem: str) -> None:
    with pytest.raises(error, match=problem):
        warmkey.open_token(token)


@pytest.mark.parametrize("expires_in", [0, -1, float("nan"), "60"], ids=repr)
def test_another_time_is_refused_before_kms_is_asked(session: KmsSession, expires_in: Any) -> None:
    with pytest.raises(InvalidRequest, match="expires_in must be"):
        warmkey.seal_token("cursor", expires_in=expires_in)
    session.assert_kms_calls(0)


# --- secrets


def everything_of(error: BaseException) -> str:
    """What a crash reporter would find: messages, and the local variables of every frame of ours."""
    found = []
    for link in chain(error):
        found.append(repr(link))
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if "warmkey" in frame.f_globals.get("__name__", "").partition(".")[0]:
                found.append(repr(frame.f_locals))
    return "\n".join(found)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize(
    "use",
    [
        lambda: warmkey.seal_record({"a": SECRET, "b": object()}, ["a", "b"]),
        lambda: warmkey.seal_record({"a": {SECRET}, "b": [SECRET, "\ud800"]}, ["a", "b"]),
        lambda: warmkey.seal_record({"a": SECRET, "_sealed": SECRET}, ["a"]),
        lambda: warmkey.seal_record({"a": SECRET, "id": SECRET}, ["a"], bound_to={"id": "another"}),
        lambda: warmkey.unseal_record({"_sealed": SECRET}),
        lambda: warmkey.unseal_record({**warmkey.seal_record({"a": SECRET}, ["a"]), "a": SECRET}),
        lambda: warmkey.unseal_record(
            {**warmkey.seal_record({"a": SECRET, "id": SECRET}, ["a"], bound_to=["id"]), "id": SECRET + "!"}
        ),
        lambda: warmkey.unseal_record(
            warmkey.seal_record({"a": SECRET, "id": SECRET}, ["a"], bound_to=["id"]), bound_to={"id": "x" + SECRET}
        ),
        lambda: warmkey.seal_token(SECRET + "\ud800"),
        lambda: warmkey.seal_token(SECRET, expires_in=-1),
        lambda: warmkey.open_token(SECRET),
    ],
    ids=map(str, range(11)),
)
def test_no_error_shows_a_value(use: Any) -> None:
    with pytest.raises(WarmkeyError) as caught:
        use()

    assert SECRET not in everything_of(caught.value)


@pytest.mark.parametrize("several", [list, tuple, set, iter, lambda names: (name for name in names)])
def test_names_in_any_iterable_are_insisted_on(several: Callable[[list[str]], Any]) -> None:
    """An iterator can be read once; whoever read it again would insist on nothing."""
    bound, unbound = seal(bound_to=several(["id"])), seal(bound_to=())

    assert unseal(bound, bound_to=several(["id"])) == RECORD
    with pytest.raises(PolicyRefused, match="the record's id is not the one"):
        unseal(bound | {"id": "order-2"})
    with pytest.raises(PolicyRefused, match="bound_to names id, which the sealed fields are not bound to"):
        unseal(unbound, bound_to=several(["id"]))
    with pytest.raises(InvalidRequest, match="bound_to must name at least one field"):
        unseal(bound, bound_to=several([]))


@pytest.mark.parametrize("empty", [{}, [], ()])
def test_an_empty_bound_to_is_refused_when_unsealing(empty: Any) -> None:
    stored = warmkey.seal_record({"id": 1, "s": "secret"}, ["s"], bound_to=("id",))

    with pytest.raises(warmkey.InvalidRequest, match="bound_to must name at least one field, or be None"):
        warmkey.unseal_record(stored, bound_to=empty)


@pytest.mark.parametrize(
    ("call", "operation"),
    [
        (lambda: warmkey.seal_record({"id": 1}, ["s"]), "encrypt"),
        (lambda: warmkey.seal_record({"id": 1}, []), "encrypt"),
        (lambda: warmkey.seal_token("x", expires_in=-1), "encrypt"),
        (lambda: warmkey.seal_token(5), "encrypt"),  # type: ignore[arg-type]
        (lambda: warmkey.unseal_record([]), "decrypt"),  # type: ignore[arg-type]
        (lambda: warmkey.unseal_record({}, missing="nope"), "decrypt"),  # type: ignore[arg-type]
        (lambda: warmkey.open_token("!!"), "decrypt"),
        (lambda: warmkey.open_token(b"AA"), "decrypt"),  # type: ignore[arg-type]
    ],
    ids=["no field", "no fields", "expiry", "no text", "no record", "missing", "not base64", "bytes"],
)
def test_a_call_that_is_refused_is_counted_once(call: Callable[[], object], operation: str) -> None:
    with pytest.raises(warmkey.WarmkeyError):
        call()

    info = warmkey.cache_info()
    assert (info.encrypt.requests, info.decrypt.requests) == ((1, 0) if operation == "encrypt" else (0, 1))
    assert getattr(info, operation).failures + getattr(info, operation).malformed == 1


# --- one text in the place of another


def _texts() -> dict[str, str]:
    return {
        "decrypt_text": warmkey.encrypt_text("data" * 9, CONTEXT),
        "open_token": warmkey.seal_token("data" * 9, CONTEXT),
        "unseal_record": seal(text=True)["_sealed"],
    }


OPENERS: dict[str, Any] = {
    "decrypt_text": lambda text: warmkey.decrypt_text(text, CONTEXT),
    "open_token": lambda text: warmkey.open_token(text, CONTEXT),
    "unseal_record": lambda text: unseal({"_sealed": text}),
}


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize("right", OPENERS)
def test_each_text_is_told_who_opens_it(opener: str, right: str) -> None:
    if opener != right:
        for _ in range(4):  # whether the wrong decoder takes it is left to chance
            with pytest.raises((MalformedMessage, PolicyRefused), match=rf"\b{right}\b"):
                OPENERS[opener](_texts()[right])


@pytest.mark.parametrize("opener", OPENERS)
def test_what_was_encoded_twice_says_so(opener: str) -> None:
    encoded = base64.b64encode(_texts()[opener].encode()).decode()
    if opener != "decrypt_text":
        encoded = encoded.rstrip("=")

    with pytest.raises(MalformedMessage, match="the base64 text of a message; decode it first"):
        OPENERS[opener](encoded)


@pytest.mark.parametrize("garbage", [b"garbage", "garbage1", b"", "", b"\x02\x04\x78", "no base64!", 7], ids=repr)
def test_what_is_not_a_message_says_in_which_field_it_is(garbage: Any) -> None:
    with pytest.raises(MalformedMessage, match=r"^_sealed(:| )"):
        unseal({"_sealed": garbage})

"""Sealed records at random: every one comes back; every swap, move, drop or edit is refused; kinds stay apart."""

from __future__ import annotations

import base64
import copy
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import warmkey
from tests.sealed.values import names, records, set_elements, values
from warmkey import MalformedMessage, PolicyRefused, WarmkeyError
from warmkey.sealed.values import comparable
from warmkey.testing import KmsSession, fake_kms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from warmkey.client_apis.kinds import Kind

CONTEXT = {"tenant": "a"}
# The session holds nothing that one example could leave to the next but a cache.
at_random = settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

rows = st.dictionaries(names, set_elements | st.none() | st.booleans(), max_size=2)
bound_values = set_elements | st.none() | st.booleans()


@pytest.fixture(autouse=True)
def session() -> Iterator[KmsSession]:
    with fake_kms(algorithm_suite=0x0478, metrics="off") as session:
        yield session


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, Any], list[Any], list[str]]:
    """A record with a key, other fields, and a list of rows; what to seal of it; and what to bind it to."""
    record = {
        **draw(records),
        "id": draw(bound_values),
        "secret": draw(values),
        "lines": [{**draw(rows), "note": draw(values)} for _ in range(draw(st.integers(1, 3)))],
    }
    others = sorted(record.keys() - {"id", "secret", "lines"})
    fields: list[Any] = ["secret", *draw(st.lists(st.sampled_from(others), unique=True) if others else st.just([]))]
    fields += [("lines", number, "note") for number in range(len(record["lines"])) if draw(st.booleans())]
    bound = [name for name in others if name not in fields and draw(st.booleans())]
    return record, draw(st.permutations(fields)), ["id", *bound]


def seal(case: tuple[dict[str, Any], list[Any], list[str]], **more: Any) -> dict[str, Any]:
    record, fields, bound = case
    return warmkey.seal_record(record, fields, CONTEXT, bound_to=bound, **more)


def unseal(record: dict[str, Any], bound_to: Any = None) -> dict[str, Any]:
    return warmkey.unseal_record(record, CONTEXT, bound_to=bound_to)


def differ(one: Any, other: Any) -> bool:
    return bool(comparable(one, ()) != comparable(other, ()))


@given(cases(), st.booleans())
@at_random
def test_every_record_comes_back_and_arguments_stay_as_they_are(case: Any, text: bool) -> None:
    record, fields, bound = copy.deepcopy(case)

    sealed = seal(case, text=text)
    stored = copy.deepcopy(sealed)

    assert unseal(sealed, {name: record[name] for name in bound}) == record
    assert case == (record, fields, bound)
    assert sealed == stored
    assert not {field for field in fields if isinstance(field, str)} & sealed.keys()


@given(cases(), bound_values)
@at_random
def test_a_message_in_a_record_of_another_key_is_refused(case: Any, key: Any) -> None:
    sealed = seal(case)
    assume(differ(key, case[0]["id"]))

    with pytest.raises(PolicyRefused, match="the record's id is not the one"):
        unseal({**sealed, "id": key})
    with pytest.raises(PolicyRefused, match="another id than bound_to expects"):
        unseal(sealed, {"id": key})
    with pytest.raises(PolicyRefused, match="the record's id is not the one"):
        unseal({name: value for name, value in sealed.items() if name != "id"})


@given(cases(), cases())
@at_random
def test_two_messages_that_were_swapped_are_refused(one: Any, other: Any) -> None:
    assume(differ(one[0]["id"], other[0]["id"]))
    first, second = seal(one), seal(other)

    for record, message in ((first, second["_sealed"]), (second, first["_sealed"])):
        with pytest.raises(PolicyRefused):
            unseal({**record, "_sealed": message})


@given(cases(), st.data())
@at_random
def test_a_list_with_sealed_fields_that_was_edited_reordered_or_dropped_is_refused(
    case: Any, data: st.DataObject
) -> None:
    assume(any(isinstance(field, tuple) for field in case[1]))
    sealed = seal(case)
    lines = sealed["lines"]
    edits: list[Any] = [
        [*lines, {}],
        lines[:-1],
        [{}, *lines],
        [{**lines[0], "added": 1}, *lines[1:]],
        [{**lines[0], "note": "put in"}, *lines[1:]],
        [None, *lines[1:]],
        lines[::-1],
        dict(enumerate(lines)),
        data.draw(values),
    ]
    for edited in edits:
        if type(edited) is not list or differ(edited, lines):
            with pytest.raises(PolicyRefused):
                unseal({**sealed, "lines": edited})
    with pytest.raises(PolicyRefused, match="the record has no field lines"):
        unseal({name: value for name, value in sealed.items() if name != "lines"})


@given(cases(), values, st.data())
@at_random
def test_a_sealed_field_is_never_overwritten(case: Any, value: Any, data: st.DataObject) -> None:
    sealed = seal(case)
    name = data.draw(st.sampled_from([field for field in case[1] if isinstance(field, str)]))

    with pytest.raises(PolicyRefused, match="is sealed and is also in the record unencrypted"):
        unseal({**sealed, name: value})


@given(cases(), st.data())
@at_random
def test_a_message_that_was_edited_is_refused(case: Any, data: st.DataObject) -> None:
    sealed = seal(case)
    message = sealed["_sealed"]
    position = data.draw(st.integers(0, len(message) - 1))
    byte = data.draw(st.integers(1, 255))
    edited = bytearray(message)
    edited[position] ^= byte
    cut = data.draw(st.integers(0, len(message) - 1))

    for changed in (bytes(edited), message[:cut], message + b"\x00"):
        with pytest.raises(WarmkeyError):
            unseal({**sealed, "_sealed": changed})


@given(cases())
@at_random
def test_a_record_without_its_message_is_refused(case: Any) -> None:
    sealed = seal(case)

    with pytest.raises(PolicyRefused, match="the record has no field _sealed"):
        unseal({name: value for name, value in sealed.items() if name != "_sealed"})


@given(cases())
@at_random
def test_numbers_and_bytes_may_come_back_from_a_store_as_other_types(case: Any) -> None:
    sealed = seal(case)
    changed = {name: value if name == "_sealed" else as_dynamodb_gives_it(value) for name, value in sealed.items()}

    found = unseal(changed)

    assert found["secret"] == case[0]["secret"]


def as_dynamodb_gives_it(value: Any) -> Any:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Decimal(value)
    if isinstance(value, (list, set)):
        return type(value)(map(as_dynamodb_gives_it, value))
    if isinstance(value, dict):
        return {key: as_dynamodb_gives_it(item) for key, item in value.items()}
    return value


WRITERS: dict[Kind | None, Callable[[bytes], bytes]] = {
    None: lambda plaintext: warmkey.encrypt(plaintext, CONTEXT),
    "token": lambda plaintext: from_url(warmkey.seal_token(plaintext, CONTEXT)),
    "record": lambda plaintext: warmkey.seal_record({"x": plaintext}, ["x"], CONTEXT)["_sealed"],
}
OPENERS: dict[Kind | None, Callable[[bytes], object]] = {
    None: lambda message: warmkey.decrypt(message, CONTEXT),
    "token": lambda message: warmkey.open_token(to_url(message), CONTEXT),
    "record": lambda message: warmkey.unseal_record({"_sealed": message}, CONTEXT),
}


def from_url(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")


def to_url(message: bytes) -> str:
    return base64.urlsafe_b64encode(message).rstrip(b"=").decode()


# What an attacker would like to have encrypted: the inside of a token or record.
chosen = st.one_of(
    st.binary(max_size=40),
    st.binary(max_size=20).map(lambda data: b"\x01" + b"\xff" * 8 + data),
    st.sampled_from([b'[1,[["role","admin"]],[],[]]', b'[1,[["x",{"$b":""}]],[["id","a"]],[]]']),
)


@pytest.mark.parametrize("opener", OPENERS, ids=str)
@pytest.mark.parametrize("writer", WRITERS, ids=str)
@given(plaintext=chosen)
@at_random
def test_one_kind_is_never_taken_for_another(writer: Any, opener: Any, plaintext: bytes) -> None:
    message = WRITERS[writer](plaintext)
    if writer == opener:
        expected: Any = {"x": plaintext} if opener == "record" else plaintext
        assert OPENERS[opener](message) == expected
    else:
        with pytest.raises(PolicyRefused, match="open it with"):
            OPENERS[opener](message)


@given(st.binary(min_size=1, max_size=200))
@at_random
def test_random_bytes_are_neither(message: bytes) -> None:
    for opener in OPENERS.values():
        with pytest.raises((MalformedMessage, PolicyRefused)):
            opener(message)

"""The plaintext of a sealed record: what is in it, what is refused when it is read, and in which words."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import Binary
from hypothesis import given
from hypothesis import strategies as st

from tests.sealed.values import records
from warmkey import InvalidRequest, MalformedMessage, PolicyRefused
from warmkey.sealed import records as module
from warmkey.sealed.records import check_stored, restore, take

RECORD: dict[str, Any] = {
    "id": "a",
    "version": 3,
    "name": "Erika",
    "lines": [{"note": "x", "q": 1}, {"note": "y", "q": 2}],
}


def sealed(
    record: Any = RECORD, fields: Any = ("name",), bound_to: Any = (), under: Any = "_sealed"
) -> tuple[dict[str, Any], bytes]:
    rest, plaintext = take(record, fields, bound_to=bound_to, under=under)
    return {**rest, under: b"the message"}, plaintext


def opened(record: Any, plaintext: bytes, bound_to: Any = None) -> dict[str, Any]:
    return restore(record, plaintext, bound_to=bound_to, under="_sealed")


def test_what_a_message_holds() -> None:
    stored, plaintext = sealed(fields=["name", ("lines", 1, "note")], bound_to=["version", "id", "gone"])

    assert plaintext.decode() == (
        '[1,[["name","Erika"],[["lines",1,"note"],"y"]],[["gone"],["id","a"],["version",{"$n":"3E0"}]],'
        '[["lines",2,"pw5FTuYkZsYm0ki6lLfAg2yS4Mm7Xqt3rxh_ILq8npmxlXleQR805BsqjNnYdg3y"]]]'
    )
    assert stored == {"id": "a", "version": 3, "lines": [{"note": "x", "q": 1}, {"q": 2}], "_sealed": b"the message"}
    assert opened(stored, plaintext) == RECORD


@given(records, st.data())
def test_every_record_comes_back(record: dict[str, Any], data: st.DataObject) -> None:
    fields = data.draw(st.lists(st.sampled_from(sorted(record)), min_size=1, unique=True))
    bound = data.draw(st.lists(st.sampled_from([*sorted(record.keys() - set(fields)), "gone"]), unique=True))

    stored, plaintext = sealed(record, fields, bound)

    assert opened(stored, plaintext, {name: record[name] for name in bound if name in record}) == record


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"record": [1]}, "the record must be a dict, not list"),
        ({"record": {1: 2}}, "the record has a key of type int; names of fields must be str"),
        ({"under": ""}, "under must be a str that is not empty, not str of length 0"),
        ({"under": 7}, "under must be a str that is not empty, not int"),
        ({"record": {**RECORD, "_sealed": 1}}, "the record has a field _sealed already: it is sealed, or `under`"),
        ({"under": "other", "fields": ["other"]}, "other is where the message goes, so it can't be sealed or bound"),
        ({"under": "other", "bound_to": ["other"]}, "other is where the message goes"),
        ({"bound_to": ["name"]}, "bound_to names name, all or part of which is sealed"),
        ({"fields": [("lines", 0, "note")], "bound_to": ["lines"]}, "bound_to names lines, all or part of which"),
        ({"bound_to": "id"}, "bound_to must be a list or tuple of names, not str"),
        ({"bound_to": None}, "bound_to must be a list or tuple of names, not NoneType"),
        ({"bound_to": {"id": "b"}}, "bound_to gives a value for id that the record does not have"),
        ({"bound_to": {"gone": None}}, "bound_to gives a value for gone that the record does not have"),
        ({"fields": ["gone"]}, "the record has no field gone"),
        ({"record": {"name": 1, "id": object()}, "bound_to": ["id"]}, "id is of type object"),
        ({"record": {"l": [{"a": 1}, object()]}, "fields": [("l", 0, "a")]}, r"l\[1\] is of type object"),
    ],
)
def test_these_records_are_not_sealed(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        sealed(**arguments)


def test_bound_values_may_be_given_when_sealing_too() -> None:
    assert sealed(bound_to={"id": "a", "version": Decimal("3.0")}) == sealed(bound_to=["id", "version"])


def test_a_record_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_LENGTH", 27)

    sealed({"name": "x" * 4})
    with pytest.raises(InvalidRequest, match="the sealed fields take 28 bytes as JSON; 27 are allowed"):
        sealed({"name": "x" * 5})


class TestBoundFields:
    STORED, PLAINTEXT = sealed(bound_to=["id", "version", "gone"])

    @pytest.mark.parametrize("version", [3, 3.0, Decimal("3.00")], ids=repr)
    def test_numbers_may_change_their_type(self, version: Any) -> None:
        assert opened({**self.STORED, "version": version}, self.PLAINTEXT, {"version": 3})["version"] == 3

    @pytest.mark.parametrize(
        "change",
        [{"id": "b"}, {"id": b"a"}, {"id": None}, {"version": 4}, {"version": True}, {"version": "3"}, {"gone": None}],
        ids=repr,
    )
    def test_another_value_is_refused(self, change: dict[str, Any]) -> None:
        (name,) = change

        with pytest.raises(
            PolicyRefused, match=f"the record's {name} is not the one that its sealed fields are bound to"
        ):
            opened({**self.STORED, **change}, self.PLAINTEXT)

    def test_so_is_a_value_that_can_not_be_compared(self) -> None:
        with pytest.raises(PolicyRefused, match="id is of type object"):
            opened({**self.STORED, "id": object()}, self.PLAINTEXT)

    @pytest.mark.parametrize("name", ["n" * 10_000, "two\nlines"], ids=["long", "lines"])
    def test_whatever_a_field_is_called_errors_are_one_short_line(self, name: str) -> None:
        stored, plaintext = sealed({name: 1, "field": 2}, ["field"], bound_to=[name])
        for record, expected in (({**stored, name: 2}, None), (stored, {name: 2})):
            with pytest.raises(PolicyRefused) as caught:
                opened(record, plaintext, expected)
            assert len(str(caught.value)) < 500
            assert str(caught.value).isprintable()

    @pytest.mark.parametrize("name", ["id", "version"])
    def test_a_field_that_is_gone_differs_from_every_value(self, name: str) -> None:
        with pytest.raises(PolicyRefused, match=f"the record's {name} is not the one"):
            opened({key: value for key, value in self.STORED.items() if key != name}, self.PLAINTEXT)

    @pytest.mark.parametrize(
        "expected", [["id"], ("id", "version", "gone"), {"id": "a"}, {"version": 3.0}, {}, []], ids=repr
    )
    def test_what_was_bound_may_be_expected(self, expected: Any) -> None:
        assert opened(self.STORED, self.PLAINTEXT, expected) == RECORD

    @pytest.mark.parametrize(
        ("expected", "problem"),
        [
            ({"id": "b"}, "the sealed fields are bound to another id than bound_to expects"),
            ({"gone": None}, "the sealed fields are bound to another gone than bound_to expects"),
            ({"version": True}, "the sealed fields are bound to another version"),
            (["status"], "bound_to names status, which the sealed fields are not bound to"),
            ({"status": 1}, "bound_to names status, which the sealed fields are not bound to"),
        ],
        ids=repr,
    )
    def test_another_expectation_is_refused(self, expected: Any, problem: str) -> None:
        with pytest.raises(PolicyRefused, match=problem):
            opened(self.STORED, self.PLAINTEXT, expected)

    def test_a_whole_other_record_is_told_by_the_expected_value_only(self) -> None:
        other, plaintext = sealed({**RECORD, "id": "b"}, bound_to=["id"])

        assert opened(other, plaintext, ["id"])["id"] == "b"
        with pytest.raises(PolicyRefused, match="another id than bound_to expects"):
            opened(other, plaintext, {"id": "a"})

    def test_an_expectation_that_can_not_be_compared_is_the_callers_error(self) -> None:
        with pytest.raises(InvalidRequest, match="id is of type object"):
            opened(self.STORED, self.PLAINTEXT, {"id": object()})

    @pytest.mark.parametrize("value", [b"key", {b"key", "a"}, [b"key"], {"k": b"key"}])
    def test_binary_is_equal_to_its_bytes(self, value: Any) -> None:
        stored, plaintext = sealed({"name": 1, "id": value}, bound_to=["id"])

        assert opened({**stored, "id": as_binary(value)}, plaintext, {"id": as_binary(value)})["id"] == as_binary(value)


def as_binary(value: Any) -> Any:
    """As boto3's DynamoDB resource gives it."""
    match value:
        case bytes():
            return Binary(value)
        case list() | set():
            return type(value)(map(as_binary, value))
        case dict():
            return {key: as_binary(item) for key, item in value.items()}
    return value


class TestLists:
    STORED, PLAINTEXT = sealed(fields=[("lines", 1, "note"), "name"])

    @pytest.mark.parametrize(
        "lines",
        [
            [{"q": 2}, {"note": "x", "q": 1}],
            [{"note": "x", "q": 1}],
            [{"note": "x", "q": 1}, {"q": 2}, {"q": 3}],
            [{"note": "x", "q": 1}, {"q": 3}],
            [{"note": "x", "q": 1}, {"q": True}],
            [{"note": "z", "q": 1}, {"q": 2}],
            [],
        ],
        ids=repr,
    )
    def test_a_list_that_was_edited_or_reordered_is_refused(self, lines: list[Any]) -> None:
        with pytest.raises(PolicyRefused, match="a list that holds sealed fields was edited or reordered since"):
            opened({**self.STORED, "lines": lines}, self.PLAINTEXT)

    def test_numbers_in_it_may_change_their_type(self) -> None:
        lines = [{"note": "x", "q": Decimal(1)}, {"q": 2.0}]

        assert opened({**self.STORED, "lines": lines}, self.PLAINTEXT) == RECORD

    @pytest.mark.parametrize("lines", [{"0": 1}, None, "x", (1, 2)], ids=repr)
    def test_something_else_than_a_list_is_refused(self, lines: Any) -> None:
        with pytest.raises(PolicyRefused, match="the record has no list lines"):
            opened({**self.STORED, "lines": lines}, self.PLAINTEXT)

    def test_a_list_that_is_gone_is_refused(self) -> None:
        with pytest.raises(PolicyRefused, match="the record has no field lines"):
            opened({"_sealed": b"the message"}, self.PLAINTEXT)


@pytest.mark.parametrize("name", [None, "", "Erika", "Mallory"], ids=repr)
def test_a_sealed_field_that_is_there_unencrypted_is_refused(name: Any) -> None:
    stored, plaintext = sealed()

    with pytest.raises(PolicyRefused, match="the field name is sealed and is also in the record unencrypted"):
        opened({**stored, "name": name}, plaintext)


@pytest.mark.parametrize("address", [None, "x", [], 7], ids=repr)
def test_a_map_that_became_something_else_is_refused(address: Any) -> None:
    stored, plaintext = sealed({"address": {"city": "x"}}, [("address", "city")])

    assert opened(stored, plaintext) == {"address": {"city": "x"}}
    with pytest.raises(PolicyRefused, match="the record has no map"):
        opened({**stored, "address": address}, plaintext)


@pytest.mark.parametrize(
    ("plaintext", "problem"),
    [
        ('[1,[["_sealed","x"]],[],[]]', "_sealed is where the message goes, so it can't be sealed or bound"),
        ('[1,[[["_sealed","a"],"x"]],[],[]]', "_sealed is where the message goes"),
        ('[1,[["a","x"]],[["_sealed"]],[]]', "_sealed is where the message goes"),
        ('[1,[["a","x"]],[["a"]],[]]', "bound_to names a, all or part of which is sealed"),
        ('[1,[[["map","a"],"x"]],[["map",{"b":"y"}]],[]]', "bound_to names map, all or part of which is sealed"),
    ],
)
def test_what_seal_record_would_not_seal_is_not_unsealed(plaintext: str, problem: str) -> None:
    """Or a writer could have a record come back that looks sealed, or that nobody can seal again."""
    with pytest.raises(PolicyRefused, match=problem):
        opened({"map": {"b": "y"}, "_sealed": b"the message"}, plaintext.encode())


def test_other_fields_may_change_come_and_go() -> None:
    stored, plaintext = sealed(bound_to=["id"])

    assert opened({"id": "a", "new": 1, "_sealed": stored["_sealed"]}, plaintext) == {
        "id": "a",
        "new": 1,
        "name": "Erika",
    }


CANONICAL = '[1,[["a",{"$d":"1.5"}],[["l",0,"n"],"x"]],[["gone"],["id",{"$n":"15E-1"}]],[["l",1,"' + "A" * 64 + '"]]]'
NOT_CANONICAL = [
    "",
    "null",
    "[]",
    "[1,[],[],[]]",
    '[2,[["a",1]],[],[]]',
    '[true,[["a",1]],[],[]]',
    '[1.0,[["a",1]],[],[]]',
    '[1,[["a",1]],[]]',
    '[1,[["a",1]],[],[],[]]',
    '{"1":1}',
    '[1,{"a":1},[],[]]',
    '[1,["ab"],[],[]]',
    '[1,[{"a":1,"b":2}],[],[]]',
    '[1,[["a"]],[],[]]',
    '[1,[["a",1,2]],[],[]]',
    '[1,[["b",1],["a",1]],[],[]]',
    '[1,[["a",1],["a",1]],[],[]]',
    '[1,[[["a"],1]],[],[]]',
    '[1,[["",1]],[],[]]',
    "[1,[[1,1]],[],[]]",
    '[1,[[["a",0],1]],[],[]]',
    '[1,[["a",1]],{},[]]',
    '[1,[["a",1]],["id"],[]]',
    '[1,[["a",1]],[["id",1]],[]]',
    '[1,[["a",1]],[["id",{"$n":"10E0"}]],[]]',
    '[1,[["a",1]],[["id",{"$n":"1e0"}]],[]]',
    '[1,[["a",1]],[["id",{"$n":"x"}]],[]]',
    '[1,[["a",1]],[["id",{"$n":"Infinity"}]],[]]',
    '[1,[["a",1]],[["id","x","y"]],[]]',
    '[1,[["a",1]],[[]],[]]',
    '[1,[["a",1]],[["z"],["id"]],[]]',
    '[1,[["a",1]],[["id"],["id"]],[]]',
    '[1,[["a",1]],[[1]],[]]',
    '[1,[["a",1]],[],{}]',
    '[1,[["a",1]],[],[["l",1]]]',
    '[1,[["a",1]],[],[["l",true,"' + "A" * 64 + '"]]]',
    '[1,[["a",1]],[],[["l",1,"' + "A" * 63 + '"]]]',
    '[1,[["a",1]],[],[["l",1,7]]]',
    '[1,[[["l",0,"n"],1]],[],[]]',
    '[1,[["a",1]],[],[["l",1,"' + "A" * 64 + '"]]]',
    '[1,[["a",9007199254740992]],[],[]]',
    '[1,[["a",{"$i":"1"}]],[],[]]',
    '[1,[["a",{"$i":"09007199254740992"}]],[],[]]',
    '[1,[["a",{"$d":"1e2"}]],[],[]]',
    '[1,[["a",{"$d":"NaN"}]],[],[]]',
    '[1,[["a",{"$n":"1E0"}]],[],[]]',
    '[1,[["a",{"$b":"AA=="}]],[],[]]',
    '[1,[["a",{"$b":"AB"}]],[],[]]',
    '[1,[["a",{"$s":[2,1]}]],[],[]]',
    '[1,[["a",{"$s":[1,1]}]],[],[]]',
    '[1,[["a",{"$s":[1,1.0]}]],[],[]]',
    '[1,[["a",{"$s":[true]}]],[],[]]',
    '[1,[["a",{"$s":[[]]}]],[],[]]',
    '[1,[["a",{"$m":{"a":1}}]],[],[]]',
    '[1,[["a",{"$m":{"$a":1,"b":2}}]],[],[]]',
    '[1,[["a",{"$x":1}]],[],[]]',
    '[1,[["a",{"b":1,"a":2}]],[],[]]',
    '[1,[["a",{"b":1,"b":2}]],[],[]]',
    '[1,[["a",1 ]],[],[]]',
    '[1,[["a","\\u0061"]],[],[]]',
    '[1,[["a","\\ud800"]],[],[]]',
    '[1,[["a",NaN]],[],[]]',
    '[1,[["a",1.50]],[],[]]',
    '[1,[["a",1E2]],[],[]]',
    '[1,[["a",-0]],[],[]]',
    "[" * 5_000,
    '[1,[["a",' + "[" * 70 + "1" + "]" * 70 + "]],[],[]]",
]


def test_the_canonical_form_is_read() -> None:
    stored = {"l": [{}], "id": Decimal("1.50"), "_sealed": b""}

    with pytest.raises(PolicyRefused, match="edited or reordered"):  # it was read, and the digest is another
        opened(stored, CANONICAL.encode())


@pytest.mark.parametrize("text", NOT_CANONICAL, ids=map(str, range(len(NOT_CANONICAL))))
def test_anything_else_is_no_sealed_record(text: str) -> None:
    with pytest.raises(
        MalformedMessage, match="is not a sealed record of version 1, as seal_record writes it"
    ) as caught:
        opened({"_sealed": b""}, text.encode())

    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    "plaintext", [b"\xff", b"\xef\xbb\xbf" + CANONICAL.encode(), CANONICAL.encode("utf-16"), CANONICAL.encode() + b"\n"]
)
def test_nor_are_other_encodings_of_it(plaintext: bytes) -> None:
    with pytest.raises(MalformedMessage, match="is not a sealed record"):
        opened({"_sealed": b""}, plaintext)


@given(st.binary())
def test_random_bytes_are_no_sealed_record(plaintext: bytes) -> None:
    with pytest.raises(MalformedMessage):
        opened({"_sealed": b""}, plaintext)


@given(records, st.data())
def test_one_edit_of_the_json_is_refused_or_no_edit(record: dict[str, Any], data: st.DataObject) -> None:
    """Whoever has the key may write what they like, but only in one form."""
    stored, plaintext = sealed(record, list(record))
    position = data.draw(st.integers(0, len(plaintext) - 1))
    edited = plaintext[:position] + data.draw(st.binary(max_size=2)) + plaintext[position + 1 :]
    try:
        whole = opened(stored, edited)
    except (MalformedMessage, PolicyRefused):
        return
    again, text = sealed(whole, list(whole))
    assert text == edited
    assert again == stored


def test_a_map_of_the_same_keys_in_another_order_is_the_same() -> None:
    one, other = ({"m": {"a": 1, "b": 2}}, {"m": {"b": 2, "a": 1}})

    assert sealed(one, ["m"])[1] == sealed(other, ["m"])[1]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"record": None}, "the record must be a dict, not NoneType"),
        ({"record": {b"a": 1}}, "the record has a key of type bytes"),
        ({"under": None}, "under must be a str"),
        ({"bound_to": "id"}, "bound_to must be a list or tuple of names, not str"),
    ],
)
def test_arguments_are_checked_before_anything_is_decrypted(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        check_stored(**({"record": {}, "under": "_sealed", "bound_to": None} | arguments))


def test_the_json_is_what_every_reader_of_json_reads() -> None:
    _, plaintext = sealed({"big": 2**64, "price": Decimal("1.10")}, ["big", "price"])

    assert json.loads(plaintext)[1] == [["big", {"$i": "18446744073709551616"}], ["price", {"$d": "1.10"}]]

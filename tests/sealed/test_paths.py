"""Fields are named by name or path, taken out of a copy and put back into another."""

from __future__ import annotations

import copy
from enum import StrEnum
from typing import Any

import pytest

from warmkey import InvalidRequest
from warmkey.sealed.paths import checked_names, look_up, plan_of, put_back, take_out


class Field(StrEnum):
    NAME = "name"


RECORD: dict[str, Any] = {
    "id": 7,
    "name": "Erika",
    "address": {"city": "Koeln", "zip": "51147"},
    "lines": [{"note": "a", "q": 1}, {"note": "b", "q": 2}],
    "deep": {"lists": [[{"x": 1}], [{"x": 2}]]},
}


def test_a_plan_is_in_one_order_whatever_the_order_of_the_fields() -> None:
    fields = ["name", ("lines", 1, "note"), ("address", "city"), ("lines", 0, "note")]

    assert plan_of(fields) == plan_of(reversed(fields))
    assert plan_of(fields).shown == ["name", ["address", "city"], ["lines", 0, "note"], ["lines", 1, "note"]]


def test_a_plan_knows_the_lists_that_paths_cross_and_the_names_they_begin_with() -> None:
    plan = plan_of(["name", ("lines", 1, "note"), ("deep", "lists", 0, 0, "x"), ("lines", 0, "note")])

    assert plan.lists == (("lines",), ("deep", "lists"))
    assert plan.names == {"name", "lines", "deep"}


def test_a_tuple_of_one_name_is_that_name() -> None:
    assert plan_of([("name",)]) == plan_of(["name"])


def test_dots_are_part_of_a_name() -> None:
    assert plan_of(["a.b"]).paths == (("a.b",),)


REFUSED: list[tuple[Any, str]] = [
    ("name", "fields must be a list or tuple of names, not str"),
    (b"name", "fields must be a list or tuple of names, not bytes"),
    (None, "fields must be a list or tuple of names, not NoneType"),
    (7, "fields must be a list or tuple of names, not int"),
    ([], "fields must name at least one field to seal"),
    (["name", "name"], "fields must name each field once"),
    (["name", ("name",)], "fields must name each field once"),
    (["address", ("address", "city")], r"fields names address\.city, which is inside address; seal one"),
    ([("a", 0, "b", "c"), ("a", 0, "b")], r"fields names a\[0\]\.b\.c, which is inside a\[0\]\.b; seal one"),
    ([("lines", 0)], r"lines\[0\] is an element of a list, which can't be taken out; seal a key inside it"),
    ([(0, "name")], "a field's path must begin with a name, not with a list position"),
    ([()], "a field's path must have 1 to 64 steps, not 0"),
    ([("a",) * 65], "a field's path must have 1 to 64 steps, not 65"),
    ([""], "none of them empty; found a step of type str"),
    ([("a", "")], "none of them empty"),
    ([7], "found a step of type int|must begin with a name"),
    ([None], "found a step of type NoneType"),
    ([["lines", 0, "note"]], "found a step of type list"),
    ([("lines", -1, "note")], "found a step of type int"),
    ([("lines", True, "note")], "found a step of type bool"),
    ([("lines", 0.0, "note")], "found a step of type float"),
    ([Field.NAME], "found a step of type Field"),
    (["\ud800"], "a name of a field holds a lone surrogate"),
]


@pytest.mark.parametrize(("fields", "problem"), REFUSED, ids=map(str, range(len(REFUSED))))
def test_what_is_no_list_of_fields_is_refused(fields: Any, problem: str) -> None:
    plan_of([("lines", 0, "note"), ("lines", 1, "note")])  # equal to some of these, by Python's equality

    for _ in range(2):  # what was refused once is not remembered
        with pytest.raises(InvalidRequest, match=problem):
            plan_of(fields)


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        ("id", "bound_to must be a list or tuple of names, not str"),
        (7, "bound_to must be a list or tuple of names, not int"),
        ([("id",)], "bound_to must name fields at the top of the record"),
        ([""], "bound_to must name fields at the top of the record, each as a str that is not empty"),
        ([7], "bound_to must name fields"),
        ([Field.NAME], "bound_to must name fields"),
        (["id", "id"], "bound_to must name each field once"),
        (["\ud800"], "a name of a field holds a lone surrogate"),
    ],
    ids=repr,
)
def test_what_is_no_list_of_names_is_refused(names: Any, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        checked_names(names, "bound_to")


def test_names_keep_their_order_and_a_mapping_gives_its_keys() -> None:
    assert checked_names(("b", "a"), "bound_to") == ("b", "a")
    assert checked_names({"b": 1, "a": 2}, "bound_to") == ("b", "a")


FIELDS = ["name", ("address", "city"), ("lines", 0, "note"), ("lines", 1, "note"), ("deep", "lists", 1, 0, "x")]


def test_fields_are_taken_out_of_a_copy_and_put_back_into_another() -> None:
    before = copy.deepcopy(RECORD)
    plan = plan_of(FIELDS)

    rest, values = take_out(RECORD, plan.paths)
    rest_before = copy.deepcopy(rest)
    whole = put_back(rest, zip(plan.paths, values, strict=True))

    assert rest == {
        "id": 7,
        "address": {"zip": "51147"},
        "lines": [{"q": 1}, {"q": 2}],
        "deep": {"lists": [[{"x": 1}], [{}]]},
    }
    assert whole == before == RECORD
    assert rest == rest_before


def test_a_container_that_is_there_twice_is_copied_twice() -> None:
    shared = {"a": 1, "b": 2}

    rest, _ = take_out({"one": shared, "two": shared}, plan_of([("one", "a"), ("two", "b")]).paths)

    assert rest == {"one": {"b": 2}, "two": {"a": 1}}
    assert shared == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("gone", "the record has no field gone"),
        ("g" * 41, "the record has no field <str of length 41>"),
        (("address", "street"), r"the record has no field address\.street"),
        (("gone", "street"), "the record has no map or list gone"),
        (("name", "first"), "the record has no map or list name"),
        (("lines", 2, "note"), r"the record has no map or list lines\[2\]"),
        (("lines", "note"), "the record has no map lines"),
        (("address", 0, "note"), r"the record has no map or list address\[0\]"),
        (("deep", "lists", 0, "x"), r"the record has no map deep\.lists\[0\]"),
    ],
    ids=str,
)
def test_a_field_that_is_not_there_is_refused_with_its_path(path: Any, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=f"^{problem}$"):
        take_out(RECORD, plan_of([path]).paths)


def test_a_field_that_is_there_already_is_never_overwritten() -> None:
    with pytest.raises(
        InvalidRequest, match=r"the field address\.city is sealed and is also in the record unencrypted"
    ):
        put_back(RECORD, [(("address", "city"), "Bonn")])


def test_a_value_is_looked_up_by_its_path() -> None:
    assert look_up(RECORD, ("lines", 1, "note")) == "b"
    with pytest.raises(InvalidRequest, match=r"the record has no field lines\[2\]"):
        look_up(RECORD, ("lines", 2, "note"))


def test_a_slip_is_answered_with_the_name_that_was_meant() -> None:
    with pytest.raises(InvalidRequest, match=r"no field \w+; did you mean name\?$"):
        take_out({"name": 1, "id": 2, 3: 4}, plan_of(["naame"]).paths)


def test_only_the_first_hundred_names_are_compared_with_a_slip() -> None:
    """Comparing thousands takes a tenth of a second, which anybody who can add names to a record could cause."""
    last = {f"field {number:04}": 1 for number in range(100)} | {"a name of its own": 2}

    with pytest.raises(InvalidRequest, match=r"no field a name of its won$"):
        take_out(last, plan_of(["a name of its won"]).paths)
    with pytest.raises(InvalidRequest, match=r"no field <str of length \d+>$"):
        take_out({"x" * 10_000: 1}, plan_of(["x" * 9_999]).paths)


@pytest.mark.parametrize(
    "fields", [{"tenant": "acme"}, {}, "name", b"name", bytearray(b"name"), 7, memoryview(b"n")], ids=range(7)
)
def test_fields_are_never_the_keys_of_a_mapping_nor_the_items_of_text(fields: Any) -> None:
    with pytest.raises(InvalidRequest, match=f"fields must be a list or tuple of names, not {type(fields).__name__}$"):
        plan_of(fields)

"""Fields as Data Masking names them are the paths that a sealed record takes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from warmkey.exceptions import InvalidRequest
from warmkey.powertools import fields as module
from warmkey.powertools.failures import FieldNotFound
from warmkey.powertools.fields import check_found, check_sealed, paths_of

RECORD: dict[str, Any] = {
    "card": "4929",
    "where": 1,
    "customer": {"ssn": "123-45", "a.b": 1, "address": {"street": "Heidestrasse"}},
    "lines": [{"note": "ring", "price": 5}, {"note": "knock", "price": 50, "parts": [{"note": "x"}]}],
}


@pytest.mark.parametrize(
    ("field", "paths"),
    [
        ("card", [("card",)]),
        ("where", [("where",)]),  # an operator of JSONPath
        ("customer.ssn", [("customer", "ssn")]),
        ("$.customer.address.street", [("customer", "address", "street")]),
        ("customer.'a.b'", [("customer", "a.b")]),
        (("customer", "a.b"), [("customer", "a.b")]),
        (("lines", 1, "note"), [("lines", 1, "note")]),
        ("lines[0].note", [("lines", 0, "note")]),
        ("lines[-1].note", [("lines", 1, "note")]),
        ("lines[*].note", [("lines", 0, "note"), ("lines", 1, "note")]),
        ("lines[?(@.price > 10)].note", [("lines", 1, "note")]),
        ("lines[1].parts[*].note", [("lines", 1, "parts", 0, "note")]),
        ("$..ssn", [("customer", "ssn")]),
        ("customer.*", [("customer", "ssn"), ("customer", "a.b"), ("customer", "address")]),
    ],
    ids=str,
)
def test_a_field_is_a_name_an_expression_or_a_path(field: Any, paths: list[Any]) -> None:
    for _ in range(2):  # what was parsed is remembered
        assert paths_of([field], RECORD) == (paths, [])


@pytest.mark.parametrize(
    "field",
    [
        "no",
        "customer.no",
        "card.no",
        "lines.note",
        "lines[7].note",
        "$.no[*]",
        ("lines", "note"),
        ("lines", 7),
        ("no",),
    ],
    ids=str,
)
def test_what_is_not_there_is_told(field: Any) -> None:
    shown = ".".join(map(str, field)) if isinstance(field, tuple) else field

    assert paths_of([field, "card"], RECORD) == ([("card",)], [shown])


def test_what_is_found_twice_or_inside_of_something_else_is_there_once() -> None:
    paths, _ = paths_of(["customer.ssn", "customer", "$..street", "customer", "lines[*].note", "lines[0].note"], RECORD)

    assert paths == [("customer",), ("lines", 0, "note"), ("lines", 1, "note")]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ("card", "fields must be a list of names or JSONPath expressions, not str of length 4"),
        (None, "fields must be a list"),
        ({"card": 1}, "fields must be a list"),
        (["card["], r"fields has card\[, which is not a JSONPath expression"),
        ([""], "which is not a JSONPath expression"),
        (["x" * 50 + "["], "fields has <str of length 51>, which is not"),
        ([5], "a field must be a name, a JSONPath expression or a path, not int"),
        ([()], "a field must be a name, a JSONPath expression or a path, not tuple of length 0"),
        ([["card"]], "not list of length 1"),
        (["$"], "fields must select what is inside the record, and not all of it, nor a computed value"),
        (["lines.`len`"], "nor a computed value"),
        (["customer.`path`"], "nor a computed value"),
    ],
    ids=str,
)
def test_what_is_not_a_field_is_refused(fields: Any, problem: str) -> None:
    with pytest.raises(InvalidRequest, match=problem):
        paths_of(fields, RECORD)


def test_an_expression_that_fails_is_refused_without_showing_the_record(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(record: Any) -> None:
        raise ValueError(record)

    monkeypatch.setitem(module._expressions, "$.x", SimpleNamespace(find=fail))  # type: ignore[misc]
    with pytest.raises(InvalidRequest, match=r"the JSONPath expression \$\.x can't be used on this record") as caught:
        paths_of(["$.x"], RECORD)

    assert caught.value.__context__ is None


def test_older_versions_of_jsonpath_ng_have_one_index() -> None:
    assert module._index(SimpleNamespace(index=3)) == module._index(SimpleNamespace(indices=(3,))) == 3


def test_missing_fields_are_an_error_or_a_warning() -> None:
    check_found([("card",)], [], is_strict=True)
    with pytest.raises(FieldNotFound, match="Field or expression no not found"):
        check_found([("card",)], ["no"], is_strict=True)
    with pytest.raises(FieldNotFound, match="Field or expression no not found"):
        check_found([], ["no"], is_strict=False)
    with pytest.warns(UserWarning, match="Field or expression no not found"):
        check_found([("card",)], ["no"], is_strict=False)


def test_a_field_that_was_stored_was_not_sealed() -> None:
    stored = {"where": 1, "customer": {"a.b": 1}}

    check_sealed(["card", "customer.ssn", "lines[*].note"], RECORD, stored)
    for fields, problem in ((["where"], "where was not encrypted"), (["customer.*"], "was not"), (["no"], "not found")):
        with pytest.raises(FieldNotFound, match=problem):
            check_sealed(fields, RECORD, stored)

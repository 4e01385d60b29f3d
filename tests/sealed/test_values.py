"""Values as canonical JSON: they come back as they were, numbers compare by value, anything else is refused."""

from __future__ import annotations

import decimal
import json
import math
from collections import OrderedDict
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any, NamedTuple

import pytest
from boto3.dynamodb.types import Binary
from hypothesis import given
from hypothesis import strategies as st

from tests.sealed.values import json_values, set_elements, values
from warmkey import InvalidRequest
from warmkey.sealed.values import MAX_DEPTH, comparable, decode, encode, named, to_json


class Colour(StrEnum):
    RED = "red"


class Number(IntEnum):
    ONE = 1


class Point(NamedTuple):
    x: int
    y: int


def there_and_back(value: Any) -> Any:
    return decode(json.loads(to_json(encode(value, ("field",)))))


def identical(one: Any, other: Any) -> bool:
    """Whether both are equal and of the same types all the way down, ``-0.0`` and ``Decimal('1.0')`` as they are."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(identical(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(identical, one, other))
    if isinstance(one, set):
        return sorted(map(repr, one)) == sorted(map(repr, other))
    return repr(one) == repr(other)


@given(values)
def test_a_value_comes_back_as_it_was(value: Any) -> None:
    assert identical(there_and_back(value), value)


def hostile_contexts() -> dict[str, decimal.Context]:
    everything = [decimal.FloatOperation, decimal.Inexact, decimal.Rounded, decimal.Subnormal, decimal.Clamped]
    return {
        "lower-case exponents": decimal.Context(capitals=0),
        "traps of everything": decimal.Context(prec=1, Emax=0, Emin=0, clamp=1, traps=everything),
        "no traps": decimal.Context(prec=1, traps=[]),
    }


@pytest.mark.parametrize("name", hostile_contexts())
@given(value=values)
def test_the_decimal_context_of_the_thread_changes_nothing(name: str, value: Any) -> None:
    written, compared = to_json(encode(value, ())), comparable(value, ())

    with decimal.localcontext(hostile_contexts()[name]):
        assert to_json(encode(value, ())) == written
        assert comparable(value, ()) == compared
        assert identical(decode(json.loads(written)), value)


@given(json_values)
def test_what_json_has_is_written_as_json(value: Any) -> None:
    """Unless it is a number beyond a double, or a map whose only key looks like a tag."""
    text = to_json(encode(value, ()))
    if b'"$' not in text:
        assert identical(json.loads(text), value)


@given(values, values)
def test_two_values_have_two_texts(one: Any, other: Any) -> None:
    assert (to_json(encode(one, ())) == to_json(encode(other, ()))) == identical(one, other)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (1, "1"),
        (1.0, "1.0"),
        (-0.0, "-0.0"),
        (1e16, "1e+16"),
        (2**53 - 1, "9007199254740991"),
        (2**53, '{"$i":"9007199254740992"}'),
        (-(2**53), '{"$i":"-9007199254740992"}'),
        (Decimal("1.50"), '{"$d":"1.50"}'),
        (Decimal("-1E+3"), '{"$d":"-1E+3"}'),
        ("ключ\n\x7f", '"ключ\\n\x7f"'),
        (b"", '{"$b":""}'),
        (b"\xfb\xff", '{"$b":"-_8"}'),
        (Binary(b"\xfb\xff"), '{"$b":"-_8"}'),
        ({"b", "a"}, '{"$s":["a","b"]}'),
        ({2, Decimal("1.5"), b"x", Binary(b"y")}, '{"$s":[2,{"$b":"eA"},{"$b":"eQ"},{"$d":"1.5"}]}'),
        (set(), '{"$s":[]}'),
        ({"b": 1, "a": [2, {"c": None}]}, '{"a":[2,{"c":null}],"b":1}'),
        ({"$b": 1}, '{"$m":{"$b":1}}'),
        ({"$": 1}, '{"$m":{"$":1}}'),
        ({"$b": 1, "a": 2}, '{"$b":1,"a":2}'),
        ({"\ufb01": 1, "\U0001f511": 2}, '{"\ufb01":1,"\U0001f511":2}'),  # by code point, not by UTF-16
    ],
)
def test_how_values_are_written(value: Any, text: str) -> None:
    assert to_json(encode(value, ())).decode() == text


def test_numbers_compare_by_value() -> None:
    for value in (1, 1.0, Decimal(1), Decimal("1.00"), Decimal("1E0"), Decimal("0.1E1")):
        assert comparable(value, ()) == {"$n": "1E0"}


@given(
    st.one_of(
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        st.decimals(allow_nan=False, allow_infinity=False, places=3),
    ),
    st.data(),
)
def test_numbers_are_comparably_equal_when_python_says_so(one: Any, data: st.DataObject) -> None:
    other = data.draw(st.sampled_from([one, Decimal(one), one + 1, Decimal(one) + Decimal("0.5")]))

    assert (comparable(one, ()) == comparable(other, ())) == (Decimal(one) == Decimal(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [(1, True), (0, False), (1, "1"), (b"a", "a"), (None, ""), ([], {}), (0, None), (0.1, Decimal("0.1"))],
    ids=repr,
)
def test_these_are_not_equal(one: Any, other: Any) -> None:
    assert comparable(one, ()) != comparable(other, ())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b"a", Binary(b"a")),
        ({1, Decimal("2.0")}, {Decimal(1), 2}),
        ({b"a"}, {Binary(b"a")}),
        ({"a": [1]}, {"a": [Decimal("1.0")]}),
        (0.5, Decimal("0.50")),
        (0, -0.0),
        (Decimal("-0E5"), 0),
        (10**30, Decimal("1E30")),
    ],
    ids=repr,
)
def test_these_are(one: Any, other: Any) -> None:
    assert comparable(one, ()) == comparable(other, ())


def cycle() -> list[Any]:
    items: list[Any] = []
    items.append(items)
    return items


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


REFUSED: list[tuple[Any, str]] = [
    (math.nan, "field must be a finite number, not NaN or infinity"),
    ({"a": [math.inf]}, r"field\.a\[0\] must be a finite number"),
    (Decimal("NaN"), "field must be a finite number"),
    (Decimal("-Infinity"), "field must be a finite number"),
    (Decimal("sNaN"), "field must be a finite number"),
    (1 << 14_000, "field must be an int of no more than 14000 bits"),
    ((1, 2), "field is of type tuple; allowed are None, bool, int, float, Decimal, str, bytes, list, dict and set"),
    (Point(1, 2), "field is of type Point"),
    ([object()], r"field\[0\] is of type object"),
    (Colour.RED, "field is of type Colour"),
    (Number.ONE, "field is of type Number"),
    (OrderedDict(a=1), "field is of type OrderedDict"),
    (bytearray(b"x"), "field is of type bytearray"),
    (frozenset("a"), "field is of type frozenset"),
    ({True}, "field is a set with an element of type bool; text, numbers and bytes are allowed"),
    ({None}, "field is a set with an element of type NoneType"),
    ({(1, 2)}, "field is a set with an element of type tuple"),
    ({1: 2}, "field has a key of type int; keys of maps must be str"),
    ({"a": {None: 2}}, r"field\.a has a key of type NoneType"),
    ("\ud800", "field holds a lone surrogate, which UTF-8 can't encode"),
    ({"\udfff": 1}, "field holds a lone surrogate"),
    (nested(65), r"field\[0\]\[0\]\.\.\. is nested more than 64 levels deep"),
    (cycle(), "is nested more than 64 levels deep"),
]


@pytest.mark.parametrize(("value", "problem"), REFUSED, ids=map(str, range(len(REFUSED))))
def test_what_can_not_come_back_is_refused_with_its_path(value: Any, problem: str) -> None:
    for write in (encode, comparable):
        with pytest.raises(InvalidRequest, match=problem) as caught:
            write(value, ("field",))
        assert caught.value.__context__ is None


def test_the_deepest_value_comes_back() -> None:
    value = nested(MAX_DEPTH)

    assert there_and_back(value) == value


@pytest.mark.parametrize(
    "text",
    [
        '{"$x":1}',
        '{"$":1}',
        '{"$d":1}',
        '{"$d":"x"}',
        '{"$b":1}',
        '{"$b":"A"}',
        '{"$s":{}}',
        '{"$s":[[]]}',
        '{"$s":[{}]}',
        '{"$m":[]}',
        '{"$i":"x"}',
        '{"$n":"x"}',
        '{"$n":null}',
    ],
)
def test_a_tag_with_something_else_in_it_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        decode(json.loads(text))

    assert not isinstance(caught.value, InvalidRequest)


@given(
    st.recursive(
        set_elements | st.none() | st.booleans(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=5,
    )
)
def test_what_is_comparable_reads_as_what_is_written_the_same(value: Any) -> None:
    """A reader checks the canonical form of bound values by reading and writing them again."""
    written = comparable(value, ())

    assert comparable(decode(json.loads(to_json(written))), ()) == written


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (("a",), "a"),
        (("lines", 0, "note"), "lines[0].note"),
        (("a", "b", 1, 2), "a.b[1][2]"),
        ((), ""),
        (("é", "two\nlines"), "é.two\\nlines"),
        (("n" * 200,), "n" * 200),
        (("n" * 150, "m" * 150), f"{'n' * 150}.{'m' * 49}..."),
    ],
)
def test_how_errors_show_a_path(path: tuple[str | int, ...], shown: str) -> None:
    assert named(path) == shown


# Ints with equal hashes, as everybody can compute them.
OF_ONE_HASH = [(2**61 - 1) * number for number in range(1, 102)]


def test_a_set_of_numbers_that_were_chosen_for_their_hash_is_refused_on_either_side() -> None:
    """Making it takes time that grows with the square of their number: 14,000 take seconds, and a record has room."""
    written = [encode(number, ()) for number in OF_ONE_HASH]
    with pytest.raises(InvalidRequest, match="field is a set with more than 100 elements of one hash"):
        encode(set(OF_ONE_HASH), ("field",))
    with pytest.raises(InvalidRequest):
        comparable(set(map(Decimal, OF_ONE_HASH)), ("field",))
    with pytest.raises(ValueError, match="elements of one hash"):
        decode({"$s": written})
    with pytest.raises(ValueError, match="not hashable"):
        decode({"$s": [*written, [1]]})


def test_so_many_elements_of_one_hash_are_not_yet_slow() -> None:
    few = set(OF_ONE_HASH[:100])

    assert there_and_back(few) == few
    assert there_and_back({*few, *range(1, 1_000)}) == {*few, *range(1, 1_000)}
    assert there_and_back(set(OF_ONE_HASH[:99]) | {"a", b"b", Decimal("0.5")}) is not None

"""Arguments checked at construction: whatever is not allowed is refused, with its name, its value and what is."""

from __future__ import annotations

import math
import sys
from decimal import Decimal
from enum import IntEnum
from fractions import Fraction
from typing import Any

import pytest

from warmkey import ConfigurationError
from warmkey.validation import fraction, integer, items, kind_of, require_method, seconds, shown, text, texts


class Number(IntEnum):
    TWO = 2


@pytest.mark.parametrize("value", [1, 10, Number.TWO])
def test_an_int_within_its_bounds_is_returned(value: int) -> None:
    assert integer("size", value, 1, 10) == value


@pytest.mark.parametrize("value", [0, 11, -(2**70), 2**70, 1.0, math.nan, "one", None, True, b"1", Decimal(1), [1]])
def test_anything_else_is_no_such_int(value: Any) -> None:
    with pytest.raises(ConfigurationError) as error:
        integer("size", value, 1, 10)

    assert str(error.value) == f"size must be an int from 1 to 10, not {shown(value)}"


def test_without_an_upper_bound_any_large_int_is_fine() -> None:
    assert integer("size", 2**200, 0) == 2**200
    with pytest.raises(ConfigurationError, match="size must be an int of 0 or more, not -1"):
        integer("size", -1, 0)


@pytest.mark.parametrize("value", [1, 60, 0.001, 5e-324, 1e300, sys.float_info.max, 10**300])
def test_any_finite_time_over_zero_is_returned_as_it_is(value: float) -> None:
    assert seconds("max_age", value) is value
    assert 1.75e9 + value > 0, "and can be added to a clock's reading"


@pytest.mark.parametrize(
    "value", [0, 0.0, -1, -0.001, math.inf, -math.inf, math.nan, "60", None, True, Fraction(1, 2), Decimal(60)]
)
def test_anything_else_is_no_time(value: Any) -> None:
    with pytest.raises(ConfigurationError) as error:
        seconds("max_age", value)

    assert str(error.value) == f"max_age must be a finite number of seconds greater than 0, not {shown(value)}"


def test_an_int_that_no_float_can_hold_is_no_time() -> None:
    with pytest.raises(ConfigurationError, match="max_age must be a finite number of seconds greater than 0, not int"):
        seconds("max_age", 10**400)


@pytest.mark.parametrize("value", [0, 0.0, 0.1, 0.999])
def test_a_share_is_returned_as_a_float(value: float) -> None:
    assert (fraction("jitter", value), type(fraction("jitter", value))) == (value, float)


@pytest.mark.parametrize("value", [1, 1.0, -0.1, math.nan, math.inf, "0", None, False])
def test_anything_else_is_no_share(value: Any) -> None:
    with pytest.raises(ConfigurationError) as error:
        fraction("jitter", value)

    assert str(error.value) == f"jitter must be a number from 0 to below 1, not {shown(value)}"


class DecryptsOnly:
    def on_decrypt(self) -> None:
        """Nothing."""


def test_one_of_the_methods_is_enough() -> None:
    require_method("keyring", DecryptsOnly(), "on_encrypt", "on_decrypt")

    with pytest.raises(ConfigurationError) as error:
        require_method("keyring", "secret", "on_encrypt", "on_decrypt")
    assert str(error.value) == "keyring must be something with on_encrypt and on_decrypt, not str"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (7, "7"),
        (-1.5, "-1.5"),
        (None, "None"),
        (True, "True"),
        (math.nan, "nan"),
        (2**200, "int"),
        pytest.param(10**5000, "int", id="more digits than repr() takes"),
        (b"a secret", "bytes of length 8"),
        (bytearray(3), "bytearray of length 3"),
        (memoryview(b"a secret"), "memoryview of length 8"),
        ("a secret", "str of length 8"),
        (["a secret"], "list of length 1"),
        ({"a": "secret"}, "dict of length 1"),
        (object(), "object"),
    ],
)
def test_numbers_are_shown_and_of_anything_else_its_type_and_length(value: object, said: str) -> None:
    """What is in the wrong place may be a key or a plaintext."""
    assert shown(value) == said
    assert kind_of(value).startswith(type(value).__name__)


@pytest.mark.parametrize("value", ["", b"a secret", 7, None, ["a"]])
def test_text_is_a_str_that_is_not_empty(value: Any) -> None:
    with pytest.raises(ConfigurationError) as error:
        text("name", value)

    assert str(error.value) == f"name must be a str that is not empty, not {shown(value)}"


def test_text_that_can_not_be_encoded_is_in_no_part_of_the_error() -> None:
    with pytest.raises(ConfigurationError, match="name must be text that UTF-8 can encode") as error:
        text("name", "a secret \ud800")

    assert error.value.__context__ is None
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("values", ["text", b"bytes", 7, None])
def test_text_and_numbers_are_not_collections(values: Any) -> None:
    with pytest.raises(ConfigurationError) as error:
        texts("names", values)

    assert str(error.value) == f"names must be a list or tuple, not {shown(values)}"


def test_a_set_has_no_order_to_go_by() -> None:
    assert set(texts("names", {"a", "b"})) == {"a", "b"}
    with pytest.raises(ConfigurationError, match="must be a list or tuple, not set of length 2: the order matters"):
        items("names", {"a", "b"}, ordered=True)


def test_each_item_is_checked_and_named() -> None:
    assert texts("names", iter(["a", "b"])) == ("a", "b")
    with pytest.raises(ConfigurationError, match="one of names must be a str that is not empty, not bytes of length 8"):
        texts("names", ["a", b"a secret"])

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
from warmkey.validation import fraction, integer, require_method, seconds


class Number(IntEnum):
    TWO = 2


@pytest.mark.parametrize("value", [1, 10, Number.TWO])
def test_an_int_within_its_bounds_is_returned(value: int) -> None:
    assert integer("size", value, 1, 10) == value


@pytest.mark.parametrize("value", [0, 11, -(2**70), 2**70, 1.0, math.nan, "one", None, True, b"1", Decimal(1), [1]])
def test_anything_else_is_no_such_int(value: Any) -> None:
    with pytest.raises(ConfigurationError) as error:
        integer("size", value, 1, 10)

    assert str(error.value) == f"size is {value!r}; an int from 1 to 10 is allowed"


def test_without_an_upper_bound_any_large_int_is_fine() -> None:
    assert integer("size", 2**200, 0) == 2**200
    with pytest.raises(ConfigurationError, match="size is -1; an int of 0 or more is allowed"):
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

    assert str(error.value) == f"max_age is {value!r}; a finite number of seconds over 0 is allowed"


def test_an_int_that_no_float_can_hold_is_no_time() -> None:
    with pytest.raises(ConfigurationError, match="max_age is 1"):
        seconds("max_age", 10**400)


@pytest.mark.parametrize("value", [0, 0.0, 0.1, 0.999])
def test_a_share_is_returned_as_a_float(value: float) -> None:
    assert (fraction("jitter", value), type(fraction("jitter", value))) == (value, float)


@pytest.mark.parametrize("value", [1, 1.0, -0.1, math.nan, math.inf, "0", None, False])
def test_anything_else_is_no_share(value: Any) -> None:
    with pytest.raises(ConfigurationError) as error:
        fraction("jitter", value)

    assert str(error.value) == f"jitter is {value!r}; a number from 0 to below 1 is allowed"


class DecryptsOnly:
    def on_decrypt(self) -> None:
        """Nothing."""


def test_one_of_the_methods_is_enough() -> None:
    require_method("keyring", DecryptsOnly(), "on_encrypt", "on_decrypt")

    with pytest.raises(ConfigurationError) as error:
        require_method("keyring", "secret", "on_encrypt", "on_decrypt")
    assert str(error.value) == "keyring is of type str; something with on_encrypt and on_decrypt is allowed"

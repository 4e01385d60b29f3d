"""Constructor arguments, checked at construction: each error names the argument, its value and what is allowed."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from warmkey.exceptions import ConfigurationError

__all__ = ["fraction", "integer", "require_method", "seconds", "text", "texts"]


def integer(name: str, value: object, low: int, high: int | None = None) -> int:
    """*value*, an int from *low* to *high*."""
    if not isinstance(value, int) or isinstance(value, bool) or value < low or (high is not None and value > high):
        allowed = f"an int from {low} to {high}" if high is not None else f"an int of {low} or more"
        raise ConfigurationError(f"{name} is {value!r}; {allowed} is allowed")
    return value


def seconds(name: str, value: object) -> float:
    """*value*, a finite number of seconds over 0."""
    # An int over the largest float could not be added to a clock's reading.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not (0 < value <= sys.float_info.max):
        raise ConfigurationError(f"{name} is {value!r}; a finite number of seconds over 0 is allowed")
    return value


def fraction(name: str, value: object) -> float:
    """*value*, a number from 0 up to but without 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not (0 <= value < 1):
        raise ConfigurationError(f"{name} is {value!r}; a number from 0 to below 1 is allowed")
    return float(value)


def text(name: str, value: object) -> str:
    """*value*, a str that UTF-8 can encode and that is not empty."""
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{name} is {value!r}; a str that is not empty is allowed")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ConfigurationError(f"{name} is {value!r}, which UTF-8 can't encode") from None
    return value


def texts(name: str, values: object) -> tuple[str, ...]:
    """*values*, several of what :func:`text` allows; a single str is no such thing."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise ConfigurationError(f"{name} is {values!r}; a list of str is allowed")
    return tuple(text(f"one of {name}", value) for value in values)


def require_method(name: str, value: object, *methods: str) -> None:
    """:raises ConfigurationError: *value* has none of *methods*: something else was put in its place

    One is enough. Whoever only ever decrypts may leave out what only encrypting needs.
    """
    if not any(callable(getattr(value, method, None)) for method in methods):
        wanted = " and ".join(methods)
        raise ConfigurationError(
            f"{name} is of type {type(value).__name__}; something with {wanted} is allowed"
        ) from None

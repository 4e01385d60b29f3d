"""Check constructor arguments: each error names the argument, what it must be and what was given.

An argument in the wrong place may be a key or a plaintext. So numbers are shown, and of anything else only its type and
its length. Of settings and identifiers, text is shown where it is short and has the form of what belongs there
(:func:`plausible`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from warmkey.exceptions import ConfigurationError

__all__ = [
    "choose_one",
    "fraction",
    "integer",
    "items",
    "kind_of",
    "number",
    "plausible",
    "quoted",
    "require_method",
    "seconds",
    "shown",
    "switch",
    "text",
    "texts",
]

_LONGEST_SHOWN_INT = 2**128
# What has one of these forms is a number, a suite's ID or name, or AWS's name of a key: not a password or key material.
_PLAUSIBLE = (
    r"[+-]?[0-9._,]{1,24}(?:[eE][+-]?[0-9]{1,4}|ms|s|sec|m|min|h|d)?"
    r"|0[xX][0-9A-Fa-f]{1,4}"
    r"|AES_[A-Z0-9_]{1,64}"
    r"|arn:aws[a-z-]{0,20}:[\w/:.-]{1,160}"
    r"|alias/[\w/-]{1,64}"
    r"|(?:mrk-[0-9a-f]{32}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})"
)
_WORDS = frozenset({"", "auto", "false", "inf", "nan", "no", "none", "off", "on", "true", "yes"})
_MOST_SHOWN_ITEMS = 3
_LONGEST_NAME = 200


def kind_of(value: object) -> str:
    """Describe *value* without showing it: its type, and its length if it has one."""
    name = type(value).__name__
    if isinstance(value, (str, bytes, bytearray, memoryview, list, tuple, dict, set, frozenset)):
        return f"{name} of length {len(value)}"
    return name


def shown(value: object) -> str:
    """Describe *value*: numbers and None as they are, anything else by its kind."""
    if value is None or isinstance(value, (bool, float)):
        return repr(value)
    if isinstance(value, int) and abs(value) < _LONGEST_SHOWN_INT:
        return repr(value)
    return kind_of(value)


def plausible(value: object, words: Iterable[str] = ()) -> str:
    """Describe *value* as :func:`shown` does, and show text too that has the form of what belongs in its place.

    :param words: that belong there, in lower case
    """
    known = _WORDS.union(words)
    if isinstance(value, str) and all(_is_plausible(part) or part.lower() in known for part in _parts(value)):
        return repr(value)
    return shown(value)


def _is_plausible(text: str) -> bool:
    return re.fullmatch(_PLAUSIBLE, text, re.ASCII) is not None  # compiled for the first error, not at import


def _parts(text: str) -> list[str]:
    """Return the comma-separated parts of *text*; all of it where it has more than a few."""
    parts = [part.strip() for part in text.split(",")]
    return parts if len(parts) <= _MOST_SHOWN_ITEMS else [text]


def quoted(name: str) -> str:
    """Return *name*, which a caller or a message chose, in quotes; of a long one its beginning."""
    return repr(name[:_LONGEST_NAME])


def integer(name: str, value: object, low: int, high: int | None = None) -> int:
    """Return *value* if it is an int from *low* to *high*."""
    if not isinstance(value, int) or isinstance(value, bool) or value < low or (high is not None and value > high):
        allowed = f"an int from {low} to {high}" if high is not None else f"an int of {low} or more"
        raise ConfigurationError(f"{name} must be {allowed}, not {shown(value)}")
    return value


def seconds(name: str, value: object) -> float:
    """Return *value* if it is a finite number of seconds greater than 0."""
    # An int over the largest float could not be added to a clock's reading.
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not (0 < value <= sys.float_info.max):
        raise ConfigurationError(f"{name} must be a finite number of seconds greater than 0, not {shown(value)}")
    return value


def fraction(name: str, value: object) -> float:
    """Return *value* if it is a number from 0 to below 1."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not (0 <= value < 1):
        raise ConfigurationError(f"{name} must be a number from 0 to below 1, not {shown(value)}")
    return float(value)


def number(name: str, value: object, low: float, high: float) -> float:
    """Return *value* if it is a number from *low* to *high*."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not (low <= value <= high):
        raise ConfigurationError(f"{name} must be a number from {low:g} to {high:g}, not {shown(value)}")
    return float(value)


def switch(name: str, value: object) -> bool:
    """Return *value* if it is True or False: the text "off" would be true, and an empty list false."""
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} must be True or False, not {shown(value)}")
    return value


def text(name: str, value: object) -> str:
    """Return *value* if it is a str that is not empty and that UTF-8 can encode."""
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{name} must be a str that is not empty, not {shown(value)}")
    try:
        value.encode()
    except UnicodeEncodeError:
        pass  # raised below: the codec's error holds the text, and would be the context of ours
    else:
        return value
    raise ConfigurationError(f"{name} must be text that UTF-8 can encode; it contains a lone surrogate")


def items(name: str, values: object, *, ordered: bool = False) -> tuple[Any, ...]:
    """Return the items of *values*; text is not a collection of its characters, nor a mapping one of its keys.

    :param ordered: whether their order means something, so that a set can't say it
    """
    if ordered and isinstance(values, (set, frozenset)):
        raise ConfigurationError(f"{name} must be a list or tuple, not {kind_of(values)}: the order matters")
    if isinstance(values, (str, bytes, bytearray, memoryview, Mapping)) or not isinstance(values, Iterable):
        raise ConfigurationError(f"{name} must be a list or tuple, not {shown(values)}")
    return tuple(values)


def texts(name: str, values: object, *, ordered: bool = False) -> tuple[str, ...]:
    """Return the items of *values* if each is what :func:`text` allows."""
    return tuple(text(f"one of {name}", value) for value in items(name, values, ordered=ordered))


def choose_one(first: str, second: str, *, both: bool) -> str:
    """Say that one of two arguments must be given, where *both* are, or neither."""
    return f"give either {first} or {second}, " + ("not both" if both else "and neither is given")


def require_method(name: str, value: object, *methods: str) -> None:
    """Check that *value* has one of *methods*: something else may have been put in its place.

    One is enough. Whoever only ever decrypts may leave out what only encrypting needs.

    :raises ConfigurationError: it has none of them
    """
    if not any(callable(getattr(value, method, None)) for method in methods):
        needed = "callable" if methods == ("__call__",) else f"something with {' and '.join(methods)}"
        raise ConfigurationError(f"{name} must be {needed}, not {type(value).__name__}") from None

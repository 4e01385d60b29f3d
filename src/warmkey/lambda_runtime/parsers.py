"""Parse settings: text or a typed value in, the typed value out, or :class:`NotAllowedError`."""

from __future__ import annotations

import re
from enum import Enum
from typing import TYPE_CHECKING, TypeVar, cast

from warmkey.algorithm_suites import AlgorithmSuite
from warmkey.exceptions import ConfigurationError, WarmkeyError
from warmkey.keyrings.aws_kms_key_arn import check_kms_identifier, is_account_id, parse_kms_arn
from warmkey.structures import is_reserved
from warmkey.validation import kind_of, plausible

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "MOST_SECONDS",
    "NotAllowedError",
    "accounts",
    "algorithm_suite",
    "branch_key_id",
    "context_key",
    "context_keys",
    "fraction",
    "integer",
    "integer_or_auto",
    "key_arns",
    "kms_identifiers",
    "one_of",
    "seconds",
    "switch",
    "table_name",
    "text",
    "up_to_a_second",
]

MOST_SECONDS = 10**9

_Choice = TypeVar("_Choice", bound=Enum)


class NotAllowedError(ValueError):
    """Say that a value is not allowed; with the reason, where the words of the row don't give it."""


def integer(low: int, high: int) -> Callable[[object], int]:
    """Return a parser of integers from *low* to *high*."""

    def parse(value: object) -> int:
        # Python refuses to read some thousand digits; what is as long as that is too large anyway.
        if isinstance(value, str) and re.fullmatch(r"0*[0-9]{1,20}", value):
            value = int(value.lstrip("0") or "0")
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise NotAllowedError
        return value

    return parse


def integer_or_auto(low: int, high: int) -> Callable[[object], int | str]:
    """Return the same parser, which takes ``auto`` too."""
    parse = integer(low, high)
    return lambda value: "auto" if value == "auto" else parse(value)


def _number(value: object) -> float:
    if isinstance(value, str) and re.fullmatch(r"[0-9]+\.?[0-9]*|\.[0-9]+", value):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise NotAllowedError
    return value


def seconds(value: object) -> float:
    """Parse a number greater than 0, up to :data:`MOST_SECONDS`."""
    number = _number(value)
    if not 0 < number <= MOST_SECONDS:
        raise NotAllowedError
    return number


def up_to_a_second(value: object) -> float:
    """Parse a number from 0 to 1."""
    number = _number(value)
    if not 0 <= number <= 1:
        raise NotAllowedError
    return number


def fraction(value: object) -> float:
    """Parse a number from 0 up to, but not including, 1."""
    number = _number(value)
    if not 0 <= number < 1:
        raise NotAllowedError
    return number


def switch(value: object) -> bool:
    """Parse ``on`` or ``off``."""
    if isinstance(value, bool):
        return value
    if value not in ("on", "off"):
        raise NotAllowedError
    return value == "on"


def one_of(choices: type[_Choice]) -> Callable[[object], _Choice]:
    """Return a parser of the values of *choices*."""

    def parse(value: object) -> _Choice:
        try:
            return choices(value)
        except ValueError:
            raise NotAllowedError from None

    return parse


def algorithm_suite(value: object) -> AlgorithmSuite:
    """Parse an algorithm suite: its name, or its ID in three or four hexadecimal digits."""
    if isinstance(value, AlgorithmSuite):
        return value
    if isinstance(value, str):
        if value in AlgorithmSuite.__members__:
            return AlgorithmSuite[value]
        value = int(value, 16) if re.fullmatch(r"(0[xX])?[0-9a-fA-F]{3,4}", value) else None
    try:
        return AlgorithmSuite(cast("int", value))
    except ValueError:
        raise NotAllowedError from None


def text(value: object, *, is_item: bool = False) -> str:
    """Parse text that can be printed."""
    if not isinstance(value, str):
        raise NotAllowedError(f"an item is {kind_of(value)}") if is_item else NotAllowedError
    if not value.isprintable():
        raise NotAllowedError("it contains characters that can't be printed")
    return value


def _items(value: object) -> tuple[str, ...]:
    """Return the items of comma-separated text or of a collection, stripped: one or more, none empty, none twice."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple, set, frozenset)):
        raise NotAllowedError
    if not parts:
        raise NotAllowedError("the collection is empty")
    items = [text(part, is_item=True).strip() for part in parts]
    if "" in items:
        raise NotAllowedError("an item is empty")
    for item in items:
        if items.count(item) > 1:
            raise NotAllowedError(f"{plausible(item)} occurs twice")
    return tuple(items)


def _each(check: Callable[[str], str | None], *, ordered: bool = False) -> Callable[[object], tuple[str, ...]]:
    """Return a parser of items in which *check* finds nothing wrong.

    :param ordered: whether their order means something, so that a set can't say it
    """

    def parse(value: object) -> tuple[str, ...]:
        if ordered and isinstance(value, (set, frozenset)):
            raise NotAllowedError("the order matters, and a set has none: use a list or tuple")
        items = _items(value)
        for item in items:
            if problem := check(item):
                raise NotAllowedError(problem)
        return items

    return parse


def _wrong_with_kms_identifier(item: str) -> str | None:
    try:
        check_kms_identifier(item, "each")
    except ConfigurationError as error:
        return str(error)
    arn = parse_kms_arn(item)
    if arn is not None and not is_account_id(arn.account):
        return f"the account ID of {plausible(item)} is not 12 digits"
    return None


def _wrong_with_key_arn(item: str) -> str | None:
    arn = parse_kms_arn(item)
    is_key_arn = arn is not None and arn.is_key
    return _wrong_with_kms_identifier(item) or (None if is_key_arn else f"{plausible(item)} is not a key ARN")


def _wrong_with_account(item: str) -> str | None:
    return None if is_account_id(item) else f"{plausible(item)} is not an account ID"


def _wrong_with_context_key(item: str) -> str | None:
    return f"{item!r} is reserved, so no caller can supply it" if is_reserved(item) else None


def context_key(value: object) -> str:
    """Parse one encryption context key."""
    key = text(value)
    if problem := _wrong_with_context_key(key):
        raise NotAllowedError(problem)
    return key


def table_name(value: object) -> str:
    """Parse the name of a DynamoDB table."""
    from warmkey.branch_keys.names import check_table_name  # noqa: PLC0415 - loaded only where a table is named

    return _named(check_table_name, text(value))


def branch_key_id(value: object) -> str:
    """Parse the ID of a branch key."""
    from warmkey.branch_keys.names import check_branch_key_id  # noqa: PLC0415 - as above

    return _named(check_branch_key_id, text(value))


def _named(check: Callable[[object], str], name: str) -> str:
    try:
        return check(name)
    except WarmkeyError:
        raise NotAllowedError from None


kms_identifiers = _each(_wrong_with_kms_identifier, ordered=True)
key_arns = _each(_wrong_with_key_arn, ordered=True)
accounts = _each(_wrong_with_account)
context_keys = _each(_wrong_with_context_key)

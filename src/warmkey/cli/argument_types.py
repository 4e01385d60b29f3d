"""Turn the texts of options into values: what can't be used is a wrong command line."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING

from warmkey.algorithm_suites import AlgorithmSuite
from warmkey.data_format.message_body import MAX_FRAME_LENGTH
from warmkey.exceptions import ConfigurationError
from warmkey.keyrings.aws_kms_key_arn import check_kms_identifier, is_account_id, parse_kms_arn
from warmkey.structures import KIND_KEY, is_reserved
from warmkey.validation import plausible, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from warmkey.cli.re_encryption.attribute_paths import AttributePath

__all__ = [
    "account",
    "attribute_path",
    "count",
    "frame_length",
    "integer",
    "key_arn",
    "kinds",
    "kms_identifier",
    "names",
    "pair",
    "pair_to_expect",
    "rate",
    "region",
    "regions",
    "seconds",
    "segment",
    "suite",
    "table_name",
]

_MOST_PER_SECOND = 1_000_000
# DynamoDB's own limit.
_MOST_SEGMENTS = 1_000_000


def suite(text: str) -> AlgorithmSuite:
    """Return the suite of a name or an ID in hexadecimal digits."""
    try:
        return AlgorithmSuite[text] if text in AlgorithmSuite.__members__ else AlgorithmSuite(int(text, 16))
    except ValueError:
        pass  # raised below: the error holds the text
    suites = ", ".join(f"0x{suite.value:04x} ({suite.name})" for suite in AlgorithmSuite)
    raise ArgumentTypeError(f"{plausible(text)} is not an algorithm suite; choose one of {suites}")


def frame_length(text: str) -> int | str:
    """Return a frame length that can be used."""
    return text if text == "auto" else integer(text, 1, MAX_FRAME_LENGTH, or_else=", or auto")


def attribute_path(text: str) -> AttributePath:
    """Return the DynamoDB attribute that *text* names, which may be inside maps and lists."""
    from warmkey.cli.re_encryption.attribute_paths import read_path  # noqa: PLC0415 - few re-encrypt

    try:
        return read_path(text)
    except ValueError as error:
        problem = str(error)
    raise ArgumentTypeError(f"{plausible(text)} is not an attribute: it {problem}")


def count(text: str) -> int:
    """Return a limit."""
    return integer(text, 1, 2**63 - 1)


def integer(text: str, low: int, high: int, or_else: str = "") -> int:
    """Return an integer from *low* to *high*; *or_else* says what else is allowed."""
    if text.isascii() and text.isdecimal() and len(text) <= len(str(high)) and low <= int(text) <= high:
        return int(text)
    raise ArgumentTypeError(f"must be an integer in digits, {low} to {high}{or_else}, not {plausible(text)}")


def kms_identifier(text: str) -> str:
    """Return the identifier of a KMS key."""
    try:
        return check_kms_identifier(text, "it")
    except ConfigurationError as error:
        raise ArgumentTypeError(str(error)) from None


def key_arn(text: str) -> str:
    """Return the ARN of a KMS key, which is what messages name."""
    arn = parse_kms_arn(text)
    if arn is None or not arn.is_key:
        raise ArgumentTypeError(
            f"must be the ARN of a key, not {plausible(text)}: messages name that ARN, so an alias can't decrypt"
        )
    return kms_identifier(text)


def pair(text: str) -> tuple[str, str]:
    """Return the key and the value of KEY=VALUE; no value is ever shown."""
    key, equals, value = text.partition("=")
    if not (key and equals and value):
        missing = "=" if not equals else "value" if key else "key"
        raise ArgumentTypeError(f"must be KEY=VALUE, neither of them empty; {shown(text)} has no {missing}")
    if is_reserved(key):
        raise ArgumentTypeError(f"the key {key!r} is reserved; choose another")
    return key, value


def pair_to_expect(text: str) -> tuple[str, str]:
    """Return the key and the value of KEY=VALUE for decrypting, where the kind of a message can be stated."""
    key, _, value = text.partition("=")
    return (key, value) if key == KIND_KEY and value else pair(text)


def table_name(text: str) -> str:
    """Return the name of a DynamoDB table."""
    from warmkey.branch_keys.names import check_table_name  # noqa: PLC0415 - few manage branch keys

    try:
        return check_table_name(text)
    except ConfigurationError as error:
        raise ArgumentTypeError(str(error).removeprefix("table_name ")) from None


def account(text: str) -> str:
    """Return the ID of an AWS account."""
    if not is_account_id(text):
        raise ArgumentTypeError(f"must be an account ID of 12 digits, not {plausible(text)}")
    return text


def region(text: str) -> str:
    """Return the name of a Region."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", text):
        raise ArgumentTypeError(f"must be a Region such as eu-west-1, not {shown(text)}")
    return text


def names(text: str) -> tuple[str, ...]:
    """Return comma-separated names, none of them empty or repeated."""
    found = tuple(name.strip() for name in text.split(","))
    if "" in found or len(set(found)) < len(found):
        problem = "is empty" if "" in found else "occurs twice"
        raise ArgumentTypeError(f"must be comma-separated names; one of them {problem}")
    return found


def regions(text: str) -> tuple[str, ...]:
    """Return comma-separated names of Regions."""
    return tuple(map(region, names(text)))


def kinds(*known: str) -> Callable[[str], tuple[str, ...]]:
    """Return what reads comma-separated kinds of message, of those *known*."""

    def read(text: str) -> tuple[str, ...]:
        found = names(text)
        for kind in found:
            if kind not in known:
                raise ArgumentTypeError(f"{shown(kind)} is not a kind of message; they are {', '.join(known)}")
        return found

    return read


def seconds(text: str) -> float:
    """Return a number of seconds greater than 0."""
    from warmkey.lambda_runtime import parsers  # noqa: PLC0415 - few commands have one

    try:
        return parsers.seconds(text)
    except parsers.NotAllowedError:
        pass  # raised below: the error holds the text
    raise ArgumentTypeError(f"must be a number of seconds greater than 0, such as 3 or 0.5, not {plausible(text)}")


def rate(text: str) -> float:
    """Return a number of items per second."""
    try:
        number = float(text)
    except ValueError:
        number = 0
    if not 0 < number <= _MOST_PER_SECOND:
        raise ArgumentTypeError(
            f"must be a number of items per second greater than 0, to {_MOST_PER_SECOND}, not {plausible(text)}"
        )
    return number


def segment(text: str) -> tuple[int, int]:
    """Return the number of a part of a table, from 0, and how many parts there are."""
    number, _, of = text.partition("/")
    is_number = all(re.fullmatch("[0-9]{1,7}", part) for part in (number, of))
    if is_number and 1 <= int(number) <= int(of) <= _MOST_SEGMENTS:
        return int(number) - 1, int(of)
    raise ArgumentTypeError(f"must be like 1/4, from 1/{_MOST_SEGMENTS} to {_MOST_SEGMENTS}/{_MOST_SEGMENTS}")

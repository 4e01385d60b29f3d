"""Values of a record as canonical JSON, and back as they were.

A value that JSON has is written as JSON. One that JSON lacks is an object with a single key that begins with ``$``:

=========== ==================================================================================
``{"$d":}``  a ``Decimal``, as text
``{"$i":}``  an int beyond ±(2^53 - 1), as text, because many readers of JSON take numbers for doubles
``{"$b":}``  bytes, as base64url without padding
``{"$s":}``  a set: its elements, each encoded like this, in the order of their JSON text
``{"$m":}``  a map whose only key begins with ``$``: the map
=========== ==================================================================================

Canonical means one text for each value: keys sorted, no space, no escape that JSON does not demand. A reader therefore
needs no comparison by meaning: it encodes again what it decoded, and the bytes have to be equal.

Numbers come back with the type that they had. Where two values are compared (a bound field, a list that a path
crosses), a store may have changed ``1`` into ``Decimal("1.0")`` meanwhile, so :func:`comparable` writes numbers by
value: ``{"$n":}`` with the digits without zeros at either end, ``E`` and the power of ten; or ``0``.

The thread's :mod:`decimal` context changes nothing: a message is read where ``capitals`` or the traps differ.
"""

from __future__ import annotations

import json
import math
from base64 import urlsafe_b64decode
from collections import Counter
from contextlib import suppress
from decimal import Decimal, InvalidOperation
from types import NoneType
from typing import TYPE_CHECKING, Any

from warmkey.bytes_like import binary_value
from warmkey.exceptions import InvalidRequest
from warmkey.sealed.text import to_base64url, utf_8

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import TypeAlias

    Number: TypeAlias = Callable[[Any, "Path"], Any]  # how numbers are written
    Path: TypeAlias = tuple[str | int, ...]

__all__ = ["MAX_DEPTH", "NotCanonicalError", "comparable", "decode", "encode", "named", "to_json"]

# Deeper than DynamoDB's 32, and far from Python's limit on recursion.
MAX_DEPTH = 64
# CPython refuses to turn integers of more than 4,300 digits into text and back.
_MAX_BITS = 14_000
# A set of elements with equal hashes takes time that grows with their square: 14,000 take seconds, and a record has
# room for them. Whoever chooses numbers chooses their hashes; numbers that nobody chose so have hashes of their own.
_MOST_OF_A_HASH = 100
# What a double holds exactly, and every reader of JSON reads (RFC 7493).
_MAX_PLAIN_INT = 2**53 - 1
# Of a path, in an error. Names come with the record, from whoever can write the store.
_LONGEST_SHOWN = 200


def to_json(value: object) -> bytes:
    """Return the one JSON text of what :func:`encode` made."""
    return _dumps(value).encode()


_dumps = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode


def named(path: Path) -> str:
    """Return *path* as errors show it, for example ``lines[0].note``: in one line, and of a long one its beginning."""
    shown = ""
    for step in path:
        if isinstance(step, int):
            shown += f"[{step}]"
        else:
            shown += ("." if shown else "") + (step if step.isprintable() else ascii(step)[1:-1])
    return shown if len(shown) <= _LONGEST_SHOWN else f"{shown[:_LONGEST_SHOWN]}..."


# --- writing


def encode(value: Any, path: Path) -> Any:  # noqa: ANN401 - a value of a record
    """Return *value* as JSON has it.

    :param path: where in the record it is, for errors
    :raises InvalidRequest: it is none of the types that come back as they were, too deep, or not encodable
    """
    if type(value) is str and value.isascii():  # what most values are
        return value
    return _encode(value, path, _number_as_it_is)


def comparable(value: Any, path: Path) -> Any:  # noqa: ANN401 - a value of a record
    """Return *value* as JSON has it, numbers by value: equal for ``1``, ``1.0`` and ``Decimal("1.00")``.

    :raises InvalidRequest: as :func:`encode`
    """
    if type(value) is str and value.isascii():
        return value
    return _encode(value, path, _number_by_value)


def _encode(value: Any, path: Path, number: Number) -> Any:  # noqa: ANN401 - see encode
    write = _WRITERS.get(type(value))
    return _binary(value, path) if write is None else write(value, path, number)


def _constant(value: object, path: Path, number: Number) -> object:  # noqa: ARG001 - as its siblings
    return value


def _text(value: str, path: Path, number: Number) -> str:  # noqa: ARG001 - as its siblings
    # isascii() is a flag of the object; only other text can hold what UTF-8 can't encode.
    if not value.isascii():
        utf_8(value, what=named(path))
    return value


def _number(value: Any, path: Path, number: Number) -> Any:  # noqa: ANN401 - int, float or Decimal
    return number(value, path)


def _list(value: list[Any], path: Path, number: Number) -> list[Any]:
    _check_depth(path)
    return [_encode(item, (*path, index), number) for index, item in enumerate(value)]


def _map(value: dict[Any, Any], path: Path, number: Number) -> dict[str, Any]:
    _check_depth(path)
    encoded = {}
    for key, item in value.items():
        if type(key) is not str:
            raise InvalidRequest(f"{named(path)} has a key of type {type(key).__name__}; keys of maps must be str")
        encoded[_text(key, path, number)] = _encode(item, (*path, key), number)
    if len(encoded) == 1 and next(iter(encoded)).startswith("$"):
        return {"$m": encoded}
    return encoded


def _set(value: set[Any], path: Path, number: Number) -> dict[str, list[Any]]:
    elements = [_encode(item, path, number) for item in value if _may_be_in_a_set(item, path)]
    if _is_slow_as_a_set(value):
        raise InvalidRequest(f"{named(path)} is a set with more than {_MOST_OF_A_HASH} elements of one hash")
    return {"$s": sorted(elements, key=to_json)}


def _bytes(value: bytes, path: Path, number: Number) -> dict[str, str]:  # noqa: ARG001 - as its siblings
    return {"$b": to_base64url(value)}


_WRITERS: dict[type, Callable[[Any, Path, Number], Any]] = {
    NoneType: _constant,
    bool: _constant,
    str: _text,
    int: _number,
    float: _number,
    Decimal: _number,
    bytes: _bytes,
    list: _list,
    dict: _map,
    set: _set,
}
_IN_SETS = frozenset({str, bytes, int, float, Decimal})


def _binary(value: object, path: Path) -> dict[str, str]:
    binary = binary_value(value)
    if binary is None:
        raise InvalidRequest(
            f"{named(path)} is of type {type(value).__name__}; allowed are None, bool, int, float, Decimal, str, "
            "bytes, list, dict and set"
        )
    return {"$b": to_base64url(binary)}


def _check_depth(path: Path) -> None:
    if len(path) > MAX_DEPTH:
        raise InvalidRequest(f"{named(path[:3])}... is nested more than {MAX_DEPTH} levels deep")


def _may_be_in_a_set(item: object, path: Path) -> bool:
    if type(item) in _IN_SETS or binary_value(item) is not None:
        return True
    raise InvalidRequest(
        f"{named(path)} is a set with an element of type {type(item).__name__}; text, numbers and bytes are allowed"
    )


def _number_as_it_is(value: Any, path: Path) -> Any:  # noqa: ANN401 - int, float or Decimal
    _check_finite(value, path)
    if type(value) is Decimal:
        return {"$d": str(value).upper()}  # 1e+20 where the context's capitals is 0
    return {"$i": str(value)} if type(value) is int and abs(value) > _MAX_PLAIN_INT else value


def _number_by_value(value: Any, path: Path) -> dict[str, str]:  # noqa: ANN401 - int, float or Decimal
    _check_finite(value, path)
    # from_float raises nothing where the context traps FloatOperation.
    exact = Decimal.from_float(value) if type(value) is float else Decimal(value)  # noqa: FURB164 - see above
    sign, digits, exponent = exact.as_tuple()
    text = "".join(map(str, digits))
    shortened = text.rstrip("0")
    power = int(exponent) + len(text) - len(shortened)
    shortened = shortened.lstrip("0")
    return {"$n": f"{'-' if sign else ''}{shortened}E{power}" if shortened else "0"}


def _check_finite(value: Any, path: Path) -> None:  # noqa: ANN401 - int, float or Decimal
    if type(value) is int:
        if value.bit_length() > _MAX_BITS:
            raise InvalidRequest(f"{named(path)} must be an int of no more than {_MAX_BITS} bits")
    elif not (math.isfinite(value) if type(value) is float else value.is_finite()):
        raise InvalidRequest(f"{named(path)} must be a finite number, not NaN or infinity")


# --- reading


class NotCanonicalError(ValueError):
    """What is read was not written by :func:`encode`."""


def decode(value: Any) -> Any:  # noqa: ANN401 - JSON
    """Return the value that :func:`encode` or :func:`comparable` wrote.

    What neither wrote may pass; whoever writes the result again sees the difference.

    :raises ValueError: neither wrote such a thing
    """
    if type(value) is list:
        return [decode(item) for item in value]
    if type(value) is not dict:
        return value
    if len(value) == 1:
        ((key, payload),) = value.items()
        if key.startswith("$"):
            return _decode_tagged(key, payload)
    return {key: decode(item) for key, item in value.items()}


def _decode_tagged(tag: str, payload: Any) -> Any:  # noqa: ANN401 - JSON
    kind, read = _TAGS.get(tag, (object, None))
    if read is None or type(payload) is not kind:
        raise NotCanonicalError("neither of the tags that there are, nor a map in one")
    return read(payload)


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation:
        pass
    raise NotCanonicalError("not a decimal number")  # not above: that error holds the text


def _map_of(items: dict[str, Any]) -> dict[str, Any]:
    return {key: decode(item) for key, item in items.items()}


def _set_of(items: list[Any]) -> set[Any]:
    elements = [decode(item) for item in items]
    with suppress(TypeError):  # a list or a map, which a set can't hold
        if not _is_slow_as_a_set(elements):
            return set(elements)
    raise NotCanonicalError("a set with something that is not hashable, or with too many elements of one hash")


def _is_slow_as_a_set(elements: Collection[Any]) -> bool:
    return len(elements) > _MOST_OF_A_HASH and max(Counter(map(hash, elements)).values()) > _MOST_OF_A_HASH


def _bytes_of(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


_TAGS: dict[str, tuple[type, Callable[[Any], Any]]] = {
    "$b": (str, _bytes_of),
    "$d": (str, _decimal),
    "$i": (str, int),
    "$m": (dict, _map_of),
    "$n": (str, _decimal),
    "$s": (list, _set_of),
}

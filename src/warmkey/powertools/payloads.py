"""Payloads as plaintext, and back: JSON for what is encrypted whole, and records for what has fields.

An exception of a serializer holds what the serializer was given. None is kept as a cause; only its type is told.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from warmkey.exceptions import InvalidRequest, MalformedMessage
from warmkey.sealed.values import MAX_DEPTH

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["parsed", "record_of", "serialized", "to_json"]


def serialized(data: object, serializer: Callable[..., str | bytes]) -> bytes:
    """Return *data* as *serializer* writes it, text as UTF-8.

    :raises InvalidRequest: it can't be written
    """
    try:
        text = serializer(data)
        return text.encode() if isinstance(text, str) else bytes(text)
    except Exception as error:  # noqa: BLE001 - the serializer is the caller's
        is_ours = isinstance(error, InvalidRequest)
        problem = str(error) if is_ours else f"the data can't be written as JSON ({type(error).__name__})"
    raise InvalidRequest(problem)  # not above, see the module


def parsed(plaintext: bytes, deserializer: Callable[[str], Any]) -> Any:  # noqa: ANN401 - what was encrypted
    """Return what *deserializer* reads in *plaintext*.

    :raises MalformedMessage: it can't be read
    """
    try:
        return deserializer(plaintext.decode())
    except Exception as error:  # noqa: BLE001 - the deserializer is the caller's
        problem = f"was decrypted, and is not the JSON that Data Masking writes ({type(error).__name__})"
    raise MalformedMessage(problem, where="data")  # not above, see the module


def record_of(data: object, deserializer: Callable[[str], Any]) -> dict[str, Any]:
    """Return *data* as a record: a dict, a dataclass, a model, or JSON text of an object.

    :raises InvalidRequest: it is something else
    """
    record = _read(data, deserializer) if isinstance(data, str) else _plain(data, MAX_DEPTH)
    if not isinstance(record, dict):
        raise InvalidRequest(f"only a record has fields, and the data is of type {type(data).__name__}")
    return record


def _read(text: str, deserializer: Callable[[str], Any]) -> Any:  # noqa: ANN401 - what the text has
    try:
        return deserializer(text)
    except Exception as error:  # noqa: BLE001 - the deserializer is the caller's
        problem = f"the data is text, and not the JSON of a record ({type(error).__name__})"
    raise InvalidRequest(problem)  # not above, see the module


def _plain(value: Any, depth: int) -> Any:  # noqa: ANN401 - a value of a record
    """Return *value* with dicts in place of dataclasses and models.

    Unlike Data Masking's ``prepare_data`` it leaves other objects whole, such as boto3's ``Binary``.
    """
    if depth == 0 or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, dict):
        return {name: _plain(item, depth - 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth - 1) for item in value]
    members = _members(value)
    return value if members is None else _plain(members, depth - 1)


def _members(value: Any) -> Any:  # noqa: ANN401 - any object
    """Return what a dataclass or a model holds, or ``None`` for another object."""
    if isinstance(value, type):
        return None
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    dump = getattr(value, "model_dump", None) or getattr(value, "dict", None)
    return dump() if callable(dump) else None


def _json_value(value: object) -> object:
    members = _members(value)
    if members is None:
        raise InvalidRequest(
            f"the data holds a {type(value).__name__}, which JSON does not have; give WarmkeyProvider a "
            "json_serializer and a json_deserializer for it, or encrypt it as a field"
        )
    return members


# As Data Masking writes it, and dataclasses and models that it has not replaced.
to_json = partial(json.dumps, ensure_ascii=False, default=_json_value)

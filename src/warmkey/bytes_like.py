"""What counts as bytes: everything with a buffer of bytes or numbers, and what boto3's DynamoDB resource gives.

Loaded only for arguments that are not ``bytes`` already.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TypeAlias

    from _typeshed import ReadableBuffer

    BytesLike: TypeAlias = ReadableBuffer

__all__ = ["binary_value", "bytes_of"]

# Struct codes of Python objects and pointers: their bytes are addresses of this process.
_ADDRESSES = frozenset("OPXZz&")
_FIELD_NAME = re.compile(":[^:]*:")


def binary_value(value: object) -> bytes | None:
    """Return the bytes of boto3's ``Binary``, which its DynamoDB resource gives for bytes, or ``None``."""
    types = sys.modules.get("boto3.dynamodb.types")  # without it, nobody has made one
    if types is not None and isinstance(value, types.Binary):
        return bytes(value.value)
    return None


def bytes_of(value: Any) -> bytes | memoryview | None:  # noqa: ANN401 - whatever a caller gives
    """Return the bytes that *value* holds, in its own memory where possible, or ``None`` if it holds none.

    An array counts with the bytes of all its items. One of Python objects or pointers holds addresses, not bytes.
    """
    binary = binary_value(value)
    if binary is not None:
        return binary
    try:
        view = memoryview(value)
    except (TypeError, ValueError, BufferError):
        return None
    if _ADDRESSES.intersection(_FIELD_NAME.sub("", view.format)):
        return None
    try:
        return view.cast("B")
    except TypeError:  # not contiguous, or of a format that only its maker knows
        return view.tobytes()

"""The inner format of a durable checkpoint, version 1.

A message of kind ``checkpoint`` holds the byte 1, two lengths in two bytes each (big-endian), the operation ID and the
durable execution ARN, which have these lengths, and the serialized value; all text in UTF-8. A checkpoint that is bound
to nothing has two lengths of 0.

The place is inside the message and not in its encryption context, so all checkpoints of a tenant share a data key, and
one that was moved to another operation or execution is refused.
"""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import NamedTuple

from warmkey.exceptions import InvalidRequest, MalformedMessage, PolicyRefused
from warmkey.sealed.text import utf_8
from warmkey.validation import kind_of

__all__ = ["Place", "read", "write"]

_START = struct.Struct(">BHH")
_VERSION = 1
_LONGEST = 2**16 - 1


class Place(NamedTuple):
    """Where a checkpoint belongs, as the durable execution SDK names it."""

    operation_id: str
    execution_arn: str


def write(data: str, place: Place | None) -> bytes:
    """Return the plaintext of a checkpoint.

    :param place: what it is bound to, or ``None``
    :raises InvalidRequest: a part of the place is missing or too long, or text has what UTF-8 can't encode
    """
    operation_id, arn = (b"", b"") if place is None else _encoded(place)
    return b"".join(
        (_START.pack(_VERSION, len(operation_id), len(arn)), operation_id, arn, utf_8(data, what="the value"))
    )


def read(plaintext: bytes, place: Place | None) -> str:
    """Return the serialized value.

    :param place: what it has to be bound to; ``None``: to nothing
    :raises InvalidRequest: a part of *place* is missing or too long
    :raises MalformedMessage: *plaintext* is not that of a checkpoint
    :raises PolicyRefused: it is bound to something else
    """
    expected = (b"", b"") if place is None else _encoded(place)
    operation_id, arn, data = _parts(plaintext)
    if not operation_id and place is not None:
        raise PolicyRefused("the checkpoint is bound to nothing; whoever wrote it has bind=False")
    if operation_id and place is None:
        raise PolicyRefused("the checkpoint is bound to an operation, and bind=False reads only what is bound to none")
    if arn != expected[1]:
        raise PolicyRefused("the checkpoint is of another durable execution")
    if operation_id != expected[0]:
        raise PolicyRefused("the checkpoint is of another operation of this durable execution")
    with suppress(UnicodeDecodeError):  # it holds the value
        return data.decode()
    raise _malformed()


def _encoded(place: Place) -> tuple[bytes, bytes]:
    return _encoded_part("operation ID", place.operation_id), _encoded_part(
        "durable execution ARN", place.execution_arn
    )


def _encoded_part(what: str, text: object) -> bytes:
    if not isinstance(text, str) or not text:
        raise InvalidRequest(f"the {what} to bind to must be a str that is not empty, not {kind_of(text)}")
    encoded = utf_8(text, what=f"the {what}")
    if len(encoded) > _LONGEST:
        raise InvalidRequest(f"the {what} to bind to must have no more than {_LONGEST} bytes, not {len(encoded)}")
    return encoded


def _parts(plaintext: bytes) -> tuple[bytes, bytes, bytes]:
    if len(plaintext) < _START.size:
        raise _malformed()
    version, first, second = _START.unpack_from(plaintext)
    data_at = _START.size + first + second
    if version != _VERSION or data_at > len(plaintext) or bool(first) != bool(second):
        raise _malformed()
    arn_at = _START.size + first
    return plaintext[_START.size : arn_at], plaintext[arn_at:data_at], plaintext[data_at:]


def _malformed() -> MalformedMessage:
    return MalformedMessage("is not a checkpoint of version 1, as EncryptedSerDes writes it", where="checkpoint")

"""Encryption context and encrypted data keys: the part of a header that all messages of one data key share.

It is the long and nested part, so what it parsed to is remembered by its bytes: a container decrypts many messages of
few data keys, and parsing takes as long as all of a short message's cryptography (9 µs; remembered 1.5).

Source: data-format/message-header.md#aad, #encrypted-data-keys
"""

from __future__ import annotations

import struct
from functools import lru_cache
from typing import TYPE_CHECKING

from warmkey.data_format.encrypted_data_keys import read_encrypted_data_keys
from warmkey.data_format.encryption_context import read_aad
from warmkey.data_format.reader import Reader
from warmkey.exceptions import MalformedMessage

if TYPE_CHECKING:
    from warmkey.structures import EncryptedDataKey, EncryptionContext

__all__ = ["forget_parsed", "read_shared_section"]

_uint16 = struct.Struct(">H").unpack_from
# Longer sections are parsed each time, so that what is remembered stays below a megabyte.
_LONGEST_REMEMBERED = 4096
_REMEMBERED = 256


def read_shared_section(
    reader: Reader, *, maximum_keys: int | None
) -> tuple[EncryptionContext, tuple[EncryptedDataKey, ...]]:
    """Parse the section at the front of *reader*.

    :raises MalformedMessage: the bytes are not that
    :raises PolicyRefused: more encrypted data keys than *maximum_keys*, before the first of them is read
    """
    start = reader.offset
    stop, count = _measure(reader.data, start)
    if stop - start <= _LONGEST_REMEMBERED and (maximum_keys is None or count <= maximum_keys):
        try:
            parsed = _parse(bytes(reader.data[start:stop]))
        except MalformedMessage:
            pass  # parse again where errors know their offset in the message
        else:
            reader.offset = stop
            return parsed
    return read_aad(reader), read_encrypted_data_keys(reader, maximum=maximum_keys)


def _measure(data: bytes | memoryview, start: int) -> tuple[int, int]:
    """Where the section that starts at *start* claims to end, and how many keys it claims to have.

    Judges nothing: a claim that makes no sense gives a section that does not parse.
    """
    try:
        position = start + 2 + _uint16(data, start)[0]
        count: int = _uint16(data, position)[0]
        position += 2
        for _ in range(3 * count):
            position += 2 + _uint16(data, position)[0]
            if position - start > _LONGEST_REMEMBERED:
                break
    except struct.error:  # past the end
        return start, 0
    return position, count


@lru_cache(_REMEMBERED)
def _parse(section: bytes) -> tuple[EncryptionContext, tuple[EncryptedDataKey, ...]]:
    reader = Reader(section)
    parsed = read_aad(reader), read_encrypted_data_keys(reader, maximum=None)
    if reader.left:
        raise reader.malformed("bytes left over", "encrypted data keys")
    return parsed


def forget_parsed() -> None:
    """Drop what is remembered."""
    _parse.cache_clear()

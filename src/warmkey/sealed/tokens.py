"""The inner format of a token, version 1.

A message of kind ``token`` holds the byte 1, the expiry in eight bytes (seconds since the epoch, big-endian; all ones
for a token that does not expire), and the data.
"""

from __future__ import annotations

import math
import struct
import sys
from typing import TYPE_CHECKING

from warmkey.bytes_like import bytes_of
from warmkey.exceptions import InvalidRequest, MalformedMessage, TokenExpired
from warmkey.sealed.text import utf_8
from warmkey.validation import shown

if TYPE_CHECKING:
    from warmkey.clock import Instant

__all__ = ["read", "write"]

_START = struct.Struct(">BQ")
_VERSION = 1
_NEVER = 2**64 - 1


def write(data: object, *, expires_in: object, now: Instant) -> bytes:
    """Return the plaintext of a token.

    :param expires_in: seconds from *now*, or ``None``
    :raises InvalidRequest: an argument can't be used
    """
    return _START.pack(_VERSION, _expiry(expires_in, now)) + _data(data)


def read(plaintext: bytes, *, now: Instant) -> bytes:
    """Return the data.

    :raises MalformedMessage: *plaintext* is not that of a token
    :raises TokenExpired: *now* is at or past its expiry
    """
    if len(plaintext) < _START.size or plaintext[0] != _VERSION:
        raise MalformedMessage("is not a token of version 1, as seal_token writes it", where="token")
    _, expiry = _START.unpack_from(plaintext)
    # By the wall clock: the token may come from another container, whose monotonic clock is another one.
    if expiry != _NEVER and now.wall >= expiry:
        raise TokenExpired("the token has expired; have a new one made")
    return plaintext[_START.size :]


def _expiry(expires_in: object, now: Instant) -> int:
    """Return the whole second: rounded down, so that nobody can use the token longer than asked, but not to *now*."""
    if expires_in is None:
        return _NEVER
    if not isinstance(expires_in, (int, float)) or isinstance(expires_in, bool):
        raise InvalidRequest(f"expires_in must be a number of seconds, or None, not {type(expires_in).__name__}")
    if not 0 < expires_in <= sys.float_info.max:
        raise InvalidRequest(
            f"expires_in must be a finite number of seconds greater than 0, or None, not {shown(expires_in)}"
        )
    expiry = max(math.floor(now.wall + expires_in), math.floor(now.wall) + 1)
    if not 0 <= expiry < _NEVER:
        raise InvalidRequest("expires_in leads to a time that eight bytes can't hold")
    return expiry


def _data(data: object) -> bytes:
    if isinstance(data, str):
        return utf_8(data, what="the data")
    found = bytes_of(data)
    if found is None:
        raise InvalidRequest(f"the data must be bytes or str, not {type(data).__name__}")
    return bytes(found)

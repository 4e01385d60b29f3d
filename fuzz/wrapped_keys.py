"""Data keys wrapped under branch keys: changed by code that knows salt, IV, version and tag; unwrapped without warmkey.

Who has read branch keys can wrap any data key under each version that they have, for any context, with any salt and IV.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag

from fuzz.message_mutation import Part, authenticated, changed_message_under, joined, mended, parts_of
from fuzz.mutation import changed_bytes
from tests.vectors.branch_key_forge import (
    PROVIDER,
    VERSIONS,
    Version,
    ciphertext_of,
    wrapped_under,
    wrapping_aad,
    wrapping_cipher,
)
from tests.vectors.forge import Forgery, serialized_pairs, sized

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from random import Random

__all__ = ["changed", "unwrapper"]

_CIPHERTEXT = re.compile(r"encrypted data key \d+ ciphertext")
_KEY = re.compile(r"encrypted data key \d+ ")
_ENDS = (0, 16, 28, 44)
_TAG_LENGTH = 16
_LENGTHS = (0, 1, 15, 16, 17, 24, 31, 32, 33, 64)


def unwrapper(branch_key_id: str) -> Callable[[Sequence[bytes], bytes], bytes]:
    """Return what unwraps a data key under the versions of one branch key."""
    versions = {each.version.bytes: each for each in VERSIONS if each.branch_key_id == branch_key_id}

    def unwrap(key: Sequence[bytes], context: bytes) -> bytes:
        provider, info, ciphertext = key
        salt, iv, version, wrapped = _pieces(ciphertext)
        if provider != PROVIDER or info != branch_key_id.encode() or len(wrapped) < _TAG_LENGTH:
            raise LookupError("another wrapping key")
        aad = wrapping_aad(branch_key_id, version, context)
        return wrapping_cipher(versions[version].key, salt).decrypt(iv, wrapped, aad)

    return unwrap


def changed(data: bytes, source: Random, others: Sequence[bytes]) -> bytes:
    """Return *data* after a few changes to its wrapped keys, or to anything else of the message."""
    parts = parts_of(data)
    places = [place for place, part in enumerate(parts) if _CIPHERTEXT.fullmatch(part.name)]
    if not places or not source.randrange(3):
        return changed_message_under(_wrapper(source), data, source, others)
    place = source.choice(places)
    if source.randrange(4):
        parts[place] = parts[place]._replace(data=_changed_key(parts, place, source, others))
    else:
        parts = _changed_row(parts, place, source)
    message = joined(mended(parts) if source.randrange(4) else parts)
    if source.randrange(2):
        entry = b"".join(part.data for part in parts_of(message) if part.name.startswith("encrypted data key 0 "))
        with suppress(LookupError, ValueError, OverflowError, InvalidTag):  # nothing that has tags any more
            return authenticated(message, lambda *_: entry)
    return message


def _wrapper(source: Random) -> Callable[[bytes, bytes], bytes]:
    """Return what wraps under the branch key that a context names, if it names one."""
    iv = source.randbytes(12)

    def wrap(data_key: bytes, context: bytes) -> bytes:
        named = [each for each in VERSIONS if each.branch_key_id.encode() in context]
        return wrapped_under(source.choice(named or VERSIONS), data_key, context, iv=iv)

    return wrap


def _pieces(ciphertext: bytes) -> list[bytes]:
    return [ciphertext[start:stop] for start, stop in zip(_ENDS, (*_ENDS[1:], len(ciphertext)), strict=True)]


def _changed_key(parts: Sequence[Part], place: int, source: Random, others: Sequence[bytes]) -> bytes:
    """Return the ciphertext at *place* after one change to one of its pieces, or another in its stead."""
    pieces = _pieces(parts[place].data)
    at = source.randrange(len(pieces))
    match source.randrange(6):
        case 0:
            pieces[at] = changed_bytes(pieces[at], source)
        case 1:
            theirs = [part.data for part in parts_of(source.choice(others)) if _CIPHERTEXT.fullmatch(part.name)]
            pieces[at] = _pieces(source.choice(theirs or [b""]))[at]
        case 2:
            pieces[at] = ((pieces[at] or b"x") * 64)[: source.choice(_LENGTHS)]
        case 3:
            pieces[2] = source.choice(VERSIONS).version.bytes
        case _:
            return _wrapped_anew(parts, source)
    return b"".join(pieces)


def _wrapped_anew(parts: Sequence[Part], source: Random) -> bytes:
    """Return the data key, or another of any length, wrapped under any version, for this context or another."""
    found = {part.name: part.data for part in parts}
    with suppress(LookupError):
        suite_id = int.from_bytes(found["algorithm suite ID"], "big")
        data_key: bytes = Forgery(suite_id=suite_id, with_public_key=False).secrets[0]
        if not source.randrange(4):
            data_key = bytes(source.choice(_LENGTHS))
        pairs = [(found[f"pair {number} key"], found[f"pair {number} value"]) for number in range(_pair_count(found))]
        context = serialized_pairs(sorted(pairs)) if source.randrange(4) else b""
        under: Version = source.choice(VERSIONS)
        return ciphertext_of(data_key, context, under, salt=source.randbytes(16), iv=source.randbytes(12))
    return b""


def _pair_count(found: dict[str, bytes]) -> int:
    return int.from_bytes(found.get("pair count", b""), "big")


def _changed_row(parts: list[Part], place: int, source: Random) -> list[Part]:
    """Put another name to the key at *place*, or others that look like it in front."""
    group = _KEY.match(parts[place].name)
    members = [at for at, part in enumerate(parts) if group and part.name.startswith(group[0])]
    first = members[0]
    if source.randrange(2):
        name = source.choice((b"tenant-a", b"tenant-b", b"", b"tenant-a\0", "клиент".encode(), b"\xff", b"x" * 3_000))
        named = {f"{group[0]}provider information": name} if group else {}
        return [part._replace(data=named.get(part.name, part.data)) for part in parts]
    ciphertext = parts[place].data
    more = b"".join(
        sized(PROVIDER) + sized(b"tenant-a") + sized(ciphertext[:28] + source.randbytes(16) + ciphertext[44:])
        for _ in range(source.choice((1, 2, 40)))
    )
    # Their count is made right where that of the fields is: the first field of a group counts for a group.
    return parts_of(joined([*parts[:first], Part("more", more), *parts[first:]]))

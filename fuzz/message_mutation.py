"""Changes to messages that know the format, and what two adversaries can do about the tags afterwards.

Who has no data key puts authentic parts together and changes bytes. Who has written messages of their own has the data
keys of those, and makes tags and signature right for whatever a message says.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from cryptography.exceptions import InvalidTag

from fuzz.mutation import changed_bytes
from tests.properties.damage import fields_of
from tests.vectors.forge import Forgery, serialized_pairs, wrapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from random import Random
    from typing import TypeAlias

    Wrap: TypeAlias = Callable[[bytes, bytes], bytes]
    """Gives the encrypted data key of a data key and a serialized context."""

__all__ = ["Part", "authenticated", "changed_message", "changed_message_under", "joined", "mended", "parts_of"]

_GROUP = re.compile(r"(?:pair|encrypted data key|frame) \d+")
_CONTENT = re.compile(r"(?:frame \d+|body) content")
_FRAME_NUMBER = re.compile(r"frame \d+ number")
_AFTER_THE_BODY = ("signature length", "signature", "rest")


class Part(NamedTuple):
    """A field of a message, or of what was one."""

    name: str
    data: bytes


def parts_of(message: bytes) -> list[Part]:
    """Return the fields of *message*, whatever it is; joined, they are the message again."""
    return [Part(field.name, message[field.start : field.stop]) for field in fields_of(message)]


def changed_message(data: bytes, source: Random, others: Sequence[bytes]) -> bytes:
    """Return *data* after a few changes. Then its lengths may be made right, and after that its tags."""
    return changed_message_under(wrapped, data, source, others)


def changed_message_under(wrap: Wrap, data: bytes, source: Random, others: Sequence[bytes]) -> bytes:
    """Do as :func:`changed_message`, for who wraps data keys with *wrap*."""
    parts = parts_of(data)
    for _ in range(source.randint(1, 3)):
        parts = _changed(parts, source, parts_of(source.choice(others))) or parts
    if source.randrange(3):
        parts = mended(parts)
    message = joined(parts)
    if source.randrange(2):
        with suppress(LookupError, ValueError, OverflowError, InvalidTag):  # nothing that has tags any more
            return authenticated(message, wrap)
    return message


def joined(parts: Iterable[Part]) -> bytes:
    """Return the message that *parts* are."""
    return b"".join(part.data for part in parts)


def _changed(parts: list[Part], source: Random, other: list[Part]) -> list[Part]:
    """Do one thing to one field, or to one pair, encrypted data key or frame."""
    at = source.randrange(len(parts)) if parts else 0
    start, stop = _run(parts, at) if source.randrange(2) else (at, at + 1)
    before, run, after = parts[:start], parts[start:stop], parts[stop:]
    match source.randrange(8):
        case 0:
            run = []
        case 1:
            run = run * 2
        case 2:
            to = source.randint(0, len(after))
            run, after = [], [*after[:to], *run, *after[to:]]
        case 3:
            theirs = {part.name: part for part in other}
            run = [theirs.get(part.name, part) for part in run]
        case 4:
            names = [part.name for part in other]
            run, after = [], other[names.index(run[0].name) if run and run[0].name in names else 0 :]
        case 5:
            length = source.choice((0, 1, 15, 16, 17, 64))
            run = [part._replace(data=((part.data or b"x") * 64)[:length]) for part in run]
        case _:
            run = [part._replace(data=changed_bytes(part.data, source)) for part in run]
    return [*before, *run, *after]


def _run(parts: Sequence[Part], at: int) -> tuple[int, int]:
    """Return where the group of fields begins and ends that the field at *at* belongs to."""
    found = _GROUP.match(parts[at].name) if parts else None
    if found is None:
        return at, at + 1
    members = [place for place, part in enumerate(parts) if part.name.startswith(f"{found[0]} ")]
    return members[0], members[-1] + 1


def mended(parts: Sequence[Part]) -> list[Part]:
    """Return *parts* with counts, lengths and sequence numbers what the other fields say."""
    lengths = {part.name: len(part.data) for part in parts}
    pairs, keys = _groups(parts, "pair"), _groups(parts, "encrypted data key")
    lengths["context"] = sum(len(part.data) for part in parts if part.name.startswith("pair ")) if pairs else 0
    number, found = 0, []
    for name, data in parts:
        value: int | None = None
        if name.endswith(" length") and name.removesuffix(" length") in lengths:
            value = lengths[name.removesuffix(" length")]
        elif name == "final content length":
            value = lengths.get(f"frame {number} content", 0)
        elif name in ("pair count", "key count"):
            value = pairs if name == "pair count" else keys
        elif _FRAME_NUMBER.fullmatch(name):
            value = number = number + 1
        width = len(data)
        found.append(Part(name, data if value is None else (value % 256**width).to_bytes(width, "big")))
    return found


def _groups(parts: Sequence[Part], kind: str) -> int:
    return sum(part.name.startswith(f"{kind} ") and part.name.endswith((" key", " ciphertext")) for part in parts)


# --- with the data key


def authenticated(message: bytes, wrap: Wrap = wrapped) -> bytes:
    """Return *message* with an encrypted data key, commit key, tags and signature that fit what it says.

    What it has as ciphertext becomes the plaintext.

    :raises LookupError: a field is missing that the others hang on
    :raises ValueError: a field has a length that none has
    """
    parts = parts_of(message)
    author = _Author(parts, wrap)
    signed = b"".join(author.written(part) for part in parts if part.name not in _AFTER_THE_BODY)
    rest = next((part.data for part in parts if part.name == "rest"), b"")
    return signed + author.forgery.footer(signed) + rest


class _Author:
    """Writes the fields of a message in their order, those that need a key anew."""

    def __init__(self, parts: Sequence[Part], wrap: Wrap) -> None:
        found = {part.name: part.data for part in parts}
        pairs = [
            (found[f"pair {number} key"], found[f"pair {number} value"]) for number in range(_groups(parts, "pair"))
        ]
        self.forgery = Forgery(
            suite_id=int.from_bytes(found["algorithm suite ID"], "big"),
            message_id=found["message ID"],
            with_public_key=False,
        )
        data_key, self._commit_key, self._cipher = self.forgery.secrets
        self._entry = wrap(data_key, serialized_pairs(sorted(pairs)))
        self._header = b""
        self._number, self._iv, self._kind, self._tag = 1, bytes(12), b"Single Block", b""

    def written(self, part: Part) -> bytes:
        """Return what is to be written in the place of a field."""
        name, data = part
        if name == "commit key":
            data = self._commit_key
        elif name.startswith("encrypted data key 0 "):
            data, self._entry = self._entry, b""
        elif name == "header tag":
            data = self._cipher.encrypt(self._iv, b"", self._header)
        elif _CONTENT.fullmatch(name):
            sealed = self.forgery.block(data, self._number, self._kind, iv=self._iv)[1]
            data, self._tag = sealed[:-16], sealed[-16:]
        elif name.endswith(" tag"):
            data = self._tag
        self._note(name, data)
        return data

    def _note(self, name: str, data: bytes) -> None:
        if name.endswith(" IV"):
            self._iv = data
        elif name == "sequence number end":
            self._kind = b"Final Frame"
        elif _FRAME_NUMBER.fullmatch(name):
            self._number = int.from_bytes(data, "big")
            self._kind = self._kind if self._kind == b"Final Frame" else b"Frame"
        else:
            self._header += data

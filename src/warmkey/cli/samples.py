"""Read messages that somebody gives as examples: a message as it is, or one per line as text or in a JSON record."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING

from warmkey.cli.files import opened
from warmkey.cli.message_walk import examine
from warmkey.doctor.subject import Sample
from warmkey.exceptions import MalformedMessage
from warmkey.sealed.text import decoded, from_base64

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["read_samples"]

# Version and what follows: the type of version 1 messages, the first byte of the suite in version 2.
_BINARY = (b"\x01\x80", b"\x02\x00", b"\x02\x01", b"\x02\x02", b"\x02\x03", b"\x02\x04", b"\x02\x05")
# The same as base64.
_TEXT = ("AYA", "AgA", "AgE", "AgI", "AgM", "AgQ", "AgR", "AgU", "AgV")
_URL_SAFE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")
_MOST_BYTES = 64 * 2**20


def read_samples(name: str) -> Iterator[Sample]:
    """Give the messages of the file *name*; up to 64 MiB of it are read.

    :raises OSError: it can't be read
    """
    with opened(name) as file:
        content = file.read(_MOST_BYTES)
    if content.startswith(_BINARY) or b"\0" in content:
        yield _of_message(name, content)
        return
    lines = [line.strip() for line in content.decode("utf-8", "replace").splitlines()]
    found = [(number, text) for number, line in enumerate(lines, 1) if line for text in _texts_of(line)]
    for number, text in found:
        yield _of_text(f"{name}, line {number}" if len(lines) > 1 else name, text)
    if not found:
        yield Sample(name=name, code="message-damaged", problem="it has no message")


def _texts_of(line: str) -> list[str]:
    """Return the line, or the texts in a JSON record that begin as messages do."""
    if not line.startswith(("{", "[", '"')):
        return [line]
    try:
        return [text for text in _strings(json.loads(line)) if text.startswith(_TEXT)]
    except (ValueError, RecursionError):
        return [line]


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _of_text(name: str, text: str) -> Sample:
    try:
        return _of_message(name, _decoded(text))
    except MalformedMessage as error:
        return Sample(name=name, code="base64-truncated", problem=str(error))


def _decoded(text: str) -> bytes:
    """Return the message of standard base64, or of the unpadded base64url of tokens."""
    try:
        return from_base64(text, where="text", writer="encrypt_text")
    except MalformedMessage:
        # Without padding, a token looks like text that was cut off, unless it has - or _ or is whole as it is.
        if not _URL_SAFE.issuperset(text) or _is_broken_token(text):
            raise
    return decoded(text)


def _is_broken_token(text: str) -> bool:
    message = decoded(text)
    return not message or examine(BytesIO(message)).problem is not None


def _of_message(name: str, message: bytes) -> Sample:
    found = examine(BytesIO(message))
    if found.problem is not None:
        return Sample(name=name, header=found.header, code="message-damaged", problem=str(found.problem))
    return Sample(name=name, header=found.header)

"""How an attribute holds a message: as bytes, or as one of the base64 texts that programs write."""

from __future__ import annotations

import base64
from typing import NamedTuple

from warmkey.data_format.message_header import read_header
from warmkey.exceptions import MalformedMessage, WarmkeyError
from warmkey.sealed.text import decoded
from warmkey.structures import KIND_KEY

__all__ = ["Form", "read_text"]


class Form(NamedTuple):
    """One way to write a message as text."""

    url_safe: bool
    padded: bool

    def write(self, message: bytes) -> str:
        """Return *message* in this form."""
        text = (base64.urlsafe_b64encode if self.url_safe else base64.b64encode)(message).decode()
        return text if self.padded else text.rstrip("=")


def read_text(text: str) -> tuple[bytes, Form]:
    """Return the message that *text* is, and its form, so that the new one gets the same.

    Text that could be of several forms gets the one of warmkey's functions for its kind of message.

    :raises MalformedMessage: it is not the base64 of anything, or more than one text would stand for the same bytes
    """
    message = decoded(text)
    form = _form_of(text, message)
    if not message or form.write(message) != text:
        raise MalformedMessage("is not the base64 of a message", where="text")
    return message, form


def _form_of(text: str, message: bytes) -> Form:
    if any(character in text for character in "-_"):
        url_safe = True
    elif any(character in text for character in "+/"):
        url_safe = False
    else:
        url_safe = _is_of_a_kind(message)
    if len(text) % 4 or text.endswith("="):
        return Form(url_safe=url_safe, padded=not len(text) % 4)
    return Form(url_safe=url_safe, padded=not url_safe)


def _is_of_a_kind(message: bytes) -> bool:
    try:
        return KIND_KEY in read_header(message).encryption_context
    except WarmkeyError:
        return False

"""Messages as text: base64url without padding, and standard base64; each message has one text of either kind.

What decodes to the same bytes and is not that one text is refused, and the error says what probably happened to it.
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode, urlsafe_b64encode
from string import ascii_letters, digits

from warmkey.exceptions import InvalidRequest, MalformedMessage, WarmkeyError

__all__ = ["decoded", "from_base64", "from_base64url", "to_base64", "to_base64url", "utf_8"]

_ONLY_STANDARD = frozenset("+/=")
_ONLY_URL_SAFE = frozenset("-_")
# By the kind of a message: what writes its text, and what an error says of it elsewhere.
_WRITERS = {
    "": ("encrypt_text", "Data Masking"),
    "token": ("seal_token",),
    "record": ("seal_record", "a stream event"),
    "checkpoint": ("EncryptedSerDes",),
}
_OPENERS = {
    "": "this is a plain message, as encrypt_text gives it; use decrypt_text",
    "token": "this is a token; use open_token",
    "record": "this is the message of a sealed record; use unseal_record",
    "checkpoint": "this is a durable checkpoint; use warmkey.durable.EncryptedSerDes",
}
_URL_ENCODED = frozenset(f"{ascii_letters}{digits}+/=-_%")


def to_base64url(message: bytes) -> str:
    """Return *message* as text for URLs, cookies and JSON."""
    return urlsafe_b64encode(message).rstrip(b"=").decode()


def to_base64(message: bytes) -> str:
    """Return *message* as standard base64."""
    return b64encode(message).decode()


def from_base64url(text: str, *, where: str, writer: str) -> bytes:
    """Return the message that *text* is, without padding and with no spare bit set.

    :param where: what *text* is, for errors
    :param writer: the function that writes such text, for errors
    :raises MalformedMessage: it is anything else, and why
    """
    message = _decoded(text + "=" * (-len(text) % 4), altchars=b"-_")
    if not message or to_base64url(message) != text:
        raise MalformedMessage(
            f"is not the unpadded base64url that {writer} gives{_hint(text, _ONLY_STANDARD, writer)}", where=where
        )
    return message


def from_base64(text: str, *, where: str, writer: str) -> bytes:
    """Return the message that *text* is, in standard base64 with padding and with no spare bit set.

    :param where: what *text* is, for errors
    :param writer: what writes such text, for errors
    :raises MalformedMessage: it is anything else, and why
    """
    message = _decoded(text, altchars=None)
    if not message or to_base64(message) != text:
        raise MalformedMessage(
            f"is not the base64 that {writer} gives{_hint(text, _ONLY_URL_SAFE, writer)}", where=where
        )
    return message


def utf_8(text: str, *, what: str) -> bytes:
    """Return the bytes of *text*.

    :raises InvalidRequest: it holds what UTF-8 can't encode
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        problem = f"{what} holds a lone surrogate, which UTF-8 can't encode"
    raise InvalidRequest(problem)  # not above: the codec's error holds the text


def _decoded(text: str, *, altchars: bytes | None) -> bytes:
    try:
        return b64decode(text, altchars=altchars, validate=True)
    except (binascii.Error, ValueError):
        return b""


def decoded(text: str) -> bytes:
    """Return the bytes of base64 in either alphabet, with padding or without; empty if *text* is something else."""
    standard = text.replace("-", "+").replace("_", "/").rstrip("=")
    return _decoded(standard + "=" * (-len(standard) % 4), altchars=None)


def _other_message(text: str, writer: str) -> str | None:
    """Say what takes *text*, where it is a whole message that *writer* did not write, or return ``None``."""
    from warmkey.data_format.message_header import read_header  # noqa: PLC0415 - for failures only
    from warmkey.structures import KIND_KEY  # noqa: PLC0415 - as above

    try:
        header = read_header(decoded(text))
    except WarmkeyError:
        return None
    kind = header.encryption_context.get(KIND_KEY, "")
    return None if writer in _WRITERS.get(kind, ()) else _OPENERS.get(kind)


def _hint(text: str, of_the_other: frozenset[str], writer: str) -> str:
    """Return what probably happened to *text* on its way, of which nothing is shown."""
    from warmkey.data_format.foreign_bytes import what_else_this_text_is  # noqa: PLC0415 - for failures only

    foreign = what_else_this_text_is(text)
    other = "standard base64" if of_the_other is _ONLY_STANDARD else "URL-safe base64"
    message = _other_message(text, writer)
    causes = {
        "it is empty": not text,
        message: message is not None,
        "it is still URL-encoded: unquote it first": "%" in text and _URL_ENCODED.issuperset(text),
        foreign: foreign is not None,
        "it begins or ends with white space, for example a newline: remove it": text != text.strip(),
        "it holds a space, which is what a URL or a form makes of +: quote the text, or use base64url": " " in text,
        f"it is {other}, or was changed into it on its way": not of_the_other.isdisjoint(text),
        "its length is not a multiple of 4, so its end or its padding is missing": (
            len(text) % 4 and of_the_other is _ONLY_URL_SAFE
        ),
    }
    return next((f"; {cause}" for cause, is_so in causes.items() if is_so), "")

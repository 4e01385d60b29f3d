"""Recognize what is not a message at all: items that were stored before encryption, and other ciphertexts.

Loaded when a header can't be read. A damaged message and a plain text take different remedies, so the error says which
one it is, as far as the first bytes tell.
"""

from __future__ import annotations

import base64
import codecs
import re

__all__ = ["NOT_A_MESSAGE", "what_else_it_is", "what_else_this_text_is"]

NOT_A_MESSAGE = "this is not an AWS Encryption SDK message"

_LONGEST_LOOK = 256
# How the ciphertext blobs of symmetric KMS keys begin, and what that is in base64.
_KMS_BLOB = b"\x01\x02\x02\x00"
_KMS_BLOB_BASE64 = base64.b64encode(_KMS_BLOB)[:5]
# Of either alphabet, wrapped or not.
_BASE64 = re.compile(r"[A-Za-z0-9+/_=\s-]*")
_JSON_STARTS = (b"{", b"[", b'"')


def what_else_it_is(data: bytes | memoryview) -> str | None:
    """Say that *data* is not a message and what it looks like, or return ``None`` where it may be a damaged one."""
    start = bytes(data[:_LONGEST_LOOK])
    kind = _kind(start)
    return None if kind is None else f"{NOT_A_MESSAGE}; it looks like {kind}"


def what_else_this_text_is(text: str) -> str | None:
    """Say the same of *text* that is not the base64 of a message, or return ``None`` where it may be damaged base64."""
    start = text[:_LONGEST_LOOK]
    return None if _BASE64.fullmatch(start) else what_else_it_is(start.encode(errors="replace"))


def _kind(start: bytes) -> str | None:
    if start.startswith(_KMS_BLOB):
        return "what the KMS operation Encrypt returns"
    if not _is_text(start):
        return None
    if start.startswith(_KMS_BLOB_BASE64):
        return "the base64 of what the KMS operation Encrypt returns"
    return "JSON" if start.lstrip().startswith(_JSON_STARTS) else "plain text"


def _is_text(start: bytes) -> bool:
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(start)  # its end may be cut
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character.isspace() for character in text)

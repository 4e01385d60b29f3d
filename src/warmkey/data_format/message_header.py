"""Read and write message headers, versions 1.0 and 2.0.

Source: data-format/message-header.md
"""

from __future__ import annotations

import base64
import struct
from contextlib import suppress
from dataclasses import field
from enum import IntEnum
from typing import TYPE_CHECKING

from warmkey.algorithm_suites import IV_LENGTH, TAG_LENGTH, AlgorithmSuite
from warmkey.choices import Choice
from warmkey.data_format.encrypted_data_keys import read_encrypted_data_keys, serialize_keys
from warmkey.data_format.encryption_context import read_aad, serialize_aad
from warmkey.data_format.reader import Reader
from warmkey.exceptions import MalformedMessage
from warmkey.records import Value, value
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.structures import EncryptedDataKey, EncryptionContext

__all__ = [
    "BASE64_OF_A_MESSAGE",
    "COMMITTING_HEADER_END",
    "COMMITTING_HEADER_START",
    "HEADER_IV",
    "ContentType",
    "MessageHeader",
    "read_header",
    "serialize_header_parts",
]

# Source: data-format/message-header.md#supported-types
_TYPE = 0x80
_RESERVED = bytes(4)
# spec: client-apis/encrypt.md#construct-the-header 1632
HEADER_IV = bytes(IV_LENGTH)
# Version, suite and message ID, and the length of the encryption context; after context and encrypted data keys
# content type, frame length, commit key and tag.
COMMITTING_HEADER_START = struct.Struct(">3s32sH")
COMMITTING_HEADER_END = struct.Struct(f">BI32s{TAG_LENGTH}s")


BASE64_OF_A_MESSAGE = "this is the base64 text of a message"
# How a message begins: version 1.0 with its type, and version 2.0 with each of its suites.
_STARTS = (b"\x01\x80", b"\x02\x04\x78", b"\x02\x05\x78")


class ContentType(Choice, IntEnum):
    """Says how the body is laid out.

    Source: data-format/message-header.md#supported-content-types
    """

    NON_FRAMED = 1
    FRAMED = 2


_FRAMED = bytes((ContentType.FRAMED,))


# Not frozen: there is one per message, and freezing costs 0.9 µs of a message's 12.
@safe_repr
@value
class MessageHeader(Value):
    """Holds the fields of a message header, as they are in the message.

    ``encryption_context`` is the part that is stored in the message; ``algorithm_suite_data`` is the commit key of
    a committing suite and empty otherwise; ``iv`` is the header's own IV (all zeros in version 2.0, where it is not
    stored); lengths are in bytes. ``body_length`` is where the authenticated header body ends, ``length`` where the
    whole header does.
    """

    algorithm_suite: AlgorithmSuite
    message_id: bytes
    encryption_context: EncryptionContext = field(repr=False)
    encrypted_data_keys: tuple[EncryptedDataKey, ...] = field(repr=False)
    content_type: ContentType
    frame_length: int
    algorithm_suite_data: bytes
    iv: bytes
    authentication_tag: bytes
    body_length: int
    length: int

    def __init__(  # noqa: PLR0913, PLR0917 - the fields; by keyword it takes longer
        self,
        algorithm_suite: AlgorithmSuite,
        message_id: bytes,
        encryption_context: EncryptionContext,
        encrypted_data_keys: tuple[EncryptedDataKey, ...],
        content_type: ContentType,
        frame_length: int,
        algorithm_suite_data: bytes,
        iv: bytes,
        authentication_tag: bytes,
        body_length: int,
        length: int,
    ) -> None:
        self.algorithm_suite = algorithm_suite
        self.message_id = message_id
        self.encryption_context = encryption_context
        self.encrypted_data_keys = encrypted_data_keys
        self.content_type = content_type
        self.frame_length = frame_length
        self.algorithm_suite_data = algorithm_suite_data
        self.iv = iv
        self.authentication_tag = authentication_tag
        self.body_length = body_length
        self.length = length

    @property
    def version(self) -> int:
        """Return the message format version, 1 or 2."""
        return self.algorithm_suite.message_version


def serialize_header_parts(
    suite: AlgorithmSuite, context: EncryptionContext, keys: Sequence[EncryptedDataKey], *, frame_length: int
) -> tuple[bytes, bytes]:
    """Return what precedes the message ID in a header body, and what follows it up to the algorithm suite data.

    Both are the same for every framed message of one data key and frame length.
    """
    # spec: client-apis/encrypt.md#construct-the-header 5de4 60cf fc1c
    # spec: client-apis/encrypt.md#un-framed-message-body-encryption 96a2
    section = serialize_aad(context) + serialize_keys(keys) + _FRAMED
    length = frame_length.to_bytes(4, "big")
    # spec: framework/algorithm-suites.md#message-format-version 5729
    # spec: client-apis/encrypt.md#construct-the-header c0ee
    if suite.message_version == 1:
        # spec: client-apis/encrypt.md#construct-the-header 3d82 159f 5e66 07f3 ccde 4f34
        # spec: data-format/message-header.md#header-body-version-10 aec4
        return b"\x01\x80" + suite.id_bytes, section + _RESERVED + bytes((IV_LENGTH,)) + length
    # spec: client-apis/encrypt.md#construct-the-header e94b b05f 07f3 4f34
    # spec: data-format/message-header.md#header-body-version-20 1893
    return b"\x02" + suite.id_bytes, section + length


def read_header(data: bytes | memoryview, *, maximum_keys: int | None = None) -> MessageHeader:
    """Parse the header at the front of *data*. Nothing is verified here.

    :raises MalformedMessage: the bytes are not a header
    :raises PolicyRefused: more encrypted data keys than *maximum_keys*
    """
    reader = Reader(data)
    if not reader.left:
        raise MalformedMessage("is empty", offset=0, truncated=True)
    suite = _read_version_and_suite(reader)
    message_id = reader.take(suite.message_id_length, "message ID")
    context = read_aad(reader)
    keys = read_encrypted_data_keys(reader, maximum=maximum_keys)
    content_type = _read_content_type(reader)
    if suite.message_version == 1:
        # spec: data-format/message-header.md#reserved e4d9
        _expect(reader, _RESERVED, "reserved")
        # spec: data-format/message-header.md#iv-length acfb
        _expect(reader, bytes((IV_LENGTH,)), "IV length")
    frame_length = _read_frame_length(reader, content_type)
    # spec: data-format/message-header.md#algorithm-suite-data 930d
    suite_data = reader.take(suite.suite_data_length, "algorithm suite data")
    body_length = reader.offset
    iv = reader.take(IV_LENGTH, "header IV") if suite.message_version == 1 else HEADER_IV
    return MessageHeader(
        algorithm_suite=suite,
        message_id=message_id,
        encryption_context=context,
        encrypted_data_keys=keys,
        content_type=content_type,
        frame_length=frame_length,
        algorithm_suite_data=suite_data,
        iv=iv,
        authentication_tag=reader.take(TAG_LENGTH, "header authentication tag"),
        body_length=body_length,
        length=reader.offset,
    )


def _read_version_and_suite(reader: Reader) -> AlgorithmSuite:
    version = reader.uint(1, "version")
    # spec: data-format/message-header.md#version-1 1164
    if version not in (1, 2):
        raise reader.malformed(_why_not_a_version(reader, version), "version", 0)
    if version == 1:
        _expect_type(reader)
    suite_id = reader.uint(2, "algorithm suite ID")
    try:
        # spec: client-apis/decrypt.md#algorithm-suite 4d6f
        # spec: client-apis/decrypt.md#get-the-decryption-materials 8442
        # spec: data-format/message-header.md#algorithm-suite-id 790e 4d6f
        suite = AlgorithmSuite(suite_id)
    except ValueError:
        raise reader.malformed(f"0x{suite_id:04x} is unknown", "algorithm suite ID", reader.offset - 2) from None
    # spec: data-format/message-header.md#header-body-version-10 aec4
    # spec: data-format/message-header.md#header-body-version-20 1893
    if suite.message_version != version:
        problem = f"0x{suite_id:04x} does not belong in a message of version {version}"
        raise reader.malformed(problem, "algorithm suite ID", reader.offset - 2)
    return suite


def _expect_type(reader: Reader) -> None:
    actual = reader.uint(1, "type")
    # spec: data-format/message-header.md#type 5a48
    if actual != _TYPE:
        foreign = _else_it_is(reader.data)
        hint = f"; {foreign}" if foreign else ""
        raise reader.malformed(f"must be 0x{_TYPE:02x}, is 0x{actual:02x}{hint}", "type", reader.offset - 1)


def _why_not_a_version(reader: Reader, version: int) -> str:
    # spec: client-apis/decrypt.md#encrypted-message-format 35c5
    with suppress(ValueError):
        if base64.b64decode(reader.data[:4]).startswith(_STARTS):
            return f"{BASE64_OF_A_MESSAGE}; decode it first"
    return f"{version} is unknown; {_else_it_is(reader.data) or '1 and 2 are known'}"


def _else_it_is(data: bytes | memoryview) -> str | None:
    from warmkey.data_format.foreign_bytes import what_else_it_is  # noqa: PLC0415 - for failures only

    return what_else_it_is(data)


def _read_content_type(reader: Reader) -> ContentType:
    value = reader.uint(1, "content type")
    try:
        # spec: data-format/message-header.md#content-type ebdf
        return ContentType(value)
    except ValueError:
        raise reader.malformed(f"{value} is unknown", "content type", reader.offset - 1) from None


def _read_frame_length(reader: Reader, content_type: ContentType) -> int:
    frame_length = reader.uint(4, "frame length")
    # spec: data-format/message-header.md#frame-length a69a
    if (frame_length == 0) != (content_type is ContentType.NON_FRAMED):
        problem = f"{frame_length} is impossible with {content_type.name.lower().replace('_', '-')} content"
        raise reader.malformed(problem, "frame length", reader.offset - 4)
    return frame_length


def _expect(reader: Reader, expected: bytes, name: str) -> None:
    start = reader.offset
    actual = reader.take(len(expected), name)
    if actual != expected:
        raise reader.malformed(f"must be 0x{expected.hex()}, is 0x{actual.hex()}", name, start)

"""Read the headers of messages whose data key was seen before, without parsing them again.

A container decrypts many messages of few data keys, and those share the long and nested part of their headers:
encryption context and encrypted data keys. What it parsed to is remembered by its bytes, so that only the two fixed
parts around it are left to read: a tenth of the time (benchmark "shortcuts", row "header"). Parsing it anew takes
longer than all of a short message's cryptography. Every other header is parsed by
:mod:`warmkey.data_format.message_header`, which also finds out what is wrong with one that is damaged.

Source: data-format/message-header.md#header-body-version-20
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from warmkey.algorithm_suites import TAG_LENGTH, AlgorithmSuite
from warmkey.data_format.message_header import (
    COMMITTING_HEADER_END,
    COMMITTING_HEADER_START,
    HEADER_IV,
    ContentType,
    MessageHeader,
    read_header,
)
from warmkey.events import EvictionReason
from warmkey.memo import Memo
from warmkey.structures import EncryptionContext, VerifiedKeys

if TYPE_CHECKING:
    from typing import TypeAlias

    _Section: TypeAlias = tuple[bytes, int, EncryptionContext, VerifiedKeys]

__all__ = ["forget_headers", "read_cached_header", "remember_header"]

_SUITES = {b"\x02" + suite.id_bytes: suite for suite in AlgorithmSuite if suite.commits}
_START, _END = COMMITTING_HEADER_START, COMMITTING_HEADER_END
_START_LENGTH, _END_LENGTH = _START.size, _END.size
_SECTION_START = _START_LENGTH - 2
_FRAMED = ContentType.FRAMED
_uint16 = struct.Struct(">H").unpack_from

# A section that is longer in the message, or takes more memory once it is parsed, is not kept.
_LONGEST_SECTION = 4096
_MAX_SECTION_BYTES = 32_768
_MAX_SECTIONS = 256


class _Sections(Memo[bytes, "_Section"]):
    """Maps the serialized context and encrypted data keys to (bytes, end offset, parsed context, parsed keys).

    :ivar latest: the section that was found last. Messages of one data key often come one after the other, and trying
        that section first saves working out where the next message's keys end, and hashing them.
    """

    latest: _Section = b"none", 0, EncryptionContext.of(None), VerifiedKeys()

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Forget :attr:`latest` too."""
        super().reset(reason)
        self.latest = _Sections.latest


_sections = _Sections(max_items=_MAX_SECTIONS, max_item_bytes=_MAX_SECTION_BYTES)


def read_cached_header(data: bytes | memoryview, *, maximum_keys: int | None = None) -> MessageHeader:
    """Return or raise what :func:`warmkey.data_format.message_header.read_header` does, sooner where it can be.

    Nothing is remembered here, because nothing has been verified: see :func:`remember_header`.

    :raises MalformedMessage: the bytes are not a header
    :raises PolicyRefused: more encrypted data keys than *maximum_keys*
    """
    header = _recall(data if type(data) is bytes else _front(data), maximum_keys)
    return read_header(data, maximum_keys=maximum_keys) if header is None else header


def remember_header(data: bytes | memoryview, header: MessageHeader) -> None:
    """Read headers like *header*, that of the message *data*, sooner from now on.

    Only for a message that was verified as a whole: what anybody could have written must leave nothing behind.
    """
    keys = header.encrypted_data_keys
    stop = header.length - _END_LENGTH
    if type(keys) is VerifiedKeys or not header.algorithm_suite.commits or stop - _SECTION_START > _LONGEST_SECTION:
        return
    serialized = _front(data)[_SECTION_START:stop]
    _sections.keep(serialized, (serialized, stop, header.encryption_context, VerifiedKeys(keys)))


def forget_headers() -> None:
    """Drop what is remembered."""
    _sections.reset()


def _front(data: bytes | memoryview) -> bytes:
    """Return a copy of what can have a section that is kept."""
    return bytes(data[: _SECTION_START + _LONGEST_SECTION + _END_LENGTH])


def _recall(data: bytes, maximum_keys: int | None) -> MessageHeader | None:
    try:
        start, message_id, context_length = _START.unpack_from(data)
        keys_start = _START_LENGTH + context_length
        serialized, stop, context, keys = _sections.latest
        if data[_SECTION_START:stop] != serialized:
            section = _sections.get(data[_SECTION_START : _section_stop(data, keys_start)])
            if section is None:
                return None
            serialized, stop, context, keys = _sections.latest = section
        content_type, frame_length, suite_data, tag = _END.unpack_from(data, stop)
    except struct.error:  # shorter than that
        return None
    suite = _SUITES.get(start)
    if suite is None or content_type != _FRAMED or frame_length == 0:
        return None
    if maximum_keys is not None and len(keys) > maximum_keys:
        return None
    length = stop + _END_LENGTH
    return MessageHeader(
        suite, message_id, context, keys, _FRAMED, frame_length, suite_data, HEADER_IV, tag, length - TAG_LENGTH, length
    )


def _section_stop(data: bytes, position: int) -> int:
    """Return where encrypted data keys whose count is at *position* claim to end."""
    stop = position + 2
    for _ in range(3 * _uint16(data, position)[0]):
        stop += 2 + _uint16(data, stop)[0]
        if stop - position > _LONGEST_SECTION:
            break
    return stop

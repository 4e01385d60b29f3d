"""Reading the headers of messages whose data key was seen before.

A container decrypts many messages of few data keys, and those share the long and nested part of their headers:
encryption context and encrypted data keys. What it parsed to is remembered by its bytes, so that a header of two
fixed parts around remembered ones is read in 0.9 µs; parsing it anew takes 11, longer than all of a short message's
cryptography. Every other header is parsed by :mod:`warmkey.data_format.message_header`, which also finds out what is
wrong with one that is damaged.

Source: data-format/message-header.md#header-body-version-20
"""

from __future__ import annotations

import struct
from collections import OrderedDict
from contextlib import suppress
from typing import TYPE_CHECKING

from warmkey.algorithm_suites import TAG_LENGTH, AlgorithmSuite
from warmkey.data_format.message_header import HEADER_IV, ContentType, MessageHeader, read_header

if TYPE_CHECKING:
    from typing import TypeAlias

    from warmkey.structures import EncryptedDataKey, EncryptionContext

    _Section: TypeAlias = tuple[bytes, int, EncryptionContext, tuple[EncryptedDataKey, ...]]

__all__ = ["forget_headers", "read_cached_header"]

# A committing suite's header: version, suite and message ID; the section that is remembered; content type, frame
# length, commit key and tag.
_SUITES = {b"\x02" + suite.id_bytes: suite for suite in AlgorithmSuite if suite.commits}
_START = struct.Struct(">3s32sH")
_END = struct.Struct(">BI32s16s")
_START_LENGTH, _END_LENGTH = _START.size, _END.size
_SECTION_START = _START_LENGTH - 2
_FRAMED = ContentType.FRAMED
_uint16 = struct.Struct(">H").unpack_from

_LONGEST_REMEMBERED = 4096
_MOST_REMEMBERED = 256


# The bytes of an encryption context and encrypted data keys, where in a header they end, and what they say.
_sections: OrderedDict[bytes, _Section] = OrderedDict()
# By the bytes of the encryption context alone. Who wrote with one of its data keys mostly does so again, and trying
# that one saves working out where the keys of the next message end: 0.5 µs.
_latest: OrderedDict[bytes, _Section] = OrderedDict()


def read_cached_header(data: bytes | memoryview, *, maximum_keys: int | None = None) -> MessageHeader:
    """What :func:`warmkey.data_format.message_header.read_header` returns or raises, sooner where it can be.

    :raises MalformedMessage: the bytes are not a header
    :raises PolicyRefused: more encrypted data keys than *maximum_keys*
    """
    front = data if type(data) is bytes else bytes(data[: _SECTION_START + _LONGEST_REMEMBERED + _END_LENGTH])
    header = _recall(front, maximum_keys)
    if header is None:
        header = read_header(data, maximum_keys=maximum_keys)
        _remember(front, header)
    return header


def forget_headers() -> None:
    """Drop what is remembered."""
    _sections.clear()
    _latest.clear()


def _recall(data: bytes, maximum_keys: int | None) -> MessageHeader | None:
    try:
        start, message_id, context_length = _START.unpack_from(data)
        keys_start = _START_LENGTH + context_length
        section = _latest.get(data[_SECTION_START:keys_start])
        if section is None:
            return None
        serialized, stop, context, keys = section
        if data[_SECTION_START:stop] != serialized:
            section = _sections.get(data[_SECTION_START : _section_stop(data, keys_start)])
            if section is None:
                return None
            serialized, stop, context, keys = section
            _latest[data[_SECTION_START:keys_start]] = section
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
    """Where encrypted data keys whose count stands at *position* claim to end; what is no such claim is not found."""
    stop = position + 2
    for _ in range(3 * _uint16(data, position)[0]):
        stop += 2 + _uint16(data, stop)[0]
        if stop - position > _LONGEST_REMEMBERED:
            break
    return stop


def _remember(data: bytes, header: MessageHeader) -> None:
    stop = header.length - _END_LENGTH
    if not header.algorithm_suite.commits or stop - _SECTION_START > _LONGEST_REMEMBERED:
        return
    serialized = data[_SECTION_START:stop]
    section = serialized, stop, header.encryption_context, header.encrypted_data_keys
    context_length = int.from_bytes(serialized[:2], "big")
    for memory, key in ((_sections, serialized), (_latest, serialized[: 2 + context_length])):
        memory[key] = section
        if len(memory) > _MOST_REMEMBERED:
            with suppress(KeyError):  # another thread forgets everything
                memory.popitem(last=False)

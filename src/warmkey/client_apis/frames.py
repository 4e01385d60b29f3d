"""Encrypting and decrypting a whole body in memory.

One AESGCM object serves a message, and frames are written into one buffer in place: a cipher context a frame and
joining a list of frames cost several times as much.

Source: client-apis/encrypt.md#construct-the-body, client-apis/decrypt.md#decrypt-the-message-body
"""

from __future__ import annotations

import struct
from io import BytesIO
from typing import TYPE_CHECKING

from warmkey.algorithm_suites import IV_LENGTH, TAG_LENGTH
from warmkey.crypto.aes_gcm import MAX_CONTENT_LENGTH, InvalidTag
from warmkey.data_format.message_body import (
    FINAL_FRAME_OVERHEAD,
    FINAL_FRAME_START,
    FIRST_FRAME,
    REGULAR_FRAME_OVERHEAD,
    SEQUENCE_NUMBER_END,
    body_length,
    count_regular_frames,
    frame_numbers,
    read_frame_start,
    read_non_framed_start,
)
from warmkey.data_format.message_body_aad import FINAL_FRAME, REGULAR_FRAME, SINGLE_BLOCK, message_body_aad
from warmkey.data_format.message_header import ContentType
from warmkey.data_format.reader import Reader
from warmkey.exceptions import AuthenticationFailed, PolicyRefused

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from warmkey.crypto.aes_gcm import AESGCM
    from warmkey.data_format.message_body import Block, FrameNumber
    from warmkey.data_format.message_header import MessageHeader

    # A serialized header, and what the body needs: the message ID and the cipher of the derived key.
    AuthenticatedHeader: TypeAlias = tuple[bytes, bytes, AESGCM]

__all__ = [
    "decrypt_block",
    "decrypt_body",
    "encrypt_message",
    "final_frame",
    "regular_frame_aad",
]

_REGULAR_START = 4 + IV_LENGTH
_FINAL_START = FINAL_FRAME_START.size
_SHORT = 4096
# The end of the body AAD.
_NUMBER_AND_LENGTH = struct.Struct(">IQ")
_FRAMED = ContentType.FRAMED
# More than a footer takes.
_FOOTER_ROOM = 256


def encrypt_message(
    header: AuthenticatedHeader,
    plaintext: bytes | memoryview,
    *,
    frame_length: int,
    footer: Callable[[bytes | memoryview], bytes] | None,
) -> bytes:
    """Header and framed body, and the *footer* over both, if there is one."""
    start, message_id, aead = header
    length = len(plaintext)
    if length <= frame_length:
        whole = start + final_frame(plaintext, FIRST_FRAME, aead, message_id)
        return whole if footer is None else whole + footer(whole)
    regular = count_regular_frames(length, frame_length)
    end = len(start) + body_length(length, regular)
    # A BytesIO can be filled in place and become bytes without a copy.
    message = BytesIO(bytes(end if footer is None else end + _FOOTER_ROOM))
    encrypt_into = aead.encrypt_into
    before_number, after_number = regular_frame_aad(message_id, frame_length)
    with message.getbuffer() as buffer, memoryview(plaintext) as source:
        position = len(start)
        buffer[:position] = start
        done, last = 0, regular * frame_length
        sealed_length = frame_length + TAG_LENGTH
        for frame_number in frame_numbers(regular + 1):
            if done == last:
                break
            frame_start, iv, number, _ = frame_number
            content = position + _REGULAR_START
            buffer[position:content] = frame_start
            position = content + sealed_length
            stop = done + frame_length
            encrypt_into(iv, source[done:stop], before_number + number + after_number, buffer[content:position])
            done = stop
        buffer[position:end] = final_frame(source[done:], frame_number, aead, message_id)
        signature = None if footer is None else footer(buffer[:end])
    if signature is not None:
        message.seek(end)
        message.write(signature)
        message.truncate()
    return message.getvalue()


def regular_frame_aad(message_id: bytes, frame_length: int) -> tuple[bytes, bytes]:
    """The body AAD of all regular frames of a message: what precedes the sequence number, and what follows it."""
    return message_id + REGULAR_FRAME, frame_length.to_bytes(8, "big")


def final_frame(plaintext: bytes | memoryview, number: FrameNumber, aead: AESGCM, message_id: bytes) -> bytes:
    """The last frame, serialized."""
    _, iv, sequence_number, start = number
    length = len(plaintext).to_bytes(8, "big")
    content = aead.encrypt(iv, plaintext, message_id + FINAL_FRAME + sequence_number + length)
    return b"".join((start, length[4:], content))


def decrypt_body(message: bytes | memoryview, header: MessageHeader, aead: AESGCM) -> tuple[bytes, int]:
    """The plaintext, and where the body ends in *message*.

    :raises MalformedMessage: the bytes are not a body
    :raises AuthenticationFailed: a tag does not verify
    :raises PolicyRefused: a frame or body is longer than the cipher takes
    """
    if header.content_type is not _FRAMED:
        reader = Reader(message, header.length)
        block = read_non_framed_start(reader)
        return _decrypt_content(reader, block, SINGLE_BLOCK, header, aead), reader.offset
    last = _read_final_frame(message, header.length, 1, header)
    if last is None:
        return _decrypt_frames(message, header, aead)
    iv, sealed, aad, end = last
    try:
        return aead.decrypt(iv, sealed, aad), end
    except InvalidTag:
        raise _not_authentic("frame 1") from None


def _read_final_frame(
    message: bytes | memoryview, position: int, number: int, header: MessageHeader
) -> tuple[bytes, bytes | memoryview, bytes, int] | None:
    """IV, content with tag, AAD and end of the frame at *position*, if it is a final one and sound.

    Reading it field by field costs 3 µs more.
    """
    start = position + _FINAL_START
    all_of_it = len(message)
    if all_of_it < start:
        return None
    marker, actual_number, iv, length = FINAL_FRAME_START.unpack_from(message, position)
    end = start + length + TAG_LENGTH
    if marker != SEQUENCE_NUMBER_END or actual_number != number or end > all_of_it:
        return None
    if length > header.frame_length or length > MAX_CONTENT_LENGTH:
        return None
    aad = header.message_id + FINAL_FRAME + _NUMBER_AND_LENGTH.pack(number, length)
    # Copying so little is quicker than making a view, by 0.1 µs.
    sealed = message[start:end] if length <= _SHORT else memoryview(message)[start:end]
    return iv, sealed, aad, end


def _decrypt_frames(message: bytes | memoryview, header: MessageHeader, aead: AESGCM) -> tuple[bytes, int]:
    """As :func:`decrypt_body`, of more than a final frame.

    As long as frames are as today's clients write them, each is decrypted to where it belongs. From the first on that
    is anything else (one with a random IV, a damaged one) they are read field by field and appended.
    """
    frame_length = header.frame_length
    frames, room = _room_for_frames(len(message) - header.length, frame_length)
    # Content is as long encrypted as decrypted, so memory is in proportion to the message.
    plaintext = BytesIO(bytes(room))
    before_number, after_number = regular_frame_aad(header.message_id, frame_length)
    decrypt_into = aead.decrypt_into
    source = memoryview(message)
    position, written = header.length, 0
    sealed_length = frame_length + TAG_LENGTH
    with plaintext.getbuffer() as buffer:
        try:
            for start, iv, number, _ in frame_numbers(frames):
                content = position + _REGULAR_START
                if message[position:content] != start:
                    break
                position = content + sealed_length
                stop = written + frame_length
                decrypt_into(iv, source[content:position], before_number + number + after_number, buffer[written:stop])
                written = stop
            last = _read_final_frame(message, position, written // frame_length + 1, header)
            if last is not None:
                iv, sealed, aad, position = last
                content = written + len(sealed) - TAG_LENGTH
                decrypt_into(iv, sealed, aad, buffer[written:content])
                written = content
        except InvalidTag:
            raise _not_authentic(f"frame {written // frame_length + 1}") from None
    if last is None:
        plaintext.seek(written)
        reader = Reader(message, position)
        _decrypt_other_frames(reader, written // frame_length + 1, plaintext, header, aead)
        position, written = reader.offset, plaintext.tell()
    if written != room:
        plaintext.truncate(written)
    return plaintext.getvalue(), position


def _room_for_frames(length: int, frame_length: int) -> tuple[int, int]:
    """How many regular frames a framed body of up to *length* bytes can have, and how much plaintext.

    That is no less than there is, and exactly that of most unsigned messages. It has room for a body of nothing but
    regular frames too: that it lacks the last one is found out later.
    """
    if frame_length > MAX_CONTENT_LENGTH:
        return 0, 0  # the cipher takes no such frame, and the last one is shorter or refused
    frames, rest = divmod(length, frame_length + REGULAR_FRAME_OVERHEAD)
    return frames, frames * frame_length + max(rest - FINAL_FRAME_OVERHEAD, 0)


def _decrypt_other_frames(reader: Reader, number: int, plaintext: BytesIO, header: MessageHeader, aead: AESGCM) -> None:
    """Decrypt the frames from *number* on, whatever they are, and write their content.

    :raises MalformedMessage: the bytes are not a body
    :raises AuthenticationFailed: a tag does not verify
    """
    final = False
    while not final:
        block = read_frame_start(reader, expected_number=number, frame_length=header.frame_length)
        final = block.final
        content = FINAL_FRAME if final else REGULAR_FRAME
        plaintext.write(_decrypt_content(reader, block, content, header, aead))
        number += 1


def _decrypt_content(reader: Reader, block: Block, content: bytes, header: MessageHeader, aead: AESGCM) -> bytes:
    sealed = reader.view(block.length + TAG_LENGTH, "content")
    if block.length > MAX_CONTENT_LENGTH:
        raise PolicyRefused(f"a frame or body of more than {MAX_CONTENT_LENGTH} bytes can't be decrypted")
    return decrypt_block(sealed, block, content, message_id=header.message_id, aead=aead)


def decrypt_block(
    sealed: bytes | memoryview, block: Block, content: bytes, *, message_id: bytes, aead: AESGCM
) -> bytes:
    """The plaintext of one frame or of a non-framed body. *sealed* is content and tag.

    :raises AuthenticationFailed: the tag does not verify
    """
    aad = message_body_aad(message_id, content, block.sequence_number.to_bytes(4, "big"), block.length)
    try:
        return aead.decrypt(block.iv, sealed, aad)
    except InvalidTag:
        name = "body" if content == SINGLE_BLOCK else f"frame {block.sequence_number}"
        raise _not_authentic(name) from None


def _not_authentic(what: str) -> AuthenticationFailed:
    return AuthenticationFailed(f"the authentication tag of the {what} does not verify")

"""Encrypting and decrypting a whole body in memory.

One AESGCM object serves a message, and frames are written into one buffer in place: a cipher context a frame and
joining a list of frames cost several times as much.

Source: client-apis/encrypt.md#construct-the-body, client-apis/decrypt.md#decrypt-the-message-body
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag

from warmkey.algorithm_suites import IV_LENGTH, TAG_LENGTH
from warmkey.data_format.message_body import (
    FINAL_FRAME_OVERHEAD,
    REGULAR_FRAME_OVERHEAD,
    SEQUENCE_NUMBER_END,
    Block,
    body_length,
    count_regular_frames,
    frame_iv,
    read_frame_start,
    read_non_framed_start,
)
from warmkey.data_format.message_body_aad import FINAL_FRAME, REGULAR_FRAME, SINGLE_BLOCK, message_body_aad
from warmkey.data_format.message_header import ContentType
from warmkey.data_format.reader import Reader
from warmkey.exceptions import AuthenticationFailed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    from warmkey.data_format.message_header import MessageHeader

__all__ = ["decrypt_block", "decrypt_body", "encrypt_message", "final_frame", "regular_frame_aad"]

_REGULAR_START = 4 + IV_LENGTH


def encrypt_message(
    header: bytes, plaintext: bytes | memoryview, *, aead: AESGCM, message_id: bytes, frame_length: int
) -> bytes:
    """Header and framed body. *header* is serialized, its authentication tag included."""
    length = len(plaintext)
    if length <= frame_length:
        return header + final_frame(plaintext, 1, aead=aead, message_id=message_id)
    regular = count_regular_frames(length, frame_length)
    # A BytesIO can be filled in place and become bytes without a copy.
    message = BytesIO(bytes(len(header) + body_length(length, frame_length)))
    message.write(header)
    with message.getbuffer() as buffer, memoryview(plaintext) as source:
        position = _encrypt_regular_frames(
            buffer, len(header), source, regular, aead=aead, message_id=message_id, frame_length=frame_length
        )
        buffer[position:] = final_frame(source[regular * frame_length :], regular + 1, aead=aead, message_id=message_id)
    return message.getvalue()


def _encrypt_regular_frames(
    buffer: memoryview,
    position: int,
    source: memoryview,
    count: int,
    *,
    aead: AESGCM,
    message_id: bytes,
    frame_length: int,
) -> int:
    encrypt_into = aead.encrypt_into
    before_number, after_number = regular_frame_aad(message_id, frame_length)
    start = 0
    for number in range(1, count + 1):
        iv = number.to_bytes(IV_LENGTH, "big")
        sequence_number = iv[-4:]
        content = position + _REGULAR_START
        buffer[position:content] = sequence_number + iv
        position = content + frame_length + TAG_LENGTH
        aad = before_number + sequence_number + after_number
        encrypt_into(iv, source[start : start + frame_length], aad, buffer[content:position])
        start += frame_length
    return position


def regular_frame_aad(message_id: bytes, frame_length: int) -> tuple[bytes, bytes]:
    """The body AAD of all regular frames of a message: what precedes the sequence number, and what follows it."""
    return message_id + REGULAR_FRAME, frame_length.to_bytes(8, "big")


def final_frame(plaintext: bytes | memoryview, number: int, *, aead: AESGCM, message_id: bytes) -> bytes:
    """The last frame, serialized."""
    iv = frame_iv(number)
    sequence_number = iv[-4:]
    length = len(plaintext)
    aad = message_body_aad(message_id, FINAL_FRAME, sequence_number, length)
    content = aead.encrypt(iv, plaintext, aad)
    return b"".join((SEQUENCE_NUMBER_END, sequence_number, iv, length.to_bytes(4, "big"), content))


def decrypt_body(message: memoryview, header: MessageHeader, *, aead: AESGCM) -> tuple[bytes, int]:
    """The plaintext, and where the body ends in *message*.

    :raises MalformedMessage: the bytes are not a body
    :raises AuthenticationFailed: a tag does not verify
    """
    reader = Reader(message, header.length)
    if header.content_type is ContentType.NON_FRAMED:
        block = read_non_framed_start(reader)
        return _decrypt_last_block(reader, block, SINGLE_BLOCK, header, aead=aead), reader.offset
    # Decrypted content is shorter than what is left of the message, so memory stays in proportion to the input.
    if reader.left <= FINAL_FRAME_OVERHEAD + header.frame_length and header.algorithm_suite.signature is None:
        block = read_frame_start(reader, expected_number=1, frame_length=header.frame_length)
        if block.final:
            return _decrypt_last_block(reader, block, FINAL_FRAME, header, aead=aead), reader.offset
        reader = Reader(message, header.length)
    plaintext = BytesIO(bytes(max(reader.left - REGULAR_FRAME_OVERHEAD, 0)))
    with plaintext.getbuffer() as buffer:
        number, written = _decrypt_regular_frames(message, reader, buffer, header, aead=aead)
    block = read_frame_start(reader, expected_number=number, frame_length=header.frame_length)
    if not block.final:  # a regular frame that is cut short
        reader.take(block.length + TAG_LENGTH, "content")
    last = _decrypt_last_block(reader, block, FINAL_FRAME, header, aead=aead)
    if written == 0:
        return last, reader.offset
    plaintext.seek(written)
    plaintext.write(last)
    plaintext.truncate()
    return plaintext.getvalue(), reader.offset


def _decrypt_regular_frames(
    message: memoryview, reader: Reader, buffer: memoryview, header: MessageHeader, *, aead: AESGCM
) -> tuple[int, int]:
    """Decrypt whole regular frames in sequence; the next frame's number and the bytes written. Judges nothing else."""
    frame_length = header.frame_length
    before_number, after_number = regular_frame_aad(header.message_id, frame_length)
    decrypt_into = aead.decrypt_into
    position, end = reader.offset, len(message)
    number, written = 1, 0
    try:
        while True:
            sequence_number = number.to_bytes(4, "big")
            content = position + _REGULAR_START
            stop = content + frame_length + TAG_LENGTH
            if stop > end or message[position : position + 4] != sequence_number or number == 2**32 - 1:
                break
            iv = message[position + 4 : content]
            aad = before_number + sequence_number + after_number
            decrypt_into(iv, message[content:stop], aad, buffer[written : written + frame_length])
            position = stop
            written += frame_length
            number += 1
    except InvalidTag:
        raise _not_authentic(f"frame {number}") from None
    reader.offset = position
    return number, written


def _decrypt_last_block(reader: Reader, block: Block, content: bytes, header: MessageHeader, *, aead: AESGCM) -> bytes:
    sealed = reader.take(block.length + TAG_LENGTH, "content")
    return decrypt_block(sealed, block, content, message_id=header.message_id, aead=aead)


def decrypt_block(sealed: bytes, block: Block, content: bytes, *, message_id: bytes, aead: AESGCM) -> bytes:
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

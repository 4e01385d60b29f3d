"""Encrypts and decrypts frames, of messages in memory and of streams.

The loops write into a buffer of the caller's: a whole message hands in all of its frames, a stream one batch after
another. A message of few frames is quicker if its pieces are joined (benchmark "shortcuts", row "few frames"), and one
of 6 MB takes twice as long that way, so each direction has a short loop for few frames too. One AESGCM object serves a
message: a cipher context for each frame costs several times as much.

Source: client-apis/encrypt.md#construct-the-body, client-apis/decrypt.md#decrypt-the-message-body
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, NoReturn

from warmkey.algorithm_suites import TAG_LENGTH
from warmkey.crypto.aes_gcm import MAX_CONTENT_LENGTH, InvalidTag
from warmkey.data_format.message_body import (
    FINAL_FRAME_OVERHEAD,
    FINAL_FRAME_START,
    FIRST_FRAME,
    REGULAR_FRAME_OVERHEAD,
    REGULAR_FRAME_START,
    SEQUENCE_NUMBER_END,
    body_length,
    count_regular_frames,
    frame_number,
    frame_numbers,
    read_frame_start,
    read_non_framed_start,
)
from warmkey.data_format.message_body_aad import FINAL_FRAME, SINGLE_BLOCK, message_body_aad, regular_frame_aad
from warmkey.data_format.message_header import ContentType
from warmkey.data_format.reader import Reader
from warmkey.exceptions import AuthenticationFailed, PolicyRefused

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from warmkey.crypto.aes_gcm import AESGCM
    from warmkey.data_format.message_body import Block, FrameNumber
    from warmkey.data_format.message_header import MessageHeader

    # Plain tuples, because making a named one takes 0.3 µs: 2 % of a short message.
    # A serialized header, and what the body needs: the message ID and the cipher of the derived key.
    AuthenticatedHeader: TypeAlias = tuple[bytes, bytes, AESGCM]
    # IV, content with tag, and AAD of a frame, and where it ends in the message.
    SealedFrame: TypeAlias = tuple[bytes, bytes | memoryview, bytes, int]

__all__ = [
    "decrypt_block",
    "decrypt_body",
    "decrypt_regular_frames",
    "encrypt_final_frame",
    "encrypt_message",
    "encrypt_regular_frames",
]

_REGULAR_START = REGULAR_FRAME_START.size
# More than a footer takes.
_FOOTER_ROOM = 256
_FINAL_START = FINAL_FRAME_START.size
_SHORT = 4096
_FEW_FRAMES, _SHORT_BODY = 16, 2**16
_FRAMED = ContentType.FRAMED


def encrypt_message(
    header: AuthenticatedHeader,
    plaintext: bytes | memoryview,
    *,
    frame_length: int,
    footer: Callable[[bytes | memoryview], bytes] | None,
) -> bytes:
    """Return header and framed body, and the *footer* over both, if there is one."""
    start, _, _ = header
    length = len(plaintext)
    if length <= frame_length:
        # spec: client-apis/encrypt.md#construct-the-body 660b
        whole = b"".join((start, *encrypt_final_frame(plaintext, FIRST_FRAME, header)))
        return whole if footer is None else whole + footer(whole)
    regular = count_regular_frames(length, frame_length)
    if regular <= _FEW_FRAMES and length <= _SHORT_BODY:
        whole = b"".join(_encrypt_few_frames(plaintext, regular, header, frame_length))
        return whole if footer is None else whole + footer(whole)
    end = len(start) + body_length(length, regular)
    # A BytesIO can be filled in place and become bytes without a copy.
    message = BytesIO(bytes(end if footer is None else end + _FOOTER_ROOM))
    with message.getbuffer() as buffer, memoryview(plaintext) as source:
        buffer[: len(start)] = start
        with buffer[len(start) : end] as body:
            # spec: client-apis/encrypt.md#construct-the-body 660b
            last = encrypt_regular_frames(source, body, 1, regular, header, frame_length)
            body[last:] = b"".join(
                # spec: data-format/message-body.md#final-frame a0e7 0fff
                # spec: data-format/message-body.md#sequence-number-1 4268
                encrypt_final_frame(source[regular * frame_length :], frame_number(regular + 1), header)
            )
        signature = None if footer is None else footer(buffer[:end])
    if signature is not None:
        message.seek(end)
        message.write(signature)
        message.truncate()
    return message.getvalue()


def _encrypt_few_frames(
    plaintext: bytes | memoryview, regular: int, header: AuthenticatedHeader, frame_length: int
) -> list[bytes]:
    """Return header and frames in pieces: *regular* frames and a final one."""
    header_bytes, message_id, aead = header
    encrypt, pieces, start = aead.encrypt, [header_bytes], 0
    before_number, after_number = regular_frame_aad(message_id, frame_length)
    # spec: client-apis/encrypt.md#construct-a-frame b85a 8fcd
    # spec: data-format/message-body.md#sequence-number 652d abb9
    for frame_start, iv, number in frame_numbers(1, regular):
        stop = start + frame_length
        # spec: client-apis/encrypt.md#construct-a-frame 2adc 14d6 4b3f fafb 8525 b5d9 4d74 4755
        # spec: data-format/message-body-aad.md#sequence-number faa1
        pieces += frame_start, encrypt(iv, plaintext[start:stop], before_number + number + after_number)
        start = stop
    pieces += encrypt_final_frame(plaintext[start:], frame_number(regular + 1), header)
    return pieces


def encrypt_regular_frames(
    plaintext: bytes | memoryview,
    buffer: memoryview,
    first: int,
    count: int,
    header: AuthenticatedHeader,
    frame_length: int,
) -> int:
    """Encrypt the front of *plaintext* as *count* frames from number *first* on; return where they end in a buffer.

    Source: client-apis/encrypt.md#construct-a-frame
    """
    _, message_id, aead = header
    encrypt_into = aead.encrypt_into
    before_number, after_number = regular_frame_aad(message_id, frame_length)
    # spec: client-apis/encrypt.md#construct-a-frame 5103
    # spec: data-format/message-body.md#encrypted-content-1 c01c
    # spec: data-format/message-body.md#authentication-tag-1 9fc8
    sealed_length = frame_length + TAG_LENGTH
    start = position = 0
    # spec: client-apis/encrypt.md#construct-a-frame b85a 8fcd
    # spec: data-format/message-body.md#sequence-number 652d abb9
    for frame_start, iv, number in frame_numbers(first, count):
        stop = start + frame_length
        # spec: client-apis/encrypt.md#construct-a-frame 2adc 14d6 4b3f
        # spec: data-format/message-body-aad.md#sequence-number faa1
        content, aad = plaintext[start:stop], before_number + number + after_number
        # spec: client-apis/encrypt.md#construct-a-frame fafb 8525 b5d9 4d74 4755
        sealed = position + _REGULAR_START
        buffer[position:sealed] = frame_start
        position = sealed + sealed_length
        encrypt_into(iv, content, aad, buffer[sealed:position])
        start = stop
    return position


def encrypt_final_frame(
    plaintext: bytes | memoryview, number: FrameNumber, header: AuthenticatedHeader
) -> tuple[bytes, bytes, bytes]:
    """Return the final frame in pieces: joining them is left to whoever has the memory."""
    _, message_id, aead = header
    start, iv, sequence_number = number
    length = len(plaintext)
    # spec: client-apis/encrypt.md#construct-a-frame 2adc 14d6 c9a5
    # spec: data-format/message-body-aad.md#sequence-number faa1
    # spec: data-format/message-body-aad.md#content-length c1b1 f7a2
    aad = message_body_aad(message_id, FINAL_FRAME, sequence_number, length)
    # spec: client-apis/encrypt.md#construct-a-frame a01e fafb 8525 b5d9 4d74 4755
    # spec: data-format/message-body.md#authentication-tag-2 9fc8
    # spec: data-format/message-body.md#sequence-number-end befa
    return SEQUENCE_NUMBER_END + start, length.to_bytes(4, "big"), aead.encrypt(iv, plaintext, aad)


def decrypt_body(message: bytes | memoryview, header: MessageHeader, aead: AESGCM) -> tuple[bytes, int]:
    """Return the plaintext, and where the body ends in *message*.

    :raises MalformedMessage: the bytes are not a body
    :raises AuthenticationFailed: a tag does not verify
    :raises PolicyRefused: a frame or body is longer than the cipher takes
    """
    # spec: client-apis/decrypt.md#decrypt-the-message-body 6400
    if header.content_type is not _FRAMED:
        reader = Reader(message, header.length)
        return _decrypt_content(reader, read_non_framed_start(reader), SINGLE_BLOCK, header, aead), reader.offset
    # spec: client-apis/decrypt.md#decrypt-the-message-body 98ff
    if len(message) - header.length <= header.frame_length + FINAL_FRAME_OVERHEAD:  # more has a regular frame
        only = _read_final_frame(message, header.length, 1, header)
        if only is not None:
            iv, sealed, aad, end = only
            try:
                return aead.decrypt(iv, sealed, aad), end
            except InvalidTag:
                raise _not_authentic("frame 1") from None
    return _decrypt_frames(message, header, aead)


def _decrypt_frames(message: bytes | memoryview, header: MessageHeader, aead: AESGCM) -> tuple[bytes, int]:
    """Decrypt regular frames and a final one; see :func:`decrypt_body`."""
    position, frame_length = header.length, header.frame_length
    most, rest = divmod(len(message) - position, frame_length + REGULAR_FRAME_OVERHEAD)
    if frame_length > MAX_CONTENT_LENGTH:
        most = 0  # a regular frame is too long for the cipher, but a final one may be shorter
    if most <= _FEW_FRAMES and most * frame_length <= _SHORT_BODY:
        return _decrypt_few_frames(message, most, header, aead)
    # Content is as long encrypted as decrypted, so memory is in proportion to the message. This is the exact length of
    # most unsigned messages, and never less than there is.
    plaintext = BytesIO(bytes(most * frame_length + max(rest - FINAL_FRAME_OVERHEAD, 0)))
    with plaintext.getbuffer() as buffer, memoryview(message) as whole, whole[position:] as frames:
        count = decrypt_regular_frames(frames, buffer, 1, most, header, aead)
        position += count * (frame_length + REGULAR_FRAME_OVERHEAD)
        iv, sealed, aad, end = _read_last_frame(message, position, count + 1, header)
        start = count * frame_length
        length = start + len(sealed) - TAG_LENGTH
        try:
            aead.decrypt_into(iv, sealed, aad, buffer[start:length])
        except InvalidTag:
            raise _not_authentic(f"frame {count + 1}") from None
    plaintext.truncate(length)
    return plaintext.getvalue(), end


def _decrypt_few_frames(
    message: bytes | memoryview, most: int, header: MessageHeader, aead: AESGCM
) -> tuple[bytes, int]:
    """Decrypt up to *most* regular frames and a final one, and join them; see :func:`decrypt_body`."""
    frame_length, position, pieces = header.frame_length, header.length, []
    before_number, after_number = regular_frame_aad(header.message_id, frame_length)
    decrypt, read_start, whole = aead.decrypt, REGULAR_FRAME_START.unpack_from, memoryview(message)
    sealed_length = frame_length + TAG_LENGTH
    try:
        # spec: client-apis/decrypt.md#decrypt-the-message-body 98ff 8fcd
        for _, _, number in frame_numbers(1, most):
            sequence_number, iv = read_start(message, position)
            if sequence_number != number:
                break
            content = position + _REGULAR_START
            position = content + sealed_length
            pieces.append(decrypt(iv, whole[content:position], before_number + sequence_number + after_number))
        iv, sealed, aad, end = _read_last_frame(message, position, len(pieces) + 1, header)
        pieces.append(decrypt(iv, sealed, aad))
    except InvalidTag:
        raise _not_authentic(f"frame {len(pieces) + 1}") from None
    return b"".join(pieces), end


def decrypt_regular_frames(
    frames: memoryview, buffer: memoryview, first: int, count: int, header: MessageHeader, aead: AESGCM
) -> int:
    """Decrypt up to *count* frames from number *first* on, until one is not the next regular frame.

    Early clients drew frame IVs at random, so the IV in the message is used. A changed one fails the tag either way.

    :return: how many frames were decrypted
    :raises AuthenticationFailed: a tag does not verify
    """
    frame_length = header.frame_length
    before_number, after_number = regular_frame_aad(header.message_id, frame_length)
    decrypt_into, read_start = aead.decrypt_into, REGULAR_FRAME_START.unpack_from
    sealed_length = frame_length + TAG_LENGTH
    position = start = 0
    try:
        # spec: client-apis/decrypt.md#decrypt-the-message-body 98ff 8fcd
        for _, _, number in frame_numbers(first, count):
            sequence_number, iv = read_start(frames, position)
            if sequence_number != number:
                break
            content = position + _REGULAR_START
            position = content + sealed_length
            sealed, aad = frames[content:position], before_number + sequence_number + after_number
            stop = start + frame_length
            decrypt_into(iv, sealed, aad, buffer[start:stop])
            start = stop
    except InvalidTag:
        raise _not_authentic(f"frame {first + start // frame_length}") from None
    return start // frame_length


def _read_last_frame(message: bytes | memoryview, position: int, number: int, header: MessageHeader) -> SealedFrame:
    """Read the final frame at *position*, or raise what is wrong with the frame that is there."""
    # spec: data-format/message-body.md#final-frame a0e7 0fff
    last = _read_final_frame(message, position, number, header)
    if last is None:
        _refuse_frame(message, position, number, header)
    return last


def _read_final_frame(
    message: bytes | memoryview, position: int, number: int, header: MessageHeader
) -> SealedFrame | None:
    """Read the frame at *position* at once if it is a final one and sound. Field by field takes 3 µs more."""
    start = position + _FINAL_START
    if len(message) < start:
        return None
    mark, sequence_number, iv, length = FINAL_FRAME_START.unpack_from(message, position)
    end = start + length + TAG_LENGTH
    # spec: client-apis/decrypt.md#decrypt-the-message-body 90ee 4c34 6ec2
    if mark != SEQUENCE_NUMBER_END or sequence_number != number.to_bytes(4, "big") or end > len(message):
        return None
    # spec: client-apis/decrypt.md#decrypt-the-message-body 8742
    if length > header.frame_length or length > MAX_CONTENT_LENGTH:
        return None
    # Copying so little is quicker than making a view, by 0.1 µs.
    sealed = message[start:end] if length <= _SHORT else memoryview(message)[start:end]
    # spec: client-apis/decrypt.md#decrypt-the-message-body bf4b
    return iv, sealed, message_body_aad(header.message_id, FINAL_FRAME, sequence_number, length), end


def _refuse_frame(message: bytes | memoryview, position: int, number: int, header: MessageHeader) -> NoReturn:
    """Raise what is wrong with the frame at *position*, which is neither a regular frame nor a sound final one."""
    reader = Reader(message, position)
    block = read_frame_start(reader, expected_number=number, frame_length=header.frame_length)
    reader.view(block.length + TAG_LENGTH, "content")
    raise _too_long()


def _decrypt_content(reader: Reader, block: Block, content: bytes, header: MessageHeader, aead: AESGCM) -> bytes:
    sealed = reader.view(block.length + TAG_LENGTH, "content")
    if block.length > MAX_CONTENT_LENGTH:
        raise _too_long()
    return decrypt_block(sealed, block, content, message_id=header.message_id, aead=aead)


def decrypt_block(
    sealed: bytes | memoryview, block: Block, content: bytes, *, message_id: bytes, aead: AESGCM
) -> bytes:
    """Return the plaintext of a final frame or of a non-framed body. *sealed* is content and tag.

    :raises AuthenticationFailed: the tag does not verify
    """
    # spec: client-apis/decrypt.md#decrypt-the-message-body bf4b
    aad = message_body_aad(message_id, content, block.sequence_number.to_bytes(4, "big"), block.length)
    try:
        return aead.decrypt(block.iv, sealed, aad)
    except InvalidTag:
        name = "the body" if content == SINGLE_BLOCK else f"frame {block.sequence_number}"
        raise _not_authentic(name) from None


def _too_long() -> PolicyRefused:
    return PolicyRefused(f"a frame or body of more than {MAX_CONTENT_LENGTH} bytes can't be decrypted")


# spec: client-apis/decrypt.md#decrypt-the-message-body f6f2 3da2
def _not_authentic(what: str) -> AuthenticationFailed:
    return AuthenticationFailed(f"the authentication tag of {what} does not verify")

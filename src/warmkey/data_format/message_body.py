"""Read and write the parts of a message body: regular frames and a final one, or one non-framed block.

Source: data-format/message-body.md
"""

from __future__ import annotations

import struct
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from warmkey.algorithm_suites import IV_LENGTH, TAG_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from warmkey.data_format.reader import Reader

    # What precedes a regular frame's content, the IV (the number, padded on the left), and the number in four bytes.
    # A plain tuple: making a named one takes three times as long, and unpacking it twice.
    FrameNumber: TypeAlias = tuple[bytes, bytes, bytes]

__all__ = [
    "FINAL_FRAME_OVERHEAD",
    "FINAL_FRAME_START",
    "FIRST_FRAME",
    "MAX_FRAMES",
    "MAX_FRAME_LENGTH",
    "MAX_NON_FRAMED_LENGTH",
    "NON_FRAMED_START",
    "REGULAR_FRAME_OVERHEAD",
    "REGULAR_FRAME_START",
    "SEQUENCE_NUMBER_END",
    "Block",
    "body_length",
    "count_regular_frames",
    "frame_number",
    "frame_numbers",
    "read_frame_start",
    "read_non_framed_start",
]

# spec: data-format/message-body.md#framed-data ec2e
MAX_FRAME_LENGTH = 2**32 - 1
# spec: data-format/message-body.md#framed-data 9c3e
MAX_FRAMES = 2**32 - 1
# spec: data-format/message-body.md#encrypted-content-length b1d3
MAX_NON_FRAMED_LENGTH = 2**36 - 32
# spec: data-format/message-body.md#sequence-number-end befa
SEQUENCE_NUMBER_END = b"\xff\xff\xff\xff"

# What precedes the content: sequence number and IV; the mark, sequence number, IV and length; IV and length.
REGULAR_FRAME_START = struct.Struct(f">4s{IV_LENGTH}s")
FINAL_FRAME_START = struct.Struct(f">4s4s{IV_LENGTH}sI")
NON_FRAMED_START = struct.Struct(f">{IV_LENGTH}sQ")

REGULAR_FRAME_OVERHEAD = REGULAR_FRAME_START.size + TAG_LENGTH
FINAL_FRAME_OVERHEAD = FINAL_FRAME_START.size + TAG_LENGTH


class Block(NamedTuple):
    """Holds what precedes the content of a frame or of a non-framed body. ``length`` is the content's, in bytes."""

    final: bool
    sequence_number: int
    iv: bytes
    length: int


def count_regular_frames(plaintext_length: int, frame_length: int) -> int:
    """Return how many regular frames precede the final one, which is empty only for an empty plaintext."""
    # spec: client-apis/encrypt.md#construct-the-body e5a5 f07f
    # spec: data-format/message-body.md#final-frame f6d6 aa3a 1654
    return max(plaintext_length - 1, 0) // frame_length


def body_length(plaintext_length: int, regular: int) -> int:
    """Return the length in bytes of a body with *regular* frames and a final one."""
    return regular * REGULAR_FRAME_OVERHEAD + plaintext_length + FINAL_FRAME_OVERHEAD


def frame_number(number: int) -> FrameNumber:
    """Return the sequence number *number* as the bytes that a frame shows.

    Source: client-apis/encrypt.md#construct-a-frame
    """
    # spec: data-format/message-body.md#iv-1 30fe 0667
    # spec: data-format/message-body.md#iv-2 9c9a 9412
    iv = number.to_bytes(IV_LENGTH, "big")
    sequence_number = iv[-4:]
    return sequence_number + iv, iv, sequence_number


# spec: client-apis/encrypt.md#construct-a-frame b85a
# spec: data-format/message-body.md#sequence-number 652d
FIRST_FRAME = frame_number(1)


# Making these anew for each frame costs 10 % of a message of 1 MB. The table grows as messages need it.
_MAX_TABLE_LENGTH = 1024
_table: tuple[FrameNumber, ...] = (FIRST_FRAME,)


def frame_numbers(first: int, count: int) -> Iterable[FrameNumber]:
    """Return *count* frame numbers from *first* on."""
    global _table  # noqa: PLW0603 - a table of constants that is made when it is needed
    stop, table = first + count, _table
    if stop - 1 > len(table) < _MAX_TABLE_LENGTH:
        # A new table: another thread may be reading the old one, and a third may put a shorter one in its place.
        length = min(max(stop - 1, 2 * len(table)), _MAX_TABLE_LENGTH)
        _table = table = tuple(map(frame_number, range(1, length + 1)))
    known = table[first - 1 : stop - 1]
    return known if len(known) == count else chain(known, map(frame_number, range(first + len(known), stop)))


def read_frame_start(reader: Reader, *, expected_number: int, frame_length: int) -> Block:
    """Parse what precedes a frame's content.

    :raises MalformedMessage: cut short, out of sequence, or a final frame that claims more than *frame_length*
    """
    reader.section = f"frame {expected_number}"
    start = reader.offset
    number = reader.take(4, "sequence number")
    # spec: client-apis/decrypt.md#decrypt-the-message-body 90ee 4c34 6ec2
    final = number == SEQUENCE_NUMBER_END
    if final:
        start = reader.offset
        number = reader.take(4, "final sequence number")
    # spec: client-apis/decrypt.md#decrypt-the-message-body 98ff 8fcd
    # spec: data-format/message-body.md#sequence-number 652d abb9
    # spec: data-format/message-body.md#sequence-number-1 4268
    if int.from_bytes(number, "big") != expected_number:
        problem = f"must be {expected_number}, is {int.from_bytes(number, 'big')}"
        raise reader.malformed(problem, "sequence number", start)
    # Early clients drew frame IVs at random, so the one in the message is used, not the sequence number; a changed IV
    # fails the tag either way.
    iv = reader.take(IV_LENGTH, "IV")
    length = frame_length
    if final:
        length = reader.uint(4, "content length")
        # spec: client-apis/decrypt.md#decrypt-the-message-body 8742
        # spec: data-format/message-body.md#final-frame f6d6
        if length > frame_length:
            problem = f"{length} is more than the frame length {frame_length}"
            raise reader.malformed(problem, "content length", reader.offset - 4)
    return Block(final=final, sequence_number=expected_number, iv=iv, length=length)


def read_non_framed_start(reader: Reader) -> Block:
    """Parse what precedes the content of a non-framed body.

    :raises MalformedMessage: cut short, or longer than the format allows
    """
    reader.section = "non-framed body"
    iv = reader.take(IV_LENGTH, "IV")
    length = reader.uint(8, "content length")
    if length > MAX_NON_FRAMED_LENGTH:
        problem = f"{length} is more than the {MAX_NON_FRAMED_LENGTH} bytes that the format allows"
        raise reader.malformed(problem, "content length", reader.offset - 8)
    # spec: client-apis/decrypt.md#decrypt-the-message-body 9b61
    # spec: data-format/message-body-aad.md#sequence-number 233e
    # spec: data-format/message-body-aad.md#content-length a459
    return Block(final=True, sequence_number=1, iv=iv, length=length)

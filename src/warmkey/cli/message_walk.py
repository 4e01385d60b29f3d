"""Going through a message without any key: what stands in it, how long its parts are, where it breaks.

Nothing is authenticated here: whoever can write the message can make everything found in it up.

Source: data-format/message.md
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from warmkey.algorithm_suites import TAG_LENGTH
from warmkey.client_apis.buffered_source import BATCH_LENGTH, FOOTER_GUESS, HEADER_GUESS, BufferedSource
from warmkey.crypto.signatures import EcdsaVerificationKey
from warmkey.data_format.message_body import (
    FINAL_FRAME_START,
    NON_FRAMED_START,
    REGULAR_FRAME_START,
    read_frame_start,
    read_non_framed_start,
)
from warmkey.data_format.message_footer import read_footer
from warmkey.data_format.message_header import ContentType, read_header
from warmkey.data_format.reader import Reader, following, truncated
from warmkey.exceptions import MalformedMessage
from warmkey.safe_repr import safe_repr
from warmkey.structures import PUBLIC_KEY_FIELD

if TYPE_CHECKING:
    from collections.abc import Callable

    from warmkey.client_apis.buffered_source import Source
    from warmkey.data_format.message_body import Block
    from warmkey.data_format.message_header import MessageHeader

__all__ = ["Examination", "examine"]


@safe_repr
@dataclass(slots=True, kw_only=True)
class Examination:
    """What was found, up to where the message breaks. Lengths are in bytes.

    :ivar length: of all that was given; ``None`` where that would mean reading a lot that is not a message, and where
        not all of it can be read
    :ivar frames: how many frames were gone through whole; 0 for a non-framed body
    :ivar plaintext_length: of all of them, or of the non-framed body
    :ivar last_length: of the plaintext in the last of them
    :ivar signature_length: ``None`` where there is no signature
    :ivar problem: why and where the message is none, or ``None``
    """

    length: int | None = None
    header: MessageHeader | None = None
    frames: int = 0
    plaintext_length: int = 0
    last_length: int = 0
    signature_length: int | None = None
    problem: MalformedMessage | None = None


def examine(source: Source) -> Examination:
    """Go through the message that *source* has, in little memory whatever its length."""
    buffered = BufferedSource(source)
    found = Examination()
    try:
        _go_through(buffered, found)
    except MalformedMessage as error:
        found.problem = error
    if found.header is not None or buffered.ended:  # who knows how much of something else there is
        with suppress(MalformedMessage):  # base64 text that breaks off, which is the problem, or comes behind it
            _skip_to_end(buffered)
            found.length = buffered.position
    return found


def _go_through(source: BufferedSource, found: Examination) -> None:
    header = found.header = source.parse(read_header, guess=HEADER_GUESS)
    _check_public_key(header)
    source.consume(header.length)
    if header.content_type is ContentType.FRAMED:
        _go_through_frames(source, header.frame_length, found)
    else:
        block = source.parse(lambda data: read_non_framed_start(Reader(data)), guess=NON_FRAMED_START.size)
        _skip_block(source, block, NON_FRAMED_START.size, "non-framed body", found)
    if header.algorithm_suite.signature is not None:
        signature = source.parse(lambda data: read_footer(Reader(data)), guess=FOOTER_GUESS)
        source.consume(2 + len(signature))
        found.signature_length = len(signature)
    end = source.position
    _skip_to_end(source)
    if source.position > end:
        raise MalformedMessage(f"{following(source.position - end)} the end of the message", offset=end)


def _check_public_key(header: MessageHeader) -> None:
    """What decrypting would say of it before asking for any key.

    Source: framework/default-cmm.md#decrypt-materials
    """
    signature = header.algorithm_suite.signature
    value = header.encryption_context.get(PUBLIC_KEY_FIELD)
    if (signature is None) != (value is None):
        problem = "is there although the suite has no signature"
        if value is None:
            problem = "is missing although the suite has a signature"
        raise MalformedMessage(problem, where=f"encryption context › {PUBLIC_KEY_FIELD}")
    if signature is not None and value is not None:
        EcdsaVerificationKey.from_context_value(signature, value)


def _go_through_frames(source: BufferedSource, frame_length: int, found: Examination) -> None:
    final = False
    while not final:
        number = found.frames + 1
        block = source.parse(_frame_start_parser(number, frame_length), guess=FINAL_FRAME_START.size)
        final = block.final
        _skip_block(
            source, block, FINAL_FRAME_START.size if final else REGULAR_FRAME_START.size, f"frame {number}", found
        )
        found.frames = number


def _frame_start_parser(number: int, frame_length: int) -> Callable[[memoryview], Block]:
    return lambda data: read_frame_start(Reader(data), expected_number=number, frame_length=frame_length)


def _skip_block(source: BufferedSource, block: Block, start: int, name: str, found: Examination) -> None:
    source.consume(start)
    content, needed = source.position, block.length + TAG_LENGTH
    skipped = _skip(source, needed)
    if skipped < needed:
        raise truncated(needed, skipped, where=f"{name} › content", offset=content)
    found.plaintext_length += block.length
    found.last_length = block.length


def _skip(source: BufferedSource, length: int) -> int:
    """Have done with *length* bytes, or all that are left; how many that were."""
    skipped = 0
    while skipped < length:
        source.fill(1, length - skipped)
        step = min(length - skipped, len(source.data))
        if step == 0:
            break
        source.consume(step)
        skipped += step
    return skipped


def _skip_to_end(source: BufferedSource) -> None:
    while _skip(source, BATCH_LENGTH):
        pass

"""The decrypt operation on a stream: what is verified is released, in memory of about one frame.

What a regular frame holds is released once its tag is verified. The final frame, and a non-framed body, are released
when everything is: tag, signature, and that nothing follows. In an unsigned message waiting for the end costs nothing
and spares callers of short messages from ever seeing part of a bad one.

Source: client-apis/decrypt.md#behavior, client-apis/streaming.md
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, cast

from warmkey.algorithm_suites import TAG_LENGTH
from warmkey.client_apis.buffered_source import BATCH_LENGTH, FOOTER_GUESS, HEADER_GUESS, BufferedSource, open_source
from warmkey.client_apis.decrypt import verified_materials
from warmkey.client_apis.frames import decrypt_block, decrypt_regular_frames
from warmkey.client_apis.streams import Facts, MessageStream
from warmkey.crypto.aes_gcm import MAX_CONTENT_LENGTH
from warmkey.data_format.message_body import (
    FINAL_FRAME_START,
    MAX_FRAMES,
    NON_FRAMED_START,
    REGULAR_FRAME_OVERHEAD,
    REGULAR_FRAME_START,
    read_frame_start,
    read_non_framed_start,
)
from warmkey.data_format.message_body_aad import FINAL_FRAME, SINGLE_BLOCK
from warmkey.data_format.message_footer import read_footer
from warmkey.data_format.message_header import ContentType, read_header
from warmkey.data_format.reader import Reader
from warmkey.exceptions import AuthenticationFailed, InvalidRequest, MalformedMessage, PolicyRefused
from warmkey.structures import EncryptionContext
from warmkey.validation import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping

    from warmkey.algorithm_suites import CommitmentPolicy
    from warmkey.bytes_like import BytesLike
    from warmkey.client_apis.buffered_source import Source
    from warmkey.client_apis.streams import Parts
    from warmkey.cmms.interface import CryptographicMaterialsManager
    from warmkey.crypto.aes_gcm import AESGCM
    from warmkey.data_format.message_body import Block
    from warmkey.data_format.message_header import MessageHeader
    from warmkey.structures import DecryptionMaterials, VerificationKey

__all__ = ["DEFAULT_MAX_BODY_LENGTH", "DecryptStream", "decrypt_stream"]

DEFAULT_MAX_BODY_LENGTH = 2**26

_FINAL_START = FINAL_FRAME_START.size
_NON_FRAMED_START = NON_FRAMED_START.size


class DecryptStream(MessageStream):
    """Gives the plaintext of a message as a readable binary file. See :meth:`warmkey.Client.decrypt_stream`."""

    def close(self) -> None:
        """Let go of keys and buffers.

        :raises AuthenticationFailed: the message is signed, and was not read to the point where the signature is
            verified: what had been read is not known to come from the signer
        """
        # spec: client-apis/decrypt.md#verify-the-header c29d
        # spec: client-apis/decrypt.md#security-considerations ab24
        unverified = self._source is not None and self._source.hashing
        super().close()
        if unverified:
            raise AuthenticationFailed(
                "the stream was closed before the end of a signed message, so its signature was not verified; "
                "read until read() gives no more bytes, or discard what was read"
            )


def decrypt_stream(
    source: Source | BytesLike,
    *,
    cmm: CryptographicMaterialsManager,
    commitment_policy: CommitmentPolicy,
    max_encrypted_data_keys: int | None,
    encryption_context: Mapping[str, str] | None,
    unsigned_only: bool,
    max_body_length: int | None,
) -> DecryptStream:
    """Return the plaintext of the message that *source* has; see :meth:`warmkey.Client.decrypt_stream`."""
    if not isinstance(unsigned_only, bool):  # an empty text would allow what it was meant to refuse
        raise InvalidRequest(f"unsigned_only must be True or False, not {shown(unsigned_only)}")
    parse = partial(read_header, maximum_keys=max_encrypted_data_keys)
    ask = partial(
        verified_materials,
        cmm,
        commitment_policy=commitment_policy,
        encryption_context=EncryptionContext.of(encryption_context),
    )
    limit = _checked_max_body_length(max_body_length)
    buffered = BufferedSource(open_source(source))
    begin = partial(_begin, buffered, parse, ask, unsigned_only=unsigned_only, limit=limit)
    return DecryptStream(begin, buffered)


def _checked_max_body_length(max_body_length: object) -> int:
    if max_body_length is None:
        return DEFAULT_MAX_BODY_LENGTH
    if type(max_body_length) is not int or max_body_length < 0:
        raise InvalidRequest(f"max_body_length must be an int of 0 or more or None, not {shown(max_body_length)}")
    return min(max_body_length, MAX_CONTENT_LENGTH)


def _begin(
    source: BufferedSource,
    parse: Callable[[memoryview], MessageHeader],
    ask: Callable[[MessageHeader, memoryview], tuple[DecryptionMaterials, AESGCM]],
    *,
    unsigned_only: bool,
    limit: int,
) -> tuple[Facts, Parts]:
    # spec: client-apis/decrypt.md#parse-the-header 2315 ecad 6cd5
    header = source.parse(parse, guess=HEADER_GUESS)
    signature = header.algorithm_suite.signature
    # spec: client-apis/decrypt.md#behavior cb86
    if signature is not None and unsigned_only:
        raise PolicyRefused(
            f"the message is signed ({header.algorithm_suite.name}) and unsigned_only was asked for; "
            "decrypt it without that and use no plaintext before the end, or have it written unsigned"
        )
    with source.data[: header.body_length] as header_body:
        # spec: client-apis/decrypt.md#parse-the-header 2186
        materials, aead = ask(header, header_body)
    if signature is not None:
        # spec: client-apis/decrypt.md#verify-the-header cb22
        source.start_hash(signature)
    source.consume(header.length)
    # spec: client-apis/decrypt.md#verify-the-header c0cf
    facts = Facts(
        algorithm_suite=header.algorithm_suite,
        encryption_context=cast("EncryptionContext", materials.encryption_context),
        header=lambda: header,
    )
    return facts, _plaintext(_Body(source, header, aead, limit), materials)


def _plaintext(body: _Body, materials: DecryptionMaterials) -> Iterator[memoryview]:
    # spec: client-apis/decrypt.md#decrypt-the-message-body 6400
    if body.header.content_type is ContentType.FRAMED:
        block = yield from body.regular_frames()
        last = body.last(block, FINAL_FRAME, _FINAL_START)
    else:
        block = body.source.parse(lambda data: read_non_framed_start(Reader(data)), guess=_NON_FRAMED_START)
        last = body.last(block, SINGLE_BLOCK, _NON_FRAMED_START)
    # spec: client-apis/decrypt.md#decrypt-the-message-body 93dd
    # spec: client-apis/streaming.md#outputs b7d8
    _verify_end(body.source, materials)
    yield last


class _Body:
    """Decrypts the body of one message, whose header is verified."""

    __slots__ = ("aead", "header", "limit", "source")

    def __init__(self, source: BufferedSource, header: MessageHeader, aead: AESGCM, limit: int) -> None:
        self.source = source
        self.header = header
        self.aead = aead
        self.limit = limit

    def regular_frames(self) -> Generator[memoryview, None, Block]:
        """Decrypt as many at a time as make a batch, into a buffer that is used again; return the final frame's start.

        Source: client-apis/decrypt.md#decrypt-the-message-body
        """
        source, frame_length = self.source, self.header.frame_length
        frame = frame_length + REGULAR_FRAME_OVERHEAD
        # spec: client-apis/streaming.md#overview 9bfa
        at_once = max(1, BATCH_LENGTH // frame)
        buffer = memoryview(b"")
        number = 1
        while not (block := self._frame_start(number)).final:
            name = f"frame {number}"
            self._check_length(block, name)
            # spec: client-apis/decrypt.md#decrypt-the-message-body ffcc
            source.fill(frame, at_once * frame)
            source.require(frame_length + TAG_LENGTH, f"{name} › content", skip=REGULAR_FRAME_START.size)
            count = min(len(source) // frame, at_once, MAX_FRAMES - number)
            if len(buffer) < count * frame_length:
                buffer = memoryview(bytearray(count * frame_length))
            with source.data as frames:
                count = decrypt_regular_frames(frames, buffer, number, count, self.header, self.aead)
            # spec: client-apis/decrypt.md#decrypt-the-message-body 8bfd
            # spec: client-apis/decrypt.md#verify-the-signature 287f
            source.consume(count * frame)
            number += count
            # spec: client-apis/decrypt.md#decrypt-the-message-body 3da2 070d 7bd8
            yield buffer[: count * frame_length]
        return block

    def _frame_start(self, number: int) -> Block:
        frame_length = self.header.frame_length
        return self.source.parse(
            lambda data: read_frame_start(Reader(data), expected_number=number, frame_length=frame_length),
            guess=_FINAL_START,
        )

    def last(self, block: Block, content: bytes, start: int) -> memoryview:
        """Return the plaintext of the final frame or of a non-framed body, whose start takes *start* bytes."""
        is_frame = content == FINAL_FRAME
        name = f"frame {block.sequence_number}" if is_frame else "non-framed body"
        self._check_length(block, name if is_frame else f"the {name}")
        self.source.require(block.length + TAG_LENGTH, f"{name} › content", skip=start)
        end = start + block.length + TAG_LENGTH
        with self.source.data[start:end] as sealed:
            plaintext = decrypt_block(sealed, block, content, message_id=self.header.message_id, aead=self.aead)
        self.source.consume(end)
        return memoryview(plaintext)

    def _check_length(self, block: Block, name: str) -> None:
        if block.length > self.limit:
            raise PolicyRefused(
                f"{name} has {block.length} bytes, and max_body_length is {self.limit}: all of them have to be "
                "in memory before their tag can be verified. Raise max_body_length if you have the memory"
            )


def _verify_end(source: BufferedSource, materials: DecryptionMaterials) -> None:
    if materials.algorithm_suite.signature is None:
        _expect_end(source)
        return
    digest = source.take_digest()
    # spec: client-apis/decrypt.md#verify-the-signature 5f42 5f9e
    signature = source.parse(lambda data: read_footer(Reader(data)), guess=FOOTER_GUESS)
    source.consume(2 + len(signature))
    _expect_end(source)
    # spec: client-apis/decrypt.md#verify-the-signature 3dfc a73e 6b40
    cast("VerificationKey", materials.verification_key).verify(signature, digest)


def _expect_end(source: BufferedSource) -> None:
    source.fill(1)
    # spec: client-apis/decrypt.md#behavior d2b0
    if len(source):
        raise MalformedMessage("more bytes follow the end of the message", offset=source.position)

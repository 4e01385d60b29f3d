"""The encrypt operation on a stream: frame by frame, in memory that does not grow with the plaintext.

A frame becomes a regular one only when more plaintext is known to follow, so a message is laid out exactly as
:mod:`warmkey.client_apis.encrypt` would.

Source: client-apis/encrypt.md#behavior, client-apis/streaming.md
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import TYPE_CHECKING, cast

from warmkey.client_apis.buffered_source import BATCH_LENGTH, BufferedSource, open_source
from warmkey.client_apis.encrypt import authenticated_header, check_frames, frame_length_for, get_materials
from warmkey.client_apis.frames import encrypt_final_frame, encrypt_regular_frames
from warmkey.client_apis.streams import Facts, MessageStream
from warmkey.cmms.interface import check_may_encrypt
from warmkey.data_format.message_body import REGULAR_FRAME_OVERHEAD, count_regular_frames, frame_number
from warmkey.data_format.message_footer import serialize_footer
from warmkey.data_format.message_header import read_header
from warmkey.exceptions import InvalidRequest
from warmkey.structures import EncryptionContext
from warmkey.validation import shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from io import BytesIO

    from warmkey.algorithm_suites import AlgorithmSuite, CommitmentPolicy
    from warmkey.bytes_like import BytesLike
    from warmkey.client_apis.buffered_source import Source
    from warmkey.client_apis.encrypt import FrameLength
    from warmkey.client_apis.frames import AuthenticatedHeader
    from warmkey.client_apis.streams import Parts
    from warmkey.cmms.interface import CryptographicMaterialsManager
    from warmkey.structures import EncryptionMaterials, SigningKey

__all__ = ["EncryptStream", "encrypt_stream"]


class EncryptStream(MessageStream):
    """Gives a message as a readable binary file, made while it is read. See :meth:`warmkey.Client.encrypt_stream`."""


def encrypt_stream(
    source: Source | BytesLike,
    *,
    cmm: CryptographicMaterialsManager,
    commitment_policy: CommitmentPolicy,
    max_encrypted_data_keys: int | None,
    encryption_context: Mapping[str, str] | None,
    algorithm_suite: AlgorithmSuite | None,
    frame_length: FrameLength,
    plaintext_length: int | None,
) -> EncryptStream:
    """Return the message of what can be read from *source*; see :meth:`warmkey.Client.encrypt_stream`."""
    if algorithm_suite is not None:
        check_may_encrypt(algorithm_suite, commitment_policy)
    opened = open_source(source)
    # spec: client-apis/encrypt.md#input 9868
    bound = _checked_bound(plaintext_length) if opened is source else cast("BytesIO", opened).getbuffer().nbytes
    frame_length = frame_length_for(bound, frame_length)
    ask = partial(
        get_materials,
        cmm,
        commitment_policy=commitment_policy,
        max_encrypted_data_keys=max_encrypted_data_keys,
        encryption_context=EncryptionContext.of(encryption_context),
        algorithm_suite=algorithm_suite,
        plaintext_length=bound,
    )
    buffered = BufferedSource(opened, limit=bound)
    return EncryptStream(partial(_begin, buffered, ask, frame_length), buffered)


def _checked_bound(plaintext_length: object) -> int | None:
    if plaintext_length is None:
        return None
    if type(plaintext_length) is not int or plaintext_length < 0:
        raise InvalidRequest(f"plaintext_length must be an int of 0 or more or None, not {shown(plaintext_length)}")
    return plaintext_length


def _begin(source: BufferedSource, ask: Callable[[], EncryptionMaterials], frame_length: int) -> tuple[Facts, Parts]:
    materials = ask()
    header = authenticated_header(materials, frame_length)
    serialized, _, _ = header
    facts = Facts(
        algorithm_suite=materials.algorithm_suite,
        encryption_context=cast("EncryptionContext", materials.encryption_context),
        header=partial(read_header, serialized),
    )
    return facts, _message(source, materials, header, frame_length)


def _message(
    source: BufferedSource, materials: EncryptionMaterials, header: AuthenticatedHeader, frame_length: int
) -> Iterator[bytes | memoryview]:
    serialized, _, _ = header
    signature = materials.algorithm_suite.signature
    if signature is None:
        yield serialized
        yield from _body(source, header, frame_length)
        return
    # spec: client-apis/encrypt.md#construct-the-header 2d9e
    signed = hashlib.new(signature.hash_function.value, serialized)
    yield serialized
    for part in _body(source, header, frame_length):
        # spec: client-apis/encrypt.md#construct-a-frame 840b
        # spec: client-apis/encrypt.md#construct-the-signature 287f
        signed.update(part)
        yield part
    # spec: client-apis/encrypt.md#construct-the-signature 3e39 f8cd 2e09 7286 d4b8
    yield serialize_footer(cast("SigningKey", materials.signing_key).sign(signed.digest()))


def _body(source: BufferedSource, header: AuthenticatedHeader, frame_length: int) -> Iterator[bytes | memoryview]:
    """Encrypt as many regular frames at a time as make a batch, into a buffer that is used again; then the final one.

    Source: client-apis/encrypt.md#construct-the-body
    """
    frame = frame_length + REGULAR_FRAME_OVERHEAD
    # spec: client-apis/streaming.md#overview 9bfa
    at_once = max(1, BATCH_LENGTH // frame)
    buffer = memoryview(b"")
    number = 1
    # spec: client-apis/encrypt.md#construct-the-body 2458 f07f
    while not source.ended or len(source) > frame_length:
        source.fill(frame_length + 1, at_once * frame_length + 1)
        # spec: client-apis/encrypt.md#construct-the-body b438
        count = min(count_regular_frames(len(source), frame_length), at_once)
        check_frames(number + count, min(len(source), frame_length), frame_length)
        if len(buffer) < count * frame:
            buffer = memoryview(bytearray(count * frame))
        with source.data as plaintext:
            encrypt_regular_frames(plaintext, buffer, number, count, header, frame_length)
        source.consume(count * frame_length)
        number += count
        # spec: client-apis/encrypt.md#construct-a-frame 6e5e e319
        yield buffer[: count * frame]
    del buffer  # so that a large frame is in memory twice, not three times
    with source.data as plaintext:
        # spec: client-apis/encrypt.md#construct-the-body 76dd bacc
        final_frame = encrypt_final_frame(plaintext, frame_number(number), header)
    source.consume(len(source))
    yield from final_frame  # in pieces: joining them would take the memory of a third frame

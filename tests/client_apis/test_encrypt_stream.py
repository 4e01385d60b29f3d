"""Encrypting a stream: the message that encrypting at once would give, within a bound and without much memory."""

from __future__ import annotations

import io
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.client_apis.sources import (
    CLIENT,
    KEYRING,
    MEGABYTE,
    SIGNED,
    UNSIGNED,
    Counted,
    Pieces,
    measured_memory,
    plaintext_of,
    released_before_failure,
)
from warmkey import (
    AlgorithmSuite,
    CachingCMM,
    Client,
    CommitmentPolicy,
    DefaultCMM,
    InvalidRequest,
    LocalCMC,
    PolicyRefused,
)
from warmkey.client_apis.buffered_source import BATCH_LENGTH
from warmkey.data_format.message_body import MAX_FRAMES

if TYPE_CHECKING:
    from warmkey import EncryptionMaterials, EncryptionMaterialsRequest

FORBIDDING = Client(commitment_policy=CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT)


class Requests:
    """A default CMM that remembers what it was asked for."""

    def __init__(self) -> None:
        self._cmm = DefaultCMM(KEYRING)
        self.lengths: list[int | None] = []

    def get_encryption_materials(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        self.lengths.append(request.max_plaintext_length)
        return self._cmm.get_encryption_materials(request)


class Failing(Pieces):
    """Breaks off where it should end."""

    def read(self, length: int) -> bytes:
        piece = super().read(length)
        if not piece:
            raise OSError
        return piece


def encrypted(source: Any, **arguments: Any) -> bytes:
    arguments = {"keyring": KEYRING, "algorithm_suite": UNSIGNED, "frame_length": 16, **arguments}
    if "cmm" in arguments:
        del arguments["keyring"]
    return CLIENT.encrypt_stream(source, **arguments).read()


def decrypted(message: bytes) -> bytes:
    return CLIENT.decrypt(message, keyring=KEYRING).plaintext


# -------------------------------------------------------------------------------------------------------- the message


# spec: client-apis/encrypt.md#plaintext e20d
# spec: client-apis/encrypt.md#encrypted-message 85a4
# spec: client-apis/encrypt.md#construct-the-body 660b b438 2458 f07f 76dd bacc e5a5
@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 32, 33, 160, 1000])
@pytest.mark.parametrize("source_of", [bytes, io.BytesIO, Pieces])
def test_the_message_is_what_encrypting_at_once_gives(
    length: int, source_of: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Byte for byte: a plaintext of whole frames ends in a full final frame, and no empty one follows."""
    monkeypatch.setattr("os.urandom", bytes)
    plaintext = plaintext_of(length)
    arguments: dict[str, Any] = {"algorithm_suite": UNSIGNED, "frame_length": 16, "encryption_context": {"a": "b"}}

    at_once = CLIENT.encrypt(plaintext, keyring=KEYRING, **arguments).ciphertext
    assert encrypted(source_of(plaintext), **arguments) == at_once


# spec: client-apis/encrypt.md#construct-the-header 2d9e
# spec: client-apis/encrypt.md#construct-a-frame 840b
# spec: client-apis/encrypt.md#construct-the-signature 7286
# spec: client-apis/encrypt.md#construct-the-signature 3e39 f8cd d4b8
@pytest.mark.parametrize("suite", AlgorithmSuite)
def test_every_suite(suite: AlgorithmSuite) -> None:
    client = CLIENT if suite.commits else FORBIDDING
    plaintext = plaintext_of(100)
    with client.encrypt_stream(
        io.BytesIO(plaintext), keyring=KEYRING, algorithm_suite=suite, frame_length=16
    ) as stream:
        message = stream.read()

    result = CLIENT.decrypt(message, keyring=KEYRING)
    assert (plaintext, suite) == (result.plaintext, result.algorithm_suite)
    assert stream.encryption_context == result.encryption_context
    assert stream.header == result.header


# spec: client-apis/encrypt.md#construct-the-header d388
# spec: client-apis/encrypt.md#construct-a-frame 6e5e
# spec: client-apis/encrypt.md#construct-the-signature 2e09
@pytest.mark.parametrize("suite_id", [UNSIGNED, SIGNED])
def test_header_frames_and_footer_are_released_whole(suite_id: int) -> None:
    """The source fails in the middle of a frame, and nothing of that frame was released."""
    frame = 16 + 4 + 12 + 16
    for length in (0, 15, 16, 17, 40, 47, 48):
        stream = CLIENT.encrypt_stream(
            Failing(plaintext_of(length)), keyring=KEYRING, algorithm_suite=suite_id, frame_length=16
        )
        header_length = stream.header.length
        body = len(released_before_failure(stream, OSError)) - header_length

        assert (body // frame, body % frame) == (max(length - 1, 0) // 16, 0)


# spec: client-apis/encrypt.md#construct-a-frame e319
@pytest.mark.parametrize("suite_id", [UNSIGNED, SIGNED])
@pytest.mark.parametrize(("piece", "frames", "position"), [(16, 1, 32), (48, 2, 48)])
def test_each_frame_is_released_before_the_source_has_ended(
    suite_id: int, piece: int, frames: int, position: int
) -> None:
    source = Pieces(plaintext_of(64), (piece,))
    stream = CLIENT.encrypt_stream(source, keyring=KEYRING, algorithm_suite=suite_id, frame_length=16)
    stream.read(stream.header.length + frames * 48)

    assert source.position == position, "frames, and the bytes that show that none is the last one"


@pytest.mark.parametrize("frame_length", [1, 4096, BATCH_LENGTH - 1, BATCH_LENGTH, BATCH_LENGTH + 1, 2**32 - 1])
@pytest.mark.parametrize("length", [0, BATCH_LENGTH, BATCH_LENGTH + 1, 300_000])
def test_frames_of_any_length(frame_length: int, length: int) -> None:
    plaintext = plaintext_of(length if frame_length > 1 else length // 64)

    assert decrypted(encrypted(io.BytesIO(plaintext), frame_length=frame_length)) == plaintext


@pytest.mark.parametrize("frame_length", [0, -1, 2**32, 1.0, "4096", None, True])
def test_a_frame_length_that_cannot_be_is_refused_at_once(frame_length: Any) -> None:
    with pytest.raises(InvalidRequest, match="frame_length"):
        CLIENT.encrypt_stream(b"", keyring=KEYRING, frame_length=frame_length)


def test_a_suite_against_the_policy_is_refused_at_once() -> None:
    with pytest.raises(PolicyRefused, match="REQUIRE_ENCRYPT_ALLOW_DECRYPT"):
        CLIENT.encrypt_stream(b"", keyring=KEYRING, algorithm_suite=AlgorithmSuite(0x0178))


def test_reserved_context_keys_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="aws-crypto-"):
        encrypted(b"", encryption_context={"aws-crypto-public-key": "x"})


def test_the_limit_on_encrypted_data_keys_holds() -> None:
    client = Client(max_encrypted_data_keys=1)

    assert client.encrypt_stream(b"", keyring=KEYRING).read()


# spec: data-format/message-body.md#framed-data 9c3e
def test_a_message_has_no_more_frames_than_the_format_can_count(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_FRAMES == 2**32 - 1
    monkeypatch.setattr("warmkey.client_apis.encrypt.MAX_FRAMES", 10)
    assert decrypted(encrypted(bytes(160))) == bytes(160)

    with pytest.raises(InvalidRequest, match="more than 10 frames of 16 bytes; choose a larger frame_length"):
        encrypted(bytes(161))


def test_a_frame_that_the_cipher_cannot_take_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warmkey.client_apis.encrypt.MAX_CONTENT_LENGTH", 100)
    assert decrypted(encrypted(bytes(100), frame_length=101)) == bytes(100)

    with pytest.raises(InvalidRequest, match="choose a smaller frame_length than 101"):
        encrypted(bytes(101), frame_length=101)


# --------------------------------------------------------------------------------------- the bound of the plaintext


# spec: client-apis/encrypt.md#plaintext-length-bound b894


# spec: client-apis/encrypt.md#input 16d6
def test_the_bound_is_what_the_cmm_is_told() -> None:
    cmm = Requests()
    encrypted(io.BytesIO(b"12345"), cmm=cmm, plaintext_length=10)
    encrypted(io.BytesIO(b"12345"), cmm=cmm)

    assert cmm.lengths == [10, None]


# spec: client-apis/encrypt.md#input 9868
@pytest.mark.parametrize("plaintext", [b"12345", bytearray(b"12345"), memoryview(b"12345")])
def test_a_length_given_for_bytes_is_ignored(plaintext: Any) -> None:
    cmm = Requests()

    assert decrypted(encrypted(plaintext, cmm=cmm, plaintext_length=3)) == b"12345"
    assert cmm.lengths == [5]


@pytest.mark.parametrize("length", [0, 1, 16, 100])
def test_a_plaintext_as_long_as_the_bound_is_within_it(length: int) -> None:
    assert decrypted(encrypted(io.BytesIO(bytes(length)), plaintext_length=length)) == bytes(length)


# spec: client-apis/encrypt.md#plaintext-length-bound b894
# spec: client-apis/encrypt.md#construct-the-body e221
@pytest.mark.parametrize("source_of", [io.BytesIO, Pieces])
@pytest.mark.parametrize("suite", [UNSIGNED, SIGNED])
@pytest.mark.parametrize(("length", "bound"), [(1, 0), (17, 16), (1000, 999), (33, 1)])
def test_a_longer_plaintext_never_becomes_a_message(length: int, bound: int, suite: int, source_of: Any) -> None:
    stream = CLIENT.encrypt_stream(
        source_of(bytes(length)), keyring=KEYRING, algorithm_suite=suite, frame_length=16, plaintext_length=bound
    )
    released = io.BytesIO()
    with pytest.raises(InvalidRequest, match=f"more than the {bound} bytes? that"):
        shutil.copyfileobj(stream, released, 1)

    with pytest.raises(InvalidRequest, match=f"more than the {bound} bytes? that"):
        stream.read()
    assert b"\xff\xff\xff\xff" not in released.getvalue()[-100:]  # no final frame was begun


@pytest.mark.parametrize("plaintext_length", [-1, 1.0, "10", True])
def test_a_bound_that_cannot_be_is_refused_at_once(plaintext_length: Any) -> None:
    with pytest.raises(InvalidRequest, match="plaintext_length"):
        CLIENT.encrypt_stream(io.BytesIO(), keyring=KEYRING, plaintext_length=plaintext_length)


def caching() -> CachingCMM:
    return CachingCMM(cache=LocalCMC(10), max_age=60, keyring=KEYRING, max_bytes_encrypted=100)


def data_keys(cmm: CachingCMM, lengths: list[int | None]) -> int:
    """How many data keys messages of one byte take when they are announced to be so long."""
    messages = [encrypted(io.BytesIO(b"x"), cmm=cmm, plaintext_length=length) for length in lengths]
    return len({CLIENT.decrypt(message, keyring=KEYRING).header.encrypted_data_keys for message in messages})


def test_with_a_bound_the_data_key_comes_from_the_cache() -> None:
    assert data_keys(caching(), [10, 20, 30]) == 1


def test_without_one_the_cache_is_bypassed() -> None:
    assert data_keys(caching(), [None, None, None]) == 3


def test_the_bound_is_charged_in_full() -> None:
    """Two times 50 reach the limit of 100 bytes exactly; one byte was encrypted each time."""
    assert data_keys(caching(), [50, 50]) == 1
    assert data_keys(caching(), [50, 50, 1]) == 2


# ------------------------------------------------------------------------------------------------------------- memory


# spec: client-apis/streaming.md#overview 9bfa
@pytest.mark.parametrize("suite", [UNSIGNED, SIGNED])
def test_memory_does_not_grow_with_the_plaintext(suite: int) -> None:
    stream = CLIENT.encrypt_stream(Counted(limit=8 * MEGABYTE), keyring=KEYRING, algorithm_suite=suite)
    stream.read(1)

    with measured_memory() as peak:
        while stream.read(65_536):
            pass

    assert peak.bytes < 1.5 * MEGABYTE


def test_small_frames_take_no_more_than_large_ones() -> None:
    """The header of a frame of one byte is 32 bytes long."""
    stream = CLIENT.encrypt_stream(Counted(limit=20_000), keyring=KEYRING, algorithm_suite=UNSIGNED, frame_length=1)
    stream.read(1)

    with measured_memory() as peak:
        while stream.read(65_536):
            pass

    assert peak.bytes < 1.5 * MEGABYTE


def test_a_frame_length_is_no_allocation() -> None:
    with measured_memory() as peak:
        encrypted(io.BytesIO(b"short"), frame_length=2**32 - 1)

    assert peak.bytes < MEGABYTE


def test_a_large_frame_is_held_twice_at_most() -> None:
    stream = CLIENT.encrypt_stream(
        Counted(limit=12 * MEGABYTE), keyring=KEYRING, algorithm_suite=UNSIGNED, frame_length=4 * MEGABYTE
    )
    with measured_memory() as peak:
        while stream.read(65_536):
            pass

    assert peak.bytes < 2.5 * 4 * MEGABYTE

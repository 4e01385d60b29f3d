"""``frame_length="auto"``: as every client expects for small plaintexts, larger frames for large ones."""

from __future__ import annotations

import io

import pytest

from tests.client_apis.sources import CLIENT, KEYRING, plaintext_of
from warmkey import CachingCMM, Client, InvalidRequest, LocalCMC
from warmkey.client_apis.encrypt import frame_length_for


@pytest.mark.parametrize(
    ("length", "expected"), [(0, 4096), (4096, 4096), (4097, 65536), (65537, 65536), (2**40, 65536), (None, 65536)]
)
def test_large_plaintexts_and_those_of_unknown_length_get_larger_frames(length: int | None, expected: int) -> None:
    assert frame_length_for(length, "auto") == expected


@pytest.mark.parametrize("length", [0, 1, 4_096, 4_097, 65_536, 65_537, 200_000])
def test_whole_and_streamed_messages_are_laid_out_alike_and_read_back(length: int) -> None:
    plaintext = plaintext_of(length)
    whole = CLIENT.encrypt(plaintext, keyring=KEYRING, frame_length="auto")
    with CLIENT.encrypt_stream(plaintext, keyring=KEYRING, frame_length="auto") as stream:
        streamed = stream.read()
    with CLIENT.encrypt_stream(
        io.BytesIO(plaintext), keyring=KEYRING, frame_length="auto", plaintext_length=length
    ) as stream:
        bounded_frame_length = stream.header.frame_length

    assert whole.header.frame_length == bounded_frame_length == (4096 if length <= 4096 else 65536)
    for message in (whole.ciphertext, streamed):
        assert CLIENT.decrypt(message, keyring=KEYRING).plaintext == plaintext


def test_a_stream_of_unknown_length_is_taken_for_a_large_one() -> None:
    with CLIENT.encrypt_stream(io.BytesIO(b"short"), keyring=KEYRING, frame_length="auto") as stream:
        assert stream.header.frame_length == 65536
        assert CLIENT.decrypt(stream.read(), keyring=KEYRING).plaintext == b"short"


def test_small_and_large_messages_take_turns_under_one_cached_key() -> None:
    cmm = CachingCMM(cache=LocalCMC(1), max_age=60, keyring=KEYRING)
    client = Client()
    for length in (10, 10_000, 10, 10_000, 10):
        message = client.encrypt(bytes(length), cmm=cmm, frame_length="auto").ciphertext

        assert client.decrypt(message, cmm=cmm).plaintext == bytes(length)


@pytest.mark.parametrize("frame_length", ["AUTO", "4096", "", None, True, 4096.0])
def test_nothing_else_is_taken_for_a_frame_length(frame_length: object) -> None:
    with pytest.raises(InvalidRequest, match="or 'auto'"):
        CLIENT.encrypt(b"", keyring=KEYRING, frame_length=frame_length)  # type: ignore[arg-type]

"""Going through a message without a key: what there is, in little memory, and where it breaks."""

from __future__ import annotations

import base64
import io

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
    message_of,
    plaintext_of,
)
from tests.vectors.forge import PUBLIC_KEY_FIELD, SUITES, Forgery
from warmkey import MalformedMessage, WarmkeyError
from warmkey.cli.files import Base64Source
from warmkey.cli.message_walk import Examination, examine


def examined(message: bytes) -> Examination:
    return examine(io.BytesIO(message))


@pytest.mark.parametrize("suite_id", SUITES)
@pytest.mark.parametrize(("length", "frames", "last"), [(0, 1, 0), (1, 1, 1), (16, 1, 16), (17, 2, 1), (100, 7, 4)])
def test_a_framed_message(suite_id: int, length: int, frames: int, last: int) -> None:
    message = message_of(plaintext_of(length), suite_id)
    found = examined(message)

    assert found.problem is None
    assert found.header == CLIENT.decrypt(message, keyring=KEYRING).header
    assert (found.frames, found.last_length, found.plaintext_length) == (frames, last, length)
    assert found.length == len(message)
    assert (found.signature_length is None) == (SUITES[suite_id].curve is None)


@pytest.mark.parametrize("suite_id", [UNSIGNED, SIGNED, 0x0078])
def test_a_message_that_is_not_framed(suite_id: int) -> None:
    found = examined(message_of(plaintext_of(100), suite_id, framed=False))

    assert found.problem is None
    assert (found.frames, found.plaintext_length) == (0, 100)


@pytest.mark.parametrize("suite_id", [UNSIGNED, SIGNED, 0x0078])
@pytest.mark.parametrize("framed", [True, False])
def test_a_message_that_is_cut_short_breaks_where_decrypting_says(suite_id: int, framed: bool) -> None:
    message = message_of(plaintext_of(40), suite_id, framed=framed)
    for length in range(len(message)):
        with pytest.raises(MalformedMessage) as expected:
            CLIENT.decrypt(message[:length], keyring=KEYRING)
        found = examine(Pieces(message[:length], (50,)))
        assert str(found.problem) == str(expected.value)
        assert found.length == length


@pytest.mark.parametrize("suite_id", [UNSIGNED, SIGNED])
def test_any_byte_may_be_wrong(suite_id: int) -> None:
    """It is never worse than a problem, and never one that decrypting would not have."""
    message = message_of(plaintext_of(40), suite_id)
    for position in range(len(message)):
        bad = bytearray(message)
        bad[position] ^= 0x41
        found = examined(bytes(bad))
        with pytest.raises(WarmkeyError) as error:
            CLIENT.decrypt(bytes(bad), keyring=KEYRING)
        if isinstance(error.value, MalformedMessage):
            assert str(found.problem) == str(error.value)


def test_what_follows_the_end_is_counted() -> None:
    message = message_of(b"")
    found = examined(message + bytes(300))

    assert str(found.problem) == f"message at byte {len(message)}: 300 bytes follow the end of the message"
    assert found.length == len(message) + 300


def test_what_was_found_before_the_break_is_kept() -> None:
    found = examined(message_of(plaintext_of(100))[:-100])

    assert found.header is not None
    assert (found.frames, found.plaintext_length) == (4, 64)


def test_a_signed_message_without_its_public_key_and_the_other_way_round() -> None:
    missing = Forgery(suite_id=SIGNED, with_public_key=False).message()
    surplus = Forgery(pairs=[(PUBLIC_KEY_FIELD, b"x")]).message()
    wrong = Forgery(suite_id=SIGNED, public_key=b"x").message()

    for message in (missing, surplus, wrong):
        problem = examined(message).problem
        assert problem is not None
        assert problem.where == "encryption context › aws-crypto-public-key"


@pytest.mark.parametrize("data", [b"", b"hello", b"AgV4"])
def test_something_else(data: bytes) -> None:
    found = examined(data)

    assert found.header is None
    assert found.problem is not None
    assert found.length == len(data)


def test_something_else_is_not_read_to_its_end() -> None:
    source = Counted(b"hello")

    assert examine(source).length is None
    assert source.count < MEGABYTE


def test_memory_is_little_whatever_the_length() -> None:
    frames = CLIENT.encrypt_stream(Counted(limit=4 * MEGABYTE), keyring=KEYRING, frame_length=MEGABYTE).read()
    block = message_of(bytes(4 * MEGABYTE), framed=False)
    for message in (frames, block, message_of(b"x" * 1000, frame_length=2**32 - 1)):
        source = io.BytesIO(message)
        with measured_memory() as peak:
            assert examine(source).problem is None
        assert peak.bytes < MEGABYTE


@pytest.mark.parametrize("behind", ["", "with bytes behind its end"])
def test_a_message_in_base64_that_breaks_off_is_shown_up_to_there(behind: str) -> None:
    """What broke is told as the problem; reading on to measure the rest must not end the report."""
    message = Forgery(frame_length=2**20).message(bytes(300_000)) + behind.encode()
    text = base64.b64encode(message) + b"=!"

    found = examine(Base64Source(io.BytesIO(text)))

    assert found.header is not None
    assert "base64 text" in str(found.problem)
    assert found.length is None

"""What holds for streams whatever the sizes: the same as all at once, and nothing unverified from damaged messages."""

from __future__ import annotations

import io
from itertools import cycle
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.client_apis.sources import CLIENT, KEYRING, SIGNED, UNSIGNED, Pieces, message_of, plaintext_of
from tests.vectors.forge import Forgery
from warmkey import AlgorithmSuite, WarmkeyError

if TYPE_CHECKING:
    from collections.abc import Callable

    from warmkey.client_apis.decrypt_stream import DecryptStream

lengths = st.lists(st.integers(1, 400), min_size=1, max_size=5)
plaintexts = st.integers(0, 300).map(plaintext_of)
frame_lengths = st.integers(1, 120)
suites = st.sampled_from([UNSIGNED, SIGNED])


def read_in_pieces(stream: io.BufferedIOBase, sizes: list[int], released: io.BytesIO) -> None:
    """Read to the end with ``read``, ``read1`` and ``readinto`` in turn."""
    buffer = bytearray(max(sizes))
    ways: tuple[Callable[[int], bytes], ...] = (
        stream.read,
        stream.read1,
        lambda size: bytes(buffer[: stream.readinto(memoryview(buffer)[:size])]),
    )
    for way, size in zip(cycle(ways), cycle(sizes), strict=False):
        piece = way(size)
        released.write(piece)
        if not piece:
            return


# spec: client-apis/encrypt.md#construct-the-body b438 2458
# spec: client-apis/streaming.md#overview e6c4
# spec: client-apis/streaming.md#inputs d5d8
# spec: client-apis/streaming.md#outputs 74a6
@settings(deadline=None)
@given(plaintext=plaintexts, frame_length=frame_lengths, suite=suites, arriving=lengths, reading=lengths)
def test_encrypting_in_pieces_is_encrypting(
    plaintext: bytes, frame_length: int, suite: int, arriving: list[int], reading: list[int]
) -> None:
    message = io.BytesIO()
    stream = CLIENT.encrypt_stream(
        Pieces(plaintext, arriving),
        keyring=KEYRING,
        algorithm_suite=AlgorithmSuite(suite),
        frame_length=frame_length,
        plaintext_length=len(plaintext),
    )
    read_in_pieces(stream, reading, message)

    assert CLIENT.decrypt(message.getvalue(), keyring=KEYRING).plaintext == plaintext


# spec: client-apis/streaming.md#inputs d5d8
# spec: client-apis/streaming.md#outputs 74a6
@settings(deadline=None)
@given(
    plaintext=plaintexts,
    frame_length=frame_lengths,
    suite=suites,
    framed=st.booleans(),
    arriving=lengths,
    reading=lengths,
)
def test_decrypting_in_pieces_is_decrypting(
    plaintext: bytes,
    frame_length: int,
    suite: int,
    framed: bool,
    arriving: list[int],
    reading: list[int],
) -> None:
    message = message_of(plaintext, suite, frame_length=frame_length, framed=framed)
    released = io.BytesIO()
    with CLIENT.decrypt_stream(Pieces(message, arriving), keyring=KEYRING) as stream:
        read_in_pieces(stream, reading, released)

    assert released.getvalue() == plaintext


def flipped(message: bytes, position: int, value: int) -> bytes:
    changed = bytearray(message)
    changed[position % len(message)] ^= value
    return bytes(changed)


damages = st.one_of(
    st.tuples(st.integers(0, 2000), st.integers(1, 255)).map(lambda how: lambda message: flipped(message, *how)),
    st.integers(0, 2000).map(lambda length: lambda message: message[: length % len(message)]),
    st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=40)).map(
        lambda how: lambda message: message[: how[0] % len(message)] + how[1] + message[how[0] % len(message) :]
    ),
    st.tuples(st.integers(0, 2000), st.integers(1, 100)).map(
        lambda how: lambda message: message[: how[0] % len(message)] + message[how[0] % len(message) + how[1] :]
    ),
)


def released_by(stream: DecryptStream, reading: list[int]) -> bytes:
    """What a stream that has to fail gives before it does. It fails again, the same way, and closes quietly."""
    released = io.BytesIO()
    with pytest.raises(WarmkeyError) as first:
        read_in_pieces(stream, reading, released)
    with pytest.raises(type(first.value)) as second:
        stream.read()
    assert str(first.value) == str(second.value)
    stream.close()
    return released.getvalue()


@settings(max_examples=300, deadline=None)
@given(
    suite=suites,
    framed=st.booleans(),
    frame_length=st.integers(8, 40),
    damage=damages,
    arriving=lengths,
    reading=lengths,
)
def test_a_damaged_message_gives_an_error_of_ours_and_only_what_was_verified(
    suite: int,
    framed: bool,
    frame_length: int,
    damage: Callable[[bytes], bytes],
    arriving: list[int],
    reading: list[int],
) -> None:
    plaintext = plaintext_of(100)
    message = message_of(plaintext, suite, frame_length=frame_length, framed=framed)
    bad = damage(message)
    if bad == message:  # a byte that was inserted beside its like
        return
    released = released_by(CLIENT.decrypt_stream(Pieces(bad, arriving), keyring=KEYRING), reading)

    assert plaintext.startswith(released)
    assert len(released) < len(plaintext) if framed else released == b""


@settings(max_examples=200, deadline=None)
@given(data=st.binary(max_size=300), arriving=lengths, reading=lengths)
@example(data=b"", arriving=[1], reading=[1])
def test_any_bytes_give_an_error_of_ours(data: bytes, arriving: list[int], reading: list[int]) -> None:
    assert released_by(CLIENT.decrypt_stream(Pieces(data, arriving), keyring=KEYRING), reading) == b""


@settings(max_examples=200, deadline=None)
@given(rest=st.binary(max_size=300), suite=suites, framed=st.booleans(), arriving=lengths, reading=lengths)
def test_any_bytes_after_a_good_header_give_an_error_of_ours(
    rest: bytes,
    suite: int,
    framed: bool,
    arriving: list[int],
    reading: list[int],
) -> None:
    header = Forgery(suite_id=suite, framed=framed).header()
    assert released_by(CLIENT.decrypt_stream(Pieces(header + rest, arriving), keyring=KEYRING), reading) == b""

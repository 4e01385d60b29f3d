"""Sources that behave in every way that a source may, and in some that it may not."""

from __future__ import annotations

import io
import tracemalloc
from contextlib import contextmanager
from itertools import cycle
from typing import TYPE_CHECKING, Any, BinaryIO

from tests.vectors.forge import KEY_NAME, NAMESPACE, WRAPPING_KEY, Forgery
from warmkey import Client, CommitmentPolicy
from warmkey.keyrings import RawAesKeyring

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CLIENT = Client(commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT)
KEYRING = RawAesKeyring(NAMESPACE, KEY_NAME, WRAPPING_KEY)
UNSIGNED = 0x0478
SIGNED = 0x0578
MEGABYTE = 2**20


def plaintext_of(length: int) -> bytes:
    """No two frames of it are alike."""
    return b"".join(number.to_bytes(4, "big") for number in range(length // 4 + 1))[:length]


def message_of(plaintext: bytes, suite_id: int = UNSIGNED, *, frame_length: int = 16, **details: Any) -> bytes:
    """A message under :data:`KEYRING`, by the forge."""
    return Forgery(suite_id=suite_id, frame_length=frame_length, **details).message(plaintext)


def released_before_failure(stream: BinaryIO, kind: type[Exception]) -> bytes:
    """What comes out, byte by byte, until the stream fails as expected."""
    released = io.BytesIO()
    while True:
        try:
            piece = stream.read(1)
        except kind:
            return released.getvalue()
        assert piece, "the stream ended as if all were well"
        released.write(piece)


class Pieces:
    """Has ``read(length)`` and nothing else, and gives as few bytes at a time as *lengths* say, in turn."""

    def __init__(self, data: bytes, lengths: Sequence[int] = (1,)) -> None:
        self._data = data
        self._lengths = cycle(lengths)
        self.position = 0

    def read(self, length: int) -> bytes:
        piece = self._data[self.position :][: min(length, next(self._lengths))]
        self.position += len(piece)
        return piece


class Counted:
    """Counts the bytes that are read from a message that goes on for ever after *beginning*."""

    def __init__(self, beginning: bytes = b"", *, limit: int = 2**63) -> None:
        self._beginning = beginning
        self._limit = limit
        self.count = 0

    def read(self, length: int) -> bytes:
        piece, self._beginning = self._beginning[:length], self._beginning[length:]
        piece = piece or bytes(min(length, self._limit - self.count))
        self.count += len(piece)
        return piece


class Broken:
    """Fails as a network does, after *data*."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, length: int) -> bytes:
        if not self._data:
            raise ConnectionResetError("the network is gone")
        piece, self._data = self._data[:length], self._data[length:]
        return piece


class Peak:
    """The most memory that was in use above the start, in bytes; there when the block ends."""

    bytes: int


@contextmanager
def measured_memory() -> Iterator[Peak]:
    peak = Peak()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        yield peak
        peak.bytes = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()

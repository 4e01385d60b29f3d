"""Reading from a source in pieces of its own choosing, and consuming in pieces of ours.

Memory follows the bytes that were read, never a length that some field claims.

Source: client-apis/streaming.md#inputs
"""

from __future__ import annotations

import hashlib
from io import BytesIO
from typing import TYPE_CHECKING, Protocol, TypeVar, cast

from warmkey.bytes_like import bytes_of
from warmkey.data_format.reader import in_bytes, truncated
from warmkey.exceptions import InvalidRequest, MalformedMessage

if TYPE_CHECKING:
    from collections.abc import Callable

    from warmkey.algorithm_suites import SignatureAlgorithm
    from warmkey.bytes_like import BytesLike

__all__ = ["BATCH_LENGTH", "FOOTER_GUESS", "HEADER_GUESS", "BufferedSource", "Source", "open_source"]

# Bytes that are read and processed at a time, where a frame is no longer than that: two frames of 64 KiB and what
# belongs to them. Throughput is the same from 64 KB up; from 192 KB on the C library's allocator gives buffers back to
# the system and fetches them again for each batch.
BATCH_LENGTH = 2**17 + 2**11

# So much of the buffer is kept for the next batch; what a longer frame took is given back at once.
_MOST_UNUSED = 2 * BATCH_LENGTH

# First guesses that nearly always do: a header with one to three KMS keys and a short context, a P-384 signature.
HEADER_GUESS = 1024
FOOTER_GUESS = 128

_Parsed = TypeVar("_Parsed")


class Source(Protocol):
    """Can be read by streams: a binary file, an S3 ``StreamingBody``, a socket's file, another stream."""

    def read(self, length: int, /) -> bytes:
        """Return up to *length* bytes, and none only at the end."""


def open_source(source: Source | BytesLike) -> Source:
    """Return *source* if it can be read from; bytes become something that can.

    :raises InvalidRequest: it can't
    """
    if isinstance(source, bytes):
        return BytesIO(source)
    if callable(getattr(source, "read", None)):  # first: a memory map is both, and is read from where it was left
        return cast("Source", source)
    content = bytes_of(source)
    if content is None:
        hint = "; open the file first: open(path, 'rb')" if isinstance(source, str) or hasattr(source, "open") else ""
        raise InvalidRequest(f"the source must be a readable binary file object, not {type(source).__name__}{hint}")
    return BytesIO(content)


# spec: client-apis/streaming.md#inputs d5d8
class BufferedSource:
    """Holds the bytes of *source* that have been read and not yet consumed.

    They stand in one buffer that is used again: letting it shrink and grow, so that the system hands out its pages anew
    for each batch, took a third of the time of a stream.

    :param limit: the most bytes that *source* may have; ``None``: any number
    :ivar ended: whether *source* has no more
    :ivar position: how many bytes were consumed before them
    """

    __slots__ = ("_buffer", "_hash", "_limit", "_source", "_start", "_stop", "ended", "position")

    def __init__(self, source: Source, *, limit: int | None = None) -> None:
        self._source = source
        self._limit = limit
        self._hash: hashlib._Hash | None = None
        self._buffer = bytearray()
        self._start = self._stop = 0
        self.ended = False
        self.position = 0

    def __len__(self) -> int:
        return self._stop - self._start

    @property
    def data(self) -> memoryview:
        """Return these bytes; release the view before the next call."""
        return memoryview(self._buffer)[self._start : self._stop]

    def fill(self, needed: int, wanted: int = 0) -> None:
        """Have *needed* bytes at hand, or all that are left; be content with them, but ask for *wanted*.

        :raises InvalidRequest: the source does not behave, or has more than the limit
        """
        while len(self) < needed and not self.ended:
            self._read(min(max(needed, wanted) - len(self), BATCH_LENGTH))

    def _read(self, length: int) -> None:
        # spec: client-apis/streaming.md#inputs eefe
        chunk = self._source.read(length)
        if not isinstance(chunk, (bytes, bytearray, memoryview)):
            raise InvalidRequest(_not_bytes(chunk))
        chunk = bytes(chunk)  # the len() of a memoryview counts its items, of which each may be several bytes
        # spec: client-apis/streaming.md#inputs 53ce
        self.ended = len(chunk) == 0
        self._append(chunk)
        # spec: framework/cmm-interface.md#encryption-materials-request 806f
        # spec: client-apis/encrypt.md#plaintext-length-bound b894
        # spec: client-apis/encrypt.md#construct-the-body e221
        if self._limit is not None and self.position + len(self) > self._limit:
            raise InvalidRequest(
                f"the source has more than the {in_bytes(self._limit)} that plaintext_length says; it is an upper bound"
            )

    def _append(self, chunk: bytes | bytearray | memoryview) -> None:
        if self._start:
            with memoryview(self._buffer) as buffer:
                buffer[: len(self)] = buffer[self._start : self._stop]
            self._start, self._stop = 0, len(self)
        end = self._stop + len(chunk)
        self._buffer[self._stop : end] = chunk
        self._stop = end

    def require(self, length: int, where: str, *, skip: int = 0) -> None:
        """Have *length* bytes at hand after the first *skip*.

        :raises MalformedMessage: the source ends before, about the field *where*
        """
        self.fill(skip + length)
        left = len(self) - skip
        if left < length:
            raise truncated(length, left, where=where, offset=self.position + skip)

    def parse(self, parse: Callable[[memoryview], _Parsed], *, guess: int) -> _Parsed:
        """Return what *parse* makes of the front of the bytes at hand. Nothing is consumed.

        :param guess: how many bytes will probably do; each further attempt has twice as many, so that the effort stays
            in proportion to them
        :raises MalformedMessage: with the position in the whole message
        """
        length = guess
        while True:
            self.fill(length, BATCH_LENGTH)
            try:
                with self.data[:length] as front:  # a copy of a large header would be as large again
                    return parse(front)
            except MalformedMessage as error:
                all_seen = self.ended and length >= len(self)
                if all_seen or not error.truncated:
                    offset = self.position + error.offset
                    raise type(error)(
                        error.problem, where=error.where, offset=offset, truncated=error.truncated
                    ) from None
            length *= 2

    def consume(self, length: int) -> None:
        """Have done with the first *length* bytes."""
        if self._hash is not None:
            with self.data[:length] as consumed:
                self._hash.update(consumed)
        self._start += length
        self.position += length
        # Less than is left is not worth moving it: a source may give more at once than it was asked for.
        if len(self._buffer) - len(self) > max(_MOST_UNUSED, len(self)):
            self._buffer = self._buffer[self._start : self._stop]
            self._start, self._stop = 0, len(self._buffer)

    @property
    def hashing(self) -> bool:
        """Return whether a hash was started whose digest nobody has taken."""
        return self._hash is not None

    def start_hash(self, signature: SignatureAlgorithm) -> None:
        """Hash whatever is consumed from now on."""
        self._hash = hashlib.new(signature.hash_function.value)

    def take_digest(self) -> bytes:
        """Return the digest of what was consumed since :meth:`start_hash`."""
        if self._hash is None:
            raise AssertionError("the hash was not started")
        digest, self._hash = self._hash.digest(), None
        return digest


def _not_bytes(chunk: object) -> str:
    if chunk is None:
        return (
            "the source has nothing to read at the moment: it is in non-blocking mode, and streams need a blocking one"
        )
    hint = "; open it in binary mode" if isinstance(chunk, str) else ""
    return f"the source's read() must give bytes, not {type(chunk).__name__}{hint}"

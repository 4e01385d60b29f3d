"""What an encrypting and a decrypting stream have in common: a readable binary file over parts that are released.

Where the parts come from (a generator that reads the source, works, and yields what may be handed out) is apart from
what a file object has to do: serve reads of any length, fail the same way again after a failure, close.

Source: client-apis/streaming.md
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, NoReturn, TypeVar

from warmkey.exceptions import InvalidRequest, WarmkeyError
from warmkey.tracebacks import scrub_traceback
from warmkey.unpicklable import Unpicklable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from _typeshed import WriteableBuffer

    from warmkey.algorithm_suites import AlgorithmSuite
    from warmkey.data_format.message_header import MessageHeader
    from warmkey.structures import EncryptionContext

    class _BinaryFile(io.BufferedIOBase, BinaryIO):
        """Both at once, as typeshed has it for every binary file."""
else:
    _BinaryFile = io.BufferedIOBase

__all__ = ["Begin", "Facts", "MessageStream"]

_Result = TypeVar("_Result")
_PEEKED = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a message once its header is complete, or verified. The header is parsed when it is wanted."""

    algorithm_suite: AlgorithmSuite
    encryption_context: EncryptionContext
    header: Callable[[], MessageHeader]


if TYPE_CHECKING:
    Parts = Iterator[bytes | memoryview]
    Begin = Callable[[], tuple[Facts, Parts]]
    """Gets the materials and does the header; the parts follow as they are asked for."""


class MessageStream(Unpicklable, _BinaryFile):
    """A readable binary file that does its work while it is read. Not for several threads at once.

    Nothing is read and no key is asked for before the first read, or the first look at a fact of the header. The
    source stays open when the stream is closed: whoever opened it closes it.
    """

    def __init__(self, begin: Begin) -> None:
        super().__init__()
        self._begin: Begin | None = begin
        self._facts: Facts | None = None
        self._failure: BaseException | None = None
        self._parts: Parts = iter(())
        self._released = memoryview(b"")
        self._ended = False

    @property
    def header(self) -> MessageHeader:
        """The fields of the message's header."""
        return self._opened().header()

    @property
    def encryption_context(self) -> dict[str, str]:
        """All that is authenticated with the message, as a copy of your own."""
        return dict(self._opened().encryption_context)

    @property
    def algorithm_suite(self) -> AlgorithmSuite:
        """The suite of the message."""
        return self._opened().algorithm_suite

    def readable(self) -> bool:
        """Yes."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """*size* bytes, fewer only at the end; everything that is left without a size.

        :raises WarmkeyError: as the operation does; what had been collected for this read is dropped
        """
        if size is None or size < 0:
            size = 2**63 - 1
        piece = self._next(size)
        if len(piece) in (0, size):
            return bytes(piece)
        with io.BytesIO() as collected:  # closed: a failure leaves no plaintext among the local variables
            left = size - collected.write(piece)
            del piece
            while left and (written := collected.write(self._next(left))):
                left -= written
            return collected.getvalue()

    def read1(self, size: int = -1, /) -> bytes:
        """Up to *size* bytes, as many as are to be had at once; none only at the end."""
        return bytes(self._next(size if size >= 0 else io.DEFAULT_BUFFER_SIZE))

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill *buffer*; how many bytes that took, fewer than it holds only at the end."""
        with memoryview(buffer).cast("B") as target:
            done = 0
            while done < len(target) and (piece := self._next(len(target) - done)):
                target[done : done + len(piece)] = piece
                done += len(piece)
                del piece
            return done

    def peek(self, size: int = 0, /) -> bytes:  # noqa: ARG002 - a hint that io.BufferedReader ignores, too
        """What the next read would begin with, without reading it. Reading line by line relies on it."""
        self._have_released()
        return bytes(self._released[:_PEEKED])

    def close(self) -> None:
        """Let go of keys and buffers."""
        super().close()
        self._let_go()

    def _next(self, length: int) -> memoryview:
        """Up to *length* of the bytes that may be handed out; none at the end. They are overwritten later."""
        self._have_released()
        piece = self._released[:length]
        self._released = self._released[length:]
        return piece

    def _have_released(self) -> None:
        if self.closed:
            raise InvalidRequest("the stream is closed")
        while not (self._released or self._ended):
            self._opened()
            self._attempt(self._advance)

    def _advance(self) -> None:
        self._released = memoryview(b"")  # even an empty view keeps a buffer alive
        part = next(self._parts, None)
        self._ended = part is None
        self._released = memoryview(part or b"")

    def _opened(self) -> Facts:
        if self._failure is not None:
            self._fail_again(self._failure)
        if self._facts is None:
            if self._begin is None:
                raise InvalidRequest("the stream was closed before its header was read")
            self._facts, self._parts = self._attempt(self._begin)
            self._begin = None
        return self._facts

    def _attempt(self, step: Callable[[], _Result]) -> _Result:
        try:
            return step()
        except BaseException as error:  # noqa: BLE001 - raised again
            # The source's too, and an interruption: a stream that failed must never look like one that ended.
            self._failure = error
            self._let_go()
            raise scrub_traceback(error)  # noqa: B904 - its cause is set already

    def _fail_again(self, failure: BaseException) -> NoReturn:
        if isinstance(failure, WarmkeyError):
            raise failure.for_another_caller()
        raise failure.with_traceback(None)

    def _let_go(self) -> None:
        self._begin = None
        self._parts = iter(())
        self._released = memoryview(b"")

    def _close_quietly(self) -> None:
        MessageStream.close(self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._close_quietly()

    def __del__(self) -> None:
        # io.IOBase calls close(), which may raise, and here nobody could catch that.
        self._close_quietly()

"""What an encrypting and a decrypting stream have in common: a readable binary file over parts that are released.

Theory of operation
===================

A generator reads the source, works, and yields the parts that may be handed out. This file does what a file object has
to do with them: serve reads of any length, fail the same way again after a failure, close. Two rules hold for all of
its public methods, and :func:`_step` holds them in one place.

* *A failed stream never looks like one that ended.* A method that took parts from the generator and is interrupted
  (by an error of the source, a signal handler's exception, MemoryError) loses them, and the next read would go on
  behind the hole. So there is one turn: a method takes it before it looks at anything, and puts it back with its last
  step only. Without it the stream counts as failed, whoever else comes in meanwhile; a failure is never taken back.
* *A copy of the process does not go on.* A key and a position must not be used twice, so a stream that was begun
  refuses every step in a forked child and after a snapshot. The original goes on, and so does a stream in the copy that
  was made before and not begun. A step during which the process was forked is refused in the child at its end: nothing
  that it made is handed out.

Source: client-apis/streaming.md
"""

from __future__ import annotations

import functools
import io
import operator
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Concatenate, Generic, ParamSpec, Self, TypeVar

from warmkey.boundary import PENDING, leave, mark_boundary
from warmkey.events import EvictionReason
from warmkey.exceptions import InvalidRequest, WarmkeyError
from warmkey.fork_safety import generation, register
from warmkey.message_ends import NotCounted
from warmkey.safe_repr import safe_repr
from warmkey.tracebacks import scrub_traceback
from warmkey.unpicklable import Unpicklable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from _typeshed import WriteableBuffer

    from warmkey.algorithm_suites import AlgorithmSuite
    from warmkey.client_apis.buffered_source import BufferedSource
    from warmkey.data_format.message_header import MessageHeader
    from warmkey.message_ends import Message
    from warmkey.structures import EncryptionContext

    class _BinaryFile(io.BufferedIOBase, BinaryIO):
        """Both at once, as typeshed has it for every binary file."""
else:
    _BinaryFile = io.BufferedIOBase

__all__ = ["Begin", "Facts", "MessageStream"]

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_PEEKED = 8192
# Where the end of a line is looked for at a time: most lines are shorter, and looking copies.
_LINE_STEP = 512
_EVERYTHING = 2**63 - 1
_TURN = "turn"


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Hold what is known of a message once its header is complete, or verified. The header is parsed when asked for."""

    algorithm_suite: AlgorithmSuite
    encryption_context: EncryptionContext
    header: Callable[[], MessageHeader]


if TYPE_CHECKING:
    Parts = Iterator[bytes | memoryview]
    Begin = Callable[[], tuple[Facts, Parts]]
    """Gets the materials and does the header; the parts follow as they are asked for."""


class _NoMoreLines(StopIteration):
    """Ends an iteration, and is not a failure."""


class _Held(Generic[_Result]):
    """Holds what a method returns, so that no variable shows it while lines are written."""

    __slots__ = ("value",)

    def __init__(self, value: _Result) -> None:
        self.value = value


def _size(size: object) -> int:
    return -1 if size is None else operator.index(size)  # type: ignore[arg-type]


def _writable(buffer: WriteableBuffer) -> memoryview:
    view = memoryview(buffer).cast("B")
    if view.readonly:
        raise TypeError("the buffer to read into must be writable")
    return view


def _step(
    check: Callable[[Any], object] = _size,
) -> Callable[
    [Callable[Concatenate[MessageStream, _Parameters], _Result]],
    Callable[Concatenate[MessageStream, _Parameters], _Result],
]:
    """Decorate a method that moves the stream: whatever interrupts it ends the stream for good.

    :param check: checks and converts the arguments; its errors are the caller's, and end nothing
    """

    def decorate(
        method: Callable[Concatenate[MessageStream, _Parameters], _Result],
    ) -> Callable[Concatenate[MessageStream, _Parameters], _Result]:
        @mark_boundary
        @functools.wraps(method)
        def call(self: MessageStream, /, *args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
            checked = [check(argument) for argument in args] if args else []
            # One call, so that only one of two threads gets it; and before all else, so that no failure can follow
            # the look for one. Who is refused for good need not put it back.
            has_turn = self._turn.pop(_TURN, False)
            if not has_turn or self._failure is not None or self.closed or self._generation not in (None, generation()):
                raise self._unusable()
            try:
                result = _Held(method(self, *checked, **kwargs))  # type: ignore[arg-type]
                if PENDING:
                    leave()
                self._refuse_in_a_copy()
                self._turn[_TURN] = True
                # Once this is begun, no signal handler can come between it and the caller.
                return result.value  # noqa: TRY300 - what comes before has to be guarded
            except _NoMoreLines:
                if PENDING:
                    leave()
                self._refuse_in_a_copy()
                self._turn[_TURN] = True
                raise
            except BaseException as error:  # noqa: BLE001 - raised again
                self._failure = error
                self._message.end(error)
                args, checked, result = (), [], None  # type: ignore[assignment]
                self._let_go()
                if PENDING:
                    leave()
                raise scrub_traceback(error)  # noqa: B904 - its cause is set already

        return call

    return decorate


def _under_way() -> InvalidRequest:
    return InvalidRequest("an earlier read of the stream was interrupted, or is under way in another thread")


def _closed() -> InvalidRequest:
    return InvalidRequest("the stream is closed")


def _begun_elsewhere() -> InvalidRequest:
    return InvalidRequest(
        "the stream was begun before this process was forked, or before a snapshot of it was taken, and only the "
        "original may go on with it; begin another stream here"
    )


# spec: client-apis/streaming.md#outputs 74a6
class MessageStream(Unpicklable, _BinaryFile):
    """Does its work while it is read, as a readable binary file. Not for several threads at once.

    Nothing is read and no key is asked for before the first read, or the first look at a fact of the header. The
    source stays open when the stream is closed: whoever opened it closes it.

    A stream that failed, or whose reading was interrupted, raises the same error at every further read. One that was
    begun can't be continued in a forked child or after a snapshot.
    """

    def __init__(self, begin: Begin, source: BufferedSource) -> None:
        super().__init__()
        self._begin: Begin | None = begin
        self._source: BufferedSource | None = source
        self._message: Message | NotCounted = NotCounted()
        self._generation: int | None = None
        self._facts: Facts | None = None
        self._failure: BaseException | None = None
        self._parts: Parts = iter(())
        self._released = memoryview(b"")
        self._ended = False
        self._turn = {_TURN: True}

    def count_as(self, message: Message | NotCounted) -> Self:
        """Have *message* counted by how this stream ends: at its end, by a failure, or by being closed."""
        self._message = message
        return self

    @property
    def header(self) -> MessageHeader:
        """Return the fields of the message's header."""
        return self._known().header()

    @property
    def encryption_context(self) -> dict[str, str]:
        """Return all that is authenticated with the message, as a copy of your own."""
        return dict(self._known().encryption_context)

    @property
    def algorithm_suite(self) -> AlgorithmSuite:
        """Return the suite of the message."""
        return self._known().algorithm_suite

    def readable(self) -> bool:
        """Return True."""
        return True

    # spec: client-apis/streaming.md#outputs 85bf 264d
    @_step()
    def read(self, size: int | None = -1, /) -> bytes:
        """Return *size* bytes, fewer only at the end; without a size everything that is left.

        :raises WarmkeyError: as the operation does; what had been collected for this read is dropped
        """
        left = size if size is not None and size >= 0 else _EVERYTHING
        piece = self._take(left)
        if len(piece) in (0, left):
            return bytes(piece)
        with io.BytesIO() as collected:
            left -= collected.write(piece)
            del piece  # it keeps a buffer alive
            while left and (written := collected.write(self._take(left))):
                left -= written
            return collected.getvalue()

    @_step()
    def read1(self, size: int = -1, /) -> bytes:
        """Return up to *size* bytes, as many as can be had at once; none only at the end."""
        return bytes(self._take(size if size >= 0 else io.DEFAULT_BUFFER_SIZE))

    @_step(_writable)
    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fill *buffer*, and return how many bytes that took: fewer than it holds only at the end."""
        with memoryview(buffer) as target:
            done = 0
            while done < len(target) and (piece := self._take(len(target) - done)):
                target[done : done + len(piece)] = piece
                done += len(piece)
                del piece
            return done

    @_step(_writable)
    def readinto1(self, buffer: WriteableBuffer, /) -> int:
        """Write into *buffer* what can be had at once, and return how many bytes that are; none only at the end."""
        with memoryview(buffer) as target:
            piece = self._take(len(target))
            target[: len(piece)] = piece
            return len(piece)

    @_step()
    def peek(self, size: int = 0, /) -> bytes:  # noqa: ARG002 - a hint that io.BufferedReader ignores, too
        """Return what the next read would begin with, without reading it."""
        self._have_released()
        return bytes(self._released[:_PEEKED])

    @_step()
    def readline(self, size: int | None = -1, /) -> bytes:
        """Return the next line with its end, or *size* bytes of it; nothing only at the end."""
        return self._line(size if size is not None and size >= 0 else _EVERYTHING)

    @_step()
    def readlines(self, hint: int | None = -1, /) -> list[bytes]:
        """Return the lines that are left, or as many as it takes to have *hint* bytes."""
        left = hint if hint is not None and hint > 0 else _EVERYTHING
        lines: list[bytes] = []
        while left > 0 and (line := self._line(_EVERYTHING)):
            lines.append(line)
            left -= len(line)
        return lines

    @_step()
    def __next__(self) -> bytes:
        line = self._line(_EVERYTHING)
        if not line:
            raise _NoMoreLines
        return line

    def close(self) -> None:
        """Let go of keys and buffers."""
        if self._turn.pop(_TURN, False) and self._facts is not None and self._failure is None:
            self._message.end() if self._has_been_read() else self._message.abandon()
        super().close()
        self._let_go()

    def _has_been_read(self) -> bool:
        """Return whether nothing is left to be read, which a reader that knows the length may not have looked at."""
        if self._ended or self._released or self._source is None or not self._source.ended or len(self._source):
            return self._ended
        with suppress(Exception):
            return next(self._parts, None) is None
        return False

    def _line(self, left: int) -> bytes:
        piece = self._up_to_line_end(left)
        if len(piece) in (0, left) or piece.endswith(b"\n"):
            return piece
        with io.BytesIO() as collected:
            left -= collected.write(piece)
            while left > 0 and (piece := self._up_to_line_end(left)):
                left = 0 if piece.endswith(b"\n") else left - len(piece)
                collected.write(piece)
            return collected.getvalue()

    def _up_to_line_end(self, size: int) -> bytes:
        if not self._released:
            self._have_released()
        ahead = bytes(self._released[: min(size, _LINE_STEP)])
        piece = ahead[: ahead.find(b"\n") + 1] or ahead
        self._released = self._released[len(piece) :]
        return piece

    def _take(self, size: int) -> memoryview:
        """Return up to *size* of the bytes that may be handed out, none at the end. They are overwritten later."""
        self._have_released()
        piece = self._released[:size]
        self._released = self._released[size:]
        return piece

    def _have_released(self) -> None:
        while not (self._released or self._ended):
            self._begin_once()
            self._advance()

    def _advance(self) -> None:
        self._released = memoryview(b"")  # even an empty view keeps a buffer alive
        part = next(self._parts, None)
        if part is None:
            if self.closed:  # by another thread, or by the source: what is missing may be more than nothing
                raise _closed()
            self._ended = True
            self._message.end()
        self._released = memoryview(part or b"")

    def _known(self) -> Facts:
        if (failure := self._failed()) is not None:
            raise failure
        if not (self._turn or self.closed):
            raise _under_way()
        if self._facts is None:
            if self.closed:
                raise InvalidRequest("the stream was closed before its header was read")
            self._open()
        return self._begin_once()

    @_step()
    def _open(self) -> None:
        self._begin_once()

    def _begin_once(self) -> Facts:
        if self._facts is None:
            if self._begin is None:
                raise AssertionError("a stream without facts has neither failed nor been closed")
            self._generation = generation()
            register(self)
            with self._message.open():
                self._facts, self._parts = self._begin()
            self._begin = None
        return self._facts

    def _unusable(self) -> BaseException:
        return _closed() if self.closed else self._failed() or _under_way()

    def _failed(self) -> BaseException | None:
        self._refuse_in_a_copy()
        if isinstance(self._failure, WarmkeyError):
            return self._failure.for_another_caller()
        return self._failure and self._failure.with_traceback(None)

    def _refuse_in_a_copy(self) -> None:
        if self._generation is not None and self._generation != generation():
            raise _begun_elsewhere()

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:  # noqa: ARG002 - the same for both
        """Let go of keys and buffers: this is a copy of the process, or is about to become one.

        For :mod:`warmkey.fork_safety`.
        """
        self._failure = _begun_elsewhere()
        self._message = NotCounted()
        self._let_go()

    def _let_go(self) -> None:
        self._begin = self._source = None
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
        if "_turn" in vars(self):  # its constructor has ended
            self._close_quietly()

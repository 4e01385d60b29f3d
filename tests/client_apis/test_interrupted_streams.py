"""Whatever interrupts a method of a stream, and wherever: the stream never goes on behind a hole.

An exception of a signal's handler, MemoryError or an error of the source may come between any two instructions, after
parts were taken and before they are returned. What a caller reads afterwards is an error again, or nothing is missing.
"""

from __future__ import annotations

import dis
import io
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests.client_apis.sources import CLIENT, KEYRING, SIGNED, UNSIGNED, message_of
from warmkey import InvalidRequest
from warmkey.boundary import run_outside
from warmkey.client_apis import buffered_source, decrypt_stream, encrypt_stream, frames, streams

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from warmkey.client_apis.streams import MessageStream

    Reading = Callable[[MessageStream], Iterator[bytes]]

LINES = b"first\nsecond line\n\n" * 3


OURS = {module.__file__ for module in (streams, frames, buffered_source, encrypt_stream, decrypt_stream)}


class Interruption(BaseException):
    pass


def with_buffer(method: str) -> Reading:
    def reading(stream: MessageStream) -> Iterator[bytes]:
        buffer = bytearray(7)
        while length := getattr(stream, method)(buffer):
            yield bytes(buffer[:length])

    return reading


def peeking(stream: MessageStream) -> Iterator[bytes]:
    while ahead := stream.peek():
        yield stream.read(len(ahead))


READINGS: dict[str, Reading] = {
    "read": lambda stream: iter(lambda: stream.read(7), b""),
    "read everything": lambda stream: (stream.read() for _ in range(1)),
    "read1": lambda stream: iter(lambda: stream.read1(7), b""),
    "readinto": with_buffer("readinto"),
    "readinto1": with_buffer("readinto1"),
    "peek": peeking,
    "readline": lambda stream: iter(stream.readline, b""),
    "readlines": lambda stream: (b"".join(stream.readlines()) for _ in range(1)),
    "a few lines": lambda stream: iter(lambda: b"".join(stream.readlines(10)), b""),
    "iteration": iter,
}
each_reading = pytest.mark.parametrize("reading", READINGS)


def decrypting(source: Any = None) -> MessageStream:
    return CLIENT.decrypt_stream(io.BytesIO(message_of(LINES, SIGNED)) if source is None else source, keyring=KEYRING)


def encrypting(source: Any = None) -> MessageStream:
    source = io.BytesIO(LINES) if source is None else source
    return CLIENT.encrypt_stream(source, keyring=KEYRING, frame_length=16, algorithm_suite=UNSIGNED)


both = pytest.mark.parametrize("stream_of", [decrypting, encrypting])


class Interrupter:
    """Raises once: before the *n*-th instruction, or at the *n*-th call, of the client's code."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self, frame: FrameType, event: str, _argument: object) -> Any:
        if frame.f_code.co_filename not in OURS:
            return None
        frame.f_trace_opcodes = True
        # CPython calls no signal handler where a function returns. An exception that a tracer raises there passes by
        # all handlers of the function, and leaves those that were at work counted as if they still were.
        if event == "return" or is_return(frame):
            return self
        self.left -= 1
        if self.left == 0:
            raise Interruption
        return self


def is_return(frame: FrameType) -> bool:
    return frame.f_code.co_code[frame.f_lasti] == dis.opmap["RETURN_VALUE"]


def interrupted(collected: io.BytesIO, reading: Iterator[bytes], tracer: Interrupter) -> bool:
    """Read until an interruption, in a thread of its own; whether there was one.

    Where a handler ends, CPython may take what it handled for under way from then on, in that thread.
    """
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(_interrupted, collected, reading, tracer).result()


def _interrupted(collected: io.BytesIO, reading: Iterator[bytes], tracer: Interrupter) -> bool:
    before = sys.gettrace()
    try:
        while True:
            sys.settrace(tracer)
            try:
                piece = next(reading, None)
            finally:
                sys.settrace(before)
            if piece is None:
                return False
            collected.write(piece)
    except Interruption:
        return True


def moments(stream: MessageStream, reading: Reading) -> Iterator[int]:
    """Some of all events of a whole reading, and each of those that follow the middle."""
    counter = Interrupter(sys.maxsize)
    interrupted(io.BytesIO(), reading(stream), counter)
    events = sys.maxsize - counter.left
    assert events > 500
    yield from range(1, events, events // 30)
    yield from range(events // 2, events // 2 + 60)


@both
@each_reading
def test_nothing_is_missing_after_an_interruption_unless_the_stream_says_so(
    reading: str, stream_of: Callable[[], MessageStream], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.urandom", bytes)
    whole = stream_of().read()
    ends = 0
    for after in moments(stream_of(), READINGS[reading]):
        stream, collected = stream_of(), io.BytesIO()
        if not interrupted(collected, READINGS[reading](stream), Interrupter(after)):  # it was in __del__
            assert collected.getvalue() == whole
            continue
        try:
            rest = stream.read()
        except (Interruption, InvalidRequest):
            ends += 1
            with pytest.raises((Interruption, InvalidRequest)):
                stream.read1()
        else:
            assert collected.getvalue() + rest == whole, f"after {after} events"

    assert ends > 10


@both
@each_reading
def test_a_signal_amid_a_read_ends_the_stream(reading: str, stream_of: Callable[[Any], MessageStream]) -> None:
    """As a handler's own alarm does it, while the source is waited for."""

    class Slow(io.BytesIO):
        reads = 0

        def read(self, size: int | None = -1, /) -> bytes:
            piece = super().read(min(size or 0, 50))
            self.reads += 1
            if self.tell() > 60 and self.reads > 2:
                self.reads = -1_000
                signal.raise_signal(signal.SIGUSR1)
            return piece

    def handler(*_arguments: object) -> None:
        raise TimeoutError("the handler's own")

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        stream = stream_of(Slow(message_of(LINES * 4, SIGNED) if stream_of is decrypting else LINES * 4))
        with pytest.raises(TimeoutError, match="own"):
            list(READINGS[reading](stream))
    finally:
        signal.signal(signal.SIGUSR1, before)

    for _ in range(2):
        with pytest.raises(TimeoutError):
            stream.read()
    stream.close()


@both
def test_memory_that_runs_out_behind_the_last_part_ends_the_stream(
    stream_of: Callable[[], MessageStream], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = stream_of()
    stream.read(3)

    class Full(io.BytesIO):
        def getvalue(self) -> bytes:
            raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("warmkey.client_apis.streams.io.BytesIO", Full)
        with pytest.raises(MemoryError):
            stream.read()

    for attempt in (stream.read, stream.readline, stream.peek, lambda: next(stream), lambda: stream.header):
        with pytest.raises(MemoryError):
            attempt()


@both
@pytest.mark.parametrize(
    "mistake",
    [
        lambda stream: stream.read("3"),
        lambda stream: stream.read1(1.5),
        lambda stream: stream.readline(b""),
        lambda stream: stream.readlines("x"),
        lambda stream: stream.readinto(b"not writable"),
        lambda stream: stream.readinto("text"),
        lambda stream: stream.readinto1(memoryview(b"not writable")),
    ],
    ids=range(7),
)
def test_an_argument_of_the_wrong_type_takes_nothing_and_ends_nothing(
    mistake: Callable[[Any], object], stream_of: Callable[[], MessageStream], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.urandom", bytes)
    whole = stream_of().read()
    stream = stream_of()
    first = stream.read(3)

    with pytest.raises(TypeError):
        mistake(stream)
    assert first + stream.read() == whole


@both
def test_a_source_that_reads_the_stream_again_is_told_so(stream_of: Callable[[Any], MessageStream]) -> None:
    class Recursive(io.BytesIO):
        stream: MessageStream

        def read(self, size: int | None = -1, /) -> bytes:
            return self.stream.read(size)

    source = Recursive()
    source.stream = stream = stream_of(source)

    with pytest.raises(InvalidRequest, match="is under way"):
        stream.read()


@both
def test_a_second_reader_is_refused_and_the_first_goes_on(stream_of: Callable[[Any], MessageStream]) -> None:
    """Streams are not for several threads at once; a mistake costs the second its read, and no byte."""

    class Watched(io.BytesIO):
        stream: MessageStream
        refusals = 0

        def read(self, size: int | None = -1, /) -> bytes:
            with suppress(InvalidRequest):
                self.stream.read(1)
                return b"it was let in"
            self.refusals += 1
            return super().read(size)

    source = Watched(message_of(LINES, SIGNED) if stream_of is decrypting else LINES)
    source.stream = stream = stream_of(source)

    assert len(stream.read()) >= len(LINES)
    assert source.refusals > 1


@both
def test_an_interruption_while_lines_are_written_at_the_end_of_a_read_ends_the_stream(
    stream_of: Callable[[Any], MessageStream],
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    class Telling(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            run_outside(interrupt)
            return super().read(size)

    stream = stream_of(Telling(message_of(LINES, SIGNED) if stream_of is decrypting else LINES))
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            stream.read()


class FailsOnce(io.BytesIO):
    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads == 2:
            raise OSError("of the source")
        return super().read(min(size or 0, 40))


@both
@pytest.mark.parametrize("fails", ["who came between", "who came first"])
def test_of_two_that_come_at_the_same_moment_one_gets_in_and_no_failure_is_taken_back(
    fails: str, stream_of: Callable[[Any], MessageStream], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one comes while the first has looked whether the stream is usable, and has not begun."""
    stream = stream_of(FailsOnce(message_of(LINES * 9, SIGNED) if stream_of is decrypting else LINES * 9))
    ends: list[object] = []

    def read() -> None:
        try:
            ends.append(stream.read())
        except (InvalidRequest, OSError) as error:
            ends.append(type(error))

    def closed(_stream: object) -> bool:
        monkeypatch.setattr(streams.MessageStream, "closed", False)
        if fails == "who came between":
            read()
        else:
            with suppress(InvalidRequest):
                ends.append(stream.read1(0))
        return False

    monkeypatch.setattr(streams.MessageStream, "closed", property(closed), raising=False)
    read()

    assert OSError in ends
    assert not [end for end in ends if isinstance(end, bytes)], "the other one was refused"
    with pytest.raises(OSError, match="of the source"):
        stream.read()


@both
def test_a_read_during_which_the_stream_is_closed_is_no_shorter_read(
    stream_of: Callable[[Any], MessageStream],
) -> None:
    class Closing(io.BytesIO):
        stream: MessageStream

        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > 60:
                self.stream.close()
            return super().read(min(size or 0, 50))

    source = Closing(message_of(LINES * 9, SIGNED) if stream_of is decrypting else LINES * 9)
    source.stream = stream = stream_of(source)

    with pytest.raises(InvalidRequest, match="is closed"):
        stream.read()

"""What both streams are: binary files to read from, whatever the size of the reads, and closed to everything else.

Shown on decrypting and encrypting alike.
"""

from __future__ import annotations

import copy
import gc
import io
import pickle
import shutil
import traceback
import weakref
from typing import TYPE_CHECKING, Any, NoReturn

import pytest

from tests.client_apis.sources import (
    CLIENT,
    KEYRING,
    MEGABYTE,
    SIGNED,
    UNSIGNED,
    Broken,
    Pieces,
    message_of,
    plaintext_of,
)
from warmkey import AuthenticationFailed, InvalidRequest, KeyUnavailable
from warmkey.keyrings import RawAesKeyring

if TYPE_CHECKING:
    from collections.abc import Callable

    from warmkey.client_apis.streams import MessageStream

    StreamOf = Callable[..., MessageStream]

PLAINTEXT = plaintext_of(100)


def decrypting(source: Any = None, **arguments: Any) -> MessageStream:
    return CLIENT.decrypt_stream(message_of(PLAINTEXT) if source is None else source, keyring=KEYRING, **arguments)


def encrypting(source: Any = PLAINTEXT, **arguments: Any) -> MessageStream:
    arguments = {"frame_length": 16, "algorithm_suite": UNSIGNED, **arguments}
    return CLIENT.encrypt_stream(source, keyring=KEYRING, **arguments)


both = pytest.mark.parametrize("stream_of", [decrypting, encrypting])


# ------------------------------------------------------------------------------------------------------- a binary file


# spec: client-apis/streaming.md#outputs 85bf 264d
def test_read_gives_what_is_asked_for_and_less_only_at_the_end() -> None:
    stream = decrypting()

    assert [stream.read(30) for _ in range(5)] == [
        PLAINTEXT[:30],
        PLAINTEXT[30:60],
        PLAINTEXT[60:90],
        PLAINTEXT[90:],
        b"",
    ]


@pytest.mark.parametrize("everything", [(), (-1,), (None,)])
def test_read_without_a_size_gives_everything(everything: tuple[Any, ...]) -> None:
    stream = decrypting()

    assert stream.read(3) + stream.read(*everything) == PLAINTEXT
    assert stream.read(*everything) == b""


@both
def test_reads_of_any_size_give_the_same_bytes(stream_of: StreamOf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.urandom", bytes)
    whole = stream_of().read()

    for size in (1, 2, 15, 16, 17, 63, 99, 100, 101, 10_000):
        stream = stream_of()
        pieces = list(iter(lambda: stream.read(size), b""))  # noqa: B023 - used within the round
        assert b"".join(pieces) == whole
        assert {len(piece) for piece in pieces[:-1]} <= {size}


def test_an_exact_read_leaves_the_next_batch_alone() -> None:
    """What follows is nobody's business until somebody reads it."""
    message = bytearray(message_of(PLAINTEXT))
    message[-1] ^= 1
    stream = decrypting(Pieces(bytes(message)))

    assert stream.read(96) == PLAINTEXT[:96]
    with pytest.raises(AuthenticationFailed):
        stream.read(1)


def test_read1_gives_what_is_to_be_had_at_once() -> None:
    plaintext = plaintext_of(2000)
    message = message_of(plaintext)
    source = Pieces(message)
    stream = decrypting(source)
    at_once = stream.read1(2000)

    assert plaintext.startswith(at_once)
    assert source.position < len(message)
    assert stream.read1(10) == plaintext[len(at_once) :][:10]
    assert len(stream.read1()) == 16 - 10


def test_readinto_fills_a_buffer() -> None:
    stream = decrypting()
    buffer = bytearray(60)

    assert stream.readinto(buffer) == 60
    assert buffer == PLAINTEXT[:60]
    assert stream.readinto(memoryview(buffer)) == 40
    assert buffer[:40] == PLAINTEXT[60:]
    assert stream.readinto(buffer) == 0


def test_peek_reads_nothing() -> None:
    stream = decrypting()

    assert PLAINTEXT.startswith(stream.peek()[:1])
    assert stream.peek()[:1] == PLAINTEXT[:1]
    assert stream.read() == PLAINTEXT
    assert stream.peek() == b""


def test_iterating_goes_line_by_line() -> None:
    text = b"first\nsecond\n" + b"x" * 50 + b"\nlast"
    stream = decrypting(message_of(text))

    assert list(stream) == text.splitlines(keepends=True)


LINES = b"first\n" + b"x" * 2_000 + b"\n\n" + b"y" * 600 + b"\nlast"


@pytest.mark.parametrize("frame_length", [16, 4096])
@pytest.mark.parametrize("size", [1, 5, 6, 7, 511, 512, 513, 700, 1_024, 1_100, 1_536, 2_001, 2_002, 5_000])
def test_readline_gives_so_many_bytes_of_a_line_or_the_line(size: int, frame_length: int) -> None:
    """However a line lies across frames, and across the steps in which its end is looked for."""
    stream, file = decrypting(message_of(LINES, frame_length=frame_length)), io.BytesIO(LINES)

    assert list(iter(lambda: stream.readline(size), b"")) == list(iter(lambda: file.readline(size), b""))


@pytest.mark.parametrize("hint", [None, -1, 0, 1, 6, 7, 2_006, 2_007, 2_008, 2_009, 5_000])
def test_readlines_gives_lines_until_there_are_as_many_bytes_as_hinted(hint: int | None) -> None:
    stream, file = decrypting(message_of(LINES)), io.BytesIO(LINES)

    for _ in range(5):
        assert stream.readlines(hint) == file.readlines(hint)


@both
@pytest.mark.parametrize("method", ["read", "read1", "readline"])
def test_reading_nothing_gives_nothing_and_takes_nothing(method: str, stream_of: StreamOf) -> None:
    stream = stream_of()

    assert getattr(stream, method)(0) == b""
    assert len(stream.read()) >= len(PLAINTEXT)


def test_text_can_be_read_through_a_wrapper() -> None:
    text = "grüße\n" * 1000
    stream = decrypting(message_of(text.encode(), frame_length=7))

    assert io.TextIOWrapper(stream, encoding="utf-8").read() == text


@both
def test_it_can_be_read_and_nothing_else(stream_of: StreamOf) -> None:
    stream = stream_of()

    assert (stream.readable(), stream.writable(), stream.seekable(), stream.isatty()) == (True, False, False, False)
    for attempt in (lambda: stream.write(b""), lambda: stream.seek(0), stream.tell, stream.fileno, stream.detach):
        with pytest.raises((io.UnsupportedOperation, OSError)):
            attempt()  # type: ignore[operator]


def test_copyfileobj_there_and_back() -> None:
    plaintext = plaintext_of(MEGABYTE + 1)
    message, copy_ = io.BytesIO(), io.BytesIO()

    shutil.copyfileobj(encrypting(io.BytesIO(plaintext), frame_length=4096), message)
    message.seek(0)
    shutil.copyfileobj(decrypting(message), copy_)

    assert copy_.getvalue() == plaintext


def test_a_stream_reads_from_a_stream() -> None:
    assert decrypting(encrypting(Pieces(PLAINTEXT, (7, 3)))).read() == PLAINTEXT


# -------------------------------------------------------------------------------------------------- when what happens


@both
def test_nothing_is_read_before_the_first_read(stream_of: StreamOf) -> None:
    source = Pieces(b"anything")

    stream_of(source).close()

    assert source.position == 0


@both
def test_header_facts_are_there_before_any_of_the_body_is_read(stream_of: StreamOf) -> None:
    stream = stream_of()

    assert stream.algorithm_suite.value == UNSIGNED
    assert stream.encryption_context == {}
    assert stream.header.frame_length == 16
    assert len(stream.read()) >= len(PLAINTEXT)


@both
def test_facts_stay_when_the_stream_is_closed(stream_of: StreamOf) -> None:
    with stream_of() as stream:
        stream.read()

    assert stream.algorithm_suite.value == UNSIGNED


@both
def test_facts_that_nobody_read_are_gone_when_the_stream_is_closed(stream_of: StreamOf) -> None:
    stream = stream_of()
    stream.close()

    with pytest.raises(InvalidRequest, match="closed before its header was read"):
        _ = stream.header


@both
def test_a_context_that_is_handed_out_is_a_copy(stream_of: StreamOf) -> None:
    stream = stream_of()
    stream.encryption_context["changed"] = "yes"

    assert stream.encryption_context == {}


def test_the_callers_context_is_copied_at_once() -> None:
    context = {"tenant": "a"}
    stream = encrypting(encryption_context=context)
    context["tenant"] = "b"

    assert CLIENT.decrypt(stream.read(), keyring=KEYRING).encryption_context == {"tenant": "a"}


# ----------------------------------------------------------------------------------------------------------- closing


@both
def test_closing_ends_it(stream_of: StreamOf) -> None:
    stream = stream_of()
    stream.read(10)
    stream.close()
    stream.close()

    assert stream.closed
    for attempt in (stream.read, stream.read1, stream.peek, stream.readline, lambda: stream.readinto(bytearray(1))):
        with pytest.raises(ValueError, match="closed"):
            attempt()  # type: ignore[operator]


@both
def test_closing_leaves_the_source_open(stream_of: StreamOf) -> None:
    source = io.BytesIO(message_of(PLAINTEXT))
    with stream_of(source) as stream:
        stream.read()

    assert not source.closed


@both
def test_an_abandoned_stream_leaves_nothing_behind(stream_of: StreamOf) -> None:
    """Reference counting alone frees it: buffers and keys do not wait for the garbage collector."""
    gc.disable()
    try:
        stream = stream_of()
        stream.read(10)
        references = [weakref.ref(stream), weakref.ref(stream._parts)]
        del stream
        assert [reference() for reference in references] == [None, None]
    finally:
        gc.enable()


# ------------------------------------------------------------------------------------------------------------ failing


def bad_message() -> bytes:
    message = bytearray(message_of(PLAINTEXT))
    message[-17] ^= 1
    return bytes(message)


def test_after_a_failure_every_read_fails_the_same_way() -> None:
    stream = decrypting(bad_message())
    errors = []
    for attempt in (stream.read, stream.read, stream.read1, stream.peek, stream.readline, lambda: stream.header):
        with pytest.raises(AuthenticationFailed, match="frame 7") as error:
            attempt()  # type: ignore[operator]
        errors.append(error.value)

    assert len(set(map(id, errors))) == len(errors)  # each with a traceback of its own


def test_a_key_that_is_not_there_is_not_there_again() -> None:
    stream = CLIENT.decrypt_stream(message_of(b""), keyring=RawAesKeyring("another", "key", bytes(32)))

    for _ in range(2):
        with pytest.raises(KeyUnavailable):
            _ = stream.header


@both
def test_an_error_of_the_source_comes_through_and_stays(stream_of: StreamOf) -> None:
    """A source that failed once must never look like one that ended."""
    stream = stream_of(Broken(message_of(plaintext_of(10_000))[:5000]))

    for _ in range(2):
        with pytest.raises(ConnectionResetError, match="the network is gone"):
            shutil.copyfileobj(stream, io.BytesIO())
    stream.close()


class _Abort(BaseException):
    pass


def test_an_interrupted_read_cannot_be_taken_up_again() -> None:
    class Aborting(Pieces):
        def read(self, length: int) -> bytes:
            raise _Abort

    stream = encrypting(Aborting(b""))

    for _ in range(2):
        with pytest.raises(_Abort):
            stream.read()


def test_a_failed_read_leaves_no_plaintext_in_tracebacks() -> None:
    """Crash reporters print the local variables of every frame."""
    secret = b"secret-" * 40_000

    class Leaky(Pieces):
        def read(self, length: int) -> bytes:
            piece = super().read(length)
            if self.position > 200_000:
                raise TimeoutError
            return piece

    bad = bytearray(message_of(secret, frame_length=1000))
    bad[-1] ^= 1
    for stream in (
        encrypting(Leaky(secret, (65_536,)), frame_length=1000),
        decrypting(Leaky(message_of(secret, frame_length=1000), (65_536,))),
        decrypting(Pieces(bytes(bad), (65_536,))),
    ):
        with pytest.raises((TimeoutError, AuthenticationFailed)) as error:
            stream.read()
        frames = [frame for frame, _line in traceback.walk_tb(error.value.__traceback__)]
        ours = [frame for frame in frames if frame.f_globals["__name__"].startswith("warmkey")]
        assert ours
        for frame in ours:
            for name, value in frame.f_locals.items():
                seen = bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else repr(value).encode()
                assert b"secret" not in seen, (frame.f_code.co_name, name)


@both
def test_streams_show_nothing_and_go_nowhere(stream_of: StreamOf) -> None:
    stream = stream_of()
    stream.read(20)

    assert repr(stream).startswith("<warmkey.")
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="holds key material"):
            attempt(stream)


@both
@pytest.mark.parametrize("wrong", [{"cmm": object()}, {"keyring": None}])
def test_exactly_one_of_cmm_and_keyring(stream_of: StreamOf, wrong: dict[str, Any]) -> None:
    arguments = {"keyring": KEYRING, **wrong}
    method = CLIENT.decrypt_stream if stream_of is decrypting else CLIENT.encrypt_stream

    with pytest.raises(InvalidRequest, match="either cmm or keyring"):
        method(b"", **arguments)  # type: ignore[operator]


@both
def test_a_source_that_cannot_be_read_is_refused_at_once(stream_of: StreamOf) -> None:
    with pytest.raises(InvalidRequest, match="open the file first"):
        stream_of("path/of/a/file")


# -------------------------------------------------------------------------------------------- closing a signed message


# spec: client-apis/decrypt.md#verify-the-header c29d
# spec: client-apis/decrypt.md#security-considerations ab24
def test_closing_a_signed_message_before_its_end_raises() -> None:
    stream = decrypting(message_of(PLAINTEXT, SIGNED))
    stream.read(10)

    with pytest.raises(AuthenticationFailed, match="its signature was not verified"):
        stream.close()
    assert stream.closed
    stream.close()


def test_so_does_leaving_the_with_block() -> None:
    with pytest.raises(AuthenticationFailed), decrypting(message_of(PLAINTEXT, SIGNED)) as stream:
        _ = stream.header


def test_but_not_over_an_exception_that_is_on_its_way() -> None:
    def fail(stream: MessageStream) -> NoReturn:
        stream.read(10)
        raise KeyError

    with pytest.raises(KeyError) as error, decrypting(message_of(PLAINTEXT, SIGNED)) as stream:
        fail(stream)

    assert stream.closed
    assert error.value.__context__ is None


def test_nor_from_garbage_collection(capsys: pytest.CaptureFixture[str]) -> None:
    stream = decrypting(message_of(PLAINTEXT, SIGNED))
    stream.read(10)
    del stream
    gc.collect()

    assert capsys.readouterr().err == ""


def test_nor_after_a_failure_that_was_raised_already() -> None:
    stream = decrypting(message_of(PLAINTEXT, SIGNED) + b"more")
    with pytest.raises(ValueError, match="more bytes follow"):
        stream.read()

    stream.close()


@pytest.mark.parametrize("read", [(), (-1,), (len(PLAINTEXT),)])
def test_nor_once_everything_was_read(read: tuple[int, ...]) -> None:
    """Reading exactly all bytes will do: the last frame is there only when the signature was verified."""
    with decrypting(message_of(PLAINTEXT, SIGNED)) as stream:
        assert stream.read(*read) == PLAINTEXT


@pytest.mark.parametrize("reads", [0, 1])
def test_nor_for_an_unsigned_message_or_one_that_was_never_begun(reads: int) -> None:
    for stream in (decrypting(message_of(PLAINTEXT)), encrypting(algorithm_suite=SIGNED)):
        stream.read(10 * reads) if reads else None
        stream.close()
    decrypting(message_of(PLAINTEXT, SIGNED)).close()

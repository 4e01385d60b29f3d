"""Reading from a source: as few bytes at a time as it likes, never ahead of them, and errors that say where."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from tests.client_apis.sources import Counted, Pieces, measured_memory
from warmkey import InvalidRequest, MalformedMessage
from warmkey.algorithm_suites import SignatureAlgorithm
from warmkey.client_apis.buffered_source import BATCH_LENGTH, BufferedSource, open_source
from warmkey.data_format.reader import Reader


def test_what_is_at_hand_is_enough_even_if_more_is_wanted() -> None:
    buffered = BufferedSource(Pieces(b"abcdefgh", (3,)))

    buffered.fill(2, wanted=100)

    assert buffered.data == b"abc"


# spec: client-apis/streaming.md#inputs eefe
def test_short_reads_are_repeated_until_there_is_enough() -> None:
    buffered = BufferedSource(Pieces(b"abcdefgh", (1, 2)))

    buffered.fill(4)

    assert (buffered.data, buffered.ended) == (b"abcd", False)


# spec: client-apis/streaming.md#inputs 53ce
def test_the_end_is_where_the_source_gives_nothing() -> None:
    buffered = BufferedSource(Pieces(b"abc"))

    buffered.fill(100)

    assert (buffered.data, buffered.ended) == (b"abc", True)


def test_a_source_that_gives_more_than_asked_for_is_taken_at_its_word() -> None:
    class Generous:
        def read(self, length: int) -> bytes:
            return b"abcdefgh"

    buffered = BufferedSource(Generous())
    buffered.fill(1)

    assert buffered.data == b"abcdefgh"


def test_no_more_is_asked_for_at_a_time_than_a_batch() -> None:
    """So that a length from a hostile message never becomes an allocation."""
    asked = []

    class Curious(Pieces):
        def read(self, length: int) -> bytes:
            asked.append(length)
            return super().read(length)

    BufferedSource(Curious(b"abc", (3,))).fill(2**40)

    assert asked == [BATCH_LENGTH] * 2


def test_memory_follows_what_was_read_not_what_is_needed() -> None:
    with measured_memory() as peak:
        BufferedSource(Counted(limit=100_000)).fill(2**32)

    assert peak.bytes < 1_000_000


def test_consumed_bytes_are_counted_and_hashed() -> None:
    buffered = BufferedSource(Pieces(b"abcdef"))
    buffered.fill(6)
    buffered.consume(1)
    buffered.start_hash(SignatureAlgorithm.ECDSA_P256)
    buffered.consume(3)

    assert (buffered.position, buffered.data, buffered.hashing) == (4, b"ef", True)
    assert buffered.take_digest().hex()[:16] == "a6b0f90d2ac2b8d1"  # printf bcd | sha256sum
    assert not buffered.hashing


def test_a_digest_that_was_not_started_is_our_mistake() -> None:
    with pytest.raises(AssertionError):
        BufferedSource(io.BytesIO()).take_digest()


def test_parsing_reads_on_while_bytes_are_missing_and_consumes_nothing() -> None:
    source = Pieces(b"\x00\x05helloX")
    buffered = BufferedSource(source)

    assert buffered.parse(lambda data: Reader(data).sized("greeting"), guess=2) == b"hello"
    assert (buffered.data[:7], buffered.position, source.position) == (b"\x00\x05hello", 0, 8)


def test_parsing_takes_effort_in_proportion() -> None:
    attempts = []

    def parse(data: bytes) -> bytes:
        attempts.append(len(data))
        return Reader(data).take(10_000, "all of it")

    BufferedSource(Pieces(bytes(10_000))).parse(parse, guess=16)

    assert sum(attempts) < 4 * 10_000


@pytest.mark.parametrize("length", [1, 9, 10])
def test_what_was_seen_as_a_whole_is_not_parsed_again(length: int) -> None:
    attempts = []

    def parse(data: bytes) -> bytes:
        attempts.append(len(data))
        return Reader(data).take(100, "field")

    buffered = BufferedSource(Pieces(bytes(length)))
    buffered.fill(100)
    with pytest.raises(MalformedMessage, match=f"needs 100 bytes, {length} left"):
        buffered.parse(parse, guess=10)
    assert attempts == [length]


def test_errors_name_the_position_in_the_whole_message() -> None:
    buffered = BufferedSource(Pieces(b"abcde"))
    buffered.fill(5)
    buffered.consume(3)

    with pytest.raises(MalformedMessage) as error:
        buffered.parse(lambda data: Reader(data).take(4, "field"), guess=1)

    assert (error.value.where, error.value.offset, error.value.problem) == ("field", 3, "needs 4 bytes, 2 left")


def test_what_is_malformed_needs_no_more_bytes() -> None:
    source = Counted()

    def refuse(data: bytes) -> None:
        raise MalformedMessage("is no good", where="field", offset=1)

    with pytest.raises(MalformedMessage, match=r"^field at byte 1: is no good$"):
        BufferedSource(source).parse(refuse, guess=10)
    assert source.count <= BATCH_LENGTH


def test_a_field_that_is_cut_short_is_named() -> None:
    buffered = BufferedSource(Pieces(b"abcde"))

    with pytest.raises(MalformedMessage, match=r"^content at byte 2: needs 4 bytes, 3 left$"):
        buffered.require(4, "content", skip=2)


# spec: framework/cmm-interface.md#encryption-materials-request 806f
def test_more_than_the_limit_is_refused_as_soon_as_it_is_read() -> None:
    source = Counted()

    with pytest.raises(InvalidRequest, match="more than the 10 bytes that plaintext_length says"):
        BufferedSource(source, limit=10).fill(2**30)
    assert source.count <= BATCH_LENGTH


def test_the_limit_counts_what_was_consumed() -> None:
    buffered = BufferedSource(Pieces(b"abcdef", (3,)), limit=5)
    buffered.fill(3)
    buffered.consume(3)

    with pytest.raises(InvalidRequest):
        buffered.fill(3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "non-blocking"),
        ("text", "binary mode"),
        (7, "must give bytes, not int"),
    ],
)
def test_a_source_must_give_bytes(given: object, message: str) -> None:
    class Odd:
        def read(self, length: int) -> object:
            return given

    with pytest.raises(InvalidRequest, match=message):
        BufferedSource(Odd()).fill(1)  # type: ignore[arg-type]


def test_bytearray_and_memoryview_are_bytes_too() -> None:
    class Buffers:
        def __init__(self) -> None:
            self._left = [bytearray(b"ab"), memoryview(b"cd"), b""]

        def read(self, length: int) -> object:
            return self._left.pop(0)

    buffered = BufferedSource(Buffers())  # type: ignore[arg-type]
    buffered.fill(10)

    assert buffered.data == b"abcd"


@pytest.mark.parametrize("source", [b"abc", bytearray(b"abc"), memoryview(b"abc"), memoryview(b"aXbXc")[::2]])
def test_bytes_can_be_read_from(source: bytes) -> None:
    assert open_source(source).read(10) == b"abc"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a/path", r"not str; open the file first: open\(path, 'rb'\)"),
        (Path("a/path"), r"open\(path, 'rb'\)"),
        (None, "not NoneType$"),
        (17, "not int$"),
    ],
)
def test_what_cannot_be_read_from_is_refused_with_a_hint(source: object, message: str) -> None:
    with pytest.raises(InvalidRequest, match=message):
        open_source(source)  # type: ignore[arg-type]


def test_a_view_of_wider_items_counts_by_its_bytes() -> None:
    class Wide(Pieces):
        def read(self, length: int) -> memoryview:  # type: ignore[override]
            return memoryview(super().read(length)).cast("I")

    buffered = BufferedSource(Wide(bytes(range(64)), (16,)))
    buffered.fill(40)

    assert buffered.data == bytes(range(40))


def test_a_source_that_gives_far_more_than_it_was_asked_for_is_not_copied_again_and_again() -> None:
    buffered = BufferedSource(io.BytesIO())
    buffered._source = Pieces(bytes(100 * BATCH_LENGTH), (100 * BATCH_LENGTH,))
    buffered._source.read = lambda _, read=buffered._source.read: read(100 * BATCH_LENGTH)  # type: ignore[method-assign]
    buffered.fill(1)
    buffers = set()
    for _ in range(99):
        buffered.consume(BATCH_LENGTH)
        buffers.add(id(buffered._buffer))

    assert len(buffered) == BATCH_LENGTH
    assert len(buffers) < 10

"""The layout of frames and of a non-framed body."""

# Source: data-format/message-body.md

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from warmkey.data_format import message_body
from warmkey.data_format.message_body import (
    MAX_FRAME_LENGTH,
    MAX_FRAMES,
    MAX_NON_FRAMED_LENGTH,
    Block,
    body_length,
    count_regular_frames,
    frame_number,
    frame_numbers,
    read_frame_start,
    read_non_framed_start,
)
from warmkey.data_format.reader import Reader
from warmkey.exceptions import MalformedMessage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from warmkey.data_format.message_body import FrameNumber

IV = bytes(range(12))


def read(data: bytes, *, expected_number: int = 1, frame_length: int = 100) -> Block:
    return read_frame_start(Reader(data), expected_number=expected_number, frame_length=frame_length)


def failure(data: bytes, *, expected_number: int = 1, frame_length: int = 100) -> MalformedMessage:
    with pytest.raises(MalformedMessage) as caught:
        read(data, expected_number=expected_number, frame_length=frame_length)
    return caught.value


def uint32(number: int) -> bytes:
    return number.to_bytes(4, "big")


# spec: data-format/message-body.md#framed-data ec2e 9c3e
# spec: data-format/message-body.md#encrypted-content-length b1d3
def test_the_limits_are_the_formats() -> None:
    assert (MAX_FRAME_LENGTH, MAX_FRAMES) == (4_294_967_295, 4_294_967_295)
    assert MAX_NON_FRAMED_LENGTH == 68_719_476_704


# spec: data-format/message-body.md#final-frame aa3a 1654 f6d6
@pytest.mark.parametrize(
    ("plaintext_length", "frame_length", "regular"),
    [
        (0, 1, 0),
        (1, 1, 0),
        (2, 1, 1),
        (9, 10, 0),
        (10, 10, 0),
        (11, 10, 1),
        (20, 10, 1),
        (21, 10, 2),
        (5, 2**32 - 1, 0),
    ],
)
def test_the_final_frame_is_empty_only_for_an_empty_plaintext(
    plaintext_length: int, frame_length: int, regular: int
) -> None:
    assert count_regular_frames(plaintext_length, frame_length) == regular
    assert body_length(plaintext_length, regular) == plaintext_length + 32 * regular + 40


def test_the_longest_message_has_its_frames_counted_right() -> None:
    assert count_regular_frames(MAX_FRAMES, 1) == MAX_FRAMES - 1


# spec: data-format/message-body.md#iv-1 30fe 0667
# spec: data-format/message-body.md#iv-2 9c9a 9412
def test_the_iv_of_a_frame_that_we_write_is_its_number() -> None:
    assert frame_number(1)[1] == b"\x00" * 11 + b"\x01"
    assert frame_number(2**32 - 1)[1] == b"\x00" * 8 + b"\xff" * 4


def test_a_regular_frame_has_the_length_of_all() -> None:
    block = read(uint32(3) + IV, expected_number=3, frame_length=77)

    assert block == Block(final=False, sequence_number=3, iv=IV, length=77)


# spec: data-format/message-body.md#sequence-number-end befa
def test_a_final_frame_has_a_length_of_its_own() -> None:
    block = read(b"\xff" * 4 + uint32(3) + IV + uint32(5), expected_number=3)

    assert block == Block(final=True, sequence_number=3, iv=IV, length=5)


@pytest.mark.parametrize("length", [0, 100])
def test_a_final_frame_may_be_empty_or_full(length: int) -> None:
    assert read(b"\xff" * 4 + uint32(1) + IV + uint32(length)).length == length


def test_a_final_frame_longer_than_the_frame_length_is_malformed() -> None:
    error = failure(b"\xff" * 4 + uint32(1) + IV + uint32(101))

    assert str(error) == "frame 1 › content length at byte 20: 101 is more than the frame length 100"


@pytest.mark.parametrize("number", [0, 1, 3, 2**32 - 2])
def test_a_regular_frame_out_of_sequence_is_malformed(number: int) -> None:
    error = failure(uint32(number) + IV, expected_number=2)

    assert str(error) == f"frame 2 › sequence number at byte 0: must be 2, is {number}"


@pytest.mark.parametrize("number", [0, 1, 3, 2**32 - 1])
def test_a_final_frame_out_of_sequence_is_malformed(number: int) -> None:
    error = failure(b"\xff" * 4 + uint32(number) + IV + uint32(0), expected_number=2)

    assert str(error) == f"frame 2 › sequence number at byte 4: must be 2, is {number}"


def test_the_last_possible_sequence_number_belongs_to_a_final_frame() -> None:
    """As a regular frame's number it would read as the mark of the final frame."""
    last = 2**32 - 1

    block = read(b"\xff" * 4 + uint32(last) + IV + uint32(1), expected_number=last)

    assert (block.final, block.sequence_number) == (True, last)


@pytest.mark.parametrize(
    ("data", "field"),
    [(uint32(1) + IV, ["sequence number", "IV"]),
     (b"\xff" * 4 + uint32(1) + IV + uint32(5), ["sequence number", "final sequence number", "IV", "content length"])],
)  # fmt: skip
def test_what_precedes_the_content_may_be_cut_nowhere(data: bytes, field: list[str]) -> None:
    seen = []
    for length in range(len(data)):
        error = failure(data[:length])
        assert error.truncated
        seen.append(error.where)

    assert list(dict.fromkeys(seen)) == [f"frame 1 › {name}" for name in field]


def test_a_non_framed_body_is_one_block_of_number_1() -> None:
    block = read_non_framed_start(Reader(IV + (5).to_bytes(8, "big")))

    assert block == Block(final=True, sequence_number=1, iv=IV, length=5)


# spec: data-format/message-body.md#encrypted-content-length b1d3
def test_a_non_framed_body_may_claim_the_longest_length_and_no_more() -> None:
    longest = IV + MAX_NON_FRAMED_LENGTH.to_bytes(8, "big")
    too_long = IV + (MAX_NON_FRAMED_LENGTH + 1).to_bytes(8, "big")

    assert read_non_framed_start(Reader(longest)).length == MAX_NON_FRAMED_LENGTH
    with pytest.raises(MalformedMessage) as caught:
        read_non_framed_start(Reader(too_long))
    assert caught.value.where == "non-framed body › content length"
    assert caught.value.offset == 12


def test_a_non_framed_body_may_be_cut_nowhere() -> None:
    data = IV + (5).to_bytes(8, "big")
    for length in range(len(data)):
        with pytest.raises(MalformedMessage):
            read_non_framed_start(Reader(data[:length]))


@pytest.mark.parametrize("count", [0, 1, 2, 1_023, 1_024, 1_025, 3_000])
def test_frame_numbers_are_counted_from_1(count: int) -> None:
    numbers = list(frame_numbers(1, count))

    assert [int.from_bytes(iv, "big") for _, iv, _ in numbers] == list(range(1, count + 1))
    assert all(start == number + iv for start, iv, number in numbers)
    assert all(number == iv[-4:] for _, iv, number in numbers)


def test_a_thread_that_counts_less_does_not_cut_short_what_another_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message with fewer frames than it needs would be lost: the table of numbers is never changed in place."""
    make = message_body.frame_number
    others: list[Iterable[FrameNumber]] = []

    def make_while_another_thread_counts(number: int) -> FrameNumber:
        if not others:
            others.append(())
            others[0] = frame_numbers(1, 900)
        return make(number)

    monkeypatch.setattr(message_body, "_table", (make(1),))
    monkeypatch.setattr(message_body, "frame_number", make_while_another_thread_counts)
    list(frame_numbers(1, 500))

    assert len(list(others[0])) == 900


class Making:
    """Counts how many frame numbers are made, from a table of the first one on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._made = 0
        monkeypatch.setattr(message_body, "_table", (frame_number(1),))
        monkeypatch.setattr(message_body, "frame_number", self._make)

    def _make(self, number: int) -> FrameNumber:
        self._made += 1
        return frame_number(number)

    def of(self, count: int, first: int = 1) -> int:
        """How many are made for *count* of them from *first* on."""
        before = self._made
        numbers = [int.from_bytes(iv, "big") for _, iv, _ in frame_numbers(first, count)]
        assert numbers == list(range(first, first + count))
        return self._made - before


@pytest.mark.parametrize("count", [2, 3, 4, 500, 1_023, 1_024])
def test_up_to_1024_frame_numbers_are_made_for_one_message_and_kept_for_the_next(
    count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    making = Making(monkeypatch)

    assert making.of(count) == count
    assert [making.of(count), making.of(count - 1), making.of(1), making.of(1, first=count)] == [0, 0, 0, 0]


def test_past_1024_frame_numbers_only_those_past_it_are_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    making = Making(monkeypatch)

    assert making.of(5_000) == 5_000
    assert [making.of(1_024), making.of(1_025), making.of(5_000)] == [0, 1, 3_976]
    assert [making.of(10, first=1_020), making.of(10, first=4_000)] == [5, 10]


def test_what_is_kept_of_frame_numbers_grows_to_twice_as_many_as_were_needed_and_no_further(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Messages that grow frame by frame cost little, and a few short ones keep little."""
    making = Making(monkeypatch)
    made = 0
    for count in range(2, 1_025):
        now = making.of(count)
        made += now

        assert now < 2 * count
    assert made < 2 * 1_024

"""One reader over hostile bytes: never past the end, and a failure says where."""

from __future__ import annotations

import pytest

from warmkey.data_format.reader import Reader
from warmkey.exceptions import MalformedMessage


def test_it_takes_fields_from_the_front_in_order() -> None:
    reader = Reader(b"\x01\x00\x02abrest")

    fields = reader.uint(1, "number"), reader.sized("name"), reader.take(4, "rest")

    assert fields == (1, b"ab", b"rest")
    assert reader.left == 0


def test_it_starts_at_the_offset_given() -> None:
    assert Reader(b"skipped!kept", 8).take(4, "field") == b"kept"


def test_it_reads_a_memoryview_and_gives_independent_bytes() -> None:
    data = bytearray(b"abcd")
    taken = Reader(memoryview(data)).take(2, "field")
    data[0] = 0

    assert taken == b"ab"
    assert type(taken) is bytes


def test_taking_nothing_at_the_end_is_fine() -> None:
    assert Reader(b"").take(0, "field") == b""


def test_a_field_that_is_cut_short_says_which_where_and_what_it_needs() -> None:
    reader = Reader(b"\x00" * 11 + b"\x00\x20" + b"12345")
    reader.section = "encrypted data key 1"
    reader.take(11, "before")

    with pytest.raises(MalformedMessage) as caught:
        reader.sized("ciphertext")

    assert str(caught.value) == "encrypted data key 1 › ciphertext at byte 13: needs 32 bytes, 5 left"
    assert (caught.value.where, caught.value.offset) == ("encrypted data key 1 › ciphertext", 13)


def test_a_field_whose_length_is_cut_short_says_so() -> None:
    with pytest.raises(MalformedMessage) as caught:
        Reader(b"\x00").sized("key")

    assert str(caught.value) == "key length at byte 0: needs 2 bytes, 1 left"


def test_a_failure_takes_nothing() -> None:
    reader = Reader(b"abc")
    with pytest.raises(MalformedMessage):
        reader.take(4, "field")

    assert reader.take(3, "field") == b"abc"


@pytest.mark.parametrize("text", [b"\xff", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80"])
def test_text_that_is_not_utf_8_is_malformed_where_it_starts(text: bytes) -> None:
    with pytest.raises(MalformedMessage) as caught:
        Reader(len(text).to_bytes(2, "big") + text).text("key provider ID")

    assert str(caught.value) == "key provider ID at byte 2: is not UTF-8"


def test_text_may_be_empty_and_may_leave_the_basic_plane() -> None:
    astral = "🔑".encode()

    assert Reader(b"\x00\x00").text("key") == ""
    assert Reader(len(astral).to_bytes(2, "big") + astral).text("key") == "🔑"

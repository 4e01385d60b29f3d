"""The footer, and the end of the message."""

# Source: data-format/message-footer.md

from __future__ import annotations

import pytest

from warmkey.data_format.message_footer import read_end, read_footer, serialize_footer
from warmkey.data_format.reader import Reader
from warmkey.exceptions import MalformedMessage


@pytest.mark.parametrize("signature", [b"", b"s", bytes(103), bytes(65_535)])
def test_what_is_serialized_parses_to_the_same_signature(signature: bytes) -> None:
    footer = serialize_footer(signature)

    assert footer[:2] == len(signature).to_bytes(2, "big")
    assert read_footer(Reader(footer)) == signature


@pytest.mark.parametrize("length", range(2 + 5))
def test_a_footer_may_be_cut_nowhere(length: int) -> None:
    with pytest.raises(MalformedMessage, match="footer › signature"):
        read_footer(Reader(serialize_footer(b"12345")[:length]))


def test_the_end_is_where_nothing_is_left() -> None:
    read_end(Reader(b""))


def test_whatever_follows_the_end_is_malformed() -> None:
    reader = Reader(b"message!")
    reader.take(7, "message")

    with pytest.raises(MalformedMessage) as caught:
        read_end(reader)

    assert str(caught.value) == "message at byte 7: 1 byte follows the end of the message"

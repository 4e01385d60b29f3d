"""What is remembered of headers by their bytes changes nothing that anybody can see."""

# spec: data-format/message-header.md#aad
# spec: data-format/message-header.md#encrypted-data-keys

from __future__ import annotations

import pytest

from tests.vectors.forge import Pair, serialized_pairs, sized
from warmkey.data_format.encrypted_data_keys import read_encrypted_data_keys
from warmkey.data_format.encryption_context import read_aad
from warmkey.data_format.reader import Reader
from warmkey.data_format.shared_section import forget_parsed, read_shared_section
from warmkey.exceptions import MalformedMessage, PolicyRefused, WarmkeyError

KEY = sized(b"provider") + sized(b"information") + sized(b"ciphertext")
PREFIX = b"prefix"


def section(pairs: list[Pair], keys: int = 1) -> bytes:
    return sized(serialized_pairs(pairs)) + keys.to_bytes(2, "big") + KEY * keys


def outcome(data: bytes, *, maximum: int | None = None) -> object:
    """What the section that follows ``PREFIX`` parses to and where it ends, or how it fails."""
    reader = Reader(PREFIX + data, len(PREFIX))
    try:
        return *read_shared_section(reader, maximum_keys=maximum), reader.offset
    except WarmkeyError as error:
        return type(error), str(error)


def plain_outcome(data: bytes, *, maximum: int | None = None) -> object:
    """The same without remembering."""
    reader = Reader(PREFIX + data, len(PREFIX))
    try:
        return read_aad(reader), read_encrypted_data_keys(reader, maximum=maximum), reader.offset
    except WarmkeyError as error:
        return type(error), str(error)


SMALL = section([(b"tenant", b"a"), (b"z", b"")])
LONG = section([(b"k", b"v" * 5_000)], keys=3)
SECTIONS = [section([]), SMALL, section([(b"b", b"2"), (b"a", b"1")]), section([], keys=200), LONG]
HOSTILE = [
    section([], keys=0),
    section([(b"k", b""), (b"k", b"")]),
    sized(b"\x00\x00") + SMALL[2:],
    b"\x00\x00\xff\xff",
    b"\xff\xff",
    *(SMALL[:cut] for cut in range(len(SMALL))),
    *(LONG[:cut] for cut in range(0, len(LONG), 97)),
    *(SMALL[:at] + bytes((SMALL[at] ^ bit,)) + SMALL[at + 1 :] for at in range(len(SMALL)) for bit in (1, 0x80)),
]


@pytest.mark.parametrize("maximum", [None, 1, 2, 200])
def test_it_parses_and_fails_as_if_nothing_were_remembered(maximum: int | None) -> None:
    for data in SECTIONS + HOSTILE:
        message = data + b"rest of the message"
        forget_parsed()
        cold = outcome(message, maximum=maximum)
        warm = outcome(message, maximum=maximum)

        assert cold == warm == plain_outcome(message, maximum=maximum)


def test_a_remembered_section_is_refused_by_a_client_that_allows_fewer_keys() -> None:
    reader = Reader(section([], keys=2))
    read_shared_section(reader, maximum_keys=None)

    with pytest.raises(PolicyRefused):
        read_shared_section(Reader(section([], keys=2)), maximum_keys=1)


def test_errors_know_their_offset_in_the_message() -> None:
    with pytest.raises(MalformedMessage) as caught:
        read_shared_section(Reader(PREFIX + section([], keys=0), len(PREFIX)), maximum_keys=None)

    assert caught.value.offset == len(PREFIX) + 2


def test_what_one_caller_gets_another_cannot_change() -> None:
    context, keys = read_shared_section(Reader(SMALL), maximum_keys=None)

    with pytest.raises(TypeError):
        context["tenant"] = "another"
    with pytest.raises(AttributeError):
        keys[0].ciphertext = b"another"  # type: ignore[misc]

"""The encryption context in the header."""

# Source: data-format/message-header.md#aad

from __future__ import annotations

import pytest

from tests.vectors.forge import Pair, serialized_pairs, sized
from warmkey.data_format.encryption_context import read_aad, serialize_aad
from warmkey.data_format.reader import Reader
from warmkey.exceptions import InvalidRequest, MalformedMessage
from warmkey.structures import EncryptionContext


def read(data: bytes) -> EncryptionContext:
    return read_aad(Reader(data))


def failure(data: bytes) -> MalformedMessage:
    with pytest.raises(MalformedMessage) as caught:
        read(data)
    return caught.value


def aad(pairs: list[Pair]) -> bytes:
    return sized(serialized_pairs(pairs))


# spec: data-format/message-header.md#key-value-pairs-length 7b35
# spec: data-format/message-header.md#key-value-pairs 3713
def test_an_empty_context_is_a_length_of_zero_and_nothing_more() -> None:
    assert serialize_aad(EncryptionContext.of({})) == b"\x00\x00"
    assert read(b"\x00\x00") == {}


@pytest.mark.parametrize(
    "context",
    [
        {"": ""},
        {"k": ""},
        {"": "v"},
        {"a": "1", "b": "2"},
        {"ключ": "значение", "鍵": "値", "🔑": "🗝", "z": "é"},
        {"nul": "\0", "new\nline": "\r\n"},
        {str(number): "v" for number in range(7_000)},
        {"k": "v" * (65_535 - 7)},
    ],
)
def test_what_is_serialized_parses_to_the_same_context(context: dict[str, str]) -> None:
    assert read(serialize_aad(EncryptionContext.of(context))) == context


def test_pairs_are_sorted_by_the_utf_8_of_their_keys() -> None:
    """UTF-16 order, which JavaScript and Java use by themselves, has the astral key before U+FB01."""
    context = {"\ufb01": "1", "\U0001f511": "2", "b": "3", "a": "4", "aa": "5", "": "6"}

    expected = aad([(key.encode(), context[key].encode()) for key in ["", "a", "aa", "b", "\ufb01", "\U0001f511"]])

    assert serialize_aad(EncryptionContext.of(context)) == expected


def test_a_context_in_any_other_order_is_read_all_the_same() -> None:
    assert read(aad([(b"b", b"2"), (b"a", b"1")])) == {"a": "1", "b": "2"}


def test_reading_stops_after_the_pairs() -> None:
    reader = Reader(aad([(b"a", b"1")]) + b"more")
    read_aad(reader)

    assert reader.take(4, "rest") == b"more"


@pytest.mark.parametrize("values", [(b"1", b"2"), (b"1", b"1")])
def test_a_key_given_twice_is_malformed_even_with_the_same_value(values: tuple[bytes, bytes]) -> None:
    error = failure(aad([(b"k", values[0]), (b"other", b""), (b"k", values[1])]))

    assert error.where == "encryption context › pair 3 › key"
    assert error.problem == "is there twice"
    assert error.offset == 2 + 2 + 6 + 9


def test_a_pair_count_of_zero_is_malformed_when_there_are_bytes() -> None:
    assert str(failure(sized(b"\x00\x00"))) == "encryption context › pair count at byte 2: must be greater than 0"


@pytest.mark.parametrize("length", [1, 3, 65_535])
def test_more_bytes_than_there_are_is_truncated(length: int) -> None:
    error = failure(length.to_bytes(2, "big"))

    assert error.truncated
    assert str(error) == f"encryption context › pairs at byte 2: needs {length} byte{'s' * (length > 1)}, 0 left"


def test_one_byte_of_pairs_has_no_room_for_a_count() -> None:
    assert failure(b"\x00\x01\x00" + bytes(50)).where == "encryption context › pair count"


def test_bytes_left_over_after_the_pairs_are_malformed() -> None:
    data = serialized_pairs([(b"a", b"1")]) + b"!!"

    assert str(failure(sized(data))) == "encryption context › pairs at byte 10: 2 bytes left over after 1 pair"


def test_more_pairs_than_bytes_are_malformed_where_the_missing_one_would_start() -> None:
    data = b"\x00\x02" + serialized_pairs([(b"a", b"1")])[2:]

    error = failure(sized(data) + bytes(100))

    assert str(error) == "encryption context › pair 2 › key at byte 10: the 8 bytes of pairs end before it"


@pytest.mark.parametrize("cut", range(1, 6))
def test_a_pair_that_reaches_past_the_pairs_is_malformed(cut: int) -> None:
    data = serialized_pairs([(b"a", b"1")])

    error = failure((len(data) - cut).to_bytes(2, "big") + data + bytes(100))

    assert error.where.startswith("encryption context › pair 1")
    assert 2 <= error.offset <= 10


@pytest.mark.parametrize(("pair", "field", "offset"), [((b"\xff", b""), "key", 6), ((b"k", b"\xc3"), "value", 9)])
def test_text_that_is_not_utf_8_is_malformed(pair: Pair, field: str, offset: int) -> None:
    assert str(failure(aad([pair]))) == f"encryption context › pair 1 › {field} at byte {offset}: is not UTF-8"


def test_no_error_shows_a_key_or_value() -> None:
    error = failure(aad([(b"secret-key", b"secret-value"), (b"secret-key", b"secret-value")]))

    assert "secret" not in f"{error!s}{error!r}"


def test_65535_bytes_of_pairs_are_allowed_and_one_more_is_not() -> None:
    longest = EncryptionContext.of({"k": "v" * (65_535 - 7)})
    too_long = EncryptionContext.of({"k": "v" * (65_535 - 6)})

    assert len(serialize_aad(longest)) == 2 + 65_535
    with pytest.raises(InvalidRequest, match="takes 65536 bytes in the message; 65535 are allowed"):
        serialize_aad(too_long)

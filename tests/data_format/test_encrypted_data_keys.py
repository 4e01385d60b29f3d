"""Encrypted data keys in the header."""

# Source: data-format/message-header.md#encrypted-data-keys

from __future__ import annotations

import pytest

from tests.vectors.forge import sized
from warmkey.data_format.encrypted_data_keys import (
    check_encrypted_data_key_count,
    read_encrypted_data_keys,
    serialize_entry,
    serialize_keys,
)
from warmkey.data_format.reader import Reader
from warmkey.exceptions import InvalidRequest, MalformedMessage, PolicyRefused
from warmkey.structures import EncryptedDataKey

KEY = EncryptedDataKey(key_provider_id="prövider", key_provider_info=b"\x00info", ciphertext=b"\xffciphertext")
EMPTY = EncryptedDataKey(key_provider_id="", key_provider_info=b"", ciphertext=b"")
LONGEST = EncryptedDataKey(
    key_provider_id="é" * 32_767 + "x", key_provider_info=bytes(65_535), ciphertext=b"c" * 65_535
)


def read(data: bytes) -> tuple[EncryptedDataKey, ...]:
    return read_encrypted_data_keys(Reader(data), maximum=None)


def failure(data: bytes) -> MalformedMessage:
    with pytest.raises(MalformedMessage) as caught:
        read(data)
    return caught.value


# spec: framework/keyring-interface.md#key-provider-id 204d
# spec: framework/keyring-interface.md#key-provider-info 6ff3
def test_an_entry_is_three_fields_each_behind_its_length() -> None:
    expected = sized("prövider".encode()) + sized(b"\x00info") + sized(b"\xffciphertext")

    assert serialize_entry(KEY) == expected


@pytest.mark.parametrize("keys", [(KEY,), (EMPTY,), (KEY, EMPTY, KEY), (LONGEST,), (EMPTY,) * 65_535])
def test_what_is_serialized_parses_to_the_same_keys(keys: tuple[EncryptedDataKey, ...]) -> None:
    assert read(serialize_keys(keys)) == keys


def test_reading_stops_after_the_last_key() -> None:
    reader = Reader(serialize_keys([KEY]) + b"more")
    read_encrypted_data_keys(reader, maximum=None)

    assert reader.take(4, "rest") == b"more"


# spec: data-format/message-header.md#encrypted-data-key-count c714
def test_no_keys_are_malformed() -> None:
    assert str(failure(b"\x00\x00")) == "encrypted data keys › count at byte 0: must be greater than 0"


def test_an_entry_that_is_cut_short_is_named_by_number_field_and_offset() -> None:
    data = b"\x00\x02" + serialize_entry(KEY) + sized(b"p") + b"\x00\x05in"
    start = 2 + len(serialize_entry(KEY)) + 3 + 2

    error = failure(data)

    assert error.truncated
    assert str(error) == f"encrypted data key 2 › key provider information at byte {start}: needs 5 bytes, 2 left"


def test_fewer_entries_than_counted_are_truncated() -> None:
    error = failure(b"\x00\x02" + serialize_entry(EMPTY))

    assert str(error) == "encrypted data key 2 › key provider ID length at byte 8: needs 2 bytes, 0 left"


@pytest.mark.parametrize("provider_id", [b"\xff", b"aws-kms\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xe2\x82"])
def test_a_provider_id_that_is_not_utf_8_is_somebody_elses_and_kept_as_it_was(provider_id: bytes) -> None:
    (key,) = read(b"\x00\x01" + sized(provider_id) + sized(b"info") + sized(b"blob"))

    assert key.key_provider_id not in {"aws-kms", "\ud800"}
    assert serialize_entry(key) == sized(provider_id) + sized(b"info") + sized(b"blob")


def test_provider_information_and_ciphertext_may_be_any_bytes() -> None:
    every_byte = bytes(range(256))
    key = EncryptedDataKey(key_provider_id="p", key_provider_info=every_byte, ciphertext=every_byte)

    assert read(serialize_keys([key])) == (key,)


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("key_provider_id", "é" * 32_768, "key provider ID"),
        ("key_provider_info", bytes(65_536), "key provider information"),
        ("ciphertext", bytes(65_536), "ciphertext"),
    ],
)
def test_a_field_over_65535_bytes_is_refused(field: str, value: object, name: str) -> None:
    fields = {"key_provider_id": "p", "key_provider_info": b"", "ciphertext": b"", field: value}

    with pytest.raises(InvalidRequest, match=f"the {name} of an encrypted data key has 65536 bytes; 65535 are allowed"):
        serialize_entry(EncryptedDataKey(**fields))  # type: ignore[arg-type]


def test_a_field_as_long_as_allowed_is_not_blamed_for_another() -> None:
    key = EncryptedDataKey(key_provider_id="p" * 65_535, key_provider_info=bytes(65_535), ciphertext=bytes(65_536))

    with pytest.raises(InvalidRequest, match="the ciphertext of an encrypted data key has 65536 bytes"):
        serialize_entry(key)


# spec: data-format/message-header.md#encrypted-data-key-count c714
@pytest.mark.parametrize("count", [0, 65_536])
def test_only_1_to_65535_keys_are_serialized(count: int) -> None:
    with pytest.raises(InvalidRequest, match=f"1 to 65535 encrypted data keys, not {count}"):
        serialize_keys([EMPTY] * count)


# spec: client-apis/client.md#maximum-number-of-encrypted-data-keys 4705
@pytest.mark.parametrize(("count", "maximum"), [(1, 1), (5, 5), (65_535, None)])
def test_the_limit_itself_is_allowed(count: int, maximum: int | None) -> None:
    check_encrypted_data_key_count(count, maximum=maximum)


def test_one_over_the_limit_is_refused_with_both_numbers() -> None:
    with pytest.raises(PolicyRefused, match="6 encrypted data keys; max_encrypted_data_keys allows 5"):
        check_encrypted_data_key_count(6, maximum=5)

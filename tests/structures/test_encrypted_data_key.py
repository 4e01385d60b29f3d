"""An encrypted data key is a value."""

from __future__ import annotations

import dataclasses
from unittest import mock

import pytest

from warmkey import EncryptedDataKey
from warmkey.structures import VerifiedKeys

KEY = EncryptedDataKey(key_provider_id="p", key_provider_info=b"i", ciphertext=b"c")


# Source: framework/structures.md#encrypted-data-key
def test_encrypted_data_keys_compare_by_all_their_fields() -> None:
    for change in ({"key_provider_id": "q"}, {"key_provider_info": b"j"}, {"ciphertext": b"d"}):
        assert dataclasses.replace(KEY, **change) != KEY  # type: ignore[arg-type]
    assert dataclasses.replace(KEY) == KEY
    assert hash(dataclasses.replace(KEY)) == hash(KEY)


def test_to_something_else_it_is_not_equal_unless_that_says_so() -> None:
    assert (KEY == "p") is False
    assert KEY == mock.ANY


@pytest.mark.parametrize("field", ["key_provider_id", "key_provider_info", "ciphertext"])
def test_keys_that_differ_in_any_field_alone_are_apart_in_a_dictionary(field: str) -> None:
    """Whoever writes messages chooses what is in them, and could have every look-up compare with all others."""
    kind = type(getattr(KEY, field))
    values = [str(number) if kind is str else str(number).encode() for number in range(1_000)]

    assert len({hash(dataclasses.replace(KEY, **{field: value})) for value in values}) == 1_000  # type: ignore[arg-type]


def test_the_keys_of_a_verified_message_are_equal_to_any_others() -> None:
    assert VerifiedKeys([KEY]) == (KEY,)
    assert hash(VerifiedKeys([KEY])) == hash((KEY,))
    assert repr(VerifiedKeys([KEY])) == repr((KEY,))

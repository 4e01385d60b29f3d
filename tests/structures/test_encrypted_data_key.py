"""An encrypted data key is a value."""

from __future__ import annotations

import dataclasses

from warmkey import EncryptedDataKey

KEY = EncryptedDataKey(key_provider_id="p", key_provider_info=b"i", ciphertext=b"c")


# spec: framework/structures.md#encrypted-data-key
def test_encrypted_data_keys_compare_by_all_their_fields() -> None:
    for change in ({"key_provider_id": "q"}, {"key_provider_info": b"j"}, {"ciphertext": b"d"}):
        assert dataclasses.replace(KEY, **change) != KEY  # type: ignore[arg-type]
    assert dataclasses.replace(KEY) == KEY
    assert hash(dataclasses.replace(KEY)) == hash(KEY)

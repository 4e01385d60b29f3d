"""What of a request an entry keeps, and what equals it."""

from __future__ import annotations

import pytest

from warmkey import EncryptedDataKey
from warmkey.caches.entry_content import EntryContent

KEY = EncryptedDataKey(key_provider_id="k", key_provider_info=b"i", ciphertext=b"c")


@pytest.mark.parametrize("is_digest", [False, True])
def test_something_else_is_unequal_and_answers_for_itself(is_digest: bool) -> None:
    class EqualsAll:
        def __eq__(self, other: object) -> bool:
            return True

        __hash__ = None  # type: ignore[assignment]

    content = EntryContent([KEY], b"context")
    if is_digest:
        content.keep_digest_only()

    assert (content == "something else") is False
    assert content == EqualsAll()

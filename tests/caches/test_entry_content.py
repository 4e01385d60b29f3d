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


@pytest.mark.parametrize(("size", "is_kept"), [(0, True), (4_096, True), (4_097, False)])
def test_up_to_4096_bytes_of_a_message_are_kept_as_they_are(size: int, is_kept: bool) -> None:
    keys = [KEY] if size else []
    context = b"c" * (size - 3 * len(keys))
    content = EntryContent(keys, context)

    assert (content.keys, content.context) == ((keys, context) if is_kept else (None, None))
    assert (content.size, content.digest is None) == ((size, True) if is_kept else (0, False))
    assert content.is_of(keys, context)


@pytest.mark.parametrize(("count", "is_kept"), [(16, True), (17, False)])
def test_up_to_16_encrypted_data_keys_are_kept_as_they_are(count: int, is_kept: bool) -> None:
    keys = [KEY] * count
    content = EntryContent(keys, b"context")

    assert content.keys == (keys if is_kept else None)
    assert content.size == (3 * count + 7 if is_kept else 0)
    assert content.is_of(keys, b"context")


def test_a_digest_tells_where_each_part_ends() -> None:
    """The parts of all of these, one behind the other, are the same bytes."""
    cuts = [("", "abc", "d", "e"), ("a", "bc", "d", "e"), ("ab", "c", "d", "e"), ("ab", "cd", "", "e"),
            ("ab", "c", "", "de"), ("ab", "", "cde", ""), ("", "", "", "abcde")]  # fmt: skip
    digests = set()
    for provider, info, ciphertext, context in cuts:
        key = EncryptedDataKey(
            key_provider_id=provider, key_provider_info=info.encode(), ciphertext=ciphertext.encode()
        )
        content = EntryContent([key], context.encode())
        content.keep_digest_only()
        digests.add(content.digest)

    assert len(digests) == len(cuts)

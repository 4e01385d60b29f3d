"""Items as texts and a ciphertext; what one must look like is asked of the store that reads it."""

from __future__ import annotations

from warmkey.branch_keys import items

COMMON = items.describe(
    "tenant-a", kms_arn="arn", create_time="2025-01-16T12:34:56.123456Z", custom={"tenant": "the value of a context"}
)
VERSION = "83c9f1d3-9a4a-4ed7-a1f0-2f2e0e0d1c11"


def test_what_is_written_is_what_is_read() -> None:
    for texts, item_type in (
        (items.active(COMMON, VERSION), items.ACTIVE),
        (items.decrypt_only(COMMON, VERSION), items.version_type(VERSION)),
        (items.beacon(COMMON), items.BEACON),
    ):
        item = items.KeyStoreItem(texts, b"enc")

        assert items.read_item(item.attributes(), "tenant-a", item_type) == item


def test_an_item_shows_no_custom_value() -> None:
    item = items.KeyStoreItem(items.active(COMMON, VERSION), b"enc")

    assert repr(item) == "<KeyStoreItem branch:ACTIVE of 'tenant-a'>"

"""Items as texts and a ciphertext; what one must look like is asked of the store that reads it."""

from __future__ import annotations

from typing import Any

import pytest

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


# spec: framework/branch-key-store.md#encryption-context bb70 107f d7a2 2a99
@pytest.mark.parametrize("name", ["branch-key-id", "type", "kms-arn", "create-time"])
@pytest.mark.parametrize("value", [None, {"S": ""}, {"N": "1"}, {"B": b"bytes"}], ids=str)
def test_id_and_type_are_texts_that_are_not_empty(name: str, value: Any) -> None:
    attributes = items.KeyStoreItem(items.active(COMMON, VERSION), b"enc").attributes()
    attributes[name] = value
    if value is None:
        del attributes[name]

    with pytest.raises(ValueError, match=f"its attribute '{name}' must be a text"):
        items.read_item(attributes, "tenant-a", items.ACTIVE)


def test_an_item_shows_no_custom_value() -> None:
    item = items.KeyStoreItem(items.active(COMMON, VERSION), b"enc")

    assert repr(item) == "<KeyStoreItem branch:ACTIVE of 'tenant-a'>"


@pytest.mark.parametrize(
    "change",
    [
        {"n" * 60_000: {"BOOL": True}},
        {"type": {"S": "t" * 1024}},
        {"branch-key-id": {"S": "i" * 2048}},
        {"version": {"S": "v" * 60_000}},
    ],
    ids=lambda change: next(iter(change))[:20],
)
def test_what_is_wrong_with_an_item_is_said_in_a_few_words(change: dict[str, Any]) -> None:
    attributes = items.KeyStoreItem(items.active(COMMON, VERSION), b"enc").attributes()

    with pytest.raises(ValueError, match="its attribute") as caught:
        items.read_item({**attributes, **change}, "tenant-a", items.ACTIVE)

    assert len(str(caught.value)) < 500

"""List the branch keys of a table: what can be told without KMS.

Nothing here is verified, and no value of a custom encryption context is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warmkey.branch_keys.items import (
    ACTIVE,
    BEACON,
    BRANCH_KEY_ID,
    TYPE,
    custom_context,
    version_in,
)
from warmkey.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from warmkey.branch_keys.items import Attributes

__all__ = ["ListedBranchKey", "ListedVersion", "listed"]


class ListedVersion(Record):
    """Describe one version of a branch key."""

    version: str
    created: str


class ListedBranchKey(Record):
    """Describe a branch key, as its items say.

    :ivar active_version: the version that encrypts now, or ``None`` if there is no active item
    :ivar created: when that version was made
    :ivar kms_key_arn: the KMS key that protects it
    :ivar hierarchy_version: 1, or another number that this version of warmkey does not read
    :ivar encryption_context_keys: of its custom encryption context
    :ivar has_beacon_key: whether it has one, as it should
    :ivar versions: the oldest first
    """

    branch_key_id: str
    active_version: str | None
    created: str | None
    kms_key_arn: str | None
    hierarchy_version: str | None
    encryption_context_keys: tuple[str, ...]
    has_beacon_key: bool
    versions: tuple[ListedVersion, ...]


def listed(items: Iterable[Attributes]) -> list[ListedBranchKey]:
    """Return the branch keys among *items*, sorted by ID. Items of types that it does not know are passed over."""
    by_id: dict[str, dict[str, dict[str, str]]] = {}
    for item in items:
        texts = _texts(item)
        branch_key_id, item_type = texts.get(BRANCH_KEY_ID), texts.get(TYPE, "")
        if branch_key_id and (item_type in (ACTIVE, BEACON) or version_in(item_type)):
            by_id.setdefault(branch_key_id, {})[item_type] = texts
    return [_listed(branch_key_id, by_id[branch_key_id]) for branch_key_id in sorted(by_id)]


def _texts(item: Attributes) -> dict[str, str]:
    return {name: text for name, value in item.items() if isinstance(text := _scalar(value), str)}


def _scalar(value: dict[str, Any]) -> object:
    return value.get("S", value.get("N"))


def _listed(branch_key_id: str, by_type: dict[str, dict[str, str]]) -> ListedBranchKey:
    active = by_type.get(ACTIVE, {})
    versions = [
        ListedVersion(version=version, created=texts.get("create-time", ""))
        for item_type, texts in by_type.items()
        if (version := version_in(item_type))
    ]
    return ListedBranchKey(
        branch_key_id=branch_key_id,
        active_version=version_in(active.get("version", "")) or None,
        created=active.get("create-time"),
        kms_key_arn=active.get("kms-arn"),
        hierarchy_version=active.get("hierarchy-version"),
        encryption_context_keys=tuple(sorted(custom_context(active))),
        has_beacon_key=BEACON in by_type,
        versions=tuple(sorted(versions, key=lambda each: each.created)),
    )

"""The items of the table: how they are named and written, and what one must look like before KMS is asked about it.

An item is its attributes as text and a ciphertext, ``enc``. The text, with the logical key store name, is the
encryption context of that ciphertext, so KMS refuses an item of which anything was changed, added or removed.

Source: framework/branch-key-store.md#record-format
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from warmkey.branch_keys.names import is_version
from warmkey.safe_repr import safe_repr
from warmkey.validation import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "ACTIVE",
    "BEACON",
    "BRANCH_KEY_ID",
    "ENC",
    "TYPE",
    "Attributes",
    "KeyStoreItem",
    "active",
    "beacon",
    "custom_context",
    "decrypt_only",
    "describe",
    "encryption_context",
    "now",
    "read_item",
    "version_in",
    "version_type",
]

# As DynamoDB's client gives and takes them: {"branch-key-id": {"S": "..."}, ...}
Attributes: TypeAlias = "dict[str, dict[str, Any]]"

BRANCH_KEY_ID = "branch-key-id"
TYPE = "type"
ENC = "enc"
ACTIVE = "branch:ACTIVE"
BEACON = "beacon:ACTIVE"
_VERSION_TYPE = "branch:version:"
_VERSION = "version"
_KMS_ARN = "kms-arn"
_CREATE_TIME = "create-time"
_HIERARCHY_VERSION = "hierarchy-version"
# spec: framework/branch-key-store.md#custom-encryption-context 2a01
_CUSTOM = "aws-crypto-ec:"
_TABLE_NAME = "tablename"

_READABLE_HIERARCHY_VERSION = "1"
_TEXTS = (BRANCH_KEY_ID, TYPE, _KMS_ARN, _CREATE_TIME)


@safe_repr
class KeyStoreItem(NamedTuple):
    """One item that can be asked about.

    :ivar texts: every attribute but ``enc``
    :ivar enc: the ciphertext of KMS
    """

    texts: Mapping[str, str]
    enc: bytes

    def __repr__(self) -> str:  # the custom encryption context is nobody's business
        return f"<KeyStoreItem {self.texts[TYPE]} of {self.texts[BRANCH_KEY_ID]!r}>"

    @property
    def kms_arn(self) -> str:
        """The KMS key that protects it."""
        return self.texts[_KMS_ARN]

    @property
    def version(self) -> str:
        """The UUID of the branch key's version.

        Source: framework/branch-key-store.md#branch-key-materials-from-authenticated-encryption-context
        """
        # spec: framework/branch-key-store.md#branch-key-materials-from-authenticated-encryption-context a3bf dcfe
        return self.texts.get(_VERSION, self.texts[TYPE]).removeprefix(_VERSION_TYPE)

    # spec: framework/branch-key-store.md#record-format ed38 94e1
    def attributes(self) -> Attributes:
        """Return the item as DynamoDB's client takes it."""
        texts = {name: {"N" if name == _HIERARCHY_VERSION else "S": text} for name, text in self.texts.items()}
        return {**texts, ENC: {"B": self.enc}}


# --- what new items say


def version_type(version: str) -> str:
    """Return the sort key of a version."""
    return _VERSION_TYPE + version


def version_in(item_type: str) -> str:
    """Return the UUID in the sort key of a version; of another sort key, an empty string."""
    return item_type.removeprefix(_VERSION_TYPE) if item_type.startswith(_VERSION_TYPE) else ""


def now() -> str:
    """Return the present time as items carry it: UTC, with microseconds."""
    # spec: framework/branch-key-store.md#branch-key-and-beacon-key-creation a50b
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def describe(branch_key_id: str, *, kms_arn: str, create_time: str, custom: Mapping[str, str]) -> dict[str, str]:
    """Return what all items of one operation say alike."""
    return {
        # spec: framework/branch-key-store.md#encryption-context bb70
        BRANCH_KEY_ID: branch_key_id,
        # spec: framework/branch-key-store.md#encryption-context 5942
        _KMS_ARN: kms_arn,
        # spec: framework/branch-key-store.md#encryption-context a6a3
        _CREATE_TIME: create_time,
        # spec: framework/branch-key-store.md#encryption-context 6efb
        _HIERARCHY_VERSION: _READABLE_HIERARCHY_VERSION,
        # spec: framework/branch-key-store.md#writing-branch-key-and-beacon-key-to-keystore c9a4
        # spec: framework/branch-key-store.md#versionkey c9a4
        # spec: framework/branch-key-store.md#custom-encryption-context 2a01
        **{_CUSTOM + key: value for key, value in custom.items()},
    }


def decrypt_only(common: Mapping[str, str], version: str) -> dict[str, str]:
    """Return the texts of a version's item.

    Source: framework/branch-key-store.md#decrypt_only-encryption-context
    """
    # spec: framework/branch-key-store.md#decrypt_only-encryption-context d268 202f
    return {**common, TYPE: version_type(version)}


def active(common: Mapping[str, str], version: str) -> dict[str, str]:
    """Return the texts of the active item.

    Source: framework/branch-key-store.md#active-encryption-context
    """
    # spec: framework/branch-key-store.md#active-encryption-context 0a04 afae 5ca6
    return {**common, TYPE: ACTIVE, _VERSION: version_type(version)}


def beacon(common: Mapping[str, str]) -> dict[str, str]:
    """Return the texts of the beacon key's item.

    Source: framework/branch-key-store.md#beacon-key-encryption-context
    """
    # spec: framework/branch-key-store.md#beacon-key-encryption-context 2819 d04c
    return {**common, TYPE: BEACON}


def encryption_context(texts: Mapping[str, str], logical_key_store_name: str) -> dict[str, str]:
    """Return the encryption context that binds an item's ciphertext to its *texts*.

    Source: framework/branch-key-store.md#encryption-context
    """
    # spec: framework/branch-key-store.md#logical-keystore-name 357d
    # spec: framework/branch-key-store.md#encryption-context 6fa6
    return {**texts, _TABLE_NAME: logical_key_store_name}


def custom_context(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the custom encryption context among an item's *texts*.

    Source: framework/branch-key-store.md#custom-encryption-context-from-authenticated-encryption-context
    """
    # spec: framework/branch-key-store.md#custom-encryption-context-from-authenticated-encryption-context 86c1 95aa
    return {name.removeprefix(_CUSTOM): text for name, text in texts.items() if name.startswith(_CUSTOM)}


# --- what a found item must say


def read_item(attributes: Attributes, branch_key_id: str, item_type: str) -> KeyStoreItem:
    """Return the item that was asked for.

    :raises ValueError: it is not as the record format wants it; says which attribute, and no custom value

    Source: framework/branch-key-store.md#record-format
    """
    _check_hierarchy_version(attributes)
    enc = attributes.get(ENC, {}).get("B")
    if not isinstance(enc, bytes) or not enc:
        raise ValueError(f"{_named(ENC)} must be bytes")
    # spec: framework/branch-key-store.md#authenticating-a-keystore-item 6f92 1436 82db
    # spec: framework/branch-key-store.md#aws-kms-branch-key-decryption 24b1 6f92 1436 82db
    # spec: framework/branch-key-store.md#encryption-context 543c d26f
    texts = {name: _text(name, value) for name, value in attributes.items() if name != ENC}
    for name in _TEXTS:
        # spec: framework/branch-key-store.md#encryption-context bb70 107f d7a2 2a99 a6a3 5942
        if not texts.get(name):
            raise ValueError(f"{_named(name)} must be a text that is not empty")
    # spec: framework/branch-key-store.md#branch-key-materials-from-authenticated-encryption-context 02f3
    for name, asked in ((BRANCH_KEY_ID, branch_key_id), (TYPE, item_type)):
        if texts[name] != asked:
            raise ValueError(f"{_named(name)} must be {asked!r}, as asked for, not {quoted(texts[name])}")
    _check_version(texts)
    if _TABLE_NAME in texts:
        raise ValueError(f"it must not have an attribute {_TABLE_NAME!r}: that is the logical key store name")
    return KeyStoreItem(texts, enc)


def _named(name: str) -> str:
    return f"its attribute {quoted(name)}"


def _check_hierarchy_version(attributes: Attributes) -> None:
    found = attributes.get(_HIERARCHY_VERSION, {}).get("N")
    if found is None:
        raise ValueError(f"{_named(_HIERARCHY_VERSION)} must be a number")
    if found != _READABLE_HIERARCHY_VERSION:
        raise ValueError(f"its {_HIERARCHY_VERSION} is {found}; this version of warmkey reads 1 only")


def _text(name: str, value: Mapping[str, Any]) -> str:
    text = value.get("N" if name == _HIERARCHY_VERSION else "S")
    if not isinstance(text, str):
        raise ValueError(f"{_named(name)} must be a text, not of DynamoDB's type {'/'.join(value)}")  # noqa: TRY004
    return text


def _check_version(texts: Mapping[str, str]) -> None:
    # spec: framework/branch-key-store.md#active-encryption-context afae
    # spec: framework/branch-key-store.md#decrypt_only-encryption-context d268
    # spec: framework/branch-key-store.md#beacon-key-encryption-context d04c
    # spec: framework/branch-key-store.md#branch-key-materials-from-authenticated-encryption-context d601
    if (_VERSION in texts) != (texts[TYPE] == ACTIVE):
        where = "must be there" if texts[TYPE] == ACTIVE else "must be in the active item only"
        raise ValueError(f"{_named(_VERSION)} {where}")
    if texts[TYPE] == BEACON:
        return
    written = texts.get(_VERSION, texts[TYPE])
    # spec: framework/branch-key-store.md#branch-key-materials-from-authenticated-encryption-context 6c68
    if not written.startswith(_VERSION_TYPE) or not is_version(written.removeprefix(_VERSION_TYPE)):
        raise ValueError(f"{_named(_VERSION)} must be {_VERSION_TYPE} and a UUID in lower case, not {quoted(written)}")

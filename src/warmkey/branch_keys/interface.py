"""What a hierarchical keyring needs of a key store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from warmkey.records import Record

if TYPE_CHECKING:
    from warmkey.branch_keys.kms_configuration import KmsConfiguration
    from warmkey.branch_keys.materials import BranchKeyMaterials

__all__ = ["BranchKeySource", "KeyStoreInfo"]


class KeyStoreInfo(Record):
    """Describe a key store.

    :ivar key_store_id: names this key store object; bound to nothing
    :ivar table_name: the DynamoDB table
    :ivar logical_key_store_name: bound into every branch key as ``tablename``
    :ivar grant_tokens: sent with every KMS request
    :ivar kms_configuration: which KMS keys may protect branch keys

    Source: framework/branch-key-store.md#getkeystoreinfo
    """

    key_store_id: str
    table_name: str
    logical_key_store_name: str
    grant_tokens: tuple[str, ...]
    kms_configuration: KmsConfiguration


class BranchKeySource(Protocol):
    """Finds branch keys: a :class:`BranchKeyStore`, or something of your own with these three methods."""

    def get_active_branch_key(self, branch_key_id: str, /) -> BranchKeyMaterials:
        """Return the version that encrypts now.

        :raises KeyUnavailable: it is not there, or can't be decrypted
        """

    def get_branch_key_version(self, branch_key_id: str, branch_key_version: str, /) -> BranchKeyMaterials:
        """Return the version of this name.

        :raises KeyUnavailable: it is not there, or can't be decrypted
        """

    def get_key_store_info(self) -> KeyStoreInfo:
        """Describe the key store; the keyring reads ``logical_key_store_name``."""

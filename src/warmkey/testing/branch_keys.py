"""Branch keys without DynamoDB and KMS: a key store of known keys, for a hierarchical keyring under test."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

from warmkey.branch_keys import BranchKeyMaterials, KeyStoreInfo, KmsConfiguration
from warmkey.exceptions import KeyAttempt, KeyUnavailable
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["FakeBranchKeyStore"]


@safe_repr
class FakeBranchKeyStore:
    """A key store for ``AwsKmsHierarchicalKeyring`` that knows what it was told.

    ::

        key_store = FakeBranchKeyStore()
        key_store.add("tenant-a")
        keyring = AwsKmsHierarchicalKeyring(key_store, branch_key_id="tenant-a", ttl_seconds=3600)

    :ivar requests: branch key ID and version of each request so far; an empty version asks for the active one
    :ivar before_answer: called with each request; let it move a clock, wait for something, or raise
    """

    def __init__(self, logical_key_store_name: str = "fake-key-store") -> None:
        self._name = logical_key_store_name
        self._versions: dict[str, list[BranchKeyMaterials]] = {}
        self.requests: list[tuple[str, str]] = []
        self.before_answer: Callable[[str, str], object] | None = None

    def __repr__(self) -> str:
        return f"<FakeBranchKeyStore {self._name!r} branch_keys={len(self._versions)}>"

    def add(
        self,
        branch_key_id: str,
        *,
        branch_key_version: str | None = None,
        branch_key: bytes | None = None,
        encryption_context: Mapping[str, str] | None = None,
        kms_key_arn: str | None = None,
    ) -> str:
        """Make this the active version of the branch key and return it; by default a new one."""
        materials = BranchKeyMaterials(
            branch_key_id=branch_key_id,
            branch_key_version=branch_key_version or str(uuid.uuid4()),
            branch_key=branch_key or os.urandom(32),
            encryption_context=encryption_context or {},
            kms_key_arn=kms_key_arn,
        )
        self._versions.setdefault(branch_key_id, []).append(materials)
        return materials.branch_key_version

    def get_active_branch_key(self, branch_key_id: str, /) -> BranchKeyMaterials:
        """The version that was added last.

        :raises KeyUnavailable: there is none
        """
        return self._answer(branch_key_id, "")

    def get_branch_key_version(self, branch_key_id: str, branch_key_version: str, /) -> BranchKeyMaterials:
        """The version of this name.

        :raises KeyUnavailable: there is none
        """
        return self._answer(branch_key_id, branch_key_version)

    def get_key_store_info(self) -> KeyStoreInfo:
        """The name, and nothing that leads to AWS."""
        return KeyStoreInfo(
            key_store_id="fake",
            table_name=self._name,
            logical_key_store_name=self._name,
            grant_tokens=(),
            kms_configuration=KmsConfiguration(discovery=True),
        )

    def _answer(self, branch_key_id: str, branch_key_version: str) -> BranchKeyMaterials:
        self.requests.append((branch_key_id, branch_key_version))
        if self.before_answer is not None:
            self.before_answer(branch_key_id, branch_key_version)
        for materials in reversed(self._versions.get(branch_key_id, [])):
            if branch_key_version in ("", materials.branch_key_version):
                return materials
        about = f"version {branch_key_version!r} of branch key {branch_key_id!r}"
        attempt = KeyAttempt(keyring="FakeBranchKeyStore", operation="get", key=about, reason="it is not there")
        raise KeyUnavailable("the key store has no such branch key", [attempt])

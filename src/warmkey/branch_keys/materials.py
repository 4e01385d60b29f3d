"""What the key store returns: branch keys and beacon keys, which are secret.

Source: framework/structures.md#branch-key-materials, #beacon-key-materials
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from warmkey.safe_repr import safe_repr
from warmkey.structures import EncryptionContext
from warmkey.unpicklable import KEY_MATERIAL, Unpicklable, without_state

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BRANCH_KEY_LENGTH", "BeaconKeyMaterials", "BranchKeyMaterials"]

# spec: framework/structures.md#branch-key cd93
BRANCH_KEY_LENGTH = 32


@safe_repr
@without_state
@dataclass(frozen=True, slots=True, kw_only=True)
class BranchKeyMaterials(Unpicklable):
    """Hold one version of a branch key.

    :ivar branch_key_id: names the branch key in the table
    :ivar branch_key_version: the text of a UUID
    :ivar branch_key: 32 bytes
    :ivar encryption_context: the custom encryption context that the branch key was created with
    :ivar kms_key_arn: the KMS key that decrypted it, where known

    Source: framework/structures.md#branch-key-materials
    """

    # spec: framework/structures.md#structure-3 a530
    branch_key_id: str
    branch_key_version: str
    branch_key: bytes = field(repr=False)
    encryption_context: Mapping[str, str] = field(default_factory=EncryptionContext, repr=False)
    kms_key_arn: str | None = None
    _stays: object = field(default=KEY_MATERIAL, init=False, repr=False, compare=False)


@safe_repr
@without_state
@dataclass(frozen=True, slots=True, kw_only=True)
class BeaconKeyMaterials(Unpicklable):
    """Hold a beacon key, which warmkey itself has no use for.

    :ivar beacon_key_id: the ID of the branch key that it was created with
    :ivar beacon_key: 32 bytes
    :ivar encryption_context: the custom encryption context of that branch key

    Source: framework/structures.md#beacon-key-materials
    """

    # spec: framework/structures.md#structure-4 16a4
    beacon_key_id: str
    beacon_key: bytes = field(repr=False)
    encryption_context: Mapping[str, str] = field(default_factory=EncryptionContext, repr=False)
    _stays: object = field(default=KEY_MATERIAL, init=False, repr=False, compare=False)

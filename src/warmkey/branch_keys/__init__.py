"""Branch keys: shared through a DynamoDB table, protected by AWS KMS, cached in each container.

A :class:`BranchKeyStore` creates, rotates and reads branch keys; an :class:`AwsKmsHierarchicalKeyring` wraps data keys
under them without a KMS request per data key. Nothing else in warmkey imports this package.

Source: framework/branch-key-store.md, framework/aws-kms/aws-kms-hierarchical-keyring.md
"""

from warmkey.branch_keys.conflicts import BranchKeyConflict
from warmkey.branch_keys.hierarchical_keyring import AwsKmsHierarchicalKeyring
from warmkey.branch_keys.interface import BranchKeySource, KeyStoreInfo
from warmkey.branch_keys.kms_configuration import KmsConfiguration
from warmkey.branch_keys.materials import BeaconKeyMaterials, BranchKeyMaterials
from warmkey.branch_keys.store import BranchKeyStore

__all__ = [
    "AwsKmsHierarchicalKeyring",
    "BeaconKeyMaterials",
    "BranchKeyConflict",
    "BranchKeyMaterials",
    "BranchKeySource",
    "BranchKeyStore",
    "KeyStoreInfo",
    "KmsConfiguration",
]

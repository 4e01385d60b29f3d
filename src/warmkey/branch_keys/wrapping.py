"""Wraps data keys under a branch key, and the bytes that come of it.

Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#ciphertext, #branch-key-wrapping
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from warmkey.algorithm_suites import IV_LENGTH, TAG_LENGTH
from warmkey.crypto.aes_gcm import AESGCM, InvalidTag
from warmkey.crypto.counter_mode_kdf import CounterModeKdf
from warmkey.crypto.loaded_keys import LoadedKey

if TYPE_CHECKING:
    from warmkey.branch_keys.materials import BranchKeyMaterials

__all__ = ["PROVIDER_ID", "RANDOM_LENGTH", "BranchKeyCipher", "InvalidTag", "ciphertext_length", "version_in"]

PROVIDER_ID = "aws-kms-hierarchy"

_LABEL = PROVIDER_ID.encode()
_SALT_LENGTH = 16
_VERSION_LENGTH = 16
#: Bytes of salt and IV, which every wrapping draws anew.
RANDOM_LENGTH = _SALT_LENGTH + IV_LENGTH
_VERSION_END = RANDOM_LENGTH + _VERSION_LENGTH


class BranchKeyCipher(LoadedKey):
    """One version of a branch key in the form that wraps data keys: loaded, and shown nowhere.

    :ivar branch_key_id: names the branch key
    :ivar version: the text of its UUID
    :ivar version_bytes: the 16 bytes of its UUID
    :ivar provider_info: the key provider information of what it wraps
    :ivar kms_key_arn: the KMS key that decrypted the branch key, where known
    """

    __slots__ = ("_aad", "_kdf", "branch_key_id", "kms_key_arn", "provider_info", "version", "version_bytes")

    def __init__(self, materials: BranchKeyMaterials) -> None:
        self.branch_key_id = materials.branch_key_id
        self.version = materials.branch_key_version
        self.kms_key_arn = getattr(materials, "kms_key_arn", None)
        self.provider_info = self.branch_key_id.encode()
        self.version_bytes = uuid.UUID(self.version).bytes
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-wrapping-and-unwrapping-aad 7b1a 0ce5
        self._aad = _LABEL + self.provider_info + self.version_bytes
        self._kdf = CounterModeKdf(materials.branch_key, _LABEL)

    def wrap(self, data_key: bytes, random: bytes, context: bytes) -> bytes:
        """Return the ciphertext of *data_key*.

        :param random: 28 fresh bytes, for the salt and the IV
        :param context: the encryption context of the materials, serialized

        Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-wrapping
        """
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-wrapping 14ff
        wrapping_key = self._kdf.derive(random[:_SALT_LENGTH])
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-wrapping b6d0 4444 2ecd a7b1 33ba
        wrapped = AESGCM(wrapping_key).encrypt(random[_SALT_LENGTH:], data_key, self._aad + context)
        return random + self.version_bytes + wrapped

    def unwrap(self, ciphertext: bytes, context: bytes) -> bytes:
        """Return the data key in *ciphertext*.

        :raises InvalidTag: another branch key, version or context, or changed bytes

        Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-unwrapping
        """
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-unwrapping f918
        wrapping_key = self._kdf.derive(ciphertext[:_SALT_LENGTH])
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-unwrapping 4cbf
        iv = ciphertext[_SALT_LENGTH:RANDOM_LENGTH]
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#branch-key-unwrapping f918 d58e b2e4 5279 d404
        return AESGCM(wrapping_key).decrypt(iv, ciphertext[_VERSION_END:], self._aad + context)


def ciphertext_length(data_key_length: int) -> int:
    """Return how many bytes a wrapped data key has.

    Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#ciphertext
    """
    return _VERSION_END + data_key_length + TAG_LENGTH


def version_in(ciphertext: bytes) -> bytes:
    """Return which version wrapped a data key, the 16 bytes of its UUID."""
    return ciphertext[RANDOM_LENGTH:_VERSION_END]

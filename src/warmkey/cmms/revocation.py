"""Decide which cache entries a refusal by KMS revokes: data keys and, in the same partition, branch keys.

With branch keys by settings, both are in one cache and one partition, so who evicts for the one meets the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.keyrings.refusals import asked_key, concerns, ends_key
from warmkey.structures import DecryptionMaterials, EncryptionMaterials

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from warmkey.caches.interface import CacheEntry
    from warmkey.exceptions import KeyAttempt
    from warmkey.structures import EncryptedDataKey

__all__ = ["is_revoked"]


def is_revoked(attempt: KeyAttempt, refused_context: Mapping[str, str], entry: CacheEntry) -> bool:
    """Return whether *attempt*, which KMS refused for *refused_context*, concerns *entry*.

    What is not a data key, such as a branch key, ends with its KMS key. A denial for a message's context says nothing
    of it.
    """
    materials = entry.materials
    if not isinstance(materials, (EncryptionMaterials, DecryptionMaterials)):
        return ends_key(attempt) and asked_key(attempt) in entry.kms_keys
    return concerns(
        attempt,
        refused_context,
        operation=entry.operation,
        encryption_context=materials.encryption_context,
        kms_keys=entry.kms_keys,
        encrypted_data_keys=_keys_of(entry),
    )


def _keys_of(entry: CacheEntry) -> Sequence[EncryptedDataKey] | None:
    """Return under what the data key is wrapped; ``None`` where that is not known any more."""
    if isinstance(entry.materials, EncryptionMaterials):
        return entry.materials.encrypted_data_keys
    return None if entry.content is None else entry.content.keys

"""Cache entry identifiers of branch keys.

Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#appendix-a-cache-entry-identifier-formulas
"""

from __future__ import annotations

import hashlib
import uuid

from warmkey.memo import Memo

__all__ = ["DecryptIdentifiers", "EncryptIdentifiers", "decrypt_identifier", "encrypt_identifier"]

_MAX_ITEMS = 2048
_MAX_ITEM_BYTES = 4096

_NULL = b"\x00"
# Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#resource-identifier
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#encryption-materials 5a10
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#decryption-materials 5a10
_HIERARCHICAL_KEYRING = b"\x02"
# Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#scope-identifier
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#encryption-materials f000
_ENCRYPT = b"\x01"
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#decryption-materials b94e
_DECRYPT = b"\x02"


def encrypt_identifier(partition_id: bytes, logical_key_store_name: str, branch_key_id: str) -> bytes:
    """Return the identifier of the active version, 48 bytes.

    Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#encryption-materials
    """
    return _identifier(_ENCRYPT, partition_id, logical_key_store_name, branch_key_id)


def decrypt_identifier(partition_id: bytes, logical_key_store_name: str, branch_key_id: str, version: str) -> bytes:
    """Return the identifier of one version, 48 bytes.

    Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#decryption-materials
    """
    return _identifier(_DECRYPT, partition_id, logical_key_store_name, branch_key_id, version)


def _identifier(scope: bytes, partition_id: bytes, *names: str) -> bytes:
    # No part may hold a NUL, or two lists of parts could look alike: those who take names refuse it.
    # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#logical-key-store-name c350
    encoded = [name.encode() for name in names]
    # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#resource-suffix e418
    # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#encryption-materials 3345 4dff 11f1 d58c
    # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#decryption-materials c3be 4dff 11f1 d58c 4c63
    return hashlib.sha384(_NULL.join([_HIERARCHICAL_KEYRING, scope, partition_id, *encoded])).digest()


class EncryptIdentifiers(Memo[str, bytes]):
    """``identifiers[branch_key_id]`` is what :func:`encrypt_identifier` returns."""

    def __init__(self, partition_id: bytes, logical_key_store_name: str) -> None:
        super().__init__(max_items=_MAX_ITEMS, max_item_bytes=_MAX_ITEM_BYTES)
        self._fixed = partition_id, logical_key_store_name

    def __missing__(self, branch_key_id: str) -> bytes:
        identifier = encrypt_identifier(*self._fixed, branch_key_id)
        self.keep(branch_key_id, identifier)
        return identifier


class DecryptIdentifiers(Memo[tuple[str, bytes], bytes]):
    """``identifiers[branch_key_id, version]`` is what :func:`decrypt_identifier` returns.

    The version is the 16 bytes of its UUID. Nothing is kept by itself: whoever writes messages can make versions up, so
    the caller keeps those that there are.
    """

    def __init__(self, partition_id: bytes, logical_key_store_name: str) -> None:
        super().__init__(max_items=_MAX_ITEMS, max_item_bytes=_MAX_ITEM_BYTES)
        self._fixed = partition_id, logical_key_store_name

    def __missing__(self, asked: tuple[str, bytes]) -> bytes:
        branch_key_id, version = asked
        return decrypt_identifier(*self._fixed, branch_key_id, str(uuid.UUID(bytes=version)))

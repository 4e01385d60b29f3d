"""Cache entry identifiers.

Source: framework/caching-cmm.md#appendix-a-cache-entry-identifier-formulas
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from warmkey.data_format.encrypted_data_keys import serialize_entry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.algorithm_suites import AlgorithmSuite
    from warmkey.structures import EncryptedDataKey, EncryptionContext

__all__ = ["decrypt_identifier", "encrypt_identifier"]

_NULL = b"\x00"
_CACHING_CMM = b"\x01"
_ENCRYPT = b"\x01"
_DECRYPT = b"\x02"
_WITHOUT_SUITE = b"\x00"
_WITH_SUITE = b"\x01"


def encrypt_identifier(partition_id: str, suite: AlgorithmSuite | None, context: EncryptionContext) -> bytes:
    """The identifier of encryption materials, 48 bytes. *suite* is the one that the request names, if any.

    Source: framework/caching-cmm.md#encryption-materials-without-algorithm-suite,
        #encryption-materials-with-algorithm-suite
    """
    suffix = [_WITHOUT_SUITE] if suite is None else [_WITH_SUITE, suite.id_bytes]
    return _identifier(_ENCRYPT, partition_id, [*suffix, context.serialized])


def decrypt_identifier(
    partition_id: str, suite: AlgorithmSuite, keys: Sequence[EncryptedDataKey], context: EncryptionContext
) -> bytes:
    """The identifier of decryption materials, 48 bytes.

    Source: framework/caching-cmm.md#decryption-materials
    """
    sorted_keys = b"".join(sorted(map(serialize_entry, keys)))
    return _identifier(_DECRYPT, partition_id, [suite.id_bytes, sorted_keys, context.serialized])


def _identifier(scope: bytes, partition_id: str, suffix: list[bytes]) -> bytes:
    return hashlib.sha384(_NULL.join([_CACHING_CMM, scope, partition_id.encode(), *suffix])).digest()

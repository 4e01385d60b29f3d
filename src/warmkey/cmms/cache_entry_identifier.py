"""Work out cache entry identifiers.

Source: framework/caching-cmm.md#appendix-a-cache-entry-identifier-formulas
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from warmkey.data_format.encrypted_data_keys import entry_parts
from warmkey.memo import Memo
from warmkey.structures import VerifiedKeys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.algorithm_suites import AlgorithmSuite
    from warmkey.structures import EncryptedDataKey

__all__ = ["DecryptIdentifiers", "EncryptIdentifiers", "decrypt_identifier", "encrypt_identifier"]

_NULL = b"\x00"
# spec: framework/caching-cmm.md#encryption-materials-without-algorithm-suite 03fe
# spec: framework/caching-cmm.md#encryption-materials-with-algorithm-suite 03fe
# spec: framework/caching-cmm.md#decryption-materials 03fe
_CACHING_CMM = b"\x01"
# spec: framework/caching-cmm.md#encryption-materials-without-algorithm-suite f000
# spec: framework/caching-cmm.md#encryption-materials-with-algorithm-suite f000
_ENCRYPT = b"\x01"
# spec: framework/caching-cmm.md#decryption-materials b94e
_DECRYPT = b"\x02"
_WITHOUT_SUITE = b"\x00"
_WITH_SUITE = b"\x01"

_MAX_IDENTIFIERS = 1024
_MAX_IDENTIFIER_BYTES = 4096


def encrypt_identifier(partition_id: str, suite: AlgorithmSuite | None, context: bytes) -> bytes:
    """Return the identifier of encryption materials, 48 bytes.

    :param suite: the one that the request names, if any
    :param context: the encryption context, serialized

    Source: framework/caching-cmm.md#encryption-materials-without-algorithm-suite,
        #encryption-materials-with-algorithm-suite
    """
    # spec: framework/caching-cmm.md#encryption-materials-without-algorithm-suite 001d
    # spec: framework/caching-cmm.md#encryption-materials-with-algorithm-suite 372f 5d97
    suffix = [_WITHOUT_SUITE] if suite is None else [_WITH_SUITE, suite.id_bytes]
    # spec: framework/caching-cmm.md#appendix-a-cache-entry-identifier-formulas 8076
    # spec: framework/caching-cmm.md#resource-suffix e418
    # spec: framework/caching-cmm.md#encryption-materials-without-algorithm-suite 8bf5 516e 8c46
    # spec: framework/caching-cmm.md#encryption-materials-with-algorithm-suite c5ee 516e 8c46
    return hashlib.sha384(_NULL.join([_CACHING_CMM, _ENCRYPT, partition_id.encode(), *suffix, context])).digest()


def decrypt_identifier(
    partition_id: str, suite: AlgorithmSuite, keys: Sequence[EncryptedDataKey], context: bytes
) -> bytes:
    """Return the identifier of decryption materials, 48 bytes.

    :param context: the encryption context that the message stores, serialized

    Source: framework/caching-cmm.md#decryption-materials
    """
    # spec: framework/caching-cmm.md#resource-suffix e418
    # spec: framework/caching-cmm.md#decryption-materials 67ff 516e 5d97
    digest = hashlib.sha384(_NULL.join([_CACHING_CMM, _DECRYPT, partition_id.encode(), suite.id_bytes, b""]))
    # In the order of their serializations, each of which is put together alone: the header of a stranger's message may
    # have hundreds of megabytes. Every part begins with its length, so tuples sort as what they are joined to.
    # spec: framework/caching-cmm.md#decryption-materials fa92
    for parts in sorted(map(entry_parts, keys)):
        digest.update(b"".join(parts))
    # spec: framework/caching-cmm.md#decryption-materials 8c46
    digest.update(_NULL + context)
    return digest.digest()


class EncryptIdentifiers(Memo[tuple["AlgorithmSuite | None", bytes], bytes]):
    """``identifiers[suite, serialized_context]`` is what :func:`encrypt_identifier` returns, worked out once."""

    def __init__(self, partition_id: str) -> None:
        super().__init__(max_items=_MAX_IDENTIFIERS, max_item_bytes=_MAX_IDENTIFIER_BYTES)
        self._partition_id = partition_id

    def __missing__(self, asked: tuple[AlgorithmSuite | None, bytes]) -> bytes:
        identifier = encrypt_identifier(self._partition_id, *asked)
        self.keep(asked, identifier)
        return identifier


class DecryptIdentifiers(Memo[tuple["AlgorithmSuite", "Sequence[EncryptedDataKey]", bytes], bytes]):
    """``identifiers[suite, encrypted_data_keys, serialized_context]`` is what :func:`decrypt_identifier` returns.

    Remembers it for keys of verified messages only: whoever sends other messages has no part in what is kept.
    """

    def __init__(self, partition_id: str) -> None:
        super().__init__(max_items=_MAX_IDENTIFIERS, max_item_bytes=_MAX_IDENTIFIER_BYTES)
        self._partition_id = partition_id

    def __missing__(self, asked: tuple[AlgorithmSuite, Sequence[EncryptedDataKey], bytes]) -> bytes:
        identifier = decrypt_identifier(self._partition_id, *asked)
        if type(asked[1]) is VerifiedKeys:
            self.keep(asked, identifier)
        return identifier

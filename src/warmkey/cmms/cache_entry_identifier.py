"""Cache entry identifiers.

Source: framework/caching-cmm.md#appendix-a-cache-entry-identifier-formulas
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from warmkey.data_format.encrypted_data_keys import serialize_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from warmkey.algorithm_suites import AlgorithmSuite
    from warmkey.structures import EncryptedDataKey, EncryptionContext

__all__ = ["decrypt_identifier", "encrypt_identifier", "remembering"]

_NULL = b"\x00"
_CACHING_CMM = b"\x01"
_ENCRYPT = b"\x01"
_DECRYPT = b"\x02"
_WITHOUT_SUITE = b"\x00"
_WITH_SUITE = b"\x01"

_MOST_REMEMBERED = 1024
_LONGEST_REMEMBERED = 4096


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


def remembering(identify: Callable[..., bytes]) -> Callable[..., bytes]:
    """*identify*, whose last argument is a context and any before it a suite or encrypted data keys, with its answers.

    Applications use few contexts again and again; remembering identifiers saves hashing them each time. Long ones are
    not kept, because whoever sends messages could fill the memory with them.
    """

    @lru_cache(_MOST_REMEMBERED)
    def remembered(*arguments: object) -> bytes:
        identifier = identify(*arguments)
        if _length(*arguments) > _LONGEST_REMEMBERED:
            raise _TooLongError(identifier)
        return identifier

    def identify_soon(*arguments: object) -> bytes:
        try:
            return remembered(*arguments)
        except _TooLongError as too_long:
            return too_long.identifier

    return identify_soon


class _TooLongError(Exception):
    """Carries an identifier past the memory, which keeps what is returned and not what is raised."""

    def __init__(self, identifier: bytes) -> None:
        super().__init__()
        self.identifier = identifier


def _length(suite: object, *others: Any) -> int:  # noqa: ARG001, ANN401 - keys and context, or context alone
    *keys, context = others
    wrapped = sum(len(key.key_provider_id) + len(key.key_provider_info) + len(key.ciphertext) for key in chain(*keys))
    return wrapped + len(context.serialized)

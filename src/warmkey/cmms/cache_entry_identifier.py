"""Cache entry identifiers.

Source: framework/caching-cmm.md#appendix-a-cache-entry-identifier-formulas
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from warmkey.data_format.encrypted_data_keys import serialize_entry
from warmkey.events import EvictionReason
from warmkey.fork_safety import register

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.algorithm_suites import AlgorithmSuite
    from warmkey.structures import EncryptedDataKey

__all__ = ["DecryptIdentifiers", "EncryptIdentifiers", "decrypt_identifier", "encrypt_identifier"]

_NULL = b"\x00"
_CACHING_CMM = b"\x01"
_ENCRYPT = b"\x01"
_DECRYPT = b"\x02"
_WITHOUT_SUITE = b"\x00"
_WITH_SUITE = b"\x01"

_MOST_REMEMBERED = 1024
_LONGEST_REMEMBERED = 4096
# An encrypted data key takes memory however empty its fields are.
_KEY_SIZE = 100


def encrypt_identifier(partition_id: str, suite: AlgorithmSuite | None, context: bytes) -> bytes:
    """The identifier of encryption materials, 48 bytes.

    :param suite: the one that the request names, if any
    :param context: the encryption context, serialized

    Source: framework/caching-cmm.md#encryption-materials-without-algorithm-suite,
        #encryption-materials-with-algorithm-suite
    """
    suffix = [_WITHOUT_SUITE] if suite is None else [_WITH_SUITE, suite.id_bytes]
    return _identifier(_ENCRYPT, partition_id, [*suffix, context])


def decrypt_identifier(
    partition_id: str, suite: AlgorithmSuite, keys: Sequence[EncryptedDataKey], context: bytes
) -> bytes:
    """The identifier of decryption materials, 48 bytes.

    :param context: the encryption context that the message stores, serialized

    Source: framework/caching-cmm.md#decryption-materials
    """
    sorted_keys = b"".join(sorted(map(serialize_entry, keys)))
    return _identifier(_DECRYPT, partition_id, [suite.id_bytes, sorted_keys, context])


def _identifier(scope: bytes, partition_id: str, suffix: list[bytes]) -> bytes:
    return hashlib.sha384(_NULL.join([_CACHING_CMM, scope, partition_id.encode(), *suffix])).digest()


class _Remembered(dict[Any, bytes]):
    """Identifiers by what was asked, worked out when it is asked for the first time.

    Applications use few contexts again and again, so this saves a message 2 µs. Long ones are not kept, because whoever
    sends messages could fill the memory with them.
    """

    def __init__(self, partition_id: str) -> None:
        super().__init__()
        self._partition_id = partition_id
        register(self)

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Encryption contexts are not for a copy of this process, whatever the *reason*."""
        del reason
        self.clear()

    def _keep(self, asked: Any, identifier: bytes, *, length: int) -> bytes:  # noqa: ANN401 - a key of the dictionary
        if length <= _LONGEST_REMEMBERED:
            self[asked] = identifier
            if len(self) > _MOST_REMEMBERED:
                # The oldest. An OrderedDict has a method for it, and breaks: keys are compared by Python code, amid
                # which threads change.
                with suppress(StopIteration, RuntimeError):
                    self.pop(next(iter(self)), None)
        return identifier


class EncryptIdentifiers(_Remembered):
    """``identifiers[suite, serialized_context]`` is what :func:`encrypt_identifier` answers."""

    def __missing__(self, asked: tuple[AlgorithmSuite | None, bytes]) -> bytes:
        _, context = asked
        return self._keep(asked, encrypt_identifier(self._partition_id, *asked), length=len(context))


class DecryptIdentifiers(_Remembered):
    """``identifiers[suite, encrypted_data_keys, serialized_context]`` is what :func:`decrypt_identifier` answers."""

    def __missing__(self, asked: tuple[AlgorithmSuite, tuple[EncryptedDataKey, ...], bytes]) -> bytes:
        _, keys, context = asked
        fields = sum(len(key.key_provider_id) + len(key.key_provider_info) + len(key.ciphertext) for key in keys)
        length = len(context) + len(keys) * _KEY_SIZE + fields
        return self._keep(asked, decrypt_identifier(self._partition_id, *asked), length=length)

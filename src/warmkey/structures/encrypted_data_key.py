"""The encrypted data key.

Source: framework/structures.md#encrypted-data-key
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["EncryptedDataKey"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedDataKey:
    """A data key as one wrapping key encrypted it.

    Source: framework/structures.md#encrypted-data-key
    """

    key_provider_id: str
    key_provider_info: bytes
    ciphertext: bytes

    def __hash__(self) -> int:
        return hash(self.ciphertext)

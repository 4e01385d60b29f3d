"""The limits of one caching CMM on whatever entry it meets.

Source: framework/caching-cmm.md#cache-limit-ttl, #limit-bytes, #limit-messages
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from warmkey.events import Operation
from warmkey.validation import fraction, integer, seconds

if TYPE_CHECKING:
    from warmkey.caches.interface import CacheEntry
    from warmkey.events import MissReason

__all__ = ["MAX_BYTES", "MAX_MESSAGES", "Limits"]

MAX_MESSAGES = 2**32
MAX_BYTES = 2**63 - 1


class Limits:
    """Checked limits; the arguments are those of :class:`warmkey.CachingCMM`."""

    __slots__ = ("_jitter", "max_age", "max_bytes", "max_messages")

    def __init__(
        self, *, max_age: object, max_age_jitter: object, max_messages_encrypted: object, max_bytes_encrypted: object
    ) -> None:
        self.max_age = seconds("max_age", max_age)
        self.max_messages = integer("max_messages_encrypted", max_messages_encrypted, 1, MAX_MESSAGES)
        self.max_bytes = integer("max_bytes_encrypted", max_bytes_encrypted, 0, MAX_BYTES)
        self._jitter = fraction("max_age_jitter", max_age_jitter)

    def reserve(self, entry: CacheEntry, plaintext_length: int) -> MissReason | None:
        """Count one more message on *entry*, or say which limit forbids it; one atomic step."""
        if entry.operation is Operation.DECRYPT:  # decrypting wears no key out: counted, not limited
            return entry.reserve(0, MAX_BYTES, MAX_BYTES)
        return entry.reserve(plaintext_length, self.max_messages, self.max_bytes)

    def time_to_live(self) -> float:
        """Seconds for a new entry: the maximum age, shortened by a random share of up to the jitter."""
        if not self._jitter:
            return self.max_age
        return self.max_age * (1 - self._jitter * int.from_bytes(os.urandom(2), "big") / 2**16)

"""The limits of one caching CMM on whatever entry it meets.

Source: framework/caching-cmm.md#cache-limit-ttl, #limit-bytes, #limit-messages
"""

from __future__ import annotations

import os
from typing import NamedTuple

from warmkey.validation import fraction, integer, seconds

__all__ = ["MAX_BYTES", "MAX_MESSAGES", "UNLIMITED", "Limits", "Quota"]

# spec: framework/caching-cmm.md#limit-messages 411e
MAX_MESSAGES = 2**32
# spec: framework/caching-cmm.md#limit-bytes c322
MAX_BYTES = 2**63 - 1


class Quota(NamedTuple):
    """How much one data key may be used for: messages, and plaintext bytes of them all together."""

    messages: int
    plaintext_bytes: int


# Decryption has no usage limit.
UNLIMITED = Quota(MAX_BYTES, MAX_BYTES)


class Limits:
    """Checked limits; the arguments are those of :class:`warmkey.CachingCMM`."""

    __slots__ = ("_jitter", "encryption", "max_age")

    def __init__(
        self, *, max_age: object, max_age_jitter: object, max_messages_encrypted: object, max_bytes_encrypted: object
    ) -> None:
        self.max_age = seconds("max_age", max_age)
        self.encryption = Quota(
            integer("max_messages_encrypted", max_messages_encrypted, 1, MAX_MESSAGES),
            integer("max_bytes_encrypted", max_bytes_encrypted, 0, MAX_BYTES),
        )
        self._jitter = fraction("max_age_jitter", max_age_jitter)

    def time_to_live(self) -> float:
        """Return the seconds for a new entry: the maximum age, shortened by a random share of up to the jitter."""
        if not self._jitter:
            return self.max_age
        return self.max_age * (1 - self._jitter * int.from_bytes(os.urandom(2), "big") / 2**16)

"""What a cryptographic materials cache is, and what it keeps.

Source: framework/cryptographic-materials-cache.md
"""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Protocol

from warmkey.events import EvictionReason, MissReason, Operation
from warmkey.unpicklable import Unpicklable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from warmkey.clock import Instant
    from warmkey.structures import DecryptionMaterials, EncryptedDataKey, EncryptionMaterials

__all__ = ["CacheEntry", "CryptographicMaterialsCache", "next_fetch_sequence"]

_fetch_sequences = itertools.count(1)
_CLAIMED = -1


def next_fetch_sequence() -> int:
    """A number later than all before it: tells what was under way when a cache was purged."""
    return next(_fetch_sequences)


class CryptographicMaterialsCache(Protocol):
    """Stores cache entries by identifier.

    A cache of ``capacity`` 0 stores nothing; the caching CMM does not even ask it. Implementations of your own need
    only these three methods; they may also offer ``capacity``, ``prune``, ``purge`` and ``miss_reason`` as
    :class:`warmkey.LocalCMC` does.

    Source: framework/cryptographic-materials-cache.md#behaviors
    """

    def put_cache_entry(self, identifier: bytes, entry: CacheEntry, /) -> None:
        """Keep *entry* under *identifier* instead of whatever is there."""

    def get_cache_entry(self, identifier: bytes, /) -> CacheEntry | None:
        """The entry, or ``None`` for a cache miss. Never an expired one."""

    def delete_cache_entry(self, identifier: bytes, /) -> None:
        """Forget the entry, if there is one."""


class CacheEntry(Unpicklable):
    """Materials with their age and use.

    :ivar created: when the request for the data key was sent, on both clocks
    :ivar time_to_live: seconds after which the entry is expired, counted from ``created``
    :ivar messages: messages that the materials served, the one that filled the entry included
    :ivar plaintext_bytes: their plaintext lengths together (encrypt entries)
    :ivar encrypted_data_keys: what the data key is wrapped in
    :ivar required_encryption_context_keys: those of the request that filled the entry (encrypt)
    :ivar reproduced_encryption_context: that of the request that filled the entry (decrypt)
    :ivar pending_eviction_reason: why the entry is about to leave, noted by whoever found it spent

    Source: framework/cryptographic-materials-cache.md#cache-entry
    """

    __slots__ = (
        "_closed",
        "_lock",
        "_refresh_claim",
        "created",
        "encrypted_data_keys",
        "fetch_sequence",
        "materials",
        "messages",
        "operation",
        "partition_id",
        "pending_eviction_reason",
        "plaintext_bytes",
        "reproduced_encryption_context",
        "required_encryption_context_keys",
        "time_to_live",
    )

    def __init__(  # noqa: PLR0913 - what an entry is, all by keyword
        self,
        materials: EncryptionMaterials | DecryptionMaterials,
        *,
        operation: Operation,
        created: Instant,
        time_to_live: float,
        partition_id: str = "",
        encrypted_data_keys: Sequence[EncryptedDataKey] = (),
        required_encryption_context_keys: frozenset[str] = frozenset(),
        reproduced_encryption_context: Mapping[str, str] | None = None,
        fetch_sequence: int | None = None,
    ) -> None:
        self.materials = materials
        self.operation = operation
        self.created = created
        self.time_to_live = time_to_live
        self.partition_id = partition_id
        self.encrypted_data_keys = encrypted_data_keys
        self.required_encryption_context_keys = required_encryption_context_keys
        self.reproduced_encryption_context = reproduced_encryption_context
        self.fetch_sequence = next_fetch_sequence() if fetch_sequence is None else fetch_sequence
        self.messages = 0
        self.plaintext_bytes = 0
        self.pending_eviction_reason: EvictionReason | None = None
        self._refresh_claim: int | None = None
        self._closed = False
        self._lock = threading.Lock()

    @property
    def creation_time(self) -> float:
        """Seconds since the epoch by the wall clock."""
        return self.created.wall

    @property
    def expiry_time(self) -> float:
        """Seconds since the epoch by the wall clock."""
        return self.created.wall + self.time_to_live

    def age(self, now: Instant) -> float:
        """Seconds, by the clock that says more; infinite when a clock ran backwards past ``created``."""
        by_monotonic = now.monotonic - self.created.monotonic
        by_wall = now.wall - self.created.wall
        if by_monotonic < 0 or by_wall < 0:
            return float("inf")
        return max(by_monotonic, by_wall)

    def reserve(self, plaintext_length: int, max_messages: int, max_bytes: int) -> MissReason | None:
        """Count one more message of *plaintext_length* bytes, or say why not; one atomic step.

        There is no way to read the counts and add to them later, so no two threads can both take the last place.
        """
        with self._lock:
            if self._closed:
                return MissReason.ABSENT
            if self.messages >= max_messages:
                return MissReason.MESSAGES_SPENT
            if self.plaintext_bytes + plaintext_length > max_bytes:
                return MissReason.BYTES_SPENT
            self.messages += 1
            self.plaintext_bytes += plaintext_length
            return None

    def claim_refresh(self, thread: int) -> bool:
        """Whether *thread* is the first to come after another one that saw the entry in its grace period."""
        with self._lock:
            if self._refresh_claim is None:
                self._refresh_claim = thread
            elif self._refresh_claim not in (thread, _CLAIMED):
                self._refresh_claim = _CLAIMED
                return True
            return False

    def close(self) -> tuple[int, int]:
        """No reservation succeeds from here on; the final messages and bytes."""
        with self._lock:
            self._closed = True
            return self.messages, self.plaintext_bytes

    def __repr__(self) -> str:
        return f"<CacheEntry {self.operation} messages={self.messages} plaintext_bytes={self.plaintext_bytes}>"

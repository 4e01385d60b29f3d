"""What a cryptographic materials cache is, and what it keeps.

Source: framework/cryptographic-materials-cache.md
"""

from __future__ import annotations

import inspect
import itertools
from typing import TYPE_CHECKING, Any, Protocol

from warmkey.clock import Instant, SystemClock, age
from warmkey.events import CacheEviction, EvictionReason, MissReason, Operation
from warmkey.fork_safety import register
from warmkey.locks import new_lock
from warmkey.safe_repr import safe_repr
from warmkey.tracebacks import scrubbed
from warmkey.unpicklable import Unpicklable
from warmkey.waiting import WouldWait, may_wait

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from warmkey.caches.entry_content import EntryContent
    from warmkey.clock import Clock
    from warmkey.events import Event
    from warmkey.structures import DecryptionMaterials, EncryptionMaterials

__all__ = [
    "MAX_REPRODUCED",
    "CacheEntry",
    "CacheFeatures",
    "CryptographicMaterialsCache",
    "PurgeableCache",
    "next_fetch_sequence",
]

# Ways of stating the expected encryption context that one entry serves.
MAX_REPRODUCED = 8
_CLAIMED = -1


class _FetchSequences:
    """Numbers requests.

    :ivar first: the first number of this copy of the process; what has a lower one was fetched by its original
    """

    def __init__(self) -> None:
        self.next = itertools.count(1).__next__
        self.first = 0
        register(self)

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Begin a copy's own numbers, whatever the *reason*."""
        del reason
        self.first = self.next()


_fetch_sequences = _FetchSequences()


def next_fetch_sequence() -> int:
    """Return a number higher than all before it: tells what was under way when a cache was purged."""
    return _fetch_sequences.next()


# spec: framework/cryptographic-materials-cache.md#overview 655c
class CryptographicMaterialsCache(Protocol):
    """Stores cache entries by identifier.

    A cache of your own needs only these three methods. What :class:`PurgeableCache` has is optional, each part alone.

    Source: framework/cryptographic-materials-cache.md#behaviors
    """

    def put_cache_entry(self, identifier: bytes, entry: CacheEntry, /) -> None:
        """Keep *entry* under *identifier* instead of whatever is there."""

    def get_cache_entry(self, identifier: bytes, /) -> CacheEntry | None:
        """The entry, or ``None`` for a cache miss. Never an expired one."""

    def delete_cache_entry(self, identifier: bytes, /) -> None:
        """Forget the entry, if there is one."""


class Fetched(Protocol):
    """What was requested for a partition: a cache entry, for example."""

    @property
    def fetch_sequence(self) -> int:
        """The number that was taken when it was requested."""

    @property
    def partition_id(self) -> str:
        """The partition."""


class PurgeableCache(Protocol):
    """What a cache may offer besides, as :class:`warmkey.LocalCMC` does. A caching CMM looks once, when it is made.

    :ivar capacity: how many entries it keeps; a caching CMM never asks a cache of capacity 0. ``None``: not known
    """

    capacity: int | None

    def use_clock(self, clock: Clock | None, /) -> Clock:
        """Return the one clock of this cache and of all caching CMMs over it: the first that anybody chose."""

    def miss_reason(self, identifier: bytes, /) -> MissReason:
        """Return why there is no entry: ``EXPIRED`` or ``ABSENT``."""

    def was_purged(self, entry: Fetched, /) -> bool:
        """Return whether *entry* was requested before the last purge of its partition."""

    def purge(
        self,
        partition_id: str | None,
        /,
        *,
        reason: EvictionReason = EvictionReason.PURGED,
        which: Callable[[CacheEntry], bool] | None = None,
    ) -> int:
        """Evict the entries of a partition, or those of them that *which* picks, and return how many there were."""


class CacheFeatures:
    """What *cache* offers of :class:`PurgeableCache`, with what is done without the rest.

    :ivar checks_age: whether it judges the age of its entries by the caching CMM's own clock
    :ivar can_purge: whether it has a purge
    :ivar evict: its purge, if it can be told why and which
    """

    __slots__ = ("can_purge", "capacity", "checks_age", "evict", "miss_reason", "purge", "use_clock", "was_purged")

    def __init__(self, cache: CryptographicMaterialsCache) -> None:
        offered: dict[str, Any] = {
            name: feature
            for name in ("capacity", "use_clock", "miss_reason", "was_purged", "purge")
            if (feature := getattr(cache, name, None)) is not None
        }
        self.checks_age = "use_clock" in offered
        self.can_purge = "purge" in offered
        self.capacity: int | None = offered.get("capacity")
        self.use_clock: Callable[[Clock | None], Clock] = offered.get("use_clock", _own_clock)
        self.miss_reason: Callable[[bytes], MissReason] = offered.get("miss_reason", _always_absent)
        self.was_purged: Callable[[Fetched], bool] = offered.get("was_purged", _never_purged)
        self.purge: Callable[..., int] = offered.get("purge", _purge_nothing)
        self.evict = self.purge if _takes_choice(self.purge) else _purge_nothing


def _takes_choice(purge: Callable[..., int]) -> bool:
    try:
        inspect.signature(purge).bind("partition", reason=EvictionReason.DELETED, which=bool)
    except (TypeError, ValueError):
        return False
    return True


def _own_clock(clock: Clock | None) -> Clock:
    return clock or SystemClock()


def _always_absent(identifier: bytes) -> MissReason:  # noqa: ARG001 - the signature of miss_reason
    return MissReason.ABSENT


def _never_purged(entry: Fetched) -> bool:  # noqa: ARG001 - the signature of was_purged
    return False


def _purge_nothing(*_partition: object, **_choice: object) -> int:
    return 0


@safe_repr
class CacheEntry(Unpicklable):
    """Materials with their age and use.

    :ivar created: when the request for the data key was sent, on both clocks
    :ivar time_to_live: seconds after which the entry is expired, counted from ``created``
    :ivar messages: messages that the materials served, the one that filled the entry included
    :ivar plaintext_bytes: their plaintext lengths together (encrypt entries)
    :ivar kms_keys: the identifiers of the keys that KMS was asked for (:attr:`warmkey.keyrings.refusals.KmsWatch.keys`)
    :ivar content: what the identifier is a digest of; ``None`` if whoever made the entry did not say
    :ivar required_encryption_context_keys: those of the request that filled the entry (encrypt)
    :ivar reproduced: the encryption contexts that callers stated and for which the underlying CMM gave these materials
        (decrypt), serialized or as digests, up to :data:`MAX_REPRODUCED`
    :ivar pending_eviction_reason: why the entry is about to be evicted, noted by whoever found it spent
    :ivar revoked: whether it was evicted so that nobody uses it any more, and not just to make room

    Source: framework/cryptographic-materials-cache.md#cache-entry
    """

    __slots__ = (
        "_closed",
        "_held_bytes",
        "_held_messages",
        "_lock",
        "_refresh_claim",
        "_reserving",
        "_tell_settled",
        "content",
        "created",
        "fetch_sequence",
        "kms_keys",
        "materials",
        "messages",
        "operation",
        "partition_id",
        "pending_eviction_reason",
        "plaintext_bytes",
        "reproduced",
        "required_encryption_context_keys",
        "revoked",
        "time_to_live",
    )

    @scrubbed
    def __init__(  # noqa: PLR0913 - what an entry is, all by keyword
        self,
        materials: EncryptionMaterials | DecryptionMaterials,
        *,
        operation: Operation,
        created: Instant,
        time_to_live: float,
        partition_id: str = "",
        content: EntryContent | None = None,
        kms_keys: Collection[str] = (),
        required_encryption_context_keys: frozenset[str] = frozenset(),
        reproduced: tuple[EntryContent, ...] = (),
        fetch_sequence: int | None = None,
    ) -> None:
        # spec: framework/cryptographic-materials-cache.md#cache-entry e20d
        self.materials = materials
        self.operation = operation
        self.created = created
        self.time_to_live = time_to_live
        self.partition_id = partition_id
        self.content = content
        self.kms_keys = frozenset(kms_keys)
        self.required_encryption_context_keys = required_encryption_context_keys
        self.reproduced = reproduced
        self.fetch_sequence = next_fetch_sequence() if fetch_sequence is None else fetch_sequence
        # spec: framework/caching-cmm.md#limit-messages a3a9
        self.messages = 0
        self.plaintext_bytes = 0
        self.pending_eviction_reason: EvictionReason | None = None
        self.revoked = False
        self._refresh_claim: int | None = None
        self._held_messages = 0
        self._held_bytes = 0
        self._closed = False
        self._reserving = False
        self._tell_settled: Callable[[], object] | None = None
        # Reentrant: a signal handler or a finalizer may encrypt while its thread is here.
        self._lock = new_lock()

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
        return age(self.created, now)

    def take_over(self, other: CacheEntry) -> None:
        """Serve what *other* served too, no longer than *other* would have, if it has the same materials.

        Two callers that state the expected encryption context in different ways, in turns, then share one entry.
        """
        if not other._closed and self.content == other.content and self.materials == other.materials:
            merged = dict.fromkeys((*self.reproduced, *other.reproduced))
            self.reproduced = tuple(merged)[:MAX_REPRODUCED]
            self.created = Instant(*map(min, self.created, other.created))
            self.time_to_live = min(self.time_to_live, other.time_to_live)

    def spent(self, plaintext_length: int, max_messages: int, max_bytes: int) -> MissReason | None:
        """Return why one more message of *plaintext_length* bytes can't be served, without counting it."""
        # A cache that does not know of forks may still have what the original of this copy fetched.
        if self._closed or self.fetch_sequence < _fetch_sequences.first:
            return MissReason.ABSENT
        # spec: framework/caching-cmm.md#limit-messages e6b7
        if self.messages >= max_messages:
            return MissReason.MESSAGES_SPENT
        # spec: framework/caching-cmm.md#limit-bytes ba71
        if self.plaintext_bytes + plaintext_length > max_bytes:
            return MissReason.BYTES_SPENT
        return None

    def reserve(
        self,
        plaintext_length: int,
        max_messages: int,
        max_bytes: int,
        is_fresh: Callable[[CacheEntry], bool] | None = None,
    ) -> MissReason | None:
        """Count one more message of *plaintext_length* bytes, or return why not; one atomic step.

        There is no way to read the counts and add to them later, so no two threads can both take the last place. Nor
        can a signal handler or finalizer that interrupts a reservation of its own thread: it gets none here.

        :param is_fresh: looks at the clocks as part of that step, after any wait for another thread
        """
        # spec: framework/cryptographic-materials-cache.md#usage-metadata e79b
        with self._lock:
            if self._reserving:
                return MissReason.ABSENT
            try:
                self._reserving = True
                plaintext_bytes = self.plaintext_bytes + plaintext_length
                if (
                    self._closed
                    or self.messages >= max_messages
                    or plaintext_bytes > max_bytes
                    or self.fetch_sequence < _fetch_sequences.first
                ):
                    return self.spent(plaintext_length, max_messages, max_bytes)
                if is_fresh is not None and not is_fresh(self):
                    return MissReason.EXPIRED
                self.messages += 1
                self.plaintext_bytes = plaintext_bytes
                return None
            finally:
                self._reserving = False

    def hold(self, plaintext_length: int, max_messages: int, max_bytes: int) -> MissReason | None:
        """Reserve a message for a thread that still waits for these materials, and has to :meth:`confirm`."""
        with self._lock:
            refusal = self.reserve(plaintext_length, max_messages, max_bytes)
            if refusal is None:
                self._held_messages += 1
                self._held_bytes += plaintext_length
            return refusal

    def confirm(self, plaintext_length: int, is_fresh: Callable[[CacheEntry], bool]) -> MissReason | None:
        """Use what was held, or return why it can't be used any more; then it is given back."""
        with self._lock:
            if self.revoked:
                return MissReason.ABSENT
            fresh = is_fresh(self)
            self._held_messages -= 1
            self._held_bytes -= plaintext_length
            if not fresh:
                self.messages -= 1
                self.plaintext_bytes -= plaintext_length
            self._settle()
            return None if fresh else MissReason.EXPIRED

    def when_settled(self, tell: Callable[[], object]) -> None:
        """Call *tell* once the counts of this closed entry are final: at once, or when nothing is held any more."""
        with self._lock:
            self._tell_settled = tell
            self._settle()

    def _settle(self) -> None:
        if self._tell_settled is not None and (self.revoked or not self._held_messages):
            tell, self._tell_settled = self._tell_settled, None
            tell()

    def claim_refresh(self, thread: int) -> bool:
        """Whether *thread* is the first to come after another one that saw the entry in its grace period."""
        with self._lock:
            if self._refresh_claim is None:
                self._refresh_claim = thread
            elif self._refresh_claim != _CLAIMED and not may_wait():
                self._refresh_claim = thread  # so that the thread that comes instead of this one is another
                raise WouldWait
            elif self._refresh_claim not in (thread, _CLAIMED):
                self._refresh_claim = _CLAIMED
                return True
            return False

    def close(self, *, revoked: bool = False) -> tuple[int, int]:
        """Refuse reservations from here on, and return the final messages and bytes.

        :param revoked: whether what is held is given back, too, because these materials must not be used any more
        """
        with self._lock:
            self._closed = True
            if revoked and not self.revoked:
                self.revoked = True
                self.messages -= self._held_messages
                self.plaintext_bytes -= self._held_bytes
            return self.messages, self.plaintext_bytes

    def eviction(self, reason: EvictionReason, age_seconds: float, messages: int, plaintext_bytes: int) -> Event:
        """Return the event for this entry leaving the cache."""
        return CacheEviction(
            operation=self.operation,
            reason=reason,
            age_seconds=age_seconds,
            messages=messages,
            plaintext_bytes=plaintext_bytes,
        )

    def __repr__(self) -> str:
        return f"<CacheEntry {self.operation} messages={self.messages} plaintext_bytes={self.plaintext_bytes}>"

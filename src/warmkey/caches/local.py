"""The local cryptographic materials cache: in memory, least recently used, safe for threads and forks.

When an entry is expired, two clocks decide (see :mod:`warmkey.clock`): the one that says more time has passed, and
an entry that seems to come from the future is expired too. Expired entries leave in three ways: when they are looked
up; when a look-up meets them among the ``pruning_tail_size`` least recently used; and all at once in a sweep, which
``prune`` runs and which a look-up runs by itself when time has come for some entry, at most once a second (after a
thaw or a clock change: at once). No thread does this in the background: a frozen environment would stop it.

Source: framework/local-cryptographic-materials-cache.md
"""

from __future__ import annotations

import functools
import math
import threading
from collections import OrderedDict
from itertools import islice
from typing import TYPE_CHECKING

from warmkey.caches.interface import next_fetch_sequence
from warmkey.clock import Clock, SystemClock, split_clock
from warmkey.events import CacheEviction, EvictionReason, MissReason, guarded, ignore
from warmkey.exceptions import ConfigurationError
from warmkey.fork_safety import PROCESS_MARK, notice_fork, register, snapshot_is_ahead
from warmkey.validation import integer, require_method

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TypeAlias

    from warmkey.caches.interface import CacheEntry
    from warmkey.clock import Instant
    from warmkey.events import Emit

    # From ... on and before ..., by the monotonic clock and by the wall clock.
    _Span: TypeAlias = tuple[float, float, float, float]

__all__ = ["LocalCMC"]

# A sweep looks at every entry, so a busy cache of entries that expire one after the other must not sweep on each use.
_SECONDS_BETWEEN_SWEEPS = 1.0
# The two clocks drift apart by less than this unless the environment was frozen or a clock was set.
_CLOCK_JUMP_SECONDS = 1.0
# Beyond so many partitions that were purged by name, a purge of one discards what is being requested for any.
_PARTITIONS_REMEMBERED = 1024


def _narrowed(span: _Span, entry: CacheEntry) -> _Span:
    """As much of *span* as *entry* is neither expired in nor from the future."""
    since, until, since_wall, until_wall = span
    monotonic, wall = entry.created
    return (
        max(since, monotonic),
        min(until, monotonic + entry.time_to_live),
        max(since_wall, wall),
        min(until_wall, wall + entry.time_to_live),
    )


_ALWAYS: _Span = (-math.inf, math.inf, -math.inf, math.inf)


class LocalCMC:
    """Keeps up to *capacity* entries, encrypt and decrypt together; 0 keeps none.

    :param capacity: entries; the least recently used leaves first
    :param pruning_tail_size: how many of the least recently used entries each look-up checks for expiry
    :param clock: tells the time; tests move it
    :param emit: told of every entry that leaves (:class:`warmkey.events.CacheEviction`)
    :raises ConfigurationError: a number is negative or no int; *clock* or *emit* is something else
    """

    def __init__(
        self,
        capacity: int,
        *,
        pruning_tail_size: int = 1,
        clock: Clock | None = None,
        emit: Emit = ignore,
    ) -> None:
        self._capacity = integer("capacity", capacity, 0)
        self._pruning_tail_size = integer("pruning_tail_size", pruning_tail_size, 0)
        require_method("emit", emit, "__call__")
        if clock is not None:
            require_method("clock", clock, "now")
        self._read(clock or SystemClock())
        self._clock_is_settled = clock is not None
        self._emit = guarded(emit)
        self._start_empty()
        register(self)

    def _start_empty(self) -> None:
        self._lock = threading.Lock()
        self._entries: OrderedDict[bytes, CacheEntry] = OrderedDict()
        self._expired_identifiers: OrderedDict[bytes, None] = OrderedDict()
        self._left: list[CacheEviction] = []
        self._purge_sequence = 0
        self._purge_sequences: dict[str, int] = {}
        self._nothing_expires = _ALWAYS
        self._clock_offset: float | None = None

    @property
    def capacity(self) -> int:
        """The most entries that stay."""
        return self._capacity

    @property
    def pruning_tail_size(self) -> int:
        """How many least recently used entries each look-up checks."""
        return self._pruning_tail_size

    def use_clock(self, clock: Clock | None) -> Clock:
        """The one clock of this cache and of every caching CMM over it: the first that anybody chose.

        :raises ConfigurationError: another one is in use already
        """
        if clock is not None and clock is not self._clock:
            if self._clock_is_settled:
                raise ConfigurationError("this cache already reads another clock; give cache and CMMs the same one")
            self._read(clock)
        self._clock_is_settled = True
        return self._clock

    def _read(self, clock: Clock) -> None:
        self._clock = clock
        self._monotonic, self._wall = split_clock(clock)

    def was_purged(self, entry: CacheEntry) -> bool:
        """Whether *entry* was requested before the last purge of its partition."""
        return entry.fetch_sequence < max(self._purge_sequence, self._purge_sequences.get(entry.partition_id, 0))

    def __len__(self) -> int:
        return len(self._entries) if PROCESS_MARK[0] else 0

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<LocalCMC {len(self)} of {self._capacity} entries>"

    def put_cache_entry(self, identifier: bytes, entry: CacheEntry, /) -> None:
        """Keep *entry*; evict what it replaces, then the least recently used until no more than capacity stay.

        An entry that was requested before the last purge is not kept, and none before a snapshot.

        Source: framework/local-cryptographic-materials-cache.md#put-cache-entry
        """
        notice_fork()
        with self._lock:
            self._put(identifier, entry)
        self._announce()

    def _put(self, identifier: bytes, entry: CacheEntry) -> None:
        now = self._clock.now()
        if identifier in self._entries:
            self._evict(identifier, EvictionReason.REPLACED, now)
        if self.was_purged(entry):
            self._leave(entry, EvictionReason.PURGED, now)
            return
        if entry.age(now) >= entry.time_to_live:
            self._leave(entry, EvictionReason.EXPIRED, now)
            return
        if snapshot_is_ahead():
            self._leave(entry, EvictionReason.SNAPSHOT, now)
            return
        self._nothing_expires = _narrowed(self._nothing_expires, entry)  # before anybody can find it
        self._entries[identifier] = entry
        self._expired_identifiers.pop(identifier, None)
        while len(self._entries) > self._capacity:
            _, oldest = self._entries.popitem(last=False)
            self._leave(oldest, EvictionReason.CAPACITY, now)

    def get_cache_entry(self, identifier: bytes, /) -> CacheEntry | None:
        """The entry, which becomes the most recently used, or ``None``. Never an expired one.

        Source: framework/local-cryptographic-materials-cache.md#get-cache-entry
        """
        if not PROCESS_MARK[0]:
            notice_fork()
        monotonic, wall = self._monotonic(), self._wall()
        since, until, since_wall, until_wall = self._nothing_expires
        if not (since <= monotonic < until and since_wall <= wall < until_wall):
            with self._lock:
                self._prune(identifier, self._clock.now())  # by now, somebody may have put an entry made since
        if self._left:
            self._announce()
        # Without the lock, which would cost 0.2 µs on every hit: either step is a single one of a type written in C,
        # and an entry that leaves between them has left.
        entries = self._entries
        entry = entries.get(identifier)
        if entry is not None:
            try:
                entries.move_to_end(identifier)
            except KeyError:
                return None
        return entry

    def delete_cache_entry(
        self, identifier: bytes, /, *, reason: EvictionReason = EvictionReason.DELETED, only: CacheEntry | None = None
    ) -> None:
        """Forget the entry, if there is one; with *only*, if it still is that one.

        Source: framework/cryptographic-materials-cache.md#delete-cache-entry
        """
        notice_fork()
        with self._lock:
            entry = self._entries.get(identifier)
            if entry is not None and (only is None or entry is only):
                self._evict(identifier, reason, self._clock.now())
        self._announce()

    def miss_reason(self, identifier: bytes) -> MissReason:
        """Why *identifier* is not here: it expired, or it never was (or left for another reason)."""
        expired = identifier in self._expired_identifiers
        return MissReason.EXPIRED if expired else MissReason.ABSENT

    def prune(self) -> int:
        """Evict every expired entry; how many there were.

        Source: framework/local-cryptographic-materials-cache.md#pruning
        """
        notice_fork()
        with self._lock:
            before = len(self._entries)
            self._sweep(self._clock.now())
            pruned = before - len(self._entries)
        self._announce()
        return pruned

    def purge(
        self,
        partition_id: str | None = None,
        *,
        reason: EvictionReason = EvictionReason.PURGED,
        which: Callable[[CacheEntry], bool] | None = None,
    ) -> int:
        """Evict every entry, or those of one partition, or those that *which* picks; how many there were.

        Unless *which* picks, entries whose data key is being requested at this moment will not be kept either.
        """
        notice_fork()
        with self._lock:
            if which is None:
                self._discard_requested(partition_id)
            now = self._clock.now()
            doomed = [
                identifier
                for identifier in list(self._entries)
                if (partition_id is None or self._entries[identifier].partition_id == partition_id)
                and (which is None or which(self._entries[identifier]))
            ]
            for identifier in doomed:
                self._evict(identifier, reason, now)
        self._announce()
        return len(doomed)

    def _discard_requested(self, partition_id: str | None) -> None:
        """Let :meth:`was_purged` say yes of everything that was requested up to now."""
        if partition_id is None or len(self._purge_sequences) >= _PARTITIONS_REMEMBERED:
            self._purge_sequence = next_fetch_sequence()
            self._purge_sequences.clear()
        else:
            self._purge_sequences[partition_id] = next_fetch_sequence()

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Called in a forked child, whose parent's keys are not its to use, and before a snapshot."""
        if reason is EvictionReason.SNAPSHOT:
            self.purge(reason=reason)
            return
        inherited = list(self._entries.values())
        now = self._clock.now()
        left = [
            _departed(entry, EvictionReason.FORK, now, entry.messages, entry.plaintext_bytes) for entry in inherited
        ]
        self._start_empty()
        self._left = left
        # What the parent was requesting is the parent's too.
        self._discard_requested(None)

    def _prune(self, identifier: bytes, now: Instant) -> None:
        offset = now.wall - now.monotonic
        jumped = self._clock_offset is None or abs(offset - self._clock_offset) > _CLOCK_JUMP_SECONDS
        self._clock_offset = offset
        if jumped or now.monotonic >= self._nothing_expires[1] + _SECONDS_BETWEEN_SWEEPS:
            self._sweep(now)
            return
        tail = list(islice(self._entries, self._pruning_tail_size))
        self._evict_expired([*tail, identifier], now)

    def _sweep(self, now: Instant) -> None:
        self._evict_expired(list(self._entries), now)
        # A reader without the lock must never see a span that holds for some of the entries only.
        self._nothing_expires = functools.reduce(_narrowed, self._entries.values(), _ALWAYS)

    def _evict_expired(self, identifiers: Iterable[bytes], now: Instant) -> None:
        for identifier in identifiers:
            entry = self._entries.get(identifier)
            if entry is not None and entry.age(now) >= entry.time_to_live:
                self._evict(identifier, EvictionReason.EXPIRED, now)

    def _evict(self, identifier: bytes, reason: EvictionReason, now: Instant) -> None:
        entry = self._entries.pop(identifier)
        if reason is EvictionReason.EXPIRED:
            self._expired_identifiers[identifier] = None
            if len(self._expired_identifiers) > self._capacity:
                self._expired_identifiers.popitem(last=False)
        if reason is EvictionReason.REPLACED and entry.pending_eviction_reason is not None:
            reason = entry.pending_eviction_reason
        self._leave(entry, reason, now)

    def _leave(self, entry: CacheEntry, reason: EvictionReason, now: Instant) -> None:
        messages, plaintext_bytes = entry.close()
        self._left.append(_departed(entry, reason, now, messages, plaintext_bytes))

    def _announce(self) -> None:
        # Outside the lock: a subscriber may take its time, or use this cache.
        while self._left:
            with self._lock:
                left, self._left = self._left, []
            for event in left:
                self._emit(event)


def _departed(
    entry: CacheEntry, reason: EvictionReason, now: Instant, messages: int, plaintext_bytes: int
) -> CacheEviction:
    by_clocks = (now.monotonic - entry.created.monotonic, now.wall - entry.created.wall)
    return CacheEviction(
        operation=entry.operation,
        reason=reason,
        age_seconds=max(0.0, *by_clocks),
        messages=messages,
        plaintext_bytes=plaintext_bytes,
    )

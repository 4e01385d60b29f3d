"""The local cryptographic materials cache: in memory, least recently used, safe for threads, signals and forks.

Theory of operation
===================

Entries are in an ordered dictionary, the least recently used first. A look-up moves its entry to the end; a put evicts
from the front while there are more entries than ``capacity``.

Expiry. Two clocks decide (see :mod:`warmkey.clock`): the one that says that more time has passed, and an entry that
seems to come from the future is expired too. No thread evicts expired entries in the background, because a frozen
environment would stop it. They are evicted

* when they are looked up,
* when a look-up meets them among the ``pruning_tail_size`` least recently used, and
* all at once by a sweep: ``prune`` runs one, and a look-up does when an entry's time has come, at most once a second
  (at once after a thaw or a clock change).

To know without looking at the entries whether any can be expired, the cache keeps ``_nothing_expires``: the span of
both clocks in which all of its entries are fresh. A put narrows it, a sweep works it out anew. A reading of the clocks
inside it makes a look-up two steps; one outside it leads to :meth:`LocalCMC._prune`. The span may be narrower than it
has to be, after the entry that determines it was evicted, and never wider.

A look-up takes no lock while nothing can be expired, which saves it 0.3 µs and any wait for another thread. It is
three steps: it reads the clocks and the span, finds the entry, and moves it to the end. Each is a single operation of a
type written in C, which no other thread can come into, and what comes between them does no harm. An entry that is
evicted before it was moved makes ``move_to_end`` raise ``KeyError``, which counts as a miss. One that is evicted later
is closed, so nobody gets a reservation on it. One that is put meanwhile was fresh when it was put.

An entry that made room for another one may still be promised to threads that wait to run (see ``CacheEntry.hold``). It
is announced once they used it or gave it back, because only then its counts are final.

What comes last. Nothing that may take time comes between the reading of the clocks and the return. Evictions are
announced after the lock is released, because a subscriber may take its time or use this cache; so a look-up that
evicted something announces it and then looks again: time may have passed, and somebody may have purged. What others
left to announce is announced first.

Locks. One lock protects everything else. It is reentrant, because a signal handler or a finalizer (``__del__``) runs in
whatever thread it interrupts, also in the middle of a method of this class, and may encrypt or purge. So between any
two steps the state has to be one that every method can work with:

* Each step is a single operation of a built-in type, and removal tolerates that somebody was quicker.
* Iteration is over copies, because look-ups reorder the dictionary without the lock. Each copy is made by one call into
  C that allocates nothing on the way: a list of keys or of values, never of items.
* A put looks again after it inserted the entry, so a purge either finds the entry or is noticed.
* A sweep that was interrupted by a put works the span out once more.

Purges. A request that was sent before a purge must not fill the cache after it. Each request takes a number before it
is sent (``next_fetch_sequence``), a purge takes one too, and an entry with a lower number than the last purge of its
partition is not kept.

Copies of the process. A forked child starts empty and with locks of its own; what it inherited is announced as evicted
at its first use. Before a snapshot the cache is purged, and until the snapshot is taken it keeps nothing.

Source: framework/local-cryptographic-materials-cache.md
"""

from __future__ import annotations

from collections import OrderedDict, deque
from functools import partial, reduce
from itertools import islice
from typing import TYPE_CHECKING

from warmkey.caches.entry_content import MAX_CACHE_BYTES
from warmkey.caches.interface import next_fetch_sequence
from warmkey.caches.lifetimes import ALWAYS, eviction, narrowed
from warmkey.clock import Clock, SystemClock, split_clock
from warmkey.events import EvictionReason, MissReason, guarded, ignore
from warmkey.exceptions import ConfigurationError
from warmkey.fork_safety import PROCESS_MARK, SETTLED, notice_fork, register, snapshot_is_ahead
from warmkey.locks import new_lock
from warmkey.safe_repr import safe_repr
from warmkey.tracebacks import scrubbed
from warmkey.validation import integer, require_method

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from warmkey.caches.interface import CacheEntry, Fetched
    from warmkey.clock import Instant
    from warmkey.events import Emit, Event

__all__ = ["LocalCMC"]

# A sweep looks at every entry, so a busy cache of entries that expire one after the other must not sweep on each use.
_SECONDS_BETWEEN_SWEEPS = 1.0
# The two clocks drift apart by less than this unless the environment was frozen or a clock was set.
_CLOCK_JUMP_SECONDS = 1.0
# Cap on partitions tracked individually. Past it, purging one also discards what is being requested for all others.
_PARTITIONS_REMEMBERED = 1024
# An entry that was evicted for one of these makes room for another: whoever it was promised to may still use it, once.
_MAKES_ROOM = frozenset(
    {
        EvictionReason.REPLACED,
        EvictionReason.CAPACITY,
        EvictionReason.MESSAGES_SPENT,
        EvictionReason.BYTES_SPENT,
    }
)


@safe_repr
class LocalCMC:
    """Keeps up to *capacity* entries, encrypt and decrypt together; 0 keeps none.

    :param capacity: entries; the least recently used is evicted first
    :param pruning_tail_size: how many of the least recently used entries each look-up checks for expiry
    :param clock: tells the time; tests move it
    :param emit: told of every eviction (:class:`warmkey.events.CacheEviction`)
    :raises ConfigurationError: a number is negative or not an int; *clock* or *emit* is something else
    """

    @scrubbed
    def __init__(
        self,
        # spec: framework/local-cryptographic-materials-cache.md#initialization 45ca
        # spec: framework/synchronized-local-cryptographic-materials-cache.md#initialization 084f
        capacity: int,
        *,
        # spec: framework/local-cryptographic-materials-cache.md#initialization 7217
        pruning_tail_size: int = 1,
        clock: Clock | None = None,
        emit: Emit = ignore,
    ) -> None:
        # spec: framework/local-cryptographic-materials-cache.md#entry-capacity 9454
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
        # spec: framework/synchronized-local-cryptographic-materials-cache.md#behaviors ca2b
        self._lock = new_lock()
        self._entries: OrderedDict[bytes, CacheEntry] = OrderedDict()
        self._expired_identifiers: OrderedDict[bytes, None] = OrderedDict()
        self._unannounced: deque[Event] = deque()
        self._purge_sequence = 0
        self._purge_sequences: dict[str, int] = {}
        self._puts = 0
        self._kept_bytes = 0
        self._nothing_expires = ALWAYS
        self._clock_offset: float | None = None

    @property
    def capacity(self) -> int:
        """How many entries it keeps at most."""
        return self._capacity

    @property
    def pruning_tail_size(self) -> int:
        """How many least recently used entries each look-up checks for expiry."""
        return self._pruning_tail_size

    def use_clock(self, clock: Clock | None) -> Clock:
        """Return the one clock of this cache and of every caching CMM over it: the first that anybody chose.

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

    def __len__(self) -> int:
        notice_fork()
        return len(self._entries)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<LocalCMC {len(self)} of {self._capacity} entries>"

    # --- the three methods of every cache

    def get_cache_entry(self, identifier: bytes, /) -> CacheEntry | None:
        """Return the entry, which becomes the most recently used, or ``None``. Never an expired one.

        Source: framework/local-cryptographic-materials-cache.md#get-cache-entry
        """
        if PROCESS_MARK[0] != SETTLED:
            notice_fork()
        if self._unannounced:
            self._announce()
        monotonic, wall = self._monotonic(), self._wall()
        since, until, since_wall, until_wall = self._nothing_expires
        # spec: framework/cryptographic-materials-cache.md#get-cache-entry 9de8
        if not (since <= monotonic < until and since_wall <= wall < until_wall):
            self._evict_before_look_up(identifier)
        entry = self._entries.get(identifier)
        if entry is not None:
            try:
                self._entries.move_to_end(identifier)
            except KeyError:  # evicted since the line above
                return None
        return entry

    def _evict_before_look_up(self, identifier: bytes) -> None:
        """Evict what is expired, the entry of *identifier* as the last of all: telling of others may take time."""
        with self._lock:
            # spec: framework/local-cryptographic-materials-cache.md#get-cache-entry dab3 512e
            evicted = self._prune(identifier, self._clock.now())
        while evicted:
            self._announce()
            with self._lock:
                evicted = self._evict_expired([identifier], self._clock.now())

    # spec: framework/cryptographic-materials-cache.md#put-cache-entry 543e
    def put_cache_entry(self, identifier: bytes, entry: CacheEntry, /) -> None:
        """Keep *entry*; evict what it replaces, then the least recently used until no more than capacity stay.

        An entry that was requested before the one that is there, or before the last purge, is not kept, and none before
        a snapshot.

        Source: framework/local-cryptographic-materials-cache.md#put-cache-entry
        """
        notice_fork()
        with self._lock:
            self._put(identifier, entry)
        self._announce()

    def _put(self, identifier: bytes, entry: CacheEntry) -> None:
        now = self._clock.now()
        there = self._entries.get(identifier)
        if there is not None and there.fetch_sequence > entry.fetch_sequence:
            self._part_with(entry, EvictionReason.REPLACED, now)
            return
        self._evict(identifier, EvictionReason.REPLACED, now)
        refusal = self._why_not_kept(entry, now)
        if refusal is not None:
            self._part_with(entry, refusal, now)
            return
        self._expired_identifiers.pop(identifier, None)
        self._puts += 1
        self._bound(entry)
        self._nothing_expires = narrowed(self._nothing_expires, entry)
        # spec: framework/cryptographic-materials-cache.md#put-cache-entry 78d4
        self._entries[identifier] = entry
        if self.was_purged(entry):
            self._evict(identifier, EvictionReason.PURGED, now)
        # spec: framework/local-cryptographic-materials-cache.md#entry-capacity 0b42
        # spec: framework/local-cryptographic-materials-cache.md#put-cache-entry af85
        for oldest in self._least_recently_used(max(0, len(self._entries) - self._capacity)):
            self._evict(oldest, EvictionReason.CAPACITY, now)

    def _bound(self, entry: CacheEntry) -> None:
        """Have *entry* keep a digest of its message where all entries together keep enough."""
        if entry.content is not None:
            if self._kept_bytes + entry.content.size > MAX_CACHE_BYTES:
                entry.content.keep_digest_only()
            self._kept_bytes += entry.content.size

    def _why_not_kept(self, entry: CacheEntry, now: Instant) -> EvictionReason | None:
        if self.was_purged(entry):
            return EvictionReason.PURGED
        if entry.age(now) >= entry.time_to_live:
            return EvictionReason.EXPIRED
        return EvictionReason.SNAPSHOT if snapshot_is_ahead() else None

    def delete_cache_entry(self, identifier: bytes, /) -> None:
        """Forget the entry, if there is one.

        Source: framework/cryptographic-materials-cache.md#delete-cache-entry
        """
        notice_fork()
        with self._lock:
            self._evict(identifier, EvictionReason.DELETED, self._clock.now())
        self._announce()

    # --- what it offers besides

    def miss_reason(self, identifier: bytes) -> MissReason:
        """Return why *identifier* is not here: it expired, or it never was (or was evicted for another reason)."""
        expired = identifier in self._expired_identifiers
        return MissReason.EXPIRED if expired else MissReason.ABSENT

    def was_purged(self, entry: Fetched) -> bool:
        """Return whether *entry* was requested before the last purge of its partition."""
        return entry.fetch_sequence < max(self._purge_sequence, self._purge_sequences.get(entry.partition_id, 0))

    # spec: framework/cryptographic-materials-cache.md#background-processing cdec
    def prune(self) -> int:
        """Evict every expired entry, and return how many there were.

        Source: framework/local-cryptographic-materials-cache.md#pruning
        """
        notice_fork()
        with self._lock:
            pruned = self._sweep(self._clock.now())
        self._announce()
        return pruned

    def purge(
        self,
        partition_id: str | None = None,
        *,
        reason: EvictionReason = EvictionReason.PURGED,
        which: Callable[[CacheEntry], bool] | None = None,
    ) -> int:
        """Evict every entry, or those of one partition, or those that *which* picks, and return how many there were.

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
                if (entry := self._entries.get(identifier)) is not None
                and (partition_id is None or entry.partition_id == partition_id)
                and (which is None or which(entry))
            ]
            purged = sum(self._evict(identifier, reason, now) for identifier in doomed)
        self._announce()
        return purged

    def _discard_requested(self, partition_id: str | None) -> None:
        """Let :meth:`was_purged` say yes of everything that was requested up to now."""
        if partition_id is None or len(self._purge_sequences) >= _PARTITIONS_REMEMBERED:
            self._purge_sequence = next_fetch_sequence()
            self._purge_sequences.clear()
        else:
            self._purge_sequences[partition_id] = next_fetch_sequence()

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Forget all entries: in a forked child, whose parent's keys are not its to use, and before a snapshot."""
        if reason is EvictionReason.SNAPSHOT:
            self.purge(reason=reason)
            return
        now = self._clock.now()
        inherited = [eviction(entry, EvictionReason.FORK, now) for entry in list(self._entries.values())]
        self._start_empty()
        self._unannounced.extend(inherited)
        # What the parent was requesting is the parent's too.
        self._discard_requested(None)

    # --- steps, made under the lock

    def _prune(self, identifier: bytes, now: Instant) -> int:
        offset = now.wall - now.monotonic
        jumped = self._clock_offset is None or abs(offset - self._clock_offset) > _CLOCK_JUMP_SECONDS
        self._clock_offset = offset
        if jumped or now.monotonic >= self._nothing_expires[1] + _SECONDS_BETWEEN_SWEEPS:
            # spec: framework/local-cryptographic-materials-cache.md#pruning b6b7
            return self._sweep(now)
        # spec: framework/local-cryptographic-materials-cache.md#entry-pruning-tail-size a5b0
        # spec: framework/local-cryptographic-materials-cache.md#pruning 2e97
        tail = self._least_recently_used(self._pruning_tail_size)
        return self._evict_expired([*tail, identifier], now)

    def _least_recently_used(self, count: int) -> list[bytes]:
        """Return the identifiers of *count* entries, the longest unused first."""
        while True:
            try:
                return list(islice(self._entries, count))
            except RuntimeError:  # a look-up, which takes no lock, moved an entry after the iterator was made
                continue

    def _sweep(self, now: Instant) -> int:
        pruned = self._evict_expired(list(self._entries), now)
        puts = None
        while puts != self._puts:  # a signal handler may have put an entry meanwhile
            puts = self._puts
            entries = list(self._entries.values())
            self._nothing_expires = reduce(narrowed, entries, ALWAYS)
            # Counted anew: a signal handler that raised may have come between an entry and its count.
            self._kept_bytes = sum(entry.content.size for entry in entries if entry.content is not None)
        return pruned

    def _evict_expired(self, identifiers: Iterable[bytes], now: Instant) -> int:
        expired = [
            identifier
            for identifier in identifiers
            # spec: framework/cryptographic-materials-cache.md#time-to-live-ttl a746 a89b
            if (entry := self._entries.get(identifier)) is not None and entry.age(now) >= entry.time_to_live
        ]
        return sum(self._evict(identifier, EvictionReason.EXPIRED, now) for identifier in expired)

    def _evict(self, identifier: bytes, reason: EvictionReason, now: Instant) -> bool:
        """Evict the entry, if there is one, and return whether there was."""
        entry = self._entries.pop(identifier, None)
        if entry is None:
            return False
        if entry.content is not None:
            self._kept_bytes -= entry.content.size
        if reason is EvictionReason.EXPIRED:
            self._expired_identifiers[identifier] = None
            if len(self._expired_identifiers) > self._capacity:
                self._expired_identifiers.popitem(last=False)
        self._part_with(entry, reason, now)
        return True

    def _part_with(self, entry: CacheEntry, reason: EvictionReason, now: Instant) -> None:
        if reason is EvictionReason.REPLACED and entry.pending_eviction_reason is not None:
            reason = entry.pending_eviction_reason
        entry.close(revoked=reason not in _MAKES_ROOM)
        entry.when_settled(partial(self._note_eviction, entry, reason, now))

    def _note_eviction(self, entry: CacheEntry, reason: EvictionReason, now: Instant) -> None:
        self._unannounced.append(eviction(entry, reason, now))

    def _announce(self) -> None:
        """Tell the subscriber of evictions. Never under the lock: a subscriber may take its time, or use this cache."""
        while self._unannounced:
            try:
                event = self._unannounced.popleft()
            except IndexError:  # another thread was quicker
                return
            self._emit(event)

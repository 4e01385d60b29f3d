"""Decides whether an entry may serve a request, and counts and tells of it.

The order matters. First comes what can be said without counting the message: the entry's age, what the operation
compares, the limits. A request that passes is told as a hit, if anybody has to be told at once, and counted as one.
Telling runs subscribers and log handlers, which may take an hour, purge the cache, or freeze with the execution
environment. So the check that counts comes last: the reservation, one step under the entry's lock that looks whether
the entry was evicted, at both limits, and at both clocks. Nothing that can take time comes between this step and the
use of the data key. A request that fails it was told as a hit, is not counted as one, and goes on as a miss.

A request that waited for another thread's call has a reservation already, and confirms it in the same way.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

from warmkey.clock import split_clock
from warmkey.cmms.statistics import COALESCED
from warmkey.events import CacheCoalesced, EvictionReason, MissReason, hit_listener, hit_noter

if TYPE_CHECKING:
    from collections.abc import Callable

    from warmkey.caches.interface import CacheEntry
    from warmkey.clock import Clock
    from warmkey.cmms.cached_operations import CachedOperation
    from warmkey.cmms.statistics import Counters
    from warmkey.events import Emit, Operation
    from warmkey.structures import DecryptMaterialsRequest, EncryptionMaterialsRequest

__all__ = ["Admission", "note_refusal"]

_GRACE_PERIOD_SECONDS = 10.0
_PENDING_EVICTION_REASONS: dict[MissReason | None, EvictionReason] = {
    MissReason.EXPIRED: EvictionReason.EXPIRED,
    MissReason.MESSAGES_SPENT: EvictionReason.MESSAGES_SPENT,
    MissReason.BYTES_SPENT: EvictionReason.BYTES_SPENT,
}

_Request = TypeVar("_Request", "EncryptionMaterialsRequest", "DecryptMaterialsRequest")
_Materials = TypeVar("_Materials")


def note_refusal(entry: CacheEntry, refusal: MissReason | None) -> None:
    """Note on *entry* why it is about to be evicted, if *refusal* is the reason."""
    entry.pending_eviction_reason = _PENDING_EVICTION_REASONS.get(refusal)


class Admission:
    """Judges the entries of one caching CMM.

    :param max_age: seconds that a data key may be used for
    :param cache_checks_age: whether the cache never returns an entry past its own time to live, by the same *clock*
    """

    def __init__(
        self,
        *,
        max_age: float,
        cache_checks_age: bool,
        counters: Counters,
        clock: Clock,
        emit: Emit,
    ) -> None:
        self._max_age = max_age
        # Entries with a longer time to live are judged here, before anything is told.
        self._age_is_checked_up_to = max_age if cache_checks_age else 0.0
        self._grace = min(_GRACE_PERIOD_SECONDS, max_age / 10)
        self._counters = counters
        self._monotonic, self._wall = split_clock(clock)
        self._emit = emit
        self._tell_hit: Callable[[Operation], object] | None = hit_listener(emit)
        self._note_hit = hit_noter(emit)

    def hit(
        self, operation: CachedOperation[_Request, _Materials], entry: CacheEntry, request: _Request
    ) -> MissReason | None:
        """Reserve this message on *entry*, or return why the entry can't serve the request."""
        length: int = request.max_plaintext_length  # type: ignore[assignment]  # or it could not be cached
        messages, plaintext_bytes = operation.quota
        if entry.time_to_live > self._age_is_checked_up_to and not self._is_fresh(entry):
            refusal: MissReason | None = MissReason.EXPIRED
        else:
            refusal = operation.refusal(entry, request)
        if refusal is None and self._tell_hit is not None and not self._note_hit(operation.kind):
            refusal = entry.spent(length, messages, plaintext_bytes)
            if refusal is None:
                self._tell_hit(operation.kind)
        if refusal is None:
            # spec: framework/caching-cmm.md#usage-stats 5b74
            refusal = entry.reserve(length, messages, plaintext_bytes, self._is_fresh)
            if refusal is None:
                operation.hits.add()
                return None
        note_refusal(entry, refusal)
        return refusal

    def coalesced(self, kind: Operation, entry: CacheEntry, plaintext_length: int) -> MissReason | None:
        """Use what another thread reserved on *entry* for this request, or return why it can't be used."""
        if entry.revoked or not self._is_fresh(entry):
            return entry.confirm(plaintext_length, self._is_fresh)
        self._counters.count(kind, COALESCED)
        self._emit(CacheCoalesced(operation=kind))
        refusal = entry.confirm(plaintext_length, self._is_fresh)
        if refusal is not None:
            self._counters.count(kind, COALESCED, -1)
        return refusal

    def _is_fresh(self, entry: CacheEntry) -> bool:
        lifetime = entry.time_to_live if entry.time_to_live < self._max_age else self._max_age  # noqa: FURB136 - faster
        created, created_wall = entry.created
        return 0 <= self._monotonic() - created < lifetime and 0 <= self._wall() - created_wall < lifetime

    def is_due(self, entry: CacheEntry) -> bool:
        """Return whether this thread is to renew *entry* ahead of its end: as the second that sees its grace period.

        A lone thread never is: it would wait now for what it would have to wait for later.
        """
        lifetime = min(self._max_age, entry.time_to_live)
        created, created_wall = entry.created
        age = max(self._monotonic() - created, self._wall() - created_wall)
        return lifetime - self._grace <= age < lifetime and entry.claim_refresh(threading.get_ident())

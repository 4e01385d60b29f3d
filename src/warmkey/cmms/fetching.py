"""How a request that no entry serves gets its materials.

Theory of operation
===================

A request comes here for one of three reasons: it can't be cached (:meth:`Fetcher.bypass`), no entry serves it
(:meth:`Fetcher.miss`), or it is the one to renew an entry ahead of its end (:meth:`Fetcher.refresh`).

A miss joins the flight of its key (see :mod:`warmkey.cmms.single_flight`). The key is all that has to be equal for two
requests to share an answer: the content of the request, and not just the identifier that digests it. Whoever leads

1. looks into the cache once more, because another flight may have finished since the first look;
2. takes the time and a number (``next_fetch_sequence``) before asking: a data key is as old as its request, and a purge
   that comes in between tells by the number that the answer must not be kept;
3. asks the underlying CMM, holding no lock, so requests for different entries never wait for each other;
4. makes an entry, and reserves its own message and then those of its waiters in the order in which they came. This
   happens before anybody else can see the entry, so waiters are not overtaken;
5. puts the entry into the cache, ends the flight, and tells what happened.

A waiter uses the reservation that it was given, after a last look at the entry (:mod:`warmkey.cmms.admission`): much
time may have passed before its thread ran again. If it was given none, or the data key is too old or was purged, it
starts over. If the call failed, it raises an error of its own with the same cause. An answer that must not be shared (a
suite without key derivation) serves the leader alone, and each waiter asks for itself.

A thread that comes back for the key that it is requesting, from a subscriber or keyring, would wait for itself; it gets
an error instead.

Where failures are remembered (:mod:`warmkey.cmms.failure_memory`), a miss whose key was throttled or unreachable a
moment ago fails with that answer, and asks nobody.

A refresh asks as a leader does, while other threads go on using the old entry. If the refresh failed for a reason other
than a refusal by KMS (which evicts the entry), the old data key may be used until it expires.
"""

from __future__ import annotations

from copy import copy
from dataclasses import replace
from functools import cache, partial
from typing import TYPE_CHECKING, TypeVar, cast

from warmkey.caches.interface import next_fetch_sequence
from warmkey.clock import Birth, Instant
from warmkey.cmms.admission import note_refusal
from warmkey.cmms.cached_operations import Fetched
from warmkey.cmms.single_flight import Flights, Waiter
from warmkey.cmms.statistics import FAILED, RECALLED
from warmkey.events import (
    BypassReason,
    CacheBypass,
    CacheCoalesced,
    CacheMiss,
    EvictionReason,
    FailureRecalled,
    MissReason,
    Operation,
    RequestFailed,
)
from warmkey.exceptions import KeyUnavailable, WarmkeyError
from warmkey.fork_safety import snapshot_is_ahead
from warmkey.keyrings.refusals import KmsWatch, is_refusal
from warmkey.structures import DecryptionMaterials, EncryptionMaterials
from warmkey.tracing import tracing_of
from warmkey.validation import seconds
from warmkey.waiting import check_may_wait

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Mapping

    from warmkey.caches.interface import CacheEntry, CacheFeatures, CryptographicMaterialsCache
    from warmkey.clock import Clock
    from warmkey.cmms.admission import Admission
    from warmkey.cmms.cached_operations import CachedOperation
    from warmkey.cmms.failure_memory import FailureMemory
    from warmkey.cmms.single_flight import Flight
    from warmkey.cmms.statistics import Counters
    from warmkey.events import Emit
    from warmkey.exceptions import KeyAttempt
    from warmkey.structures import DecryptMaterialsRequest, EncryptionMaterialsRequest

__all__ = ["Fetcher"]

_Request = TypeVar("_Request", "EncryptionMaterialsRequest", "DecryptMaterialsRequest")
_Materials = TypeVar("_Materials", EncryptionMaterials, DecryptionMaterials)


class Fetcher:
    """Serves what a caching CMM could not serve from an entry, and counts how it ended."""

    def __init__(  # noqa: PLR0913 - its parts, all by keyword
        self,
        *,
        cache: CryptographicMaterialsCache,
        features: CacheFeatures,
        partition_id: str,
        admission: Admission,
        wait_seconds: object,
        failures: FailureMemory,
        counters: Counters,
        clock: Clock,
        emit: Emit,
    ) -> None:
        self._cache = cache
        self._features = features
        self._partition_id = partition_id
        self._admission = admission
        self._wait_seconds = seconds("wait_seconds", wait_seconds)
        self._counters = counters
        self._clock = clock
        self._emit = emit
        self._tracing = tracing_of(emit)
        self._failures = failures
        self._flights: Flights[CacheEntry] = Flights()

    # --- what the caching CMM asks for

    def bypass(
        self, operation: CachedOperation[_Request, _Materials], request: _Request, reason: BypassReason
    ) -> _Materials:
        """Ask for *request* alone, and keep nothing."""
        check_may_wait()  # before a span says that somebody waits
        try:
            return self._alone(operation, request, reason)
        except Exception as error:
            self._tell_failure(operation.kind, error)
            raise

    def miss(
        self, operation: CachedOperation[_Request, _Materials], request: _Request, identifier: bytes, reason: MissReason
    ) -> _Materials:
        """Ask, or have another thread ask, until *request* is served."""
        check_may_wait()
        try:
            return self._until_served(operation, request, identifier, reason)
        except Exception as error:
            self._tell_failure(operation.kind, error)
            raise

    def refresh(
        self, operation: CachedOperation[_Request, _Materials], request: _Request, identifier: bytes
    ) -> _Materials:
        """Ask for the successor of the entry that is there, which other threads use meanwhile."""
        try:
            return self._renew(operation, request, identifier)
        except Exception as error:
            self._tell_failure(operation.kind, error)
            raise

    # --- steps

    def _alone(
        self, operation: CachedOperation[_Request, _Materials], request: _Request, reason: BypassReason
    ) -> _Materials:
        with self._tracing.fetch(CacheBypass, operation.kind, reason):
            materials, _ = self._ask(operation, request, operation.pass_on)
        self._tell_bypass(operation.kind, reason)
        return materials

    def _until_served(
        self, operation: CachedOperation[_Request, _Materials], request: _Request, identifier: bytes, reason: MissReason
    ) -> _Materials:
        key = operation.shared_with(request)
        while True:
            waiter: Waiter[CacheEntry] = Waiter(request.max_plaintext_length)  # type: ignore[arg-type]
            try:
                flight, leading = self._flights.join(key, waiter, operation.quota)
                if leading:
                    return self._lead(operation, request, identifier, reason, key, waiter, flight)
                with self._tracing.fetch(CacheCoalesced, operation.kind):
                    self._wait(key, flight)
            finally:
                self._flights.leave(key, waiter)  # in case that a signal interrupted it where the leader does so
            served, length = waiter.served, waiter.plaintext_length
            if served is not None and self._admission.coalesced(operation.kind, served, length) is None:
                return cast("_Materials", served.materials)
            if flight.not_shareable:
                return self._alone(operation, request, BypassReason.IDENTITY_KDF)
            found = self._from_cache(operation, request, identifier)
            if not isinstance(found, MissReason):
                return found
            reason = found

    def _from_cache(
        self, operation: CachedOperation[_Request, _Materials], request: _Request, identifier: bytes
    ) -> _Materials | MissReason:
        """Return the materials of a cached entry, or why none serves."""
        entry = self._cache.get_cache_entry(identifier)
        if entry is None:
            return MissReason.ABSENT
        return self._admission.hit(operation, entry, request) or cast("_Materials", entry.materials)

    def _lead(
        self,
        operation: CachedOperation[_Request, _Materials],
        request: _Request,
        identifier: bytes,
        reason: MissReason,
        key: Hashable,
        waiter: Waiter[CacheEntry],
        flight: Flight[CacheEntry],
    ) -> _Materials:
        try:
            there = self._cache.get_cache_entry(identifier)
            if there is not None:
                refusal = self._admission.hit(operation, there, request)
                if refusal is None:
                    return cast("_Materials", there.materials)
                if refusal is not MissReason.CONTEXT:
                    there = None  # its successor must not take over an age that is over
            self._failures.check(key)
            materials = self._fetch(operation, request, identifier, reason, flight, waiter, there)
        except Exception as error:
            self._failures.remember(key, error)
            raise
        finally:
            self._flights.leave(key, waiter)
        self._tell_fetched(operation.kind, flight, reason)
        return materials

    def _renew(
        self, operation: CachedOperation[_Request, _Materials], request: _Request, identifier: bytes
    ) -> _Materials:
        key = operation.shared_with(request)
        waiter: Waiter[CacheEntry] = Waiter(request.max_plaintext_length, boards=False)  # type: ignore[arg-type]
        materials: _Materials | None = None
        failure: Exception | None = None
        try:
            flight, leading = self._flights.join(key, waiter, operation.quota)
            if leading:
                self._failures.check(key)
                materials = self._fetch(operation, request, identifier, MissReason.EXPIRED, flight, waiter)
        except Exception as error:  # noqa: BLE001 - raised again below, unless the old entry still serves
            failure = error
            self._failures.remember(key, error)
        finally:
            self._flights.leave(key, waiter)
        if materials is not None:
            self._tell_fetched(operation.kind, flight, MissReason.EXPIRED)
            return materials
        found = self._from_cache(operation, request, identifier)
        if not isinstance(found, MissReason):
            return found
        if failure is None:
            return self._until_served(operation, request, identifier, found)
        raise failure

    def _fetch(
        self,
        operation: CachedOperation[_Request, _Materials],
        request: _Request,
        identifier: bytes,
        reason: MissReason,
        flight: Flight[CacheEntry],
        leader: Waiter[CacheEntry],
        there: CacheEntry | None = None,
    ) -> _Materials:
        created, sequence = self._clock.now(), next_fetch_sequence()
        try:
            with self._tracing.fetch(CacheMiss, operation.kind, reason):
                materials, kms_keys = self._ask(operation, request, operation.fetch)
        except Exception as error:
            flight.error = error
            raise
        # spec: framework/caching-cmm.md#get-encryption-materials fab8
        # spec: framework/caching-cmm.md#decrypt-materials 2eda
        if materials.algorithm_suite.has_identity_kdf:
            flight.not_shareable = True
            return materials
        birth = self._birth(created, kms_keys, materials.requested)
        materials = replace(materials, requested=birth)
        entry = operation.entry(request, materials, Fetched(birth.created, sequence, birth.kms_keys))
        if there is not None:
            entry.take_over(there)
        # The leader comes first: its length is within the limits, or it would have been a bypass.
        # spec: framework/caching-cmm.md#usage-stats db89
        # spec: framework/cryptographic-materials-cache.md#put-cache-entry 6303
        entry.reserve(leader.plaintext_length, *operation.quota)
        if not self._features.was_purged(entry):
            for waiter in flight.close():
                if entry.hold(waiter.plaintext_length, *operation.quota) is None:
                    waiter.served = entry
        note_refusal(entry, entry.spent(0, *operation.quota))
        # Caches that check the age by our clock know of snapshots, too, and tell what they did not keep.
        if self._features.checks_age or not snapshot_is_ahead():
            # spec: framework/caching-cmm.md#get-encryption-materials 1927
            # spec: framework/caching-cmm.md#decrypt-materials eff9
            self._cache.put_cache_entry(identifier, entry)
        return materials

    def _birth(self, asked: Instant, kms_keys: Collection[str], requested: Birth | None) -> Birth:
        """Return when the data key was requested, and of which keys: a caching CMM below may have done so long ago."""
        if requested is None:
            return Birth(self._clock, asked, kms_keys)
        now, age = self._clock.now(), requested.age()
        created = Instant(min(asked.monotonic, now.monotonic - age), min(asked.wall, now.wall - age))
        return Birth(self._clock, created, {*kms_keys, *requested.kms_keys})

    def _ask(
        self,
        operation: CachedOperation[_Request, _Materials],
        request: _Request,
        ask: Callable[[_Request], _Materials],
    ) -> tuple[_Materials, Collection[str]]:
        """Return the materials, and the keys that KMS was asked for.

        What a refusal by KMS revokes is evicted, also where another key helped.
        """
        watch = KmsWatch()
        try:
            materials = watch.over(ask, request)
        except KeyUnavailable as error:  # the user's own keyrings attempt, too
            self._evict_refused(operation.asked_context(request), set(error.attempts).union(watch.refusals))
            raise
        if watch.refusals:
            self._evict_refused(operation.asked_context(request), watch.refusals)
        self._failures.succeeded(watch.keys)
        return materials, watch.keys

    def _evict_refused(self, context: Mapping[str, str], attempts: Iterable[KeyAttempt]) -> None:
        for attempt in attempts:
            if is_refusal(attempt):
                from warmkey.cmms.revocation import is_revoked  # noqa: PLC0415 - for refusals only

                which = partial(is_revoked, attempt, context)
                self._features.evict(self._partition_id, reason=EvictionReason.DELETED, which=which)

    def _wait(self, key: Hashable, flight: Flight[CacheEntry]) -> None:
        if flight.is_mine():
            raise KeyUnavailable(
                "this thread is requesting the same data key already; a subscriber or keyring must not need the data "
                "key whose request it is part of: give it another encryption context or a CMM of its own"
            )
        if not flight.wait(self._wait_seconds):
            if flight.is_led():
                raise KeyUnavailable(
                    f"another thread's request for the same data key took over {self._wait_seconds} s; "
                    "look at the key service, or at the time-outs and retries of its client",
                    timed_out=True,
                )
            self._flights.finish(key, flight)
        if flight.error is not None:
            raise _as_own(flight.error)

    # --- counting and telling

    def _tell_bypass(self, kind: Operation, reason: BypassReason) -> None:
        self._counters.count(kind, reason)
        self._emit(_bypass(kind, reason))

    def _tell_fetched(self, kind: Operation, flight: Flight[CacheEntry], reason: MissReason) -> None:
        if flight.not_shareable:
            self._tell_bypass(kind, BypassReason.IDENTITY_KDF)
            return
        self._counters.count(kind, reason)
        self._emit(CacheMiss(operation=kind, reason=reason))

    def _tell_failure(self, kind: Operation, error: Exception) -> None:
        recalled = isinstance(error, KeyUnavailable) and error.remembered
        self._counters.count(kind, RECALLED if recalled else FAILED)
        self._emit((FailureRecalled if recalled else RequestFailed)(operation=kind, error=type(error).__name__))


@cache
def _bypass(kind: Operation, reason: BypassReason) -> CacheBypass:
    """Return the fact; there are few of them, and without a cache it is told of every message."""
    return CacheBypass(operation=kind, reason=reason)


def _as_own(error: Exception) -> Exception:
    """Return *error* for another thread than the one that met it."""
    if isinstance(error, WarmkeyError):
        return error.for_another_caller()
    try:
        twin = copy(error)
        twin.__cause__ = error.__cause__
    except Exception:  # noqa: BLE001 - whatever its class does when it is copied
        twin = KeyUnavailable(f"another thread's request for the same data key raised {type(error).__name__}")
        twin.__cause__ = error
    return twin

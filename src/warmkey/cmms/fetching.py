"""How a request that no entry serves gets its materials: alone, by leading a flight, or as its waiter.

A miss is fetched by one thread; threads that need the same thing wait for it and are given their reservations, before
the entry can be seen by anybody else, in the order in which they came. Who gets none starts over. No lock is held
while the underlying CMM works, so requests for different entries never wait for each other.
"""

from __future__ import annotations

from contextlib import suppress
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from warmkey.caches.interface import next_fetch_sequence
from warmkey.cmms.single_flight import Flight, Flights, Waiter
from warmkey.events import (
    BypassReason,
    CacheBypass,
    CacheCoalesced,
    CacheMiss,
    EvictionReason,
    KmsOutcome,
    MissReason,
    Operation,
    RequestFailed,
    hit_listener,
)
from warmkey.exceptions import KeyUnavailable, WarmkeyError
from warmkey.keyrings.aws_kms_key_arn import parse_kms_arn
from warmkey.keyrings.interface import ECDH_PROVIDER_IDS
from warmkey.records import Record
from warmkey.structures import DecryptionMaterials, EncryptionMaterials
from warmkey.validation import seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from warmkey.caches.interface import CacheEntry, CryptographicMaterialsCache
    from warmkey.clock import Clock, Instant
    from warmkey.cmms.limits import Limits
    from warmkey.cmms.statistics import Counters
    from warmkey.events import Emit
    from warmkey.exceptions import KeyAttempt

__all__ = ["Fetcher", "Wanted"]

_Materials = TypeVar("_Materials", EncryptionMaterials, DecryptionMaterials)


class Wanted(Record, Generic[_Materials]):
    """One cacheable request.

    :ivar shared_with: what has to be equal, beside the identifier, for two requests to share one call
    :ivar judge: reserves the message on an entry that was found, or says why the entry can't serve
    :ivar fetch: asks the underlying CMM
    :ivar fill: makes an entry of the answer, its creation time and its fetch_sequence
    """

    operation: Operation
    identifier: bytes
    plaintext_length: int
    shared_with: Hashable
    judge: Callable[[CacheEntry], MissReason | None]
    fetch: Callable[[], _Materials]
    fill: Callable[[_Materials, Instant, int], CacheEntry]


class Fetcher:
    """Serves what a caching CMM could not serve from an entry, and keeps the counters of it."""

    def __init__(
        self,
        *,
        cache: CryptographicMaterialsCache,
        partition_id: str,
        limits: Limits,
        wait_seconds: object,
        counters: Counters,
        clock: Clock,
        emit: Emit,
    ) -> None:
        self._cache = cache
        self._partition_id = partition_id
        self._limits = limits
        self._wait_seconds = seconds("wait_seconds", wait_seconds)
        self._counters = counters
        self._clock = clock
        self._emit = emit
        self._tell_hit = hit_listener(emit)
        self._flights: Flights[CacheEntry] = Flights()

    def count_hit(self, operation: Operation) -> None:
        """A cached entry served the request."""
        self._counters.hit(operation)
        if self._tell_hit is not None:
            self._tell_hit(operation)

    def bypass(self, operation: Operation, reason: BypassReason, fetch: Callable[[], _Materials]) -> _Materials:
        """Fetch for this request alone, and keep nothing."""
        try:
            materials = self._ask(fetch)
        except Exception as error:
            self._count_failure(operation, error)
            raise
        self._counters.count(operation, reason)
        self._emit(CacheBypass(operation=operation, reason=reason))
        return materials

    def miss(self, wanted: Wanted[_Materials], reason: MissReason) -> _Materials:
        """Fetch, or have another thread fetch, until this request is served."""
        key = (wanted.identifier, wanted.shared_with)
        while True:
            waiter: Waiter[CacheEntry] = Waiter(wanted.plaintext_length)
            flight, leading = self._flights.join(key, waiter)
            try:
                if leading:
                    return self._lead(wanted, flight, reason)
                served = self._wait(flight, waiter)
            except Exception as error:
                self._count_failure(wanted.operation, error)
                raise
            finally:
                if leading:
                    self._flights.finish(key, flight)
            if served is not None:
                self._counters.count(wanted.operation, "coalesced")
                self._emit(CacheCoalesced(operation=wanted.operation))
                return cast("_Materials", served.materials)
            if flight.not_shareable:
                return self.bypass(wanted.operation, BypassReason.IDENTITY_KDF, wanted.fetch)
            found = self._from_cache(wanted)
            if not isinstance(found, MissReason):
                return found
            reason = found

    def _from_cache(self, wanted: Wanted[_Materials]) -> _Materials | MissReason:
        """The materials of a cached entry, or why none serves."""
        entry = self._cache.get_cache_entry(wanted.identifier)
        if entry is None:
            return MissReason.ABSENT
        reason = wanted.judge(entry)
        if reason is not None:
            return reason
        self.count_hit(wanted.operation)
        return cast("_Materials", entry.materials)

    def _lead(self, wanted: Wanted[_Materials], flight: Flight[CacheEntry], reason: MissReason) -> _Materials:
        # Another flight may have landed between our look-up and now.
        found = self._from_cache(wanted)
        return self._fly(wanted, flight, reason) if isinstance(found, MissReason) else found

    def _fly(self, wanted: Wanted[_Materials], flight: Flight[CacheEntry], reason: MissReason) -> _Materials:
        created, fetch_sequence = self._clock.now(), next_fetch_sequence()
        try:
            materials = self._ask(wanted.fetch)
        except Exception as error:
            flight.error = error
            raise
        if materials.algorithm_suite.has_identity_kdf:
            flight.not_shareable = True
            self._counters.count(wanted.operation, BypassReason.IDENTITY_KDF)
            self._emit(CacheBypass(operation=wanted.operation, reason=BypassReason.IDENTITY_KDF))
            return materials
        entry = wanted.fill(materials, created, fetch_sequence)
        # Who asked comes first: its length is within the limits, or it would have been a bypass.
        self._limits.reserve(entry, wanted.plaintext_length)
        self._serve(flight, entry)
        self._cache.put_cache_entry(wanted.identifier, entry)
        self._counters.count(wanted.operation, reason)
        self._emit(CacheMiss(operation=wanted.operation, reason=reason))
        return materials

    def _serve(self, flight: Flight[CacheEntry], entry: CacheEntry) -> None:
        """Give everybody on board a reservation, unless nobody may have one: the key is too old, or was purged."""
        waiters = flight.close()
        too_old = entry.age(self._clock.now()) >= entry.time_to_live
        was_purged = getattr(self._cache, "was_purged", None)
        if too_old or (was_purged is not None and was_purged(entry)):
            return
        for waiter in waiters:
            if self._limits.reserve(entry, waiter.plaintext_length) is None:
                waiter.served = entry

    def _ask(self, fetch: Callable[[], _Materials]) -> _Materials:
        try:
            return fetch()
        except KeyUnavailable as error:
            self._evict_refused(error)
            raise

    def _evict_refused(self, error: KeyUnavailable) -> None:
        """What KMS denies or has disabled must not live on in the cache, whatever its age."""
        purge = getattr(self._cache, "purge", None)
        if purge is None:
            return
        for attempt in error.attempts:
            if attempt.outcome in (KmsOutcome.DENIED, KmsOutcome.DISABLED):
                # A cache of somebody else may have a purge of its own, which takes other arguments: let it be.
                with suppress(TypeError):
                    purge(self._partition_id, reason=EvictionReason.DELETED, which=partial(_is_refused, attempt))

    def _wait(self, flight: Flight[CacheEntry], waiter: Waiter[CacheEntry]) -> CacheEntry | None:
        if flight.is_mine():
            raise KeyUnavailable(
                "this thread is requesting the same data key already; a subscriber or keyring must not need the data "
                "key whose request it is part of: give it another encryption context or a CMM of its own"
            )
        if not flight.wait(self._wait_seconds):
            raise KeyUnavailable(
                f"another thread's request for the same data key took over {self._wait_seconds} s; "
                "look at the key service, or at the time-outs and retries of its client"
            )
        if flight.error is not None:
            raise _as_own(flight.error)
        return waiter.served

    def refresh(self, wanted: Wanted[_Materials]) -> _Materials:
        """Fetch the successor of the entry that is there, on which other threads go on meanwhile."""
        key = (wanted.identifier, wanted.shared_with)
        flight, leading = self._flights.join(key)
        failure: Exception | None = None
        if leading:
            try:
                return self._fly(wanted, flight, MissReason.EXPIRED)
            except Exception as error:  # noqa: BLE001 - raised again below, unless the old key still serves
                failure = error
            finally:
                self._flights.finish(key, flight)
        # Unless KMS said no to the old key (then it was evicted), it serves until its own end, which may have come.
        found = self._from_cache(wanted)
        if not isinstance(found, MissReason):
            return found
        if failure is None:
            return self.miss(wanted, found)
        self._count_failure(wanted.operation, failure)
        raise failure

    def _count_failure(self, operation: Operation, error: Exception) -> None:
        self._counters.count(operation, "failed")
        self._emit(RequestFailed(operation=operation, error=type(error).__name__))


def _is_refused(attempt: KeyAttempt, entry: CacheEntry) -> bool:
    """Whether *attempt*, which KMS denied or found disabled, concerns *entry*."""
    if attempt.operation == "DeriveSharedSecret":  # serves both operations, and the entries name no key of KMS
        return any(key.key_provider_id in ECDH_PROVIDER_IDS for key in entry.encrypted_data_keys)
    operation = Operation.DECRYPT if attempt.operation == "Decrypt" else Operation.ENCRYPT
    if attempt.outcome is KmsOutcome.DENIED and entry.operation is not operation:
        return False
    arn = parse_kms_arn(attempt.key)
    if arn is None or not arn.is_key:  # an alias or a key ID: the entries name key ARNs, so all may be meant
        return True
    key_id = attempt.key.rpartition("/")[2].encode()
    return any(key.key_provider_info.rpartition(b"/")[2] == key_id for key in entry.encrypted_data_keys)


def _as_own(error: Exception) -> Exception:
    """*error* for another thread than the one that met it."""
    if isinstance(error, WarmkeyError):
        return error.for_another_caller()
    try:
        twin = copy(error)
        twin.__cause__ = error.__cause__
    except Exception:  # noqa: BLE001 - whatever its class does when it is copied
        twin = KeyUnavailable(f"another thread's request for the same data key raised {type(error).__name__}")
        twin.__cause__ = error
    return twin

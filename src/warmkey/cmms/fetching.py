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

A refresh asks as a leader does, while other threads go on using the old entry. If the refresh failed for a reason other
than a refusal by KMS (which evicts the entry), the old data key may be used until it expires.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, TypeVar, cast

from warmkey.caches.interface import next_fetch_sequence
from warmkey.cmms.admission import note_refusal
from warmkey.cmms.single_flight import Flights, Waiter
from warmkey.cmms.statistics import FAILED
from warmkey.events import (
    BypassReason,
    CacheBypass,
    CacheMiss,
    EvictionReason,
    KmsOutcome,
    MissReason,
    Operation,
    RequestFailed,
)
from warmkey.exceptions import KeyUnavailable, WarmkeyError
from warmkey.keyrings.aws_kms_key_arn import parse_kms_arn
from warmkey.keyrings.interface import ECDH_PROVIDER_IDS
from warmkey.structures import DecryptionMaterials, EncryptionMaterials
from warmkey.validation import seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Sequence

    from warmkey.caches.interface import CacheEntry, CacheFeatures, CryptographicMaterialsCache
    from warmkey.clock import Clock
    from warmkey.cmms.admission import Admission
    from warmkey.cmms.cached_operations import CachedOperation
    from warmkey.cmms.single_flight import Flight
    from warmkey.cmms.statistics import Counters
    from warmkey.events import Emit
    from warmkey.exceptions import KeyAttempt
    from warmkey.structures import EncryptedDataKey

__all__ = ["Fetcher"]

_Request = TypeVar("_Request")
_Materials = TypeVar("_Materials", EncryptionMaterials, DecryptionMaterials)


class Fetcher:
    """Serves what a caching CMM could not serve from an entry, and counts how it ended."""

    def __init__(
        self,
        *,
        cache: CryptographicMaterialsCache,
        features: CacheFeatures,
        partition_id: str,
        admission: Admission,
        wait_seconds: object,
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
        self._flights: Flights[CacheEntry] = Flights()

    # --- what the caching CMM asks for

    def bypass(
        self, operation: CachedOperation[_Request, _Materials], request: _Request, reason: BypassReason
    ) -> _Materials:
        """Ask for *request* alone, and keep nothing."""
        with self._counting_failure(operation.kind):
            return self._alone(operation, request, reason)

    def miss(
        self, operation: CachedOperation[_Request, _Materials], request: _Request, identifier: bytes, reason: MissReason
    ) -> _Materials:
        """Ask, or have another thread ask, until *request* is served."""
        with self._counting_failure(operation.kind):
            return self._until_served(operation, request, identifier, reason)

    def refresh(
        self, operation: CachedOperation[_Request, _Materials], request: _Request, identifier: bytes
    ) -> _Materials:
        """Ask for the successor of the entry that is there, which other threads use meanwhile."""
        with self._counting_failure(operation.kind):
            return self._renew(operation, request, identifier)

    # --- steps

    def _alone(
        self, operation: CachedOperation[_Request, _Materials], request: _Request, reason: BypassReason
    ) -> _Materials:
        materials = self._ask(operation.pass_on, request)
        self._tell_bypass(operation.kind, reason)
        return materials

    def _until_served(
        self, operation: CachedOperation[_Request, _Materials], request: _Request, identifier: bytes, reason: MissReason
    ) -> _Materials:
        key = operation.shared_with(request)
        while True:
            waiter: Waiter[CacheEntry] = Waiter(operation.plaintext_length(request))
            try:
                flight, leading = self._flights.join(key, waiter, operation.quota)
                if leading:
                    return self._lead(operation, request, identifier, reason, key, waiter, flight)
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
            found = self._from_cache(operation, request, identifier)
            if not isinstance(found, MissReason):
                return found
            materials = self._fetch(operation, request, identifier, flight, waiter)
        finally:
            self._flights.leave(key, waiter)
        self._tell_fetched(operation.kind, flight, reason)
        return materials

    def _renew(
        self, operation: CachedOperation[_Request, _Materials], request: _Request, identifier: bytes
    ) -> _Materials:
        key = operation.shared_with(request)
        waiter: Waiter[CacheEntry] = Waiter(operation.plaintext_length(request), boards=False)
        failure: Exception | None = None
        try:
            flight, leading = self._flights.join(key, waiter, operation.quota)
            if leading:
                materials = self._fetch(operation, request, identifier, flight, waiter)
                self._flights.leave(key, waiter)
                self._tell_fetched(operation.kind, flight, MissReason.EXPIRED)
                return materials
        except Exception as error:  # noqa: BLE001 - raised again below, unless the old entry still serves
            failure = error
        finally:
            self._flights.leave(key, waiter)
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
        flight: Flight[CacheEntry],
        leader: Waiter[CacheEntry],
    ) -> _Materials:
        created, fetch_sequence = self._clock.now(), next_fetch_sequence()
        try:
            materials = self._ask(operation.fetch, request)
        except Exception as error:
            flight.error = error
            raise
        if materials.algorithm_suite.has_identity_kdf:
            flight.not_shareable = True
            return materials
        entry = operation.entry(request, materials, created, fetch_sequence)
        # The leader comes first: its length is within the limits, or it would have been a bypass.
        entry.reserve(leader.plaintext_length, *operation.quota)
        if not self._features.was_purged(entry):
            for waiter in flight.close():
                if entry.hold(waiter.plaintext_length, *operation.quota) is None:
                    waiter.served = entry
        note_refusal(entry, entry.spent(0, *operation.quota))
        self._cache.put_cache_entry(identifier, entry)
        return materials

    def _ask(self, fetch: Callable[[_Request], _Materials], request: _Request) -> _Materials:
        try:
            return fetch(request)
        except KeyUnavailable as error:
            self._evict_refused(error)
            raise

    def _evict_refused(self, error: KeyUnavailable) -> None:
        """Evict what KMS denies or has disabled, whatever its age."""
        for attempt in error.attempts:
            if attempt.outcome in (KmsOutcome.DENIED, KmsOutcome.DISABLED):
                # A cache of somebody else may have a purge of its own, which takes other arguments: let it be.
                with suppress(TypeError):
                    self._features.purge(
                        self._partition_id, reason=EvictionReason.DELETED, which=partial(_is_refused, attempt)
                    )

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
                    "look at the key service, or at the time-outs and retries of its client"
                )
            self._flights.finish(key, flight)
        if flight.error is not None:
            raise _as_own(flight.error)

    # --- counting and telling

    def _tell_bypass(self, kind: Operation, reason: BypassReason) -> None:
        self._counters.count(kind, reason)
        self._emit(CacheBypass(operation=kind, reason=reason))

    def _tell_fetched(self, kind: Operation, flight: Flight[CacheEntry], reason: MissReason) -> None:
        if flight.not_shareable:
            self._tell_bypass(kind, BypassReason.IDENTITY_KDF)
            return
        self._counters.count(kind, reason)
        self._emit(CacheMiss(operation=kind, reason=reason))

    @contextmanager
    def _counting_failure(self, kind: Operation) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._counters.count(kind, FAILED)
            self._emit(RequestFailed(operation=kind, error=type(error).__name__))
            raise


def _is_refused(attempt: KeyAttempt, entry: CacheEntry) -> bool:
    """Return whether *attempt*, which KMS denied or found disabled, concerns *entry*."""
    if attempt.operation == "DeriveSharedSecret":  # serves both operations, and the entries name no key of KMS
        return any(key.key_provider_id in ECDH_PROVIDER_IDS for key in _keys_of(entry))
    operation = Operation.DECRYPT if attempt.operation == "Decrypt" else Operation.ENCRYPT
    if attempt.outcome is KmsOutcome.DENIED and entry.operation is not operation:
        return False
    arn = parse_kms_arn(attempt.key)
    if arn is None or not arn.is_key:  # an alias or a key ID: the entries name key ARNs, so all may be meant
        return True
    key_id = attempt.key.rpartition("/")[2].encode()
    return any(key.key_provider_info.rpartition(b"/")[2] == key_id for key in _keys_of(entry))


def _keys_of(entry: CacheEntry) -> Sequence[EncryptedDataKey]:
    if isinstance(entry.materials, EncryptionMaterials):
        return entry.materials.encrypted_data_keys
    return entry.content.keys if entry.content is not None else ()


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

"""Branch keys in the cache: looked up, judged by this keyring's own time to live, fetched by one thread for all.

What counts as age. An entry's age starts before the key store is asked, on both clocks, so a slow answer does not
lengthen a branch key's life. An entry that another keyring put into a shared cache is held to the shorter of its time
to live and this keyring's own.

Who fetches. The first thread that misses an entry asks the key store; others that need the same entry wait for it. An
error is everybody's who waits, and nobody's who comes later, but for what is remembered: that KMS or DynamoDB was
throttled or unreachable a moment ago (:mod:`warmkey.cmms.failure_memory`).

What an answer fills. The answer for the active version also is the answer for that version, so it fills the version's
entry too while the cache has room: a container that reads what it writes asks once, not twice.

What a refusal ends. When KMS or DynamoDB denies access to a branch key, all of its entries are evicted; when the KMS
key is disabled or gone, the entries of every branch key and data key under it.

Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt, #ondecrypt
"""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

from warmkey.branch_keys.answers import checked_cipher
from warmkey.branch_keys.cache_identifiers import DecryptIdentifiers, EncryptIdentifiers
from warmkey.caches.interface import CacheEntry, CacheFeatures, next_fetch_sequence
from warmkey.cmms.failure_memory import LONGEST_SECONDS, FailureMemory
from warmkey.cmms.revocation import is_revoked
from warmkey.cmms.single_flight import Flights, Waiter
from warmkey.cmms.statistics import COALESCED, FAILED, RECALLED, Counters
from warmkey.events import (
    BranchKeyCoalesced,
    BranchKeyEviction,
    BranchKeyFailed,
    BranchKeyFailureRecalled,
    BranchKeyMiss,
    DynamoDbOutcome,
    EvictionReason,
    KmsOutcome,
    Operation,
    branch_key_hit_listener,
)
from warmkey.exceptions import KeyAttempt, KeyUnavailable, WarmkeyError
from warmkey.fork_safety import PROCESS_MARK, SETTLED, notice_fork, snapshot_is_ahead
from warmkey.keyrings.refusals import KmsWatch, ends_key, is_refusal, kms_watches, note_used_keys
from warmkey.tracing import tracing_of
from warmkey.validation import fraction, number, seconds
from warmkey.waiting import check_may_wait

if TYPE_CHECKING:
    from warmkey.branch_keys.interface import BranchKeySource
    from warmkey.branch_keys.wrapping import BranchKeyCipher
    from warmkey.caches.interface import CryptographicMaterialsCache
    from warmkey.clock import Clock, Instant
    from warmkey.cmms.single_flight import Flight
    from warmkey.cmms.statistics import OperationStatistics
    from warmkey.events import Emit

__all__ = ["BranchKeyEntry", "CachedBranchKeys"]

_ENCRYPT, _DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
# Longer than what the clients of the key store may take for their requests.
_WAIT_SECONDS = 60.0


class BranchKeyEntry(CacheEntry):
    """Keep a branch key in a cache, ready to wrap data keys; its eviction is an event of its own.

    Source: framework/cryptographic-materials-cache.md#cache-entry
    """

    __slots__ = ()

    materials: BranchKeyCipher  # type: ignore[assignment]

    def eviction(self, reason: EvictionReason, age_seconds: float, *_unused: int) -> BranchKeyEviction:
        """Return the event for this entry leaving the cache."""
        return BranchKeyEviction(operation=self.operation, reason=reason, age_seconds=age_seconds)


class CachedBranchKeys:
    """Gives branch keys from *cache*, or from *key_store* through it.

    :param partition_id: of cache entry identifiers; *partition_name* is the same for purges
    :param ttl_seconds: how long this keyring uses an entry
    :param ttl_jitter: shortens each new entry's life by a random fraction of up to this much
    :param remember_failures_seconds: how long "throttled" and "unreachable" are repeated instead of asking again
    :raises ConfigurationError: a number can't be used
    """

    def __init__(  # noqa: PLR0913 - all by keyword
        self,
        *,
        key_store: BranchKeySource,
        logical_key_store_name: str,
        cache: CryptographicMaterialsCache,
        partition_id: bytes,
        partition_name: str,
        ttl_seconds: float,
        ttl_jitter: float,
        remember_failures_seconds: float,
        clock: Clock | None,
        emit: Emit,
    ) -> None:
        self._key_store = key_store
        self._encrypt_identifiers = EncryptIdentifiers(partition_id, logical_key_store_name)
        self._decrypt_identifiers = DecryptIdentifiers(partition_id, logical_key_store_name)
        self._cache = cache
        self._partition_name = partition_name
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#initialization ddaa
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#cache-limit-ttl 6939
        self._ttl = seconds("ttl_seconds", ttl_seconds)
        self._jitter = fraction("ttl_jitter", ttl_jitter)
        self._features = CacheFeatures(cache)
        self._clock = self._features.use_clock(clock)
        # A cache that reads the same clock has just checked an entry's own time to live when it returns the entry:
        # only entries with a longer time to live than this are judged here.
        self._age_checked_below = self._ttl if self._features.checks_age else 0.0
        self._emit = emit
        self._tell_hit = branch_key_hit_listener(emit)
        self._tracing = tracing_of(emit)
        self._counters = Counters()
        self._flights: Flights[BranchKeyEntry] = Flights()
        self._failures = FailureMemory(
            number("remember_failures_seconds", remember_failures_seconds, 0, LONGEST_SECONDS),
            features=self._features,
            partition_id=partition_name,
            clock=self._clock,
        )

    def active(self, branch_key_id: str) -> BranchKeyCipher:
        """Return the version of *branch_key_id* that encrypts now.

        :raises KeyUnavailable: the key store has none

        Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#query-branch-keystore-onencrypt
        """
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt b1c6
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#appendix-a-cache-entry-identifier-formulas 06eb
        identifier = self._encrypt_identifiers[branch_key_id]
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt 2c1f da62
        cipher = self._find(_ENCRYPT, identifier)
        if cipher is None:
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt 641f
            cipher = self._fetch(_ENCRYPT, branch_key_id, b"", identifier)
        return _noted(cipher)

    def version(self, branch_key_id: str, version: bytes) -> BranchKeyCipher:
        """Return the version whose UUID has these 16 bytes.

        :raises KeyUnavailable: the key store has none

        Source: framework/aws-kms/aws-kms-hierarchical-keyring.md#getitem-branch-keystore-ondecrypt
        """
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt e0cd
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#appendix-a-cache-entry-identifier-formulas 06eb
        asked = branch_key_id, version
        kept = self._decrypt_identifiers.get(asked)
        identifier = kept or self._decrypt_identifiers[asked]
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt 9040 8791
        cipher = self._find(_DECRYPT, identifier)
        if cipher is None:
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt 4c32
            cipher = self._fetch(_DECRYPT, branch_key_id, version, identifier)
        if kept is None:
            self._decrypt_identifiers.keep(asked, identifier)
        return _noted(cipher)

    def statistics(self, operation: Operation) -> OperationStatistics:
        """Return how the requests of *operation* ended so far."""
        return self._counters.of(operation)

    def purge(self) -> int:
        """Forget the entries of this partition; return how many there were."""
        self._failures.reset()  # which the cache may know nothing of
        return self._features.purge(self._partition_name)

    # --- from the cache

    def _find(self, operation: Operation, identifier: bytes) -> BranchKeyCipher | None:
        if PROCESS_MARK[0] != SETTLED:
            notice_fork()
        entry: BranchKeyEntry | None = self._cache.get_cache_entry(identifier)  # type: ignore[assignment]
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt a7aa
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt a7aa
        if entry is None or (entry.time_to_live > self._age_checked_below and self._is_too_old(entry)):
            return None
        if _has_left(entry):
            return None
        self._counters.hits[operation].add()
        if self._tell_hit is not None:
            self._tell_hit(operation)
        return entry.materials

    def _is_too_old(self, entry: CacheEntry) -> bool:
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt 88d3
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt 88d3
        return entry.age(self._clock.now()) >= min(self._ttl, entry.time_to_live)

    # --- from the key store

    def _fetch(self, operation: Operation, branch_key_id: str, version: bytes, identifier: bytes) -> BranchKeyCipher:
        check_may_wait()
        try:
            return self._until_served(operation, branch_key_id, version, identifier)
        except Exception as error:
            recalled = isinstance(error, KeyUnavailable) and error.remembered
            self._counters.count(operation, RECALLED if recalled else FAILED)
            ended = BranchKeyFailureRecalled if recalled else BranchKeyFailed
            self._emit(ended(operation=operation, error=type(error).__name__))
            raise

    def _until_served(
        self, operation: Operation, branch_key_id: str, version: bytes, identifier: bytes
    ) -> BranchKeyCipher:
        """Ask the key store, or wait for the thread that does, until this request is served."""
        while True:
            waiter: Waiter[BranchKeyEntry] = Waiter(0)
            try:
                flight, leading = self._flights.join(identifier, waiter)
                if leading:
                    return self._lead(flight, operation, branch_key_id, version, identifier)
                with self._tracing.fetch(BranchKeyCoalesced, operation):
                    _wait(flight)
            finally:
                self._flights.leave(identifier, waiter)
            served = waiter.served
            if served is not None:
                self._counters.count(operation, COALESCED)
                self._emit(BranchKeyCoalesced(operation=operation))
                return served.materials
            found = self._find(operation, identifier)
            if found is not None:
                return found

    def _lead(
        self,
        flight: Flight[BranchKeyEntry],
        operation: Operation,
        branch_key_id: str,
        version: bytes,
        identifier: bytes,
    ) -> BranchKeyCipher:
        found = self._find(operation, identifier)  # another flight may have landed between our look-up and now
        if found is not None:
            return found
        reason = self._features.miss_reason(identifier)
        created, sequence = self._clock.now(), next_fetch_sequence()
        watch = KmsWatch()
        try:
            self._failures.check(identifier)
            with self._tracing.fetch(BranchKeyMiss, operation, reason):
                cipher = watch.over(self._ask, branch_key_id, version)
        except Exception as error:
            flight.error = error
            self._failures.remember(identifier, error)
            raise
        self._failures.succeeded(watch.keys)
        self._keep(flight, operation, cipher, identifier, created, sequence)
        self._counters.count(operation, reason)
        self._emit(BranchKeyMiss(operation=operation, reason=reason))
        return cipher

    def _ask(self, branch_key_id: str, version: bytes) -> BranchKeyCipher:
        text = str(uuid.UUID(bytes=version)) if version else ""
        try:
            if text:
                # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#getitem-branch-keystore-ondecrypt fafd
                materials = self._key_store.get_branch_key_version(branch_key_id, text)
            else:
                # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#query-branch-keystore-onencrypt 436a
                materials = self._key_store.get_active_branch_key(branch_key_id)
        except KeyUnavailable as error:
            self._evict_refused(error, branch_key_id)
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt a936
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#query-branch-keystore-onencrypt 03f0
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt a6d0
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#getitem-branch-keystore-ondecrypt 694b
            raise
        return checked_cipher(materials, branch_key_id, text)

    def _keep(
        self,
        flight: Flight[BranchKeyEntry],
        operation: Operation,
        cipher: BranchKeyCipher,
        identifier: bytes,
        created: Instant,
        sequence: int,
    ) -> None:
        """Put the new entry, and serve the threads that wait for it unless it is too old or purged already."""
        time_to_live = self._time_to_live()
        entry = self._entry(operation, cipher, created, time_to_live, sequence)
        waiters = flight.close()
        if not (self._is_too_old(entry) or self._features.was_purged(entry) or _has_left(entry)):
            for waiter in waiters:
                waiter.served = entry
        if not self._features.checks_age and snapshot_is_ahead():  # a cache of ours keeps none by itself, and tells so
            return
        if operation is _ENCRYPT and self._has_room():
            version_entry = self._entry(_DECRYPT, cipher, created, time_to_live, sequence)
            self._cache.put_cache_entry(
                self._decrypt_identifiers[cipher.branch_key_id, cipher.version_bytes], version_entry
            )
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#query-branch-keystore-onencrypt 9daa
        # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#getitem-branch-keystore-ondecrypt 7551
        self._cache.put_cache_entry(identifier, entry)

    def _entry(
        self, operation: Operation, cipher: BranchKeyCipher, created: Instant, time_to_live: float, sequence: int
    ) -> BranchKeyEntry:
        return BranchKeyEntry(
            cipher,  # type: ignore[arg-type]
            operation=operation,
            created=created,
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#cache-limit-ttl 2da2
            # spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#cache-limit-ttl 1c48
            time_to_live=time_to_live,
            partition_id=self._partition_name,
            fetch_sequence=sequence,
            kms_keys=() if cipher.kms_key_arn is None else (cipher.kms_key_arn,),
        )

    def _time_to_live(self) -> float:
        if not self._jitter:
            return self._ttl
        return self._ttl * (1 - self._jitter * int.from_bytes(os.urandom(2), "big") / 2**16)

    def _has_room(self) -> bool:
        """Tell whether two more entries fit: a version's entry must not push out another branch key's active one."""
        capacity = self._features.capacity
        length = getattr(self._cache, "__len__", None)
        return capacity is None or length is None or length() + 2 <= capacity

    def _evict_refused(self, error: KeyUnavailable, branch_key_id: str) -> None:
        """What was denied or disabled must not live on in the cache, whatever its age."""

        def is_refused(entry: CacheEntry) -> bool:
            return any(_concerns(attempt, entry, branch_key_id) for attempt in error.attempts)

        self._features.evict(self._partition_name, reason=EvictionReason.DELETED, which=is_refused)


def _has_left(entry: CacheEntry) -> bool:
    """Return whether *entry* was evicted, or belongs to the original of this copy: not every cache knows of forks."""
    return entry.spent(0, 1, 0) is not None


def _noted(cipher: BranchKeyCipher) -> BranchKeyCipher:
    """Return *cipher*, once a caching CMM above knows which refusals concern its data key."""
    if kms_watches() and cipher.kms_key_arn is not None:
        note_used_keys(cipher.kms_key_arn, region=None)
    return cipher


def _concerns(attempt: KeyAttempt, entry: CacheEntry, branch_key_id: str) -> bool:
    """Tell whether *attempt*, made for *branch_key_id*, was refused in a way that concerns *entry*.

    Data keys of older messages may be in the same partition; they end with the KMS key.
    """
    if not isinstance(entry, BranchKeyEntry):
        return ends_key(attempt) and is_revoked(attempt, {}, entry)
    cipher = entry.materials
    if attempt.outcome in (KmsOutcome.DENIED, DynamoDbOutcome.DENIED):
        return cipher.branch_key_id == branch_key_id
    return is_refusal(attempt) and cipher.kms_key_arn in (None, attempt.key)


def _wait(flight: Flight[BranchKeyEntry]) -> None:
    if flight.is_mine():
        raise KeyUnavailable(
            "this thread is requesting the same branch key already; a subscriber or key store must not need the branch "
            "key whose request it is part of"
        )
    if not flight.wait(_WAIT_SECONDS) and flight.is_led():  # if nobody leads it, whoever asks next replaces it
        raise KeyUnavailable(
            f"another thread's request for the same branch key took over {_WAIT_SECONDS} s; look at KMS and DynamoDB, "
            "or at the time-outs and retries of their clients",
            timed_out=True,
        )
    if flight.error is not None:
        raise _as_own(flight.error)


def _as_own(error: Exception) -> Exception:
    """Return *error* for another thread than the one that met it."""
    if isinstance(error, WarmkeyError):
        return error.for_another_caller()
    twin = KeyUnavailable(f"another thread's request for the same branch key raised {type(error).__name__}")
    twin.__cause__ = error
    return twin

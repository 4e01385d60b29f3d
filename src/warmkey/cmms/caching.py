"""The caching CMM: one data key for many messages, within limits.

What counts as use. Every message that is encrypted with a data key counts once, with its plaintext length, at the
moment its materials are handed out: the one whose request fetched the data key too. Counting and the check of the
limits are one atomic step on the entry, so no message exceeds a limit; a message that reaches one exactly is within.

In which order. A request that can't be cached is passed on unchanged (a bypass). For any other the entry is looked
up by its identifier and then checked: age by this CMM's own maximum, suite by the request's commitment policy, what
the identifier leaves out (required keys; reproduced context), and last the reservation. The first check that fails
makes it a miss. A miss is fetched by one thread; threads that need the same thing wait for it and are given their
reservations, before the entry can be seen by anybody else, in the order in which they came. Who gets none starts
over. No lock is held while the underlying CMM works.

Why the plaintext length is withheld from the request that fills the cache: the materials will serve messages of other
lengths, so an underlying CMM must not choose them by this one's.

Age starts before the underlying CMM is asked, so a slow answer does not lengthen a data key's life.

Source: framework/caching-cmm.md
"""

from __future__ import annotations

import os
import threading
from copy import copy
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Generic, TypeVar, cast

from warmkey.caches.interface import CacheEntry, next_ticket
from warmkey.checks import integer, seconds, share
from warmkey.clock import SystemClock
from warmkey.cmms.cache_entry_identifier import decrypt_identifier, encrypt_identifier
from warmkey.cmms.context_churn import MISSES_BEFORE_WARNING, ContextChurn
from warmkey.cmms.default import DefaultCMM
from warmkey.cmms.flights import Flight, Flights, Passenger
from warmkey.cmms.statistics import Books
from warmkey.events import (
    BypassReason,
    CacheBypass,
    CacheCoalesced,
    CacheHit,
    CacheMiss,
    EvictionReason,
    KmsOutcome,
    MissReason,
    Operation,
    RequestFailed,
    UncacheableContext,
    guarded,
    ignore,
)
from warmkey.exceptions import ConfigurationError, KeyUnavailable, WarmkeyError
from warmkey.keyrings.aws_kms_key_arn import parse_kms_arn
from warmkey.structures import DecryptionMaterials, EncryptionMaterials

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from warmkey.caches.interface import CryptographicMaterialsCache
    from warmkey.clock import Clock, Instant
    from warmkey.cmms.interface import CryptographicMaterialsManager
    from warmkey.cmms.statistics import OperationStatistics
    from warmkey.events import Emit
    from warmkey.exceptions import KeyAttempt
    from warmkey.keyrings.interface import Keyring
    from warmkey.structures import DecryptMaterialsRequest, EncryptionContext, EncryptionMaterialsRequest

__all__ = ["CachingCMM"]

MAX_MESSAGES = 2**32
MAX_BYTES = 2**63 - 1
_IDENTIFIERS_KEPT = 1024
_GRACE_PERIOD_SECONDS = 10.0
_DEPARTURES = {
    MissReason.EXPIRED: EvictionReason.EXPIRED,
    MissReason.MESSAGES_SPENT: EvictionReason.MESSAGES_SPENT,
    MissReason.BYTES_SPENT: EvictionReason.BYTES_SPENT,
}

_Materials = TypeVar("_Materials", EncryptionMaterials, DecryptionMaterials)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted(Generic[_Materials]):
    """One cacheable request: what to look up, how to judge what is found, how to fetch it."""

    operation: Operation
    identifier: bytes
    plaintext_length: int
    # What else has to be equal for two requests to share one call.
    shared_with: Hashable
    judge: Callable[[CacheEntry], MissReason | None]
    fetch: Callable[[], _Materials]
    fill: Callable[[_Materials, Instant, int], CacheEntry]


class CachingCMM:
    """Caches the materials of *cmm*, or of a default CMM over *keyring*.

    :param cache: where entries live, for example :class:`warmkey.LocalCMC`; may be shared
    :param max_age: seconds that a data key may be used for, from the moment it was requested; int or float over 0
    :param cmm: the underlying CMM; this or *keyring*
    :param keyring: see above
    :param partition_id: caching CMMs over one cache share entries if and only if theirs are equal; unique by default
    :param max_messages_encrypted: messages per data key, 1 to 2^32
    :param max_bytes_encrypted: plaintext bytes per data key, 0 to 2^63 - 1; a longer message gets a key of its own
    :param max_age_jitter: shortens each entry's life by a random share of up to this much, 0.0 to below 1.0, so that
        a fleet's containers don't all renew at once
    :param refresh_ahead: let one of several threads renew an entry shortly before it expires, while the others go on
        using it; a lone thread never renews early
    :param wait_seconds: how long a thread waits for another's call before it fails
    :param clock: tells the time; tests move it
    :param emit: told what happens (:mod:`warmkey.events`); give it to the cache too for evictions
    :raises ConfigurationError: an argument can't be used

    Source: framework/caching-cmm.md#initialization
    """

    def __init__(  # noqa: PLR0913 - the specification's settings and ours, all by keyword
        self,
        *,
        cache: CryptographicMaterialsCache,
        max_age: float,
        cmm: CryptographicMaterialsManager | None = None,
        keyring: Keyring | None = None,
        partition_id: str | None = None,
        max_messages_encrypted: int = MAX_MESSAGES,
        max_bytes_encrypted: int = MAX_BYTES,
        max_age_jitter: float = 0.0,
        refresh_ahead: bool = False,
        wait_seconds: float = 60.0,
        clock: Clock | None = None,
        emit: Emit = ignore,
    ) -> None:
        if cache is None:
            raise ConfigurationError("cache is None; give a LocalCMC(capacity), or a NullCMC() to turn caching off")
        self._cache = cache
        self._cmm = _underlying(cmm, keyring)
        self._max_age = seconds("max_age", max_age)
        self._partition_id = _checked_partition_id(partition_id)
        self._max_messages = integer("max_messages_encrypted", max_messages_encrypted, 1, MAX_MESSAGES)
        self._max_bytes = integer("max_bytes_encrypted", max_bytes_encrypted, 0, MAX_BYTES)
        self._jitter = share("max_age_jitter", max_age_jitter)
        self._grace = min(_GRACE_PERIOD_SECONDS, self._max_age / 10) if refresh_ahead else 0.0
        self._wait_seconds = seconds("wait_seconds", wait_seconds)
        self._clock = clock or SystemClock()
        self._emit = guarded(emit)
        self._announces_hits = bool(getattr(self._emit, "wants_hits", False))
        self._books = Books()
        self._churn = ContextChurn()
        self._flights: Flights[CacheEntry] = Flights()
        # Applications use few contexts again and again; remembering identifiers saves a hash of all of it each time.
        self._encrypt_identifier = lru_cache(_IDENTIFIERS_KEPT)(partial(encrypt_identifier, self._partition_id))
        self._decrypt_identifier = lru_cache(_IDENTIFIERS_KEPT)(partial(decrypt_identifier, self._partition_id))

    @property
    def partition_id(self) -> str:
        """The partition ID; it never changes.

        Source: framework/caching-cmm.md#partition-id
        """
        return self._partition_id

    @property
    def cache(self) -> CryptographicMaterialsCache:
        """Where the entries live."""
        return self._cache

    def __repr__(self) -> str:
        return f"CachingCMM({self._cmm!r}, cache={self._cache!r}, max_age={self._max_age})"

    def statistics(self, operation: Operation) -> OperationStatistics:
        """How the requests of *operation* ended so far."""
        return self._books.of(operation)

    def purge(self) -> int:
        """Forget every entry of this partition and what is being fetched; how many entries there were.

        :raises ConfigurationError: the cache has no ``purge``
        """
        purge = getattr(self._cache, "purge", None)
        if purge is None:
            raise ConfigurationError(f"{type(self._cache).__name__} has no purge method")
        return int(purge(self._partition_id))

    def get_encryption_materials(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        """Materials for one message of at most ``request.max_plaintext_length`` bytes, cached where that is allowed.

        :raises WarmkeyError: what the underlying CMM raises

        Source: framework/caching-cmm.md#get-encryption-materials
        """
        bypass = self._why_bypass_encrypt(request)
        if bypass is not None:
            return self._bypass(Operation.ENCRYPT, bypass, lambda: self._cmm.get_encryption_materials(request))
        context = cast("EncryptionContext", request.encryption_context)
        identifier = self._encrypt_identifier(request.algorithm_suite, context)
        entry = self._cache.get_cache_entry(identifier)
        reason = MissReason.ABSENT
        if entry is not None:
            if self._grace and self._is_mine_to_refresh(entry):
                return self._refresh(self._wanted_encrypt(request, identifier), entry)
            refused = self._judge_encrypt(entry, request)
            if refused is None:
                self._count_hit(Operation.ENCRYPT)
                return cast("EncryptionMaterials", entry.materials)
            reason = refused
        if reason is MissReason.ABSENT:
            reason = self._why_absent(identifier)
            self._watch_context(context)
        return self._miss(self._wanted_encrypt(request, identifier), reason)

    def decrypt_materials(self, request: DecryptMaterialsRequest, /) -> DecryptionMaterials:
        """Materials for one message, cached where that is allowed.

        :raises WarmkeyError: what the underlying CMM raises

        Source: framework/caching-cmm.md#decrypt-materials
        """
        bypass = self._why_bypass_decrypt(request)
        if bypass is not None:
            return self._bypass(Operation.DECRYPT, bypass, lambda: self._cmm.decrypt_materials(request))
        context = cast("EncryptionContext", request.encryption_context)
        identifier = self._decrypt_identifier(request.algorithm_suite, request.encrypted_data_keys, context)
        entry = self._cache.get_cache_entry(identifier)
        reason = MissReason.ABSENT
        if entry is not None:
            if self._grace and self._is_mine_to_refresh(entry):
                return self._refresh(self._wanted_decrypt(request, identifier), entry)
            refused = self._judge_decrypt(entry, request)
            if refused is None:
                self._count_hit(Operation.DECRYPT)
                return cast("DecryptionMaterials", entry.materials)
            reason = refused
        if reason is MissReason.ABSENT:
            reason = self._why_absent(identifier)
        return self._miss(self._wanted_decrypt(request, identifier), reason)

    def _wanted_encrypt(self, request: EncryptionMaterialsRequest, identifier: bytes) -> _Wanted[EncryptionMaterials]:
        return _Wanted(
            operation=Operation.ENCRYPT,
            identifier=identifier,
            plaintext_length=cast("int", request.max_plaintext_length),
            shared_with=(request.commitment_policy, request.required_encryption_context_keys),
            judge=lambda entry: self._judge_encrypt(entry, request),
            fetch=lambda: self._cmm.get_encryption_materials(replace(request, max_plaintext_length=None)),
            fill=lambda materials, created, ticket: CacheEntry(
                materials,
                operation=Operation.ENCRYPT,
                created=created,
                time_to_live=self._time_to_live(),
                partition_id=self._partition_id,
                ticket=ticket,
                encrypted_data_keys=materials.encrypted_data_keys,
                required_encryption_context_keys=request.required_encryption_context_keys,
            ),
        )

    def _wanted_decrypt(self, request: DecryptMaterialsRequest, identifier: bytes) -> _Wanted[DecryptionMaterials]:
        return _Wanted(
            operation=Operation.DECRYPT,
            identifier=identifier,
            plaintext_length=0,
            shared_with=(request.commitment_policy, request.reproduced_encryption_context),
            judge=lambda entry: self._judge_decrypt(entry, request),
            fetch=lambda: self._cmm.decrypt_materials(request),
            fill=lambda materials, created, ticket: CacheEntry(
                materials,
                operation=Operation.DECRYPT,
                created=created,
                time_to_live=self._time_to_live(),
                partition_id=self._partition_id,
                ticket=ticket,
                encrypted_data_keys=request.encrypted_data_keys,
                reproduced_encryption_context=request.reproduced_encryption_context,
            ),
        )

    def _time_to_live(self) -> float:
        if not self._jitter:
            return self._max_age
        return self._max_age * (1 - self._jitter * int.from_bytes(os.urandom(2), "big") / 2**16)

    # --- may it be cached, and may this entry serve it?

    def _why_bypass_encrypt(self, request: EncryptionMaterialsRequest) -> BypassReason | None:
        suite, length = request.algorithm_suite, request.max_plaintext_length
        if suite is not None and suite.has_identity_kdf:
            return BypassReason.IDENTITY_KDF
        if length is None:
            return BypassReason.UNKNOWN_LENGTH
        if length > self._max_bytes:
            return BypassReason.OVER_BYTE_LIMIT
        return BypassReason.CACHING_OFF if self._stores_nothing() else None

    def _why_bypass_decrypt(self, request: DecryptMaterialsRequest) -> BypassReason | None:
        if request.algorithm_suite.has_identity_kdf:
            return BypassReason.IDENTITY_KDF
        return BypassReason.CACHING_OFF if self._stores_nothing() else None

    def _stores_nothing(self) -> bool:
        return getattr(self._cache, "capacity", None) == 0

    def _judge_encrypt(self, entry: CacheEntry, request: EncryptionMaterialsRequest) -> MissReason | None:
        """Reserve this message on *entry*, or say why it can't serve the request."""
        if entry.age(self._clock.now()) >= self._max_age:
            return self._note(entry, MissReason.EXPIRED)
        if entry.materials.algorithm_suite not in request.commitment_policy.encrypt_suites:
            return MissReason.POLICY
        if entry.required_encryption_context_keys != request.required_encryption_context_keys:
            return MissReason.CONTEXT
        reason = self._reserve(entry, cast("int", request.max_plaintext_length))
        return None if reason is None else self._note(entry, reason)

    def _judge_decrypt(self, entry: CacheEntry, request: DecryptMaterialsRequest) -> MissReason | None:
        """Count one more message on *entry*, or say why it can't serve the request."""
        if entry.age(self._clock.now()) >= self._max_age:
            return self._note(entry, MissReason.EXPIRED)
        if entry.materials.algorithm_suite not in request.commitment_policy.decrypt_suites:
            return MissReason.POLICY
        if entry.reproduced_encryption_context != request.reproduced_encryption_context:
            return MissReason.CONTEXT
        return self._reserve(entry, 0)

    def _reserve(self, entry: CacheEntry, plaintext_length: int) -> MissReason | None:
        if entry.operation is Operation.DECRYPT:  # decrypting wears no key out: counted, not limited
            return entry.reserve(0, max_messages=MAX_BYTES, max_bytes=MAX_BYTES)
        return entry.reserve(plaintext_length, max_messages=self._max_messages, max_bytes=self._max_bytes)

    def _note(self, entry: CacheEntry, reason: MissReason) -> MissReason:
        entry.departure = _DEPARTURES.get(reason)
        return reason

    def _why_absent(self, identifier: bytes) -> MissReason:
        miss_reason = getattr(self._cache, "miss_reason", None)
        return MissReason.ABSENT if miss_reason is None else miss_reason(identifier)

    # --- how a request ends

    def _count_hit(self, operation: Operation) -> None:
        self._books.hit(operation)
        if self._announces_hits:
            self._emit(CacheHit(operation=operation))

    def _count_failure(self, operation: Operation, error: Exception) -> None:
        self._books.count(operation, "failed")
        self._emit(RequestFailed(operation=operation, error=type(error).__name__))

    def _bypass(self, operation: Operation, reason: BypassReason, fetch: Callable[[], _Materials]) -> _Materials:
        try:
            materials = self._ask(fetch)
        except Exception as error:
            self._count_failure(operation, error)
            raise
        self._books.count(operation, reason)
        self._emit(CacheBypass(operation=operation, reason=reason))
        return materials

    def _miss(self, wanted: _Wanted[_Materials], reason: MissReason) -> _Materials:
        """Fetch, or have another thread fetch, until this request is served."""
        key = (wanted.identifier, wanted.shared_with)
        while True:
            passenger: Passenger[CacheEntry] = Passenger(wanted.plaintext_length)
            flight, leading = self._flights.join(key, passenger)
            try:
                if leading:
                    return self._lead(wanted, flight, reason)
                served = self._wait(flight, passenger)
            except Exception as error:
                self._count_failure(wanted.operation, error)
                raise
            finally:
                if leading:
                    self._flights.land(key, flight)
            if served is not None:
                self._books.count(wanted.operation, "coalesced")
                self._emit(CacheCoalesced(operation=wanted.operation))
                return cast("_Materials", served.materials)
            if flight.not_shareable:
                return self._bypass(wanted.operation, BypassReason.IDENTITY_KDF, wanted.fetch)
            entry = self._cache.get_cache_entry(wanted.identifier)
            refused = MissReason.ABSENT if entry is None else wanted.judge(entry)
            if entry is not None and refused is None:
                self._count_hit(wanted.operation)
                return cast("_Materials", entry.materials)
            reason = refused or reason

    def _lead(self, wanted: _Wanted[_Materials], flight: Flight[CacheEntry], reason: MissReason) -> _Materials:
        # Another flight may have landed between our look-up and now.
        entry = self._cache.get_cache_entry(wanted.identifier)
        if entry is not None and wanted.judge(entry) is None:
            self._count_hit(wanted.operation)
            return cast("_Materials", entry.materials)
        return self._fly(wanted, flight, reason)

    def _fly(self, wanted: _Wanted[_Materials], flight: Flight[CacheEntry], reason: MissReason) -> _Materials:
        created, ticket = self._clock.now(), next_ticket()
        try:
            materials = self._ask(wanted.fetch)
        except Exception as error:
            flight.error = error
            raise
        if materials.algorithm_suite.has_identity_kdf:
            flight.not_shareable = True
            self._books.count(wanted.operation, BypassReason.IDENTITY_KDF)
            self._emit(CacheBypass(operation=wanted.operation, reason=BypassReason.IDENTITY_KDF))
            return materials
        entry = wanted.fill(materials, created, ticket)
        # Who asked comes first: its length is within the limits, or it would have been a bypass.
        self._reserve(entry, wanted.plaintext_length)
        if ticket >= getattr(self._cache, "purge_ticket", 0):
            for passenger in flight.close():
                if self._reserve(entry, passenger.plaintext_length) is None:
                    passenger.served = entry
        self._cache.put_cache_entry(wanted.identifier, entry)
        self._books.count(wanted.operation, reason)
        self._emit(CacheMiss(operation=wanted.operation, reason=reason))
        return materials

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
                purge(self._partition_id, reason=EvictionReason.DELETED, which=partial(_is_refused, attempt))

    def _wait(self, flight: Flight[CacheEntry], passenger: Passenger[CacheEntry]) -> CacheEntry | None:
        if not flight.wait(self._wait_seconds):
            raise KeyUnavailable(f"another thread's request for the same data key took over {self._wait_seconds} s")
        if flight.error is not None:
            raise _as_own(flight.error) from flight.error
        return passenger.served

    # --- renewing early

    def _is_mine_to_refresh(self, entry: CacheEntry) -> bool:
        """Whether *entry* is in its grace period and this thread is the second to see that: a lone one never is."""
        lifetime = min(self._max_age, entry.time_to_live)
        age = entry.age(self._clock.now())
        return lifetime - self._grace <= age < lifetime and entry.claim_refresh(threading.get_ident())

    def _refresh(self, wanted: _Wanted[_Materials], current: CacheEntry) -> _Materials:
        """Fetch the successor of *current*, on which other threads go on meanwhile."""
        key = (wanted.identifier, wanted.shared_with)
        flight, leading = self._flights.join(key, Passenger(wanted.plaintext_length))
        failure: Exception | None = None
        if leading:
            try:
                return self._fly(wanted, flight, MissReason.EXPIRED)
            except Exception as error:  # noqa: BLE001 - raised again below, unless the old key still serves
                failure = error
            finally:
                self._flights.land(key, flight)
        # Unless KMS said no to the old key (then it was evicted), it serves until its own end.
        refused = wanted.judge(current)
        if refused is None:
            self._count_hit(wanted.operation)
            return cast("_Materials", current.materials)
        if failure is None:
            return self._miss(wanted, refused)
        self._count_failure(wanted.operation, failure)
        raise failure

    def _watch_context(self, context: Mapping[str, str]) -> None:
        key = self._churn.missed(context, hits=self._books.hits())
        if key is not None:
            self._emit(UncacheableContext(context_key=key, requests=MISSES_BEFORE_WARNING))


def _is_refused(attempt: KeyAttempt, entry: CacheEntry) -> bool:
    """Whether *attempt*, which KMS denied or found disabled, concerns *entry*."""
    operation = Operation.DECRYPT if attempt.operation == "Decrypt" else Operation.ENCRYPT
    if attempt.outcome is KmsOutcome.DENIED and entry.operation is not operation:
        return False
    if parse_kms_arn(attempt.key) is None:  # an alias or a key ID: the entries name key ARNs, so all may be meant
        return True
    key_id = attempt.key.rpartition("/")[2].encode()
    return any(key.key_provider_info.rpartition(b"/")[2] == key_id for key in entry.encrypted_data_keys)


def _as_own(error: Exception) -> Exception:
    """*error* for another thread than the one that met it."""
    if isinstance(error, WarmkeyError):
        return error.for_another_caller()
    try:
        return copy(error)
    except Exception:  # noqa: BLE001 - whatever its class does when it is copied
        return KeyUnavailable(f"another thread's request for the same data key raised {type(error).__name__}")


def _underlying(cmm: CryptographicMaterialsManager | None, keyring: Keyring | None) -> CryptographicMaterialsManager:
    if (cmm is None) == (keyring is None):
        raise ConfigurationError("give either cmm or keyring")
    return DefaultCMM(keyring) if keyring is not None else cast("CryptographicMaterialsManager", cmm)


def _checked_partition_id(partition_id: object) -> str:
    if partition_id is None:
        return os.urandom(16).hex()
    # NUL separates the parts of a cache entry identifier, so one inside could make two partitions look alike.
    if not isinstance(partition_id, str) or not partition_id or "\0" in partition_id:
        raise ConfigurationError(f"partition_id is {partition_id!r}; a str that is not empty and has no NUL is allowed")
    try:
        partition_id.encode()
    except UnicodeEncodeError:
        raise ConfigurationError("partition_id holds a lone surrogate, which UTF-8 can't encode") from None
    return partition_id

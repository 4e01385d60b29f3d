"""The caching CMM: one data key for many messages, within limits.

What counts as use. Every message that is encrypted with a data key counts once, with its plaintext length, at the
moment its materials are handed out: the one whose request fetched the data key too. Counting and the check of the
limits are one atomic step on the entry, so no message exceeds a limit; a message that reaches one exactly is within.

In which order. A request that can't be cached is passed on unchanged (a bypass). For any other the entry is looked
up by its identifier and then judged: age by this CMM's own maximum, suite by the request's commitment policy, what
the identifier leaves out (required keys; reproduced context), and last the reservation. The first that fails makes
it a miss, which :mod:`warmkey.cmms.fetching` serves.

Why the plaintext length is withheld from the request that fills the cache: the materials will serve messages of other
lengths, so an underlying CMM must not choose them by this one's.

Age starts before the underlying CMM is asked, so a slow answer does not lengthen a data key's life.

Source: framework/caching-cmm.md
"""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from warmkey.algorithm_suites import AlgorithmSuite
from warmkey.caches.interface import CacheEntry
from warmkey.clock import SystemClock
from warmkey.cmms.cache_entry_identifier import DecryptIdentifiers, EncryptIdentifiers
from warmkey.cmms.context_churn import MISSES_BEFORE_WARNING, ContextChurn
from warmkey.cmms.default import underlying_cmm
from warmkey.cmms.fetching import Fetcher, Wanted
from warmkey.cmms.limits import MAX_BYTES, MAX_MESSAGES, Limits
from warmkey.cmms.statistics import Counters
from warmkey.events import (
    BypassReason,
    EvictionReason,
    MissReason,
    Operation,
    UncacheableContext,
    guarded,
    hit_listener,
    ignore,
)
from warmkey.exceptions import ConfigurationError, InvalidRequest
from warmkey.validation import require_method

if TYPE_CHECKING:
    from collections.abc import Mapping

    from warmkey.caches.interface import CryptographicMaterialsCache
    from warmkey.clock import Clock
    from warmkey.cmms.interface import CryptographicMaterialsManager
    from warmkey.cmms.statistics import OperationStatistics
    from warmkey.events import Emit
    from warmkey.keyrings.interface import Keyring
    from warmkey.structures import (
        DecryptionMaterials,
        DecryptMaterialsRequest,
        EncryptionContext,
        EncryptionMaterials,
        EncryptionMaterialsRequest,
    )

__all__ = ["CachingCMM"]

_GRACE_PERIOD_SECONDS = 10.0
_ENCRYPT, _DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
# None: the suite is the underlying CMM's to choose.
_EVERY_SUITE: frozenset[AlgorithmSuite | None] = frozenset({None, *AlgorithmSuite})
_IDENTITY_KDF_SUITES = frozenset(suite for suite in AlgorithmSuite if suite.has_identity_kdf)
_PENDING_EVICTION_REASONS = {
    MissReason.EXPIRED: EvictionReason.EXPIRED,
    MissReason.MESSAGES_SPENT: EvictionReason.MESSAGES_SPENT,
    MissReason.BYTES_SPENT: EvictionReason.BYTES_SPENT,
}


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
    :param clock: tells the time, to the cache too; tests move it
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
        require_method("cache", cache, "get_cache_entry", "put_cache_entry")
        require_method("emit", emit, "__call__")
        if clock is not None:
            require_method("clock", clock, "now")
        self._cache = cache
        self._cmm = underlying_cmm(cmm, keyring)
        self._partition_id = _checked_partition_id(partition_id)
        self._limits = Limits(
            max_age=max_age,
            max_age_jitter=max_age_jitter,
            max_messages_encrypted=max_messages_encrypted,
            max_bytes_encrypted=max_bytes_encrypted,
        )
        self._grace = min(_GRACE_PERIOD_SECONDS, max_age / 10) if refresh_ahead else 0.0
        # A cache that reads the same clock has just checked an entry's own time to live when it returns the entry.
        use_clock = getattr(cache, "use_clock", None)
        self._clock: Clock = use_clock(clock) if use_clock else clock or SystemClock()
        # Entries with a longer time to live than this are judged here.
        self._age_checked_below = self._limits.max_age if use_clock else 0.0
        self._never_cached = _EVERY_SUITE if getattr(cache, "capacity", None) == 0 else _IDENTITY_KDF_SUITES
        self._emit = guarded(emit)
        self._tell_hit = hit_listener(self._emit)
        self._counters = Counters()
        self._fetcher = Fetcher(
            cache=cache,
            partition_id=self._partition_id,
            limits=self._limits,
            wait_seconds=wait_seconds,
            counters=self._counters,
            clock=self._clock,
            emit=self._emit,
        )
        self._churn = ContextChurn()
        self._encrypt_identifiers = EncryptIdentifiers(self._partition_id)
        self._decrypt_identifiers = DecryptIdentifiers(self._partition_id)

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
        return f"CachingCMM({self._cmm!r}, cache={self._cache!r}, max_age={self._limits.max_age})"

    def statistics(self, operation: Operation) -> OperationStatistics:
        """How the requests of *operation* ended so far."""
        return self._counters.of(operation)

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
        suite, length = request.algorithm_suite, request.max_plaintext_length
        if length is None or not 0 <= length <= self._limits.max_bytes or suite in self._never_cached:
            reason = self._why_bypass_encrypt(suite, length)
            return self._fetcher.bypass(_ENCRYPT, reason, partial(self._cmm.get_encryption_materials, request))
        context: EncryptionContext = request.encryption_context  # type: ignore[assignment]
        identifier = self._encrypt_identifiers[suite, context.serialized]
        entry = self._cache.get_cache_entry(identifier)
        refused: MissReason | None
        if entry is None:
            self._watch_context(context)
            refused = self._why_absent(identifier)
        elif self._grace and self._is_mine_to_refresh(entry):
            return self._fetcher.refresh(self._wanted_encrypt(request, identifier))
        else:
            refused = self._judge_encrypt(entry, request)
            if refused is None:
                self._counters.encrypt_hits.add()
                if self._tell_hit is not None:
                    self._tell_hit(_ENCRYPT)
                return entry.materials  # type: ignore[return-value]
        return self._fetcher.miss(self._wanted_encrypt(request, identifier), refused)

    def decrypt_materials(self, request: DecryptMaterialsRequest, /) -> DecryptionMaterials:
        """Materials for one message, cached where that is allowed.

        :raises WarmkeyError: what the underlying CMM raises

        Source: framework/caching-cmm.md#decrypt-materials
        """
        suite = request.algorithm_suite
        if suite in self._never_cached:
            reason = BypassReason.IDENTITY_KDF if suite.has_identity_kdf else BypassReason.CACHING_OFF
            return self._fetcher.bypass(_DECRYPT, reason, partial(self._cmm.decrypt_materials, request))
        context: EncryptionContext = request.encryption_context  # type: ignore[assignment]
        identifier = self._decrypt_identifiers[suite, request.encrypted_data_keys, context.serialized]
        entry = self._cache.get_cache_entry(identifier)
        refused: MissReason | None
        if entry is None:
            refused = self._why_absent(identifier)
        elif self._grace and self._is_mine_to_refresh(entry):
            return self._fetcher.refresh(self._wanted_decrypt(request, identifier))
        else:
            refused = self._judge_decrypt(entry, request)
            if refused is None:
                self._counters.decrypt_hits.add()
                if self._tell_hit is not None:
                    self._tell_hit(_DECRYPT)
                return entry.materials  # type: ignore[return-value]
        return self._fetcher.miss(self._wanted_decrypt(request, identifier), refused)

    def _why_bypass_encrypt(self, suite: AlgorithmSuite | None, length: int | None) -> BypassReason:
        if suite is not None and suite.has_identity_kdf:
            return BypassReason.IDENTITY_KDF
        if length is None:
            return BypassReason.UNKNOWN_LENGTH
        if length < 0:  # it would give an entry bytes back
            raise InvalidRequest(f"max_plaintext_length is {length}; an int of 0 or more is allowed")
        return BypassReason.OVER_BYTE_LIMIT if length > self._limits.max_bytes else BypassReason.CACHING_OFF

    def _judge_encrypt(self, entry: CacheEntry, request: EncryptionMaterialsRequest) -> MissReason | None:
        """Reserve this message on *entry*, or say why the entry can't serve the request."""
        if entry.time_to_live > self._age_checked_below and self._is_too_old(entry):
            return _note(entry, MissReason.EXPIRED)
        if entry.materials.algorithm_suite not in request.commitment_policy.encrypt_suites:
            return _note(entry, MissReason.POLICY)
        if entry.required_encryption_context_keys != request.required_encryption_context_keys:
            return _note(entry, MissReason.CONTEXT)
        length: int = request.max_plaintext_length  # type: ignore[assignment]
        reason = entry.reserve(length, self._limits.max_messages, self._limits.max_bytes)
        return None if reason is None else _note(entry, reason)

    def _judge_decrypt(self, entry: CacheEntry, request: DecryptMaterialsRequest) -> MissReason | None:
        """Count this message on *entry*, or say why the entry can't serve the request."""
        if entry.time_to_live > self._age_checked_below and self._is_too_old(entry):
            return _note(entry, MissReason.EXPIRED)
        if entry.materials.algorithm_suite not in request.commitment_policy.decrypt_suites:
            return _note(entry, MissReason.POLICY)
        reproduced = request.reproduced_encryption_context
        if entry.reproduced_encryption_context is not reproduced and entry.reproduced_encryption_context != reproduced:
            return _note(entry, MissReason.CONTEXT)
        return entry.reserve(0, MAX_BYTES, MAX_BYTES)  # decrypting wears no key out: counted, not limited

    def _is_too_old(self, entry: CacheEntry) -> bool:
        return entry.age(self._clock.now()) >= min(self._limits.max_age, entry.time_to_live)

    def _is_mine_to_refresh(self, entry: CacheEntry) -> bool:
        """Whether *entry* is in its grace period and this thread is the second to see that: a lone one never is."""
        lifetime = min(self._limits.max_age, entry.time_to_live)
        age = entry.age(self._clock.now())
        return lifetime - self._grace <= age < lifetime and entry.claim_refresh(threading.get_ident())

    def _why_absent(self, identifier: bytes) -> MissReason:
        miss_reason = getattr(self._cache, "miss_reason", None)
        return MissReason.ABSENT if miss_reason is None else miss_reason(identifier)

    def _watch_context(self, context: Mapping[str, str]) -> None:
        key = self._churn.missed(context, hits=self._counters.encrypt_hits.total())
        if key is not None:
            self._emit(UncacheableContext(context_key=key, requests=MISSES_BEFORE_WARNING))

    def _wanted_encrypt(self, request: EncryptionMaterialsRequest, identifier: bytes) -> Wanted[EncryptionMaterials]:
        return Wanted(
            operation=Operation.ENCRYPT,
            identifier=identifier,
            plaintext_length=cast("int", request.max_plaintext_length),
            shared_with=(request.commitment_policy, request.required_encryption_context_keys),
            judge=lambda entry: self._judge_encrypt(entry, request),
            fetch=lambda: self._cmm.get_encryption_materials(replace(request, max_plaintext_length=None)),
            fill=lambda materials, created, fetch_sequence: CacheEntry(
                materials,
                operation=Operation.ENCRYPT,
                created=created,
                time_to_live=self._limits.time_to_live(),
                partition_id=self._partition_id,
                fetch_sequence=fetch_sequence,
                encrypted_data_keys=materials.encrypted_data_keys,
                required_encryption_context_keys=request.required_encryption_context_keys,
            ),
        )

    def _wanted_decrypt(self, request: DecryptMaterialsRequest, identifier: bytes) -> Wanted[DecryptionMaterials]:
        return Wanted(
            operation=Operation.DECRYPT,
            identifier=identifier,
            plaintext_length=0,
            shared_with=(request.commitment_policy, request.reproduced_encryption_context),
            judge=lambda entry: self._judge_decrypt(entry, request),
            fetch=lambda: self._cmm.decrypt_materials(request),
            fill=lambda materials, created, fetch_sequence: CacheEntry(
                materials,
                operation=Operation.DECRYPT,
                created=created,
                time_to_live=self._limits.time_to_live(),
                partition_id=self._partition_id,
                fetch_sequence=fetch_sequence,
                encrypted_data_keys=request.encrypted_data_keys,
                reproduced_encryption_context=request.reproduced_encryption_context,
            ),
        )


def _note(entry: CacheEntry, reason: MissReason) -> MissReason:
    entry.pending_eviction_reason = _PENDING_EVICTION_REASONS.get(reason)
    return reason


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

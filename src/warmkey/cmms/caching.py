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
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from warmkey.caches.interface import CacheFeatures
from warmkey.cmms.admission import Admission
from warmkey.cmms.cached_operations import CachedDecryption, CachedEncryption
from warmkey.cmms.context_churn import MISSES_BEFORE_WARNING, ContextChurn
from warmkey.cmms.default import underlying_cmm
from warmkey.cmms.failure_memory import LONGEST_SECONDS, FailureMemory
from warmkey.cmms.fetching import Fetcher
from warmkey.cmms.interface import forget_unverified
from warmkey.cmms.limits import MAX_BYTES, MAX_MESSAGES, Limits
from warmkey.cmms.statistics import Counters
from warmkey.events import Operation, SettingWarning, UncacheableContext, guarded, ignore
from warmkey.exceptions import ConfigurationError
from warmkey.fork_safety import PROCESS_MARK, SETTLED, notice_fork
from warmkey.safe_repr import safe_repr
from warmkey.structures import (
    DecryptionMaterials,
    DecryptMaterialsRequest,
    EncryptionMaterials,
    EncryptionMaterialsRequest,
)
from warmkey.tracebacks import scrubbed
from warmkey.validation import number, require_method, shown, switch
from warmkey.waiting import check_may_wait

if TYPE_CHECKING:
    from warmkey.caches.interface import CryptographicMaterialsCache
    from warmkey.clock import Clock
    from warmkey.cmms.cached_operations import CachedOperation
    from warmkey.cmms.interface import CryptographicMaterialsManager
    from warmkey.cmms.statistics import OperationStatistics
    from warmkey.events import Emit
    from warmkey.keyrings.interface import Keyring

__all__ = ["CachingCMM"]

_ENCRYPT, _DECRYPT = Operation.ENCRYPT, Operation.DECRYPT

_Request = TypeVar("_Request", EncryptionMaterialsRequest, DecryptMaterialsRequest)
_Materials = TypeVar("_Materials", EncryptionMaterials, DecryptionMaterials)

# So many CMMs over one cache, each with a partition of its own, are made for messages or invocations.
_TOO_MANY_CMMS = 20


@safe_repr
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
    :param remember_failures_seconds: 0 to 1; how long requests of the same data key fail with an answer "throttled" or
        "unreachable" of KMS without asking again
    :param clock: tells the time, to the cache too; tests move it
    :param emit: told what happens (:mod:`warmkey.events`); give it to the cache too for evictions
    :ivar emit: what tells them; by it a client finds out who counts messages
    :raises ConfigurationError: an argument can't be used

    Source: framework/caching-cmm.md#initialization
    """

    @scrubbed
    def __init__(  # noqa: PLR0913 - the specification's settings and ours, all by keyword
        self,
        *,
        # spec: framework/caching-cmm.md#initialization ee50
        cache: CryptographicMaterialsCache,
        max_age: float,
        cmm: CryptographicMaterialsManager | None = None,
        keyring: Keyring | None = None,
        # spec: framework/caching-cmm.md#initialization 3239
        partition_id: str | None = None,
        max_messages_encrypted: int = MAX_MESSAGES,
        max_bytes_encrypted: int = MAX_BYTES,
        max_age_jitter: float = 0.0,
        refresh_ahead: bool = False,
        wait_seconds: float = 60.0,
        remember_failures_seconds: float = 0.0,
        clock: Clock | None = None,
        emit: Emit = ignore,
    ) -> None:
        if cache is None:
            raise ConfigurationError("cache is None; give a LocalCMC(capacity), or a NullCMC() to turn caching off")
        require_method("cache", cache, "get_cache_entry", "put_cache_entry")
        require_method("emit", emit, "__call__")
        if clock is not None:
            require_method("clock", clock, "now")
        limits = Limits(
            max_age=max_age,
            max_age_jitter=max_age_jitter,
            max_messages_encrypted=max_messages_encrypted,
            max_bytes_encrypted=max_bytes_encrypted,
        )
        self._cache = cache
        self._features = CacheFeatures(cache)
        # spec: framework/caching-cmm.md#initialization 0ddd 2637
        self._cmm = underlying_cmm(cmm, keyring)
        self._partition_id = _checked_partition_id(partition_id)
        self._max_age = limits.max_age
        self._refresh_ahead = switch("refresh_ahead", refresh_ahead)
        self.emit = guarded(emit)
        if partition_id is None:
            self._warn_of_too_many_over(cache)
        self._counters = Counters()
        self._churn = ContextChurn()
        use_clock = self._features.use_clock(clock)
        self._admission = Admission(
            max_age=limits.max_age,
            cache_checks_age=self._features.checks_age,
            counters=self._counters,
            clock=use_clock,
            emit=self.emit,
        )
        self._failures = FailureMemory(
            number("remember_failures_seconds", remember_failures_seconds, 0, LONGEST_SECONDS),
            features=self._features,
            partition_id=self._partition_id,
            clock=use_clock,
        )
        self._fetcher = Fetcher(
            cache=cache,
            features=self._features,
            partition_id=self._partition_id,
            admission=self._admission,
            wait_seconds=wait_seconds,
            failures=self._failures,
            counters=self._counters,
            clock=use_clock,
            emit=self.emit,
        )
        off = self._features.capacity == 0
        self._encryption = CachedEncryption(
            self._cmm, limits, partition_id=self._partition_id, hits=self._counters.hits[_ENCRYPT], caching_is_off=off
        )
        self._decryption = CachedDecryption(
            self._cmm, limits, partition_id=self._partition_id, hits=self._counters.hits[_DECRYPT], caching_is_off=off
        )

    def _warn_of_too_many_over(self, cache: CryptographicMaterialsCache) -> None:
        with suppress(TypeError, AttributeError):  # a cache of somebody else may take no further attribute
            count = cache.unshared_cmms = getattr(cache, "unshared_cmms", 0) + 1  # type: ignore[attr-defined]
            if count == _TOO_MANY_CMMS:
                self.emit(
                    SettingWarning(
                        setting="partition_id",
                        problem=f"{count} caching CMMs without one were made over one cache, so each starts with "
                        "nothing cached; make one CMM, outside of the handler, or give them a partition ID",
                    )
                )

    # spec: framework/caching-cmm.md#partition-id 674b
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
        """Return how the requests of *operation* ended so far."""
        return self._counters.of(operation)

    def purge(self) -> int:
        """Forget every entry of this partition and what is being fetched, and return how many entries there were.

        :raises ConfigurationError: the cache has no ``purge``
        """
        if not self._features.can_purge:
            raise ConfigurationError(f"{type(self._cache).__name__} has no purge method")
        self._failures.reset()
        return int(self._features.purge(self._partition_id))

    def get_encryption_materials(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        """Return materials for one message of up to ``request.max_plaintext_length`` bytes, cached where allowed.

        :raises WarmkeyError: what the underlying CMM raises

        Source: framework/caching-cmm.md#get-encryption-materials
        """
        return self._serve(self._encryption, request)

    def decrypt_materials(self, request: DecryptMaterialsRequest, /) -> DecryptionMaterials:
        """Return materials for one message, cached where allowed.

        :raises WarmkeyError: what the underlying CMM raises

        Source: framework/caching-cmm.md#decrypt-materials
        """
        return self._serve(self._decryption, request)

    def forget_unverified(self, request: DecryptMaterialsRequest, /) -> None:
        """Forget what the message of *request* filled: its header turned out not to be authentic.

        Anybody can write such messages, so they must not fill the cache. An entry that served other messages stays.
        """
        forget_unverified(self._cmm, request)
        identifier = self._decryption.identifier(request)
        if identifier is not None:
            entry = self._cache.get_cache_entry(identifier)
            if entry is not None and entry.messages == 1 and self._decryption.refusal(entry, request) is None:
                self._cache.delete_cache_entry(identifier)

    def _serve(self, operation: CachedOperation[_Request, _Materials], request: _Request) -> _Materials:
        if PROCESS_MARK[0] != SETTLED:
            notice_fork()
        # spec: framework/caching-cmm.md#get-encryption-materials 7a64
        # spec: framework/caching-cmm.md#decrypt-materials 7a64
        identifier = operation.identifier(request)
        if identifier is None:
            # spec: framework/caching-cmm.md#get-encryption-materials 7248 fab8
            # spec: framework/caching-cmm.md#decrypt-materials 124d 2eda
            return self._fetcher.bypass(operation, request, operation.bypass_reason(request))
        # spec: framework/caching-cmm.md#get-encryption-materials 847e
        # spec: framework/caching-cmm.md#decrypt-materials cf6a
        entry = self._cache.get_cache_entry(identifier)
        if entry is None:
            check_may_wait()  # before the miss is counted
            self._watch_context(operation.kind, request)
            # spec: framework/caching-cmm.md#get-encryption-materials 9969
            # spec: framework/caching-cmm.md#decrypt-materials d5bf
            return self._fetcher.miss(operation, request, identifier, self._features.miss_reason(identifier))
        if self._refresh_ahead and self._admission.is_due(entry):
            return self._fetcher.refresh(operation, request, identifier)
        refusal = self._admission.hit(operation, entry, request)
        if refusal is not None:
            return self._fetcher.miss(operation, request, identifier, refusal)
        # spec: framework/caching-cmm.md#get-encryption-materials 436d
        # spec: framework/caching-cmm.md#decrypt-materials b248
        return entry.materials  # type: ignore[return-value]

    def _watch_context(self, kind: Operation, request: EncryptionMaterialsRequest | DecryptMaterialsRequest) -> None:
        if kind is _ENCRYPT:
            key = self._churn.missed(request.encryption_context, hits=self._counters.hits[kind].total())
            if key is not None:
                self.emit(UncacheableContext(context_key=key, requests=MISSES_BEFORE_WARNING))


def _checked_partition_id(partition_id: object) -> str:
    if partition_id is None:
        # spec: framework/caching-cmm.md#underlying-cryptographic-materials-cache e442
        # spec: framework/caching-cmm.md#partition-id 319a
        return os.urandom(16).hex()
    # NUL separates the parts of a cache entry identifier, so one inside could make two partitions look alike.
    if not isinstance(partition_id, str) or not partition_id or "\0" in partition_id:
        raise ConfigurationError(
            f"partition_id must be a str that is not empty and has no NUL, not {shown(partition_id)}"
        )
    try:
        partition_id.encode()
    except UnicodeEncodeError:
        raise ConfigurationError("partition_id holds a lone surrogate, which UTF-8 can't encode") from None
    return partition_id

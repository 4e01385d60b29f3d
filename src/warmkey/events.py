"""State what happened, as facts that subscribers turn into logs, metrics or test assertions.

A subscriber is any callable that takes one event: ``CachingCMM(..., emit=seen.append)``. Hits are so frequent that a
record for each would cost more than the hit, so they are counted (``CachingCMM.statistics``) and announced one by one
only to a subscriber that asks for them: as events with a true attribute ``wants_hits``, or, for a tenth of the price,
as calls of its method ``count_hit(operation)``.

No event carries a key, a plaintext, an encryption context or a cache entry identifier.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from warmkey.boundary import run_outside
from warmkey.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "BranchKeyCoalesced",
    "BranchKeyEviction",
    "BranchKeyFailed",
    "BranchKeyHit",
    "BranchKeyMiss",
    "BypassReason",
    "CacheBypass",
    "CacheCoalesced",
    "CacheEviction",
    "CacheHit",
    "CacheMiss",
    "DynamoDbOutcome",
    "DynamoDbRequest",
    "Emit",
    "Event",
    "EvictionReason",
    "KmsOutcome",
    "KmsRequest",
    "MissReason",
    "Operation",
    "RequestFailed",
    "SettingWarning",
    "UncacheableContext",
    "UnsealedRecordPassed",
    "branch_key_hit_listener",
    "fan_out",
    "guarded",
    "hit_listener",
    "ignore",
]


class Operation(StrEnum):
    """Says which kind of materials a request asked for."""

    ENCRYPT = "encrypt"
    DECRYPT = "decrypt"


class MissReason(StrEnum):
    """Says why no cached entry could serve a request."""

    ABSENT = "absent"
    EXPIRED = "expired"
    MESSAGES_SPENT = "messages-spent"
    BYTES_SPENT = "bytes-spent"
    POLICY = "policy"
    CONTEXT = "context"


class BypassReason(StrEnum):
    """Says why a request never looked at the cache."""

    UNKNOWN_LENGTH = "unknown-length"
    IDENTITY_KDF = "identity-kdf"
    OVER_BYTE_LIMIT = "over-byte-limit"
    CACHING_OFF = "caching-off"


class EvictionReason(StrEnum):
    """Says why an entry left the cache."""

    CAPACITY = "capacity"
    EXPIRED = "expired"
    MESSAGES_SPENT = "messages-spent"
    BYTES_SPENT = "bytes-spent"
    REPLACED = "replaced"
    DELETED = "deleted"
    PURGED = "purged"
    SNAPSHOT = "snapshot"
    FORK = "fork"


class KmsOutcome(StrEnum):
    """Says how a KMS request ended."""

    OK = "ok"
    THROTTLED = "throttled"
    DENIED = "denied"
    DISABLED = "disabled"
    UNREACHABLE = "unreachable"
    OTHER = "other"


class DynamoDbOutcome(StrEnum):
    """How a DynamoDB request ended."""

    OK = "ok"
    THROTTLED = "throttled"
    DENIED = "denied"
    CONFLICT = "conflict"
    UNREACHABLE = "unreachable"
    OTHER = "other"


class CacheHit(Record):
    """States that a cached data key served the request. Only for subscribers with ``wants_hits``."""

    operation: Operation


class CacheCoalesced(Record):
    """States that the request waited for the call of another thread and shares its data key."""

    operation: Operation


class CacheMiss(Record):
    """States that the underlying CMM had to be asked, and answered."""

    operation: Operation
    reason: MissReason


class CacheBypass(Record):
    """States that the request was not cacheable; the underlying CMM was asked, and answered."""

    operation: Operation
    reason: BypassReason


class RequestFailed(Record):
    """States that the request ended in an error. ``error`` is the name of the exception's class."""

    operation: Operation
    error: str


class CacheEviction(Record):
    """States that an entry left the cache after serving ``messages`` messages of ``plaintext_bytes`` bytes together."""

    operation: Operation
    reason: EvictionReason
    age_seconds: float
    messages: int
    plaintext_bytes: int


class KmsRequest(Record):
    """States one request to AWS KMS, with all its retries.

    ``kms_operation`` is the API's name, ``key_arn`` what was asked for, ``attempts`` the tries that the client made.
    """

    kms_operation: str
    key_arn: str
    duration_seconds: float
    attempts: int
    outcome: KmsOutcome


class UnsealedRecordPassed(Record):
    """``unseal_record`` was given a record without a sealed value, and passed it on because of ``missing="pass"``."""


class DynamoDbRequest(Record):
    """One request to DynamoDB, with all its retries.

    ``dynamodb_operation`` is the API's name, ``attempts`` the tries that the client made. No table and no item is
    named: a branch key ID may be a value of an encryption context.
    """

    dynamodb_operation: str
    duration_seconds: float
    attempts: int
    outcome: DynamoDbOutcome


class BranchKeyHit(Record):
    """A cached branch key served the request. Only for subscribers with ``wants_hits``.

    Of branch keys, ``encrypt`` asks for the active version and ``decrypt`` for the version that a message names.
    """

    operation: Operation


class BranchKeyCoalesced(Record):
    """The request waited for the call of another thread and shares its branch key."""

    operation: Operation


class BranchKeyMiss(Record):
    """The key store had to be asked, and answered."""

    operation: Operation
    reason: MissReason


class BranchKeyFailed(Record):
    """The request for a branch key ended in an error. ``error`` is the name of the exception's class."""

    operation: Operation
    error: str


class BranchKeyEviction(Record):
    """A branch key left the cache."""

    operation: Operation
    reason: EvictionReason
    age_seconds: float


class SettingWarning(Record):
    """Said once: ``setting`` has no effect, or works against its purpose. ``problem`` says why and what to do."""

    setting: str
    problem: str


class UncacheableContext(Record):
    """States, once, that ``requests`` requests in a row had no hit: ``context_key`` changes with every message."""

    context_key: str
    requests: int


Event: TypeAlias = (
    CacheHit
    | CacheCoalesced
    | CacheMiss
    | CacheBypass
    | RequestFailed
    | CacheEviction
    | KmsRequest
    | DynamoDbRequest
    | BranchKeyHit
    | BranchKeyCoalesced
    | BranchKeyMiss
    | BranchKeyFailed
    | BranchKeyEviction
    | SettingWarning
    | UncacheableContext
    | UnsealedRecordPassed
)
Emit: TypeAlias = "Callable[[Event], object]"


def ignore(event: Event) -> None:
    """Do nothing with *event*."""


def guarded(subscriber: Emit) -> Emit:
    """Return *subscriber*, kept from failing what it observes (see :func:`fan_out`)."""
    return subscriber if subscriber is ignore or isinstance(subscriber, _FanOut) else fan_out(subscriber)


def hit_listener(emit: Emit) -> Callable[[Operation], object] | None:
    """Return what to call for each hit, or ``None`` if *emit* does not ask for hits."""
    listener: Callable[[Operation], object] | None = getattr(emit, "count_hit", None)
    if listener is None and getattr(emit, "wants_hits", False):
        hits = {operation: CacheHit(operation=operation) for operation in Operation}
        return lambda operation: emit(hits[operation])
    return listener


def branch_key_hit_listener(emit: Emit) -> Callable[[Operation], object] | None:
    """Return what to call for each hit of a branch key, or ``None`` if *emit* does not want to know."""
    listener: Callable[[Operation], object] | None = getattr(emit, "count_branch_key_hit", None)
    if listener is None and getattr(emit, "wants_hits", False):
        hits = {operation: BranchKeyHit(operation=operation) for operation in Operation}
        return lambda operation: emit(hits[operation])
    return listener


def fan_out(*subscribers: Emit) -> Emit:
    """Return one subscriber that tells all of *subscribers*, and keeps a failing one from failing what it observes.

    A subscriber that raises is logged (class of the exception only) on the logger ``warmkey.events``.
    """
    return _FanOut(subscribers)


class _FanOut:
    """See :func:`fan_out`."""

    __slots__ = ("_subscribers", "count_branch_key_hit", "count_hit", "wants_hits")

    def __init__(self, subscribers: tuple[Emit, ...]) -> None:
        self._subscribers = subscribers
        self.wants_hits = any(getattr(subscriber, "wants_hits", False) for subscriber in subscribers)
        self.count_hit = _tell_all(map(hit_listener, subscribers))
        self.count_branch_key_hit = _tell_all(map(branch_key_hit_listener, subscribers))

    def __call__(self, event: Event) -> None:
        for subscriber in self._subscribers:
            if isinstance(event, CacheHit | BranchKeyHit) and not getattr(subscriber, "wants_hits", False):
                continue
            try:
                subscriber(event)
            except Exception as error:  # noqa: BLE001 - observing must never break what it observes
                _report(error)


_Listener: TypeAlias = "Callable[[Operation], object]"


def _tell_all(listeners: Iterable[_Listener | None]) -> _Listener | None:
    """Return one listener that tells all of *listeners*, or ``None`` if nobody listens."""
    listening = tuple(listener for listener in listeners if listener is not None)

    def tell(operation: Operation) -> None:
        for listener in listening:
            try:
                listener(operation)
            except Exception as error:  # noqa: BLE001 - see _FanOut
                _report(error)

    return tell if listening else None


def _report(error: Exception) -> None:
    kind = type(error).__name__
    with suppress(Exception):  # the function's own handlers and filters may be what fails
        run_outside(lambda: logging.getLogger(__name__).warning("a subscriber failed with %s", kind))

"""Count what a caching CMM does not: requests, evictions, records that passed unsealed, and how messages ended."""

from __future__ import annotations

from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING, TypeVar

from warmkey.events import (
    BypassReason,
    CacheBypass,
    CacheCoalesced,
    CacheEviction,
    CacheHit,
    CacheMiss,
    DynamoDbRequest,
    EvictionReason,
    KmsRequest,
    MessageAbandoned,
    MessageRefused,
    MissReason,
    Operation,
    RefusalReason,
    RequestFailed,
    UnsealedRecordPassed,
)
from warmkey.fork_safety import register
from warmkey.hit_counter import HitCounter
from warmkey.locks import new_lock
from warmkey.records import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from warmkey.events import DynamoDbOutcome, Event, KmsOutcome

__all__ = ["RARE_ENDS", "KmsAndEvictionCounter", "MessageCounter", "MessageStatistics"]

# Ends of messages that are told only where there were any.
RARE_ENDS = ("malformed", "authentication_failures", "policy_refusals", "abandoned")
_ENCRYPT = Operation.ENCRYPT
_COALESCED, _FAILED, _ABANDONED = "coalesced", "failed", "abandoned"


class KmsAndEvictionCounter:
    """Counts as a subscriber; safe for threads and forks.

    Whoever kept the helpers' caching CMM across a fork still reports here.
    """

    def __init__(self) -> None:
        self._start()
        register(self)

    def _start(self) -> None:
        self._lock = new_lock()
        self._evictions: Counter[EvictionReason] = Counter()
        self._kms_requests: Counter[tuple[str, KmsOutcome]] = Counter()
        self._unsealed_records_passed = 0
        self._dynamodb_requests: Counter[tuple[str, DynamoDbOutcome]] = Counter()

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Start at zero in a forked child; keep the counts for a snapshot, of what was dropped for it too."""
        if reason is EvictionReason.FORK:
            self._start()

    def __call__(self, event: Event) -> None:
        """Count *event*, if it is of a kind that is counted here."""
        if isinstance(event, CacheEviction):
            with self._lock:
                self._evictions[event.reason] += 1
        elif isinstance(event, KmsRequest):
            with self._lock:
                self._kms_requests[event.kms_operation, event.outcome] += 1
        elif isinstance(event, UnsealedRecordPassed):
            with self._lock:
                self._unsealed_records_passed += 1
        elif isinstance(event, DynamoDbRequest):
            with self._lock:
                self._dynamodb_requests[event.dynamodb_operation, event.outcome] += 1

    def evictions(self) -> dict[EvictionReason, int]:
        """Return how many entries left, by reason."""
        with self._lock:
            return dict(self._evictions)

    def unsealed_records_passed(self) -> int:
        """Return how many records passed without a sealed value."""
        return self._unsealed_records_passed

    def kms_requests(self) -> dict[str, dict[KmsOutcome, int]]:
        """Return how many requests went to KMS, by operation and outcome."""
        with self._lock:
            return _by_operation(self._kms_requests)

    def dynamodb_requests(self) -> dict[str, dict[DynamoDbOutcome, int]]:
        """Return how many requests went to DynamoDB, by operation and outcome."""
        with self._lock:
            return _by_operation(self._dynamodb_requests)


_Outcome = TypeVar("_Outcome")


def _by_operation(counts: Mapping[tuple[str, _Outcome], int]) -> dict[str, dict[_Outcome, int]]:
    requests: dict[str, dict[_Outcome, int]] = {}
    for (operation, outcome), count in dict(counts).items():  # whoever interrupts this thread may count too
        requests.setdefault(operation, {})[outcome] = count
    return requests


class MessageStatistics(Record):
    """How the messages of one operation ended; each is in exactly one of these counts.

    :ivar hits: ended well, with a cached data key
    :ivar coalesced: ended well, with the data key of another thread's request
    :ivar misses: ended well, with a data key from the underlying CMM, by reason
    :ivar bypasses: ended well without the cache, by reason
    :ivar failures: ended in another error than the following, for example without a data key
    :ivar malformed: the bytes are not a message
    :ivar authentication_failures: a tag, the commitment or the signature does not verify
    :ivar policy_refusals: the commitment policy, a limit or the encryption context does not allow it
    :ivar abandoned: the stream was closed before its end, or the call was interrupted
    """

    hits: int = 0
    coalesced: int = 0
    misses: Mapping[MissReason, int] = field(default_factory=dict)
    bypasses: Mapping[BypassReason, int] = field(default_factory=dict)
    failures: int = 0
    malformed: int = 0
    authentication_failures: int = 0
    policy_refusals: int = 0
    abandoned: int = 0

    @property
    def requests(self) -> int:
        """All of them."""
        refused = self.malformed + self.authentication_failures + self.policy_refusals
        return self.hits + self.coalesced + self.calls + self.failures + refused + self.abandoned

    @property
    def calls(self) -> int:
        """Messages that ended well with materials of the underlying CMM: misses and bypasses."""
        return sum(self.misses.values()) + sum(self.bypasses.values())


class MessageCounter:
    """Count messages by how they ended, as a subscriber; see :mod:`warmkey.message_ends`."""

    def __init__(self) -> None:
        self.reset()
        register(self)

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Start at zero, whatever the *reason*: a copy counts for itself."""
        del reason
        self._lock = new_lock()  # a finalizer may close a stream while its thread is counting
        self._encrypt_hits, self._decrypt_hits = HitCounter(), HitCounter()
        self._ends: Counter[tuple[Operation, object]] = Counter()

    def __call__(self, event: Event) -> None:
        """Count *event*, if it is the end of a message."""
        match event:
            case CacheHit():
                self.count_hit(event.operation)
            case CacheCoalesced():
                self._count(event.operation, _COALESCED)
            case CacheMiss() | CacheBypass() | MessageRefused():
                self._count(event.operation, event.reason)
            case RequestFailed():
                self._count(event.operation, _FAILED)
            case MessageAbandoned():
                self._count(event.operation, _ABANDONED)

    message_ended = __call__

    def note(self, event: Event) -> None:
        """Wait for the end of the message."""

    def count_hit(self, operation: Operation) -> None:
        """Count a message that ended well with a cached data key."""
        if operation is _ENCRYPT:
            self._encrypt_hits.add()
        else:
            self._decrypt_hits.add()

    def _count(self, operation: Operation, end: object) -> None:
        with self._lock:
            self._ends[operation, end] += 1

    def of(self, operation: Operation) -> MessageStatistics:
        """Return how the messages of *operation* ended so far."""
        with self._lock:
            ends = {end: count for (kind, end), count in dict(self._ends).items() if kind is operation}
        return MessageStatistics(
            hits=(self._encrypt_hits if operation is _ENCRYPT else self._decrypt_hits).total(),
            coalesced=ends.get(_COALESCED, 0),
            misses={reason: count for reason, count in ends.items() if isinstance(reason, MissReason)},
            bypasses={reason: count for reason, count in ends.items() if isinstance(reason, BypassReason)},
            failures=ends.get(_FAILED, 0),
            malformed=ends.get(RefusalReason.MALFORMED, 0),
            authentication_failures=ends.get(RefusalReason.AUTHENTICATION, 0),
            policy_refusals=ends.get(RefusalReason.POLICY, 0),
            abandoned=ends.get(_ABANDONED, 0),
        )

"""Count what CMMs and keyrings do not: requests to services, evictions, and records without a sealed value."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from warmkey.events import CacheEviction, DynamoDbRequest, EvictionReason, KmsRequest, UnsealedRecordPassed
from warmkey.fork_safety import register

if TYPE_CHECKING:
    from collections.abc import Mapping

    from warmkey.events import DynamoDbOutcome, Event, KmsOutcome

__all__ = ["KmsAndEvictionCounter"]


class KmsAndEvictionCounter:
    """Counts as a subscriber; safe for threads and forks.

    Whoever kept the helpers' caching CMM across a fork still reports here.
    """

    def __init__(self) -> None:
        self._start()
        register(self)

    def _start(self) -> None:
        self._lock = threading.RLock()
        self._evictions: Counter[EvictionReason] = Counter()
        self._kms_requests: Counter[tuple[str, KmsOutcome]] = Counter()
        self._unsealed_records_passed = 0
        self._dynamodb_requests: Counter[tuple[str, DynamoDbOutcome]] = Counter()

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Start at zero in a forked child; keep the counts for a snapshot, of what was dropped for it too."""
        if reason is EvictionReason.FORK:
            self._start()

    def __call__(self, event: Event) -> None:
        """Count *event*, if it is one of the three kinds."""
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
    for (operation, outcome), count in counts.items():
        requests.setdefault(operation, {})[outcome] = count
    return requests

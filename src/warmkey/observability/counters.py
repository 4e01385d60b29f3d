"""Count what a caching CMM does not: KMS requests, evictions, and records that passed without a sealed value."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from warmkey.events import CacheEviction, EvictionReason, KmsRequest, UnsealedRecordPassed
from warmkey.fork_safety import register

if TYPE_CHECKING:
    from warmkey.events import Event, KmsOutcome

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

    def evictions(self) -> dict[EvictionReason, int]:
        """Return how many entries left, by reason."""
        with self._lock:
            return dict(self._evictions)

    def unsealed_records_passed(self) -> int:
        """Return how many records passed without a sealed value."""
        return self._unsealed_records_passed

    def kms_requests(self) -> dict[str, dict[KmsOutcome, int]]:
        """Return how many requests went to KMS, by operation and outcome."""
        requests: dict[str, dict[KmsOutcome, int]] = {}
        with self._lock:
            for (operation, outcome), count in self._kms_requests.items():
                requests.setdefault(operation, {})[outcome] = count
        return requests

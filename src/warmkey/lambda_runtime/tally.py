"""Counts what a caching CMM does not: KMS requests and evictions."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from warmkey.events import CacheEviction, KmsRequest

if TYPE_CHECKING:
    from warmkey.events import Event, EvictionReason, KmsOutcome

__all__ = ["Tally"]


class Tally:
    """A subscriber that only counts; safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._evictions: Counter[EvictionReason] = Counter()
        self._kms_requests: Counter[tuple[str, KmsOutcome]] = Counter()

    def __call__(self, event: Event) -> None:
        """Count *event*, if it is one of the two kinds."""
        if isinstance(event, CacheEviction):
            with self._lock:
                self._evictions[event.reason] += 1
        elif isinstance(event, KmsRequest):
            with self._lock:
                self._kms_requests[event.kms_operation, event.outcome] += 1

    def evictions(self) -> dict[EvictionReason, int]:
        """Entries that left, by reason."""
        with self._lock:
            return dict(self._evictions)

    def kms_requests(self) -> dict[str, dict[KmsOutcome, int]]:
        """Requests to KMS, by operation and outcome."""
        requests: dict[str, dict[KmsOutcome, int]] = {}
        with self._lock:
            for (operation, outcome), count in self._kms_requests.items():
                requests.setdefault(operation, {})[outcome] = count
        return requests

"""Count what the caches and keyrings of a replay tell, and tell nobody else: no log line, no metric."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from warmkey.clock import Instant
from warmkey.events import BranchKeyEviction, CacheEviction, DynamoDbRequest, KmsRequest, Operation
from warmkey.plan.outcome import EVICTIONS, MISSES, Counts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.cmms.statistics import OperationStatistics
    from warmkey.events import Event

__all__ = ["Tally", "TraceClock"]


class TraceClock:
    """Shows the time of the current row, in seconds since the first one, on both clocks."""

    __slots__ = ("_now",)

    def __init__(self) -> None:
        self._now = Instant(0.0, 0.0)

    def now(self) -> Instant:
        """Return this moment."""
        return self._now

    def show(self, seconds: float) -> None:
        """Move both clocks to *seconds*."""
        self._now = Instant(seconds, seconds)


class Tally:
    """A subscriber for ``emit=``.

    :param phase: the part of a second that had passed when the clock showed 0
    :ivar operation: the operation of the row that is being replayed
    :ivar kms_seconds: KMS requests in each second
    :ivar fills: KMS requests so far, each of which may have filled a cache
    """

    def __init__(self, clock: TraceClock, phase: float = 0.0) -> None:
        self._clock = clock
        self._phase = phase
        self._hits: Counter[Operation] = Counter()
        self._misses: Counter[tuple[Operation, str]] = Counter()
        self._bypasses: Counter[tuple[Operation, str]] = Counter()
        self._evictions: Counter[tuple[Operation, str]] = Counter()
        self._kms_requests: Counter[tuple[Operation, str]] = Counter()
        self._dynamodb_requests: Counter[Operation] = Counter()
        self.kms_seconds: Counter[int] = Counter()
        self.fills = 0
        self.operation = Operation.ENCRYPT

    def __call__(self, event: Event) -> None:
        """Count *event*."""
        if isinstance(event, KmsRequest):
            self._kms_requests[self.operation, event.kms_operation] += 1
            self.kms_seconds[int(self._clock.now().monotonic + self._phase)] += 1
            self.fills += 1
        elif isinstance(event, DynamoDbRequest):
            self._dynamodb_requests[self.operation] += 1
        elif isinstance(event, CacheEviction | BranchKeyEviction):
            self._evictions[event.operation, event.reason] += 1

    def collect(self, operation: Operation, found: OperationStatistics) -> None:
        """Add what one container counted in its whole life."""
        self._hits[operation] += found.hits
        for counted, reasons in ((self._misses, found.misses), (self._bypasses, found.bypasses)):
            for reason, count in reasons.items():
                counted[operation, reason] += count

    def counts(self, operation: Operation, messages: int, kms: Sequence[str]) -> Counts:
        """Return what became of the *messages* of *operation*, in the containers that were collected.

        :param kms: the KMS operations to name even where there was no request
        """
        return Counts(
            messages=messages,
            hits=self._hits[operation],
            misses=dict.fromkeys(map(str, MISSES), 0) | _of(self._misses, operation),
            bypasses=_of(self._bypasses, operation),
            evictions=dict.fromkeys(map(str, EVICTIONS), 0) | _of(self._evictions, operation),
            kms_requests=dict.fromkeys(kms, 0) | _of(self._kms_requests, operation),
            dynamodb_requests=self._dynamodb_requests[operation],
        )


def _of(counted: Counter[tuple[Operation, str]], operation: Operation) -> dict[str, float]:
    return {str(name): count for (kind, name), count in counted.items() if kind is operation}

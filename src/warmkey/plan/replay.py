"""Replay a trace on the real caches, row by row, on a clock that shows the time of the row.

A replay is sequential: no two rows wait for the same data key, so nothing is coalesced.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from warmkey.events import Operation
from warmkey.plan.fleets import caching_fleet, hierarchical_fleet
from warmkey.plan.outcome import Outcome, PerSecond
from warmkey.plan.tally import Tally, TraceClock
from warmkey.plan.trace import NONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from warmkey.plan.fleets import Fleet, Wrapped
    from warmkey.plan.limits import Limits
    from warmkey.plan.outcome import Numbers
    from warmkey.plan.trace import Trace

__all__ = ["replay"]

_FLEETS = {"caching": caching_fleet, "hierarchical": hierarchical_fleet}
_ROWS_BETWEEN_LOOKS = 5_000
# The end of a ciphertext tells data keys apart as well as all of it.
_TAG_LENGTH = 16


def replay(
    strategy: str, trace: Trace, limits: Limits, *, cold_start: int, progress: Callable[[int], object]
) -> Outcome:
    """Return what the real cache of *strategy* does with *trace*.

    :param strategy: ``caching`` or ``hierarchical``
    :param cold_start: requests in the busiest second of a cold start, which takes no replay to count
    :param progress: called now and then with the number of rows done
    """
    clock = TraceClock()
    tally = Tally(clock, trace.phase / 1e9)
    fleet = _FLEETS[strategy](limits, clock, tally)
    use = _DataKeyUse()
    fullest = _run(trace, fleet, clock, tally, use, progress)
    encrypted = int(np.count_nonzero(~trace.decrypts))
    messages = {Operation.ENCRYPT: encrypted, Operation.DECRYPT: len(trace) - encrypted}
    encrypt, decrypt = (
        tally.counts(operation, messages[operation], fleet.kms_operations[operation])
        for operation in (Operation.ENCRYPT, Operation.DECRYPT)
    )
    kms_per_second = _per_second(tally.kms_seconds)
    return Outcome(
        encrypt=encrypt,
        decrypt=decrypt,
        seconds=trace.seconds,
        max_messages_per_data_key=use.max_messages,
        max_bytes_per_data_key=use.max_bytes,
        max_entries=fullest,
        kms_per_second=kms_per_second,
        peak=kms_per_second.peak,
        cold_start=cold_start,
    )


class _DataKeyUse:
    """Counts messages and bytes under each data key, those of bypasses too.

    :ivar max_messages: under the most used one
    :ivar max_bytes: under the one with most of them
    """

    def __init__(self) -> None:
        self._messages: Counter[bytes] = Counter()
        self._bytes: Counter[bytes] = Counter()
        self.max_messages = 0
        self.max_bytes = 0

    def add(self, keys: Wrapped, length: int) -> None:
        """Count a message of *length* bytes under the data key that *keys* wrap."""
        data_key = keys[0].ciphertext[-_TAG_LENGTH:]
        self._messages[data_key] += 1
        self._bytes[data_key] += length
        self.max_messages = max(self.max_messages, self._messages[data_key])
        self.max_bytes = max(self.max_bytes, self._bytes[data_key])


def _run(
    trace: Trace, fleet: Fleet, clock: TraceClock, tally: Tally, use: _DataKeyUse, progress: Callable[[int], object]
) -> int:
    """Replay the rows, and return how many entries the fullest cache had."""
    keys_of = _KeysRead(trace, fleet)
    written: list[Wrapped | None] = [None] * len(trace)
    is_read, is_last = _are_read(trace), _are_last(trace)
    fullest, fills = 0, -1
    rows = zip(*(column.tolist() for column in _columns(trace)), strict=True)
    for row, (nanoseconds, decrypts, container, context, branch_key, length) in enumerate(rows):
        clock.show(nanoseconds / 1e9)
        if decrypts:
            tally.operation = Operation.DECRYPT
            fleet.decrypt(container, context, branch_key, keys_of(row, context, branch_key, written))
        else:
            tally.operation = Operation.ENCRYPT
            keys = fleet.encrypt(container, context, branch_key, length)
            use.add(keys, length)
            if is_read[row]:
                written[row] = keys
        if tally.fills != fills:
            fills, fullest = tally.fills, max(fullest, fleet.entries(container))
        if is_last[row]:
            fleet.retire(container)
        if row % _ROWS_BETWEEN_LOOKS == 0:
            progress(row)
            fleet.clean()
    progress(len(trace))
    return fullest


def _columns(trace: Trace) -> tuple[Numbers, ...]:
    return (
        trace.nanoseconds,
        trace.decrypts.astype(np.int64),
        trace.containers,
        trace.contexts,
        trace.branch_keys,
        trace.lengths,
    )


def _are_read(trace: Trace) -> list[bool]:
    """Return for each row whether another row reads what it wrote."""
    read = np.zeros(len(trace), np.bool_)
    read[trace.written_by[trace.written_by != NONE]] = True
    found: list[bool] = read.tolist()
    return found


def _are_last(trace: Trace) -> list[bool]:
    """Return for each row whether it is the last one of its container."""
    last = np.zeros(trace.container_count, np.int64)
    np.maximum.at(last, trace.containers, np.arange(len(trace)))
    found = np.zeros(len(trace), np.bool_)
    found[last[np.unique(trace.containers)]] = True
    are_last: list[bool] = found.tolist()
    return are_last


class _KeysRead:
    """Finds the encrypted data keys of the message that a row reads."""

    def __init__(self, trace: Trace, fleet: Fleet) -> None:
        self._fleet = fleet
        self._data_keys: list[int] = trace.data_keys.tolist()
        self._written_by: list[int] = trace.written_by.tolist()
        self._elsewhere: dict[tuple[int, int, int], Wrapped] = {}

    def __call__(self, row: int, context: int, branch_key: int, written: list[Wrapped | None]) -> Wrapped:
        """Return what a row of the trace wrote, or else what was written elsewhere."""
        writer = self._written_by[row]
        if writer != NONE:
            keys = written[writer]
            assert keys is not None  # noqa: S101 - the writer is an earlier row, and marked as read
            return keys
        label = (context, branch_key, self._data_keys[row])
        found = self._elsewhere.get(label)
        if found is None:
            found = self._elsewhere[label] = self._fleet.write_elsewhere(context, branch_key)
        return found


def _per_second(counted: Counter[int]) -> PerSecond:
    seconds = sorted(counted)
    return PerSecond(np.array(seconds, np.int64), np.array([counted[second] for second in seconds], np.int64))

"""Estimate with arrays what the hierarchical keyring does with a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from warmkey.plan.arrays import Arrays, pairs
from warmkey.plan.lifetimes import STAYS, Entries
from warmkey.plan.outcome import Outcome
from warmkey.plan.pressure import Place, Pressure, entries_at

if TYPE_CHECKING:
    from warmkey.plan.limits import Limits
    from warmkey.plan.outcome import Numbers
    from warmkey.plan.trace import Trace

__all__ = ["hierarchical"]


def hierarchical(trace: Trace, limits: Limits) -> Outcome:
    """Return the outcome; see :mod:`warmkey.plan.trace_model`."""
    rows = Arrays(trace, limits.branch_key_ttl, limits.jitter)
    writing, reading = np.flatnonzero(~trace.decrypts), np.flatnonzero(trace.decrypts)
    active = rows.place(writing, trace.branch_keys[writing])
    version = _versions(rows, reading, active.fetching_rows)
    entries = rows.fullest([version, active])
    pressed = np.flatnonzero(entries > limits.capacity)
    pressure = None
    if len(pressed):
        # A version's entry is filled along with the active one only where there is room for both.
        alone = _versions(rows, reading, writing[:0])
        pressure = Pressure.on([alone, active], rows.moments, pressed)
        _, gone = pressure.gone_at(limits.capacity)
        active = rows.place(writing, trace.branch_keys[writing], gone_at=gone)
        filling = active.fetching_rows
        caches = trace.containers[filling]
        taken = entries_at([alone, active], rows.moments, caches, rows.moments[filling])
        filling = filling[~np.isin(caches, pressed) | (taken + 2 <= limits.capacity)]
        pressure = Pressure.on([_versions(rows, reading, filling), active], rows.moments, pressed)
        gone, _ = pressure.gone_at(limits.capacity)
        version = _versions(rows, reading, filling, gone)
    left = [None, None] if pressure is None else pressure.left_at(limits.capacity)
    fetched = version.fetching_rows
    fetched = fetched[trace.decrypts[fetched]]
    encrypt = rows.counts(active, ~trace.decrypts, bypasses={}, left_at=left[1])
    decrypt = rows.counts(version, trace.decrypts, bypasses={}, left_at=left[0])
    for found in (encrypt, decrypt):
        found.dynamodb_requests = found.messages - found.hits
        found.kms_requests = {"Decrypt": found.messages - found.hits}
    kms_per_second = rows.per_second(np.concatenate([active.fetching_rows, fetched]))
    return Outcome(
        encrypt=encrypt,
        decrypt=decrypt,
        seconds=trace.seconds,
        max_messages_per_data_key=min(1, len(writing)),
        max_bytes_per_data_key=int(trace.lengths[writing].max(initial=0)),
        max_entries=min(limits.capacity, int(entries.max())),
        kms_per_second=kms_per_second,
        peak=kms_per_second.peak,
        cold_start=_cold_start(rows, active),
    )


def _cold_start(rows: Arrays, active: Place) -> int:
    """Return the KMS requests of the busiest second with cold caches: who writes first need not ask again to read."""
    trace = rows.trace
    everyone = np.arange(len(trace))
    first = rows.first_uses(Entries.of(everyone, pairs(trace.containers, trace.branch_keys)))
    return rows.busiest([rows.first_uses(active.entries), first[trace.decrypts[first]]])


def _versions(rows: Arrays, reading: Numbers, filling: Numbers, gone_at: Numbers | None = None) -> Place:
    """Return the entries of branch key versions: *reading* rows use them, and *filling* rows fill them."""
    using = np.union1d(reading, filling)
    labels = rows.trace.branch_keys[using]
    entries = Entries.of(using, pairs(rows.trace.containers[using], labels))
    gone = np.full(len(using), STAYS, np.int64) if gone_at is None else gone_at.copy()
    fills = ~rows.trace.decrypts[entries.rows]
    gone[fills] = rows.moments[entries.rows[fills]]
    return rows.place(using, labels, gone_at=gone)

"""Estimate with arrays what the caching CMM does with a trace."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from warmkey.events import BypassReason
from warmkey.plan.arrays import Arrays, pairs
from warmkey.plan.outcome import Outcome
from warmkey.plan.pressure import Place, Pressure
from warmkey.plan.trace import NONE

if TYPE_CHECKING:
    from warmkey.plan.limits import Limits
    from warmkey.plan.outcome import Flags, Numbers
    from warmkey.plan.trace import Trace

__all__ = ["caching"]


# How much more has to be fetched than in the round before to make another one worth its time.
_SETTLED = 1.001


def caching(trace: Trace, limits: Limits) -> Outcome:
    """Return the outcome; see :mod:`warmkey.plan.trace_model`."""
    rows = Arrays(trace, limits.max_age, limits.jitter)
    bypassing = (~trace.decrypts & (trace.lengths > limits.max_bytes)) | (limits.capacity == 0)
    writing = np.flatnonzero(~trace.decrypts & ~bypassing)
    reading = np.flatnonzero(trace.decrypts & ~bypassing)
    contexts = trace.contexts[writing]
    written = rows.place(writing, contexts, limits=limits)
    keys_read = _data_keys_read(trace, reading, written)
    read = rows.place(reading, keys_read)
    pressure = rows.pressure([written, read], limits.capacity)
    if pressure is not None:
        fetched = -1  # readers alone have a round too
        while len(written.fetches.positions) > fetched * _SETTLED:
            fetched = len(written.fetches.positions)
            gone, _ = pressure.gone_at(limits.capacity)
            written = rows.place(writing, contexts, limits=limits, gone_at=gone)
            # Which entries readers use depends on which data keys there are, and they push out those of writers, who
            # then fetch more of them.
            keys_read = _data_keys_read(trace, reading, written)
            pressure = Pressure.on([written, rows.place(reading, keys_read)], rows.moments, pressure.pressed)
        _, gone = pressure.gone_at(limits.capacity)
        read = rows.place(reading, keys_read, gone_at=gone)
    left = [None, None] if pressure is None else pressure.left_at(limits.capacity)
    fetching = np.concatenate([written.fetching_rows, read.fetching_rows, np.flatnonzero(bypassing)])
    kms_per_second = rows.per_second(fetching)
    encrypt, decrypt = (
        rows.counts(place, of_this, bypasses=_bypasses(trace, limits, bypassing & of_this), left_at=left_at)
        for place, of_this, left_at in zip((written, read), (~trace.decrypts, trace.decrypts), left, strict=True)
    )
    encrypt.kms_requests = {"GenerateDataKey": encrypt.messages - encrypt.hits}
    decrypt.kms_requests = {"Decrypt": decrypt.messages - decrypt.hits}
    most_messages, most_bytes = _use(trace, written, trace.lengths[bypassing & ~trace.decrypts])
    return Outcome(
        encrypt=encrypt,
        decrypt=decrypt,
        seconds=trace.seconds,
        max_messages_per_data_key=most_messages,
        max_bytes_per_data_key=most_bytes,
        max_entries=min(limits.capacity, int(rows.fullest([written, read]).max(initial=0))),
        kms_per_second=kms_per_second,
        peak=kms_per_second.peak,
        cold_start=rows.busiest(
            [rows.first_uses(written.entries), rows.first_uses(read.entries), np.flatnonzero(bypassing)]
        ),
    )


def _use(trace: Trace, written: Place, alone: Numbers) -> tuple[int, int]:
    """Return the most messages, and the most bytes, under one data key; *alone* are messages with one of their own."""
    numbers = written.fetches.numbers
    messages = np.bincount(numbers)
    lengths = np.bincount(numbers, trace.lengths[written.entries.rows])
    return (
        max(int(messages.max(initial=0)), min(len(alone), 1)),
        max(int(lengths.max(initial=0)), int(alone.max(initial=0))),
    )


def _bypasses(trace: Trace, limits: Limits, bypassing: Flags) -> Counter[str]:
    too_long = int(np.count_nonzero(bypassing & ~trace.decrypts & (trace.lengths > limits.max_bytes)))
    reasons = {
        BypassReason.OVER_BYTE_LIMIT: too_long,
        BypassReason.CACHING_OFF: int(np.count_nonzero(bypassing)) - too_long,
    }
    return Counter({str(reason): count for reason, count in reasons.items() if count})


def _data_keys_read(trace: Trace, reading: Numbers, written: Place) -> Numbers:
    """Return for each row of *reading* a number for the data key of the message that it reads."""
    count, keys = len(trace), len(written.fetches.positions)
    number_of = keys + np.arange(count)  # a row that was not cached has a data key of its own
    number_of[written.entries.rows] = written.fetches.numbers
    by_row = number_of[trace.written_by[reading]]
    elsewhere = keys + count + pairs(trace.contexts[reading], trace.data_keys[reading])
    return np.where(trace.written_by[reading] != NONE, by_row, elsewhere)

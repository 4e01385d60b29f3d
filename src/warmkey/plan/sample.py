"""Make the sample trace, and write any trace as CSV."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from warmkey.plan.rates import Contexts, Rates, sampled
from warmkey.plan.trace import NONE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warmkey.plan.outcome import Numbers
    from warmkey.plan.trace import Rows, Trace

__all__ = ["SEED", "csv_of", "sample"]

# Of the trace in examples/plan.
SEED = 14
_RATES = Rates(
    writes_per_second=4.0,
    reads_per_second=2.0,
    contexts=Contexts(count=20, exponent=0.8),
    containers=20,
    readers=10,
    container_lifetime=1e9,
    read_window=1800.0,
    period=3600.0,
)
_MEDIAN_BYTES = 700.0


def sample(seed: int = SEED) -> Rows:
    """Return an hour of 20 writers and 10 readers, over 20 tenants; each read is of a message of the last half hour."""
    rows = sampled(_RATES, seed=seed, progress=lambda _done: None)
    chances = np.random.default_rng(seed + 1).random(len(rows.nanoseconds))
    # Many are short and a few are long: twice as long for each further half of them.
    lengths = np.minimum(_MEDIAN_BYTES / 2 / np.maximum(1 - chances, 1e-6), 2**20).astype(np.int64)
    return replace(
        rows,
        nanoseconds=rows.nanoseconds // 1000 * 1000,
        lengths=lengths,
        context_labels=[f"tenant-{number + 1:02}" for number in range(len(rows.context_labels))],
        notes=["the sample is made up: an hour of 20 writers and 10 readers, over 20 tenants"],
    )


def csv_of(trace: Trace, *, show_contexts: bool) -> Iterator[str]:
    """Yield *trace* as lines of CSV.

    :param show_contexts: whether contexts have their labels; else they are numbered
    """
    columns = {
        "timestamp": map(_seconds, (trace.nanoseconds + trace.start).tolist()),
        "operation": ("decrypt" if reads else "encrypt" for reads in trace.decrypts.tolist()),
        "context": map(_labels(trace, show_contexts=show_contexts).__getitem__, trace.contexts.tolist()),
        "bytes": map(str, trace.lengths.tolist()),
        "container": map(str, trace.containers.tolist()),
    }
    if (trace.data_keys != NONE).any():
        columns["data_key"] = map(_named, trace.data_keys.tolist())
    messages = _messages(trace)
    if (messages != NONE).any():
        columns["message"] = map(_named, messages.tolist())
    if not np.array_equal(trace.branch_keys, trace.contexts):
        columns["branch_key"] = map(str, trace.branch_keys.tolist())
    yield ",".join(columns) + "\n"
    for cells in zip(*columns.values(), strict=True):
        yield ",".join(cells) + "\n"


def _labels(trace: Trace, *, show_contexts: bool) -> list[str]:
    return [
        _quoted(label) if show_contexts else f"context {number}" for number, label in enumerate(trace.context_labels, 1)
    ]


def _messages(trace: Trace) -> Numbers:
    """Return the message of each row that is read or reads: the number of the row that wrote it."""
    rows = np.arange(len(trace))
    found = np.full(len(trace), NONE, np.int64)
    reads_a_message = trace.written_by != NONE
    found[trace.written_by[reads_a_message]] = trace.written_by[reads_a_message]
    found[reads_a_message] = trace.written_by[reads_a_message]
    # What nobody wrote has a number of its own, so that it is not taken as the newest message of its context.
    unwritten = trace.decrypts & ~reads_a_message & (trace.data_keys == NONE)
    return np.where(unwritten, rows, found)


def _seconds(nanoseconds: int) -> str:
    whole, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{whole}.{rest:09}".rstrip("0").rstrip(".")


def _named(number: int) -> str:
    return "" if number == NONE else str(number)


def _quoted(label: str) -> str:
    special = any(character in label for character in ',;"|\t\r\n')
    return '"' + label.replace('"', '""') + '"' if special else label

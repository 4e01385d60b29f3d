"""Traces made by hand, and traces made at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from warmkey.plan.containers import WarmContainers
from warmkey.plan.replay import replay
from warmkey.plan.trace import NONE, Rows, Trace, make_trace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.plan.limits import Limits
    from warmkey.plan.outcome import Outcome


def trace_of(*rows: tuple[float, str, str, int, str, str]) -> Trace:
    """Return a trace of rows (seconds, operation, context, bytes, container, data key)."""
    numbers: dict[str, dict[str, int]] = {}

    def number(kind: str, label: str) -> int:
        labels = numbers.setdefault(kind, {})
        return labels.setdefault(label, len(labels)) if label else NONE

    columns = list(zip(*rows, strict=True))
    return make_trace(
        Rows(
            nanoseconds=np.array([round(seconds * 1e9) for seconds in columns[0]], np.int64),
            decrypts=np.array([operation == "decrypt" for operation in columns[1]]),
            contexts=np.array([number("context", label) for label in columns[2]]),
            lengths=np.array(columns[3], np.int64),
            context_labels=list(dict.fromkeys(columns[2])),
            containers=np.array([number("container", label) for label in columns[4]]),
            data_keys=np.array([number("data key", label) for label in columns[5]]),
        ),
        WarmContainers(),
    )


def encrypts(times: Sequence[float], *, length: int = 10, context: str = "a", container: str = "c") -> Trace:
    """Return a trace that encrypts at *times*, all alike."""
    return trace_of(*((time, "encrypt", context, length, container, "") for time in times))


def random_trace(
    *,
    seed: int,
    rows: int,
    seconds: float,
    containers: int = 3,
    contexts: int = 10,
    exponent: float = 1.0,
    reads: float = 0.0,
    random_reads: bool = False,
) -> Trace:
    """Return a trace at random; readers are other containers than writers."""
    random = np.random.default_rng(seed)
    weights = np.arange(1, contexts + 1) ** -exponent
    context = random.choice(contexts, rows, p=weights / weights.sum())
    decrypts = random.random(rows) < reads
    messages = np.full(rows, NONE)
    if random_reads:
        writers = np.flatnonzero(~decrypts)
        messages[writers] = writers
        for row in np.flatnonzero(decrypts):
            before = np.searchsorted(writers, row)
            if before:
                messages[row] = writers[random.integers(before)]
                context[row] = context[messages[row]]
    return make_trace(
        Rows(
            nanoseconds=np.sort(random.integers(0, round(seconds * 1e3), rows)) * 1_000_000,
            decrypts=decrypts,
            contexts=context,
            lengths=random.integers(0, 2000, rows),
            context_labels=[f"context {number}" for number in range(contexts)],
            containers=random.integers(0, containers, rows) + decrypts * containers,
            messages=messages,
        ),
        WarmContainers(),
    )


def replayed(trace: Trace, limits: Limits, strategy: str = "caching") -> Outcome:
    return replay(strategy, trace, limits, cold_start=0, progress=lambda _done: None)


def some(counted: object) -> dict[str, float]:
    """Return the counts that are not 0."""
    return {name: count for name, count in dict(counted).items() if count}  # type: ignore[call-overload]

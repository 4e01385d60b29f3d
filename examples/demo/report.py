"""Print the results of the demo: a table, and samples of what the functions wrote."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from examples.demo.play import Phase

__all__ = ["samples", "table"]

# Creating the KMS key is not counted.
_DATA_KEY_OPERATIONS = ("GenerateDataKey", "Encrypt", "Decrypt")


def kms_calls(phase: Phase) -> int:
    """Return the number of requests about data keys that the KMS server received."""
    return sum(phase.kms_requests[operation] for operation in _DATA_KEY_OPERATIONS)


def own_count(phase: Phase) -> int:
    """Return the number of KMS requests that warmkey counted."""
    return sum(sum(outcomes.values()) for outcomes in phase.cache["kms_requests"].values())


def warm_milliseconds(phase: Phase) -> str:
    """Return the median duration of all invocations except the first, or a dash where there are none."""
    return f"{statistics.median(phase.seconds[1:]) * 1e3:.1f}" if phase.seconds[1:] else "–"


def table(phases: Sequence[Phase]) -> str:
    """Return a table with a column for each of *phases*."""
    rows = [("", *(phase.name for phase in phases)), *_rows(phases)]
    width = max(len(label) for label, *_ in rows)
    return "\n".join("  " + label.ljust(width) + "".join(cell.rjust(12) for cell in cells) for label, *cells in rows)


def _rows(phases: Sequence[Phase]) -> Iterator[tuple[str, ...]]:
    def row(label: str, cell: Callable[[Phase], object]) -> tuple[str, ...]:
        return (label, *(str(cell(phase)) for phase in phases))

    yield row("records", lambda phase: len(phase.records))
    yield row("invocations", lambda phase: len(phase.seconds))
    yield row("cache hits", lambda phase: phase.hits)
    for kind in ("misses", "bypasses", "evictions"):
        yield from _rows_by_reason(kind, phases)
    yield row("KMS calls made, counted by KMS", kms_calls)
    yield row("    counted by warmkey", own_count)
    yield row("KMS calls avoided", lambda phase: len(phase.records) - kms_calls(phase))
    yield row("    share of all records", lambda phase: f"{1 - kms_calls(phase) / len(phase.records):.1%}")
    yield row("first invocation (cold), ms", lambda phase: f"{phase.seconds[0] * 1e3:.0f}")
    yield row("other invocations, median, ms", warm_milliseconds)


def _rows_by_reason(kind: str, phases: Sequence[Phase]) -> Iterator[tuple[str, ...]]:
    counts = [phase.by_reason(kind) for phase in phases]
    yield (f"cache {kind}", *(str(sum(count.values())) for count in counts))
    for reason in sorted({reason for count in counts for reason in count}):
        yield (f"    {reason}", *(str(count.get(reason, 0)) for count in counts))


def samples(phases: Sequence[Phase]) -> str:
    """Return one log line and one metrics line, as the functions wrote them."""
    logs = [line for phase in phases for line in phase.output.logs]
    metrics = [line for phase in phases for line in phase.output.metrics]
    return f"A log line:\n{_sample(logs)}\nA metrics line in CloudWatch's embedded format:\n{_sample(metrics)}"


def _sample(lines: Sequence[dict[str, Any]]) -> str:
    return f"  {json.dumps(lines[0])}" if lines else "  (none was written)"

"""The end of the demonstration: a table, and a sample of what the functions wrote."""

from __future__ import annotations

import json
import statistics
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from examples.demo.play import Phase

__all__ = ["samples", "table"]

# Creating the key belongs to the stage, not to the play.
_DATA_KEY_OPERATIONS = ("GenerateDataKey", "Encrypt", "Decrypt")


def kms_calls(phase: Phase) -> int:
    """Requests about data keys that reached the KMS server."""
    return sum(phase.kms_requests[operation] for operation in _DATA_KEY_OPERATIONS)


def own_count(phase: Phase) -> int:
    """Requests to KMS that warmkey says it made."""
    return sum(sum(outcomes.values()) for outcomes in phase.cache["kms_requests"].values())


def warm_seconds(phase: Phase) -> float:
    """The median of all invocations but the first."""
    return statistics.median(phase.seconds[1:] or phase.seconds)


def table(phases: Sequence[Phase]) -> str:
    """What happened in each of *phases*, side by side."""
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
    yield row("KMS calls made, as KMS counted", kms_calls)
    yield row("    as warmkey counted", own_count)
    yield row("KMS calls avoided", lambda phase: len(phase.records) - kms_calls(phase))
    yield row("    of all", lambda phase: f"{1 - kms_calls(phase) / len(phase.records):.1%}")
    yield row("cold invocation, ms", lambda phase: f"{phase.seconds[0] * 1e3:.0f}")
    yield row("warm invocation, median ms", lambda phase: f"{warm_seconds(phase) * 1e3:.1f}")


def _rows_by_reason(kind: str, phases: Sequence[Phase]) -> Iterator[tuple[str, ...]]:
    counts = [phase.by_reason(kind) for phase in phases]
    yield (f"cache {kind}", *(str(sum(count.values())) for count in counts))
    for reason in sorted({reason for count in counts for reason in count}):
        yield (f"    {reason}", *(str(count.get(reason, 0)) for count in counts))


def samples(phases: Sequence[Phase]) -> str:
    """One log line and one line of metrics, as the functions wrote them."""
    logs = [line for phase in phases for line in phase.output.logs]
    metrics = [line for phase in phases for line in phase.output.metrics]
    return f"a log line:\n{_sample(logs)}\na line of metrics in CloudWatch's embedded format:\n{_sample(metrics)}"


def _sample(lines: Sequence[dict[str, Any]]) -> str:
    return f"  {json.dumps(lines[0])}" if lines else "  (none was written)"

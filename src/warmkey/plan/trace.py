"""A trace: the messages of a fleet in the order in which they came, as arrays."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from warmkey.plan.containers import assigned
from warmkey.plan.errors import BadInput
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.plan.containers import WarmContainers
    from warmkey.plan.outcome import Flags, Numbers

__all__ = ["NONE", "Rows", "Trace", "make_trace"]

# Of a row that does not have one.
NONE = -1


@safe_repr
@dataclass(slots=True, kw_only=True)
class Rows:
    """Rows as an input has them, in any order. Labels are numbered in the order in which they are first met.

    :ivar nanoseconds: since the epoch, or since whatever the trace counts from
    :ivar decrypts: whether the row decrypts
    :ivar contexts: number of the encryption context; ``context_labels`` has the labels
    :ivar lengths: bytes of plaintext
    :ivar containers: number of the container; ``None`` if the input does not say
    :ivar data_keys: number of the data key that a row reads, or ``NONE``
    :ivar messages: number of the message that a row writes or reads, or ``NONE``
    :ivar branch_keys: number of the branch key; ``None``: one for each context
    :ivar functions: number of the function, if *containers* are not named; ``None``: all rows are of one
    :ivar durations: nanoseconds that a row keeps its container busy; ``None`` if the input does not say
    :ivar ignored: rows that were passed over, with the reason
    :ivar notes: what was repaired or assumed, in sentences
    """

    nanoseconds: Numbers
    decrypts: Flags
    contexts: Numbers
    lengths: Numbers
    context_labels: Sequence[str]
    containers: Numbers | None = None
    data_keys: Numbers | None = None
    messages: Numbers | None = None
    branch_keys: Numbers | None = None
    functions: Numbers | None = None
    durations: Numbers | None = None
    ignored: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """Rows by time, each with its container and with what it reads.

    :ivar nanoseconds: since the first row
    :ivar containers: number of the container that serves the row
    :ivar data_keys: number of the data key that a row reads, or ``NONE``
    :ivar written_by: the row that wrote the message that this row reads, or ``NONE``
    :ivar branch_keys: number of the branch key
    :ivar start: the first row's nanoseconds as the input has them
    """

    nanoseconds: Numbers
    decrypts: Flags
    contexts: Numbers
    lengths: Numbers
    containers: Numbers
    data_keys: Numbers
    written_by: Numbers
    branch_keys: Numbers
    context_labels: Sequence[str]
    start: int
    ignored: dict[str, int]
    notes: list[str]

    def __len__(self) -> int:
        return len(self.nanoseconds)

    @property
    def seconds(self) -> float:
        """Return how long the trace lasts: from the first row to the last, and a mean distance more."""
        count = len(self)
        return float(self.nanoseconds[-1]) / 1e9 * count / max(count - 1, 1)

    @property
    def phase(self) -> int:
        """Return how many nanoseconds of its second had passed when the trace began: seconds are those of the clock."""
        return self.start % 1_000_000_000

    def first(self, count: int) -> Trace:
        """Return the first *count* rows."""
        columns: dict[str, Any] = {
            field.name: column[:count]
            for field in fields(self)
            if isinstance(column := getattr(self, field.name), np.ndarray)
        }
        return replace(self, **columns)

    @property
    def container_count(self) -> int:
        """Return how many containers there are."""
        return int(self.containers.max()) + 1

    @property
    def context_count(self) -> int:
        """Return how many encryption contexts there are."""
        return len(np.unique(self.contexts))


def make_trace(rows: Rows, warm_containers: WarmContainers) -> Trace:
    """Order *rows* by time, assign containers where the input names none, and find what each row reads.

    :raises BadInput: *rows* is empty, or a row reads a message that was written with another context or branch key
    """
    count = len(rows.nanoseconds)
    if not count:
        raise BadInput("there are no rows to plan for")
    notes = list(rows.notes)
    order = _by_time(rows.nanoseconds, notes)
    nanoseconds = rows.nanoseconds[order]
    start = int(nanoseconds[0])
    nanoseconds = nanoseconds - start
    decrypts, contexts = rows.decrypts[order], rows.contexts[order]
    branch_keys = contexts if rows.branch_keys is None else rows.branch_keys[order]
    nothing = np.full(count, NONE, np.int64)
    data_keys = nothing if rows.data_keys is None else np.where(decrypts, rows.data_keys[order], NONE)
    messages = nothing if rows.messages is None else rows.messages[order]
    if rows.containers is None:
        containers = assigned(
            nanoseconds,
            warm_containers,
            functions=None if rows.functions is None else rows.functions[order],
            durations=None if rows.durations is None else rows.durations[order],
        )
        notes.append(warm_containers.note(int(containers.max()) + 1, durations_given=rows.durations is not None))
    else:
        containers = rows.containers[order]
    trace = Trace(
        nanoseconds=nanoseconds,
        decrypts=decrypts,
        contexts=contexts,
        lengths=rows.lengths[order],
        containers=containers,
        data_keys=data_keys,
        written_by=_written_by(decrypts, _kept(contexts, branch_keys), data_keys, messages, notes),
        branch_keys=branch_keys,
        context_labels=rows.context_labels,
        start=start,
        ignored=dict(rows.ignored),
        notes=notes,
    )
    _note_gap(trace, notes)
    if not trace.seconds:
        notes.append("all rows have the same time, so nothing can be said of a month")
    return trace


def _by_time(nanoseconds: Numbers, notes: list[str]) -> Numbers:
    backwards = int(np.count_nonzero(np.diff(nanoseconds) < 0))
    if backwards:
        notes.append(f"rows earlier than the row before them: {backwards:,}; all rows were sorted by time")
    return np.argsort(nanoseconds, kind="stable")


def _note_gap(trace: Trace, notes: list[str]) -> None:
    """Say so if a pause is a tenth of the trace: the dollars per month then include such pauses."""
    gap = float(np.diff(trace.nanoseconds).max(initial=0)) / 1e9
    if len(trace) > 10 and gap * 10 > trace.seconds:  # noqa: PLR2004 - a few rows are nothing but pauses
        notes.append(f"the longest time without a row is {gap:,.0f} s of {trace.seconds:,.0f} s; it was left in")


def _kept(contexts: Numbers, branch_keys: Numbers) -> Numbers:
    """Return one number for each pair of context and branch key, both of which a message keeps."""
    return contexts if branch_keys is contexts else contexts * (int(branch_keys.max()) + 1) + branch_keys


def _written_by(decrypts: Flags, kept: Numbers, data_keys: Numbers, messages: Numbers, notes: list[str]) -> Numbers:
    """Return for each row that reads which row wrote its message, or ``NONE``.

    A row with a data key of its own needs none. A row with a message reads what the last row of that message before it
    wrote. Any other reads the newest message of its context and branch key, whose number is in *kept*.

    :raises BadInput: a message was written with another context or branch key than the row has that reads it
    """
    reading = decrypts & (data_keys == NONE)
    named = messages != NONE
    found = np.full(len(decrypts), NONE, np.int64)
    if reading.any():
        by_message = reading & named
        found[by_message] = _last_writer(~decrypts & named, messages)[by_message]
        _check_kept(found, kept)
        by_context = reading & ~named
        found[by_context] = _last_writer(~decrypts, kept)[by_context]
        _note_reads(by_message, by_context, found, notes)
    return found


def _check_kept(written_by: Numbers, kept: Numbers) -> None:
    reading = np.flatnonzero(written_by != NONE)
    others = reading[kept[reading] != kept[written_by[reading]]]
    if len(others):
        raise BadInput(
            "rows that read a message must have the context and the branch_key of the row that wrote it; others: "
            f"{len(others):,}, of which the first is row {others[0] + 1:,} by time"
        )


def _note_reads(by_message: Flags, by_context: Flags, found: Numbers, notes: list[str]) -> None:
    unwritten = int(np.count_nonzero(found[by_message] == NONE))
    if unwritten:
        notes.append(
            f"rows that read a message that no row before them wrote: {unwritten:,}; such messages have one data key "
            "for each encryption context"
        )
    guessed = int(np.count_nonzero(by_context))
    if guessed:
        older = int(np.count_nonzero(found[by_context] == NONE))
        notes.append(
            f"rows that read without data_key: {guessed:,}; {guessed - older:,} of them read the newest message of "
            "their context, the others an older one, with one data key for each encryption context"
        )


def _last_writer(writes: Flags, labels: Numbers) -> Numbers:
    """Return for each row the last row before it that writes with the same label, or ``NONE``."""
    order = np.argsort(labels, kind="stable")
    last = np.maximum.accumulate(np.where(writes[order], np.arange(len(order)), NONE))
    first = np.searchsorted(labels[order], labels[order])
    found = np.full(len(order), NONE, np.int64)
    found[order] = np.where(last >= first, order[last], NONE)
    return found

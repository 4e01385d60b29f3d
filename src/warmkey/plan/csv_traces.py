"""Read a trace from a CSV file: a row for each message, whatever the size of the file.

Columns are read many rows at a time. Where that fails, the same rows are read one by one, to say which line and column
is wrong. Nothing is dropped in silence: what is passed over is counted, and what is repaired is noted.
"""

from __future__ import annotations

import csv
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from warmkey.plan.errors import BadInput, at
from warmkey.plan.moments import Timestamps
from warmkey.plan.text_files import LONGEST_HEADER, as_read_by_people, name_of, opened, reading
from warmkey.plan.trace import NONE, Rows
from warmkey.validation import plausible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import TextIO, TypeAlias

    from warmkey.plan.outcome import Numbers

    Table: TypeAlias = list[list[str]]

__all__ = ["COLUMNS", "DELIMITERS", "header_of", "read_trace"]

COLUMNS = (
    "timestamp",
    "operation",
    "context",
    "bytes",
    "container",
    "data_key",
    "message",
    "branch_key",
    "function",
    "duration",
)
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
_NEEDED = ("timestamp", "context")
# Labels that a row may lack; others have to be in every row.
_MAY_LACK = ("data_key", "message")
_OPERATIONS = {"encrypt": 0, "decrypt": 1, "": 0}
_LABELS = ("context", "container", "data_key", "message", "branch_key", "function")
_ROWS_AT_A_TIME = 50_000
_LONGEST = 2**50
_LONGEST_DURATION = 86_400.0


def header_of(line: str) -> tuple[list[str], str] | None:
    """Return the columns of a header, in lower case, and its delimiter; ``None`` if *line* is not one of a trace."""
    for delimiter in DELIMITERS:
        with suppress(csv.Error):  # a field of it is too long
            columns = [name.strip().lower() for name in next(csv.reader([line], delimiter=delimiter), [])]
            if "timestamp" in columns:
                return columns, delimiter
    return None


def read_trace(path: str, *, length: int, progress: Callable[[int], object]) -> Rows:
    """Return the rows of the file at *path*.

    :param length: bytes of a message whose row does not say
    :param progress: called now and then with the number of rows read
    :raises BadInput: says the line and the column
    :raises OSError: the file can't be read
    """
    with reading(path), opened(path) as file:
        return _Reader(name_of(path), file, length).read(progress)


class _Reader:
    def __init__(self, source: str, lines: TextIO, length: int) -> None:
        self._source = source
        self._lines = lines
        self._length = length
        self._notes: list[str] = []
        self._blank_lines = 0
        self._timestamps = Timestamps()
        self._without_length = 0
        self._labels: dict[str, dict[str, int]] = {name: {} for name in _LABELS}
        self._header_lines = 0

    def read(self, progress: Callable[[int], object]) -> Rows:
        columns, delimiter = self._header()
        rows = csv.reader(self._lines, delimiter=delimiter, strict=True)
        chunks: list[dict[str, Numbers]] = []
        count = 0
        for table, numbers in self._tables(rows, len(columns)):
            chunks.append(self._columns(columns, table, numbers))
            count += len(table)
            progress(count)
        if not count:
            raise at(self._source, self._header_lines, "there must be rows below the header; there are none")
        return self._rows({name: np.concatenate([chunk[name] for chunk in chunks]) for name in chunks[0]})

    def _header(self) -> tuple[list[str], str]:
        while line := self._lines.readline(LONGEST_HEADER):
            self._header_lines += 1
            if line.strip():
                return self._checked_header(line)
            self._blank_lines += 1
        raise BadInput(f"{self._source}: is empty; it must have a header and rows")

    def _checked_header(self, line: str) -> tuple[list[str], str]:
        found = header_of(line)
        if found is None:
            raise at(
                self._source,
                self._header_lines,
                f"must be a header with the columns timestamp and context; others are {', '.join(COLUMNS[1:])}",
            )
        columns, delimiter = found
        for name in _NEEDED:
            if name not in columns:
                raise at(self._source, self._header_lines, f"the header must have a column {name}")
        for name in COLUMNS:
            if columns.count(name) > 1:
                raise at(self._source, self._header_lines, f"the header must have column {name} once, not twice")
        if delimiter != ",":
            self._notes.append(f"columns are separated by a {DELIMITERS[delimiter]}")
        unknown = sum(name not in COLUMNS for name in columns)
        if unknown:
            self._notes.append(f"columns with other names, which were not read: {unknown}")
        return columns, delimiter

    def _tables(self, rows: Iterator[list[str]], width: int) -> Iterator[tuple[Table, list[int]]]:
        """Yield rows of the right width, many at a time, with the numbers of their lines."""
        table: Table = []
        numbers: list[int] = []
        while True:
            try:
                row = next(rows, None)
            except csv.Error as error:
                raise at(self._source, self._line(rows), f"can't be read as CSV: {error}") from None
            if row is None or len(table) >= _ROWS_AT_A_TIME:
                if table:
                    yield table, numbers
                table, numbers = [], []
            if row is None:
                return
            if len(row) != width or not any(row):
                self._odd_row(row, width, self._line(rows))
                continue
            table.append(row)
            numbers.append(rows.line_num)  # type: ignore[attr-defined]

    def _line(self, rows: Iterator[list[str]]) -> int:
        number: int = rows.line_num  # type: ignore[attr-defined]
        return number + self._header_lines

    def _odd_row(self, row: list[str], width: int, line: int) -> None:
        if any(cell.strip() for cell in row):
            raise at(self._source, line, f"must have {width} columns, as the header has, not {len(row)}")
        self._blank_lines += 1

    # --- columns

    def _columns(self, columns: Sequence[str], table: Table, numbers: list[int]) -> dict[str, Numbers]:
        cells = dict(zip(columns, zip(*table, strict=True), strict=True))
        found = {}
        for name in COLUMNS:
            if name in cells:
                found[name] = self._column(name, cells[name], numbers)
        return found

    def _column(self, name: str, cells: Sequence[str], numbers: list[int]) -> Numbers:
        if name == "timestamp":
            return self._checked(name, cells, numbers, self._timestamps.read, self._timestamps.read_one)
        if name == "operation":
            return self._checked(name, cells, numbers, _operations, _operation)
        if name == "bytes":
            return self._checked(name, cells, numbers, _lengths, self._one_length)
        if name == "duration":
            return self._checked(name, cells, numbers, _durations, _duration)
        labels = self._labels[name]
        if name != "context" and "" in cells:
            return self._with_gaps(name, cells, numbers)
        return np.array([labels.setdefault(cell, len(labels)) for cell in cells], np.int64)

    def _with_gaps(self, name: str, cells: Sequence[str], numbers: list[int]) -> Numbers:
        """Number labels where some are missing: a data key or message need not be there, a container has to."""
        labels = self._labels[name]
        if name not in _MAY_LACK:
            line = numbers[cells.index("")] + self._header_lines
            raise at(self._source, line, "is empty; fill it in every row, or leave the column out", column=name)
        return np.array([labels.setdefault(cell, len(labels)) if cell else NONE for cell in cells], np.int64)

    def _checked(
        self,
        name: str,
        cells: Sequence[str],
        numbers: list[int],
        read: Callable[[Sequence[str]], Numbers],
        read_one: Callable[[str], int],
    ) -> Numbers:
        """Read all cells at once; where that fails, one by one, so that the first bad one is named."""
        try:
            return read(cells)
        except (ValueError, OverflowError, KeyError):
            found = []
            for cell, number in zip(cells, numbers, strict=True):
                try:
                    found.append(read_one(cell))
                except ValueError as error:
                    shown = "empty" if not cell.strip() else plausible(cell.strip())
                    line = number + self._header_lines
                    raise at(self._source, line, f"{error}, not {shown}", column=name) from None
            return np.array(found, np.int64)

    def _one_length(self, cell: str) -> int:
        if not cell.strip():
            self._without_length += 1
            return self._length
        return _length(cell)

    # --- the result

    def _rows(self, found: dict[str, Numbers]) -> Rows:
        count = len(found["timestamp"])
        if "bytes" not in found:
            self._without_length = count
        if self._without_length:
            self._notes.append(f"rows without bytes, taken as {self._length:,} bytes each: {self._without_length:,}")
        return Rows(
            nanoseconds=found["timestamp"],
            decrypts=found.get("operation", np.zeros(count, np.int64)).astype(np.bool_),
            contexts=found["context"],
            lengths=found.get("bytes", np.full(count, self._length, np.int64)),
            context_labels=list(self._labels["context"]),
            containers=found.get("container"),
            data_keys=found.get("data_key"),
            messages=found.get("message"),
            branch_keys=found.get("branch_key"),
            functions=found.get("function"),
            durations=found.get("duration"),
            ignored={"blank lines": self._blank_lines} if self._blank_lines else {},
            notes=[*self._timestamps.notes(), *self._notes],
        )


def _operations(cells: Sequence[str]) -> Numbers:
    return np.array([_OPERATIONS[cell] for cell in cells], np.int64)


def _operation(cell: str) -> int:
    number = _OPERATIONS.get(cell.strip().lower())
    if number is None:
        raise ValueError("must be encrypt or decrypt")
    return number


def _lengths(cells: Sequence[str]) -> Numbers:
    whole = "".join(cells)
    if not (whole.isascii() and whole.isdecimal()):
        raise ValueError  # which numpy may read all the same: signs, white space, underscores, digits of all scripts
    found = np.array(cells, dtype=np.int64)
    if found.min() < 0 or found.max() > _LONGEST:
        raise ValueError
    return found


def _length(cell: str) -> int:
    text = cell.strip()
    number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(_LONGEST)) else -1
    if not 0 <= number <= _LONGEST:
        raise ValueError(f"must be an integer from 0 to {_LONGEST}")
    return number


def _durations(cells: Sequence[str]) -> Numbers:
    found = np.array(as_read_by_people(cells), dtype=np.float64)
    if not ((found >= 0) & (found <= _LONGEST_DURATION)).all():
        raise ValueError
    return np.rint(found * 1e9).astype(np.int64)


def _duration(cell: str) -> int:
    try:
        return int(_durations([cell])[0])
    except ValueError:
        raise ValueError(f"must be a number of seconds from 0 to {_LONGEST_DURATION:g}") from None

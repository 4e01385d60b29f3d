"""Read traces in the formats of public data sets: Azure Functions 2019 and 2021, Huawei 2025.

The data sets are not part of this package; they are published under CC BY. What stands for a tenant there becomes the
encryption context. None of them says what is read, so all rows encrypt.
"""

from __future__ import annotations

import csv
import re
from typing import TYPE_CHECKING

import numpy as np

from warmkey.plan.errors import BadInput, at
from warmkey.plan.text_files import as_read_by_people, name_of, opened, reading
from warmkey.plan.trace import Rows
from warmkey.validation import plausible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from warmkey.plan.outcome import Numbers

    Converter: TypeAlias = Callable[..., Rows]

__all__ = ["CONVERTERS"]

_MINUTES = [str(minute) for minute in range(1, 1441)]
_DAY = re.compile(r"\.d(\d{2})\.")
_MOST_ROWS = 20_000_000
_ROWS_BETWEEN_LOOKS = 50_000
# As seconds, the largest number that a trace may have; as bytes or a count, more than there is.
_LARGEST = 4.2e9


class _Cells:
    """The cells of a CSV file, row by row, with errors that name line and column."""

    def __init__(self, path: str, columns: Sequence[str]) -> None:
        self._path = path
        self._source = name_of(path)
        self._columns = columns
        self.line = 1

    def rows(self, progress: Callable[[int], object]) -> Iterator[dict[str, str]]:
        """Yield each row by the names of its columns; blank lines are passed over by the csv module."""
        with reading(self._path), opened(self._path) as lines:
            table = csv.DictReader(lines, restval="", strict=True)
            try:
                for name in self._columns:
                    if name not in (table.fieldnames or ()):
                        raise at(self._source, 1, f"the header must have a column {name}")
                for count, row in enumerate(table, 1):
                    self.line = table.line_num
                    yield row
                    if count % _ROWS_BETWEEN_LOOKS == 0:
                        progress(count)
            except csv.Error as error:
                raise at(self._source, table.reader.line_num, f"can't be read as CSV: {error}") from None

    def number(self, row: Mapping[str, str], column: str, default: float | None = None) -> float:
        """Return a number from 0 to ``_LARGEST``; *default* for an empty cell."""
        text = row[column].strip()
        if not text and default is not None:
            return default
        try:
            number = float(*as_read_by_people([text]))
        except ValueError:
            number = -1.0
        if not 0 <= number <= _LARGEST:
            shown = plausible(text) if text else "empty"
            raise at(self._source, self.line, f"must be a number from 0 to {_LARGEST:g}, not {shown}", column=column)
        return number

    def none_found(self) -> BadInput:
        """Return the error for a file without rows."""
        return at(self._source, self.line, "there must be rows with requests; there are none")


class _Labels:
    """Numbers labels in the order in which they are met."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def __call__(self, label: str) -> int:
        return self.numbers.setdefault(label, len(self.numbers))


def _azure_2019(path: str, *, length: int, seed: int, progress: Callable[[int], object]) -> Rows:
    """Read ``invocations_per_function_md.anon.dNN.csv``: invocations of each function in each minute of a day."""
    cells = _Cells(path, ("HashOwner", "HashApp", "HashFunction", *_MINUTES))
    owners, apps = _Labels(), _Labels()
    counts, of_owner, of_app, whole = [], [], [], 0
    for row in cells.rows(progress):
        each = np.array([cells.number(row, minute, 0.0) for minute in _MINUTES], np.int64)
        whole += int(each.sum())
        if whole > _MOST_ROWS:
            raise BadInput(
                f"{name_of(path)} has more than {_MOST_ROWS:,} invocations up to line {cells.line}; make a file of "
                "fewer functions, with its header"
            )
        counts.append(each)
        of_owner.append(owners(row["HashOwner"]))
        of_app.append(apps(row["HashOwner"] + "/" + row["HashApp"]))
    if not whole:
        raise cells.none_found()
    table = np.array(counts)
    function, minute = (
        np.repeat(each, table.ravel()) for each in (np.arange(table.size) // 1440, np.arange(table.size) % 1440)
    )
    day = _DAY.search(path)
    start = (int(day[1]) - 1) * 86_400 if day else 0
    within = np.random.default_rng(seed).random(whole)
    return Rows(
        nanoseconds=((start + (minute + within) * 60) * 1e9).astype(np.int64),
        decrypts=np.zeros(whole, np.bool_),
        contexts=np.array(of_owner)[function],
        lengths=np.full(whole, length, np.int64),
        context_labels=list(owners.numbers),
        functions=np.array(of_app)[function],
        notes=[
            "the file counts invocations by the minute; they are put at random moments of it",
            f"encryption contexts are owners; messages are taken as {length:,} bytes each",
        ],
    )


def _azure_2021(path: str, *, length: int, seed: int, progress: Callable[[int], object]) -> Rows:
    """Read ``AzureFunctionsInvocationTraceForTwoWeeksJan2021.txt``: end and duration of each invocation."""
    del seed
    cells = _Cells(path, ("app", "func", "end_timestamp", "duration"))
    apps = _Labels()
    found = [
        (cells.number(row, "end_timestamp"), cells.number(row, "duration"), apps(row["app"]))
        for row in cells.rows(progress)
    ]
    if not found:
        raise cells.none_found()
    end, duration, app = (np.array(column) for column in zip(*found, strict=True))
    return Rows(
        nanoseconds=_nanoseconds(end - duration),
        decrypts=np.zeros(len(end), np.bool_),
        contexts=app,
        lengths=np.full(len(end), length, np.int64),
        context_labels=list(apps.numbers),
        functions=app,
        durations=_nanoseconds(duration),
        notes=[f"encryption contexts are applications; messages are taken as {length:,} bytes each"],
    )


def _huawei_2025(path: str, *, length: int, seed: int, progress: Callable[[int], object]) -> Rows:
    """Read a request table: ``podID`` is the container, ``userID`` the tenant, ``requestBodySize`` the bytes."""
    del seed
    cells = _Cells(path, ("time_worker", "podID", "userID", "requestBodySize"))
    users, pods = _Labels(), _Labels()
    found, without = [], 0
    for row in cells.rows(progress):
        without += not row["requestBodySize"].strip()
        found.append(
            (
                cells.number(row, "time_worker"),
                cells.number(row, "requestBodySize", float(length)),
                users(row["userID"]),
                pods(row["podID"]),
            )
        )
    if not found:
        raise cells.none_found()
    time, size, user, pod = (np.array(column) for column in zip(*found, strict=True))
    notes = ["encryption contexts are users"]
    if without:
        notes.append(f"rows without requestBodySize, taken as {length:,} bytes each: {without:,}")
    return Rows(
        nanoseconds=_nanoseconds(time),
        decrypts=np.zeros(len(time), np.bool_),
        contexts=user,
        lengths=size.astype(np.int64),
        context_labels=list(users.numbers),
        containers=pod,
        notes=notes,
    )


def _nanoseconds(seconds: np.ndarray) -> Numbers:
    return np.rint(seconds * 1e9).astype(np.int64)


CONVERTERS: Mapping[str, Converter] = {
    "azure-2019": _azure_2019,
    "azure-2021": _azure_2021,
    "huawei-2025": _huawei_2025,
}

"""Take log events out of whatever they were exported as.

JSON lines; plain text, with or without a time and a log stream before each message (S3 exports, ``aws logs tail``);
CSV and JSON of Logs Insights; JSON of ``aws logs filter-log-events`` and ``get-query-results``; CloudTrail's files and
``lookup-events``.
"""

from __future__ import annotations

import csv
import itertools
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from warmkey.plan.errors import at
from warmkey.plan.moments import moment_of
from warmkey.plan.text_files import json_of, name_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["LogEvent", "events_in", "is_export"]

_STREAM = re.compile(r"\d{4}/\d{2}/\d{2}/(?:[\w-]+)?\[[^\]\s]+\][0-9a-f]{8,64}")
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}:\d{2}[.,\d]*(?:Z|[+-]\d{2}:?\d{2})?")
# Where documents keep their events.
_LISTS = ("events", "Records", "Events", "results")
# CloudWatch Logs takes events of 1 MiB; Python's own limit is an eighth of that.
_LONGEST_CELL = 2**21


class LogEvent(NamedTuple):
    """One event of a log.

    :ivar moment: nanoseconds since the epoch, if the export says so
    :ivar stream: the log stream, which is one container's, if the export says so
    :ivar message: text, or what its JSON holds
    """

    moment: int | None
    stream: str | None
    message: str | dict[str, Any]


def is_export(first_line: str) -> bool:
    """Return whether a file that begins with *first_line* is something else than a CSV trace."""
    start = first_line.lstrip()[:1]
    return (
        start in ("{", "[")
        or "@message" in first_line
        or _TIME.match(first_line.lstrip()) is not None
        or (start != "" and "," not in first_line and ";" not in first_line and "\t" not in first_line)
    )


def events_in(path: str, lines: Iterator[str]) -> Iterator[LogEvent]:
    """Yield the events of the file at *path*; what is not understood comes as text.

    :raises BadInput: a JSON document can't be read, or a CSV file breaks off
    """
    first = next((line for line in lines if line.strip()), "")
    everything = itertools.chain([first], lines)
    start = first.lstrip()[:1]
    if "@message" in first and start not in ("{", "["):
        yield from _of_rows(_csv_rows(path, everything))
    elif start == "[" or (start == "{" and _is_document(first)):
        yield from _of_document(path, "".join(everything))
    else:
        for line in everything:
            if line.strip():
                yield _of_line(line.strip())


def _csv_rows(path: str, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of Logs Insights' CSV, whose cells may be events of any length.

    :raises BadInput: it breaks off within a cell, or is not CSV; says in which line
    """
    usual = csv.field_size_limit(_LONGEST_CELL)
    table = csv.DictReader(lines, strict=True)
    try:
        yield from table
    except csv.Error as error:
        raise at(name_of(path), table.reader.line_num, f"can't be read as CSV: {error}") from None
    finally:
        csv.field_size_limit(usual)


def _is_document(first_line: str) -> bool:
    """Return whether a line is the start of a larger JSON document, and not a line of JSON lines."""
    found = _object_in(first_line)
    return found is None or any(isinstance(found.get(name), list) for name in _LISTS)


def _of_document(path: str, text: str) -> Iterator[LogEvent]:
    found = document = json_of(path, text)
    if isinstance(document, dict):
        found = next((document[name] for name in _LISTS if isinstance(document.get(name), list)), [document])
    for item in found:
        if isinstance(item, list):  # of get-query-results: a list of fields
            fields = [field for field in item if isinstance(field, dict)]
            yield from _of_rows([{str(field.get("field")): field.get("value") for field in fields}])
        elif isinstance(item, dict) and ("@message" in item or "@timestamp" in item):
            yield from _of_rows([item])
        elif isinstance(item, dict) and isinstance(item.get("message"), str) and "timestamp" in item:
            yield LogEvent(
                moment_of(str(item["timestamp"])), _text(item.get("logStreamName")), _parsed(item["message"])
            )
        elif isinstance(item, dict) and isinstance(item.get("CloudTrailEvent"), str):
            yield LogEvent(None, None, _parsed(item["CloudTrailEvent"]))
        else:
            yield LogEvent(None, None, item if isinstance(item, dict) else str(item))


def _of_rows(rows: Iterable[dict[str, Any]]) -> Iterator[LogEvent]:
    """Yield the events of rows with the columns that Logs Insights gives."""
    for row in rows:
        message = row.get("@message") or ""
        yield LogEvent(
            moment_of(str(row.get("@timestamp") or "")),
            _text(row.get("@logStream")),
            message if isinstance(message, dict) else _parsed(str(message)),
        )


def _of_line(line: str) -> LogEvent:
    """Return the event of a line, which may have a time and a log stream in front."""
    brace = line.find("{")
    front = line if brace < 0 else line[:brace]
    time, stream = _TIME.search(front), _STREAM.search(front)
    found = None if brace < 0 else _object_in(line[brace:])
    moment = None if time is None else moment_of(time[0])
    return LogEvent(moment, None if stream is None else stream[0], line if found is None else found)


def _parsed(text: str) -> str | dict[str, Any]:
    return _object_in(text) or text


def _object_in(text: str) -> dict[str, Any] | None:
    """Return the JSON object that *text* is, or ``None``."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):  # not JSON, a number with thousands of digits, or nested too deeply
        return None
    return found if isinstance(found, dict) else None


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None

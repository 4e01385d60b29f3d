"""Traces and logs for `warmkey plan` that cost as much as can be, in any length."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

TextMaker = Callable[[int], str]

_TIME = "2026-11-28T12:00:00.000Z"
_SUMMARY = json.dumps({"timestamp": _TIME, "warmkey": {"event": "Summary", "hits": 90, "misses": 10}})
_METRICS = json.dumps({"_aws": {"Timestamp": 1764331200000}, "CacheHits": [1.0] * 20, "CacheMisses": 1})


def _rows(header: str, row: Callable[[int], str]) -> TextMaker:
    """Return what makes a trace of about so many bytes."""
    return lambda length: f"{header}\n" + "".join(f"{row(number)}\n" for number in range(length // len(row(100))))


TRACES: dict[str, TextMaker] = {
    "short rows": _rows("timestamp,context", lambda number: f"{number % 10},a"),
    "contexts of their own": _rows("timestamp,context", lambda number: f"{number % 10},{number:x}"),
    "containers of their own": _rows("timestamp,context,container", lambda number: f"{number % 10},a,{number:x}"),
    "messages that are read": _rows(
        "timestamp,operation,context,message",
        lambda number: f"{number / 50:.2f},{'decrypt' if number % 2 else 'encrypt'},a,{number // 2}",
    ),
    "times as text": _rows("timestamp,context", lambda number: f"2026-11-28T12:00:{number % 60:02}Z,a"),
    "blank lines": lambda length: "timestamp,context\n1,a\n" + "\n" * length,
    "a long cell": lambda length: f"timestamp,context\n1,{'a' * length}\n",
    "a long header": lambda length: f"timestamp,context{',a' * (length // 2)}\n1,a{',' * (length // 2)}\n",
    "a bad cell at the end": lambda length: "timestamp,context\n" + "1,a\n" * (length // 4) + "x,a\n",
}


def _trail(number: int) -> dict[str, Any]:
    context = {"encryptionContext": {"tenant": str(number)}}
    return {
        "eventSource": "kms.amazonaws.com",
        "eventTime": "2026-11-28T12:00:01Z",
        "eventName": "GenerateDataKey",
        "requestParameters": context,
    }


LOGS: dict[str, TextMaker] = {
    "summaries": lambda length: f"{_SUMMARY}\n" * (length // len(_SUMMARY)),
    "metrics": lambda length: f"{_METRICS}\n" * (length // len(_METRICS)),
    "lines of others": lambda length: "{}\n" * (length // 3),
    "a long line": lambda length: f'{{"a":"{"x" * length}"}}\n',
    "CloudTrail": lambda length: json.dumps({"Records": [_trail(number) for number in range(length // 160)]}),
    "lists in a document": lambda length: '{"Records":[' + ",".join(["[]"] * (length // 3)) + "]}",
    "maps in a document": lambda length: json.dumps({"events": [{}] * (length // 4)}),
    "a stream for each line": lambda length: json.dumps(
        {"events": [{"timestamp": 1, "logStreamName": str(n), "message": _SUMMARY} for n in range(length // 150)]}
    ),
}

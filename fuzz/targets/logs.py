"""Plan for logs: lines of warmkey, of Lambda, of CloudTrail and of others, in every export."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fuzz.mutation import changed_bytes, changed_cells, changed_document
from fuzz.planning import plan_for, planning
from fuzz.promise import SECRET
from fuzz.target import Target

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

__all__ = ["TARGET"]

_TIME = "2026-11-28T12:00:{:02}.000Z"
_STREAM = "2026/11/28/[$LATEST]0123456789abcdef0123456789abcdef"
_WORDS = (
    *("@message", "@timestamp", "@logStream", "message", "timestamp", "logStreamName", "events", "Records", "results"),
    *("warmkey", "event", "Summary", "CacheMiss", "CacheEviction", "CacheHit", "hits", "misses", "_aws", "Timestamp"),
    *(
        "eventSource",
        "kms.amazonaws.com",
        "eventName",
        "Decrypt",
        "eventTime",
        "requestParameters",
        "encryptionContext",
    ),
    *("container_age_seconds", "messages", "plaintext_bytes", "1e300", "-1", "1764331200000", _TIME.format(1), _STREAM),
)


def seeds() -> list[bytes]:
    """Return each kind of line in each export."""
    lines = [json.dumps(line) for line in _lines()]
    report = "REPORT RequestId: 1 Duration: 12.5 ms Billed Duration: 13 ms Init Duration: 100.0 ms"
    rows = [
        {"@timestamp": _TIME.format(number), "@logStream": _STREAM, "@message": line}
        for number, line in enumerate((*lines, report))
    ]
    events = [
        {"timestamp": 1764331200000 + 500 * number, "logStreamName": _STREAM, "message": line}
        for number, line in enumerate(lines)
    ]
    trails = {"Records": [line for line in _lines() if "eventSource" in line]}
    results = {"results": [[{"field": name, "value": value} for name, value in row.items()] for row in rows[:2]]}
    quoted = "\n".join(f'{row["@timestamp"]},"{row["@message"].replace(chr(34), chr(34) * 2)}"' for row in rows)
    files = [
        "\n".join([*lines, report, "a line of another program"]),
        "\n".join(f"{_TIME.format(number)} {_STREAM} {line}" for number, line in enumerate(lines)),
        f"@timestamp,@message\n{quoted}",
        *(json.dumps(document) for document in (rows, {"events": events}, trails, results)),
        json.dumps({"Events": [{"CloudTrailEvent": json.dumps(each)} for each in trails["Records"]]}),
    ]
    return [f"{form}\n{text}\n".encode() for text, form in zip(files, ("", "logs") * 4, strict=True)]


def _lines() -> list[dict[str, Any]]:
    kms = {"eventSource": "kms.amazonaws.com", "eventTime": "2026-11-28T12:00:01Z"}
    context = {"requestParameters": {"encryptionContext": {"tenant": SECRET}}}
    return [
        {"timestamp": _TIME.format(0), "warmkey": {"event": "Summary", "hits": 90, "misses": 10, "kms_requests": 9,
         "container_age_seconds": 300.5}},
        {"timestamp": _TIME.format(1), "warmkey": {"event": "CacheMiss", "operation": "encrypt", "reason": "absent"}},
        {"timestamp": _TIME.format(2), "warmkey": {"event": "CacheEviction", "operation": "encrypt", "messages": 5,
         "plaintext_bytes": 50}},
        {"timestamp": _TIME.format(3), "warmkey": {"event": "CacheHit", "operation": "decrypt"}},
        {"_aws": {"Timestamp": 1764331200000}, "CacheHits": [1.0, 2.0], "CacheMisses": 1, "KmsRequests": 1},
        {**kms, "eventName": "GenerateDataKey", **context},
        {**kms, "eventName": "Decrypt", **context},
        {"time": _TIME.format(4), "type": "platform.report", "record": {"metrics": {"durationMs": 5.5}}},
    ]  # fmt: skip


def change(data: bytes, source: Random, others: Sequence[bytes]) -> bytes:
    """Change a line, or the JSON in it; now and then bytes."""
    if not source.randrange(10):
        return changed_bytes(data, source)
    lines, other = data.splitlines(), source.choice(others).splitlines()
    if source.randrange(2) and lines and other:
        at = source.randrange(len(lines))
        front, brace, document = lines[at].partition(b"{")
        lines[at] = front + changed_document(brace + document, source, other, _WORDS)
        return b"\n".join(lines)
    texts = [each.decode("utf-8", "surrogateescape") for each in (data, b"\n".join(other))]
    return changed_cells(texts[0], source, _WORDS, texts[1:]).encode("utf-8", "surrogatepass")


TARGET = Target(seeds=seeds, change=change, test=plan_for, world=planning)

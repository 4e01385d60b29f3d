"""Read what functions wrote: our summary, miss, eviction and metrics lines, Lambda's reports, CloudTrail's KMS events.

Lines of other programs are counted and passed over.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

from warmkey.observability.metrics import METRICS
from warmkey.plan.exports import events_in
from warmkey.plan.moments import moment_of
from warmkey.plan.text_files import opened, reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from warmkey.plan.exports import LogEvent

__all__ = ["Log", "read_logs"]

_REPORT = re.compile(r"REPORT RequestId: \S+\s+Duration: (\d{1,9}(?:\.\d{1,9})?) ms\b", re.ASCII)
_INIT = re.compile(r"Init Duration: [\d.]+ ms\b")
_KMS = "kms.amazonaws.com"
_WRITES = ("GenerateDataKey", "GenerateDataKeyWithoutPlaintext")
# What a summary line calls what a metric counts.
_FIELDS = {
    "CacheHits": "hits",
    "CacheCoalesced": "coalesced",
    "CacheMisses": "misses",
    "CacheBypasses": "bypasses",
    "RequestsFailed": "failures",
    "CacheEvictions": "evictions",
    "KmsRequests": "kms_requests",
}
OTHERS = "lines of other programs"
# Kinds of lines that name one request, so that no two are alike.
_UNIQUE = ("summary lines", "reports of Lambda", "KMS events of CloudTrail")
_LINES_BETWEEN_LOOKS = 10_000
_LARGEST = 1e300
_LONGEST_LIFE = 1e9
_LARGEST_MILLISECONDS = 4.2e12


class Log:
    """What was read.

    :ivar used: lines that were understood, by kind
    :ivar others: lines that were passed over
    :ivar summaries: totals of our summary lines; ``metrics``: of our metrics lines; ``lines``: of lines for each fact
    :ivar misses: miss lines, by operation and reason
    :ivar evicted: keys, messages and bytes of eviction lines, by operation
    :ivar durations: seconds of invocations, from reports
    :ivar containers: first and last moment of each container that can be told apart
    :ivar requests: moment, operation and encryption context of CloudTrail's KMS events
    """

    def __init__(self) -> None:
        self.used: Counter[str] = Counter()
        self.others = 0
        self._unique: set[int] = set()
        self.first: int | None = None
        self.last: int | None = None
        self.summaries: Counter[str] = Counter()
        self.metrics: Counter[str] = Counter()
        self.lines: Counter[str] = Counter()
        self.misses: Counter[tuple[str, str]] = Counter()
        self.evicted: Counter[tuple[str, str]] = Counter()
        self.invocations = 0
        self.invocation_seconds = 0.0
        self.cold_starts = 0
        self.containers: dict[str, tuple[int, int]] = {}
        self.requests: list[tuple[int, bool, str]] = []

    def add(self, event: LogEvent) -> None:
        """Take one event."""
        kind = self._kind(event)
        if kind is None:
            self.others += 1
        else:
            self.used[kind] += 1
        if kind in _UNIQUE:
            self._unique.add(hash((event.stream, str(event.message))))

    @property
    def repeated(self) -> int:
        """Return how many lines were there before, of those that can't be alike unless they were exported twice."""
        return sum(self.used[kind] for kind in _UNIQUE) - len(self._unique)

    def notes(self) -> list[str]:
        """Return what is wrong with the export, in sentences."""
        if not self.repeated:
            return []
        return [f"lines that are there twice: {self.repeated:,}, and maybe others; they count twice: export them once"]

    def _kind(self, event: LogEvent) -> str | None:
        """Count what *event* says, and return what kind of line it is; ``None`` for another program's."""
        message = event.message
        if isinstance(message, str):
            return self._report_text(message, event)
        ours = message.get("warmkey")
        if isinstance(ours, dict) and isinstance(ours.get("event"), str):
            return self._ours(ours, _moment_of(message, event), event.stream)
        if isinstance(message.get("_aws"), dict):
            return self._metrics_line(message, event)
        if message.get("eventSource") == _KMS:
            return self._kms_event(message)
        if message.get("type") == "platform.report" and isinstance(message.get("record"), dict):
            return self._report_json(message, event)
        return None

    # --- ours

    def _ours(self, fields: dict[str, Any], moment: int | None, stream: str | None) -> str:
        name = str(fields["event"])
        if name == "Summary":
            for field in _FIELDS.values():
                self.summaries[field] += _count(fields.get(field))
            self._see(moment, stream, fields.get("container_age_seconds"))
            return "summary lines"
        self._see(moment, stream)
        operation = str(fields.get("operation"))
        if name == "CacheMiss":
            self.misses[operation, str(fields.get("reason"))] += 1
            self.lines["misses"] += 1
        elif name == "CacheEviction":
            self.evicted[operation, "keys"] += 1
            self.evicted[operation, "messages"] += _count(fields.get("messages"))
            self.evicted[operation, "bytes"] += _count(fields.get("plaintext_bytes"))
        elif name in ("CacheHit", "CacheBypass", "CacheCoalesced"):
            self.lines[{"CacheHit": "hits", "CacheBypass": "bypasses"}.get(name, "coalesced")] += 1
        return "lines of warmkey"

    def _metrics_line(self, message: dict[str, Any], event: LogEvent) -> str | None:
        names = METRICS.keys() & message.keys()
        if not names:
            return None
        for name in names & _FIELDS.keys():
            value = message[name]
            self.metrics[_FIELDS[name]] += sum(map(_count, value)) if isinstance(value, list) else _count(value)
        written = message["_aws"].get("Timestamp")
        self._see(event.moment if event.moment is not None else _milliseconds(written), event.stream)
        return "metrics lines"

    # --- Lambda's and CloudTrail's

    def _report_text(self, text: str, event: LogEvent) -> str | None:
        found = _REPORT.search(text)
        if found is None:
            return None
        return self._report(float(found[1]) / 1e3, event, cold=_INIT.search(text) is not None)

    def _report_json(self, message: dict[str, Any], event: LogEvent) -> str:
        metrics = message["record"].get("metrics")
        metrics = metrics if isinstance(metrics, dict) else {}
        moment = event.moment if event.moment is not None else _time(message.get("time"))
        seconds = _real(metrics.get("durationMs")) / 1e3
        return self._report(seconds, event._replace(moment=moment), cold="initDurationMs" in metrics)

    def _report(self, seconds: float, event: LogEvent, *, cold: bool) -> str:
        self.invocations += 1
        self.invocation_seconds += seconds
        self.cold_starts += cold
        self._see(event.moment, event.stream)
        return "reports of Lambda"

    def _kms_event(self, message: dict[str, Any]) -> str | None:
        operation, moment = message.get("eventName"), _time(message.get("eventTime"))
        if moment is None or operation not in (*_WRITES, "Decrypt") or message.get("errorCode"):
            return None
        parameters = message.get("requestParameters")
        context = parameters.get("encryptionContext") if isinstance(parameters, dict) else None
        self.requests.append((moment, operation == "Decrypt", json.dumps(context or {}, sort_keys=True)))
        return "KMS events of CloudTrail"

    def _see(self, moment: int | None, stream: str | None, age: object = None) -> None:
        """Note that something happened at *moment*, in a container that is known by its log stream or by its age."""
        if moment is None:
            return
        self.first = moment if self.first is None else min(self.first, moment)
        self.last = moment if self.last is None else max(self.last, moment)
        born, seconds = moment, _real(age)
        if stream is None and 0 < seconds < _LONGEST_LIFE:
            born = moment - round(seconds * 1e9)
            stream = f"born {round(born / 1e9)}"
        if stream is not None:
            first, last = self.containers.get(stream, (born, moment))
            self.containers[stream] = min(first, born), max(last, moment)


def read_logs(paths: Iterable[str], progress: Callable[[int], object]) -> Log:
    """Return what the files say.

    :param progress: called now and then with the number of lines read
    :raises BadInput: a file can't be read as text or JSON
    :raises OSError: a file can't be read
    """
    log, count = Log(), 0
    for path in paths:
        with reading(path), opened(path) as lines:
            for event in events_in(path, lines):
                log.add(event)
                count += 1
                if count % _LINES_BETWEEN_LOOKS == 0:
                    progress(count)
    return log


def _count(value: object) -> int:
    """Return a count that somebody wrote, which may be anything."""
    number = _real(value)
    return int(number) if 0 <= number < 1e15 else 0  # noqa: PLR2004 - more than anybody counts


def _real(value: object) -> float:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < _LARGEST else 0.0  # type: ignore[arg-type]


def _moment_of(message: dict[str, Any], event: LogEvent) -> int | None:
    return event.moment if event.moment is not None else _time(message.get("timestamp"))


def _time(value: object) -> int | None:
    return moment_of(value) if isinstance(value, str) else None


def _milliseconds(value: object) -> int | None:
    """Return the nanoseconds of a number of milliseconds; ``None`` for what is not a time."""
    number = _real(value)
    return round(number * 1e6) if 0 < number < _LARGEST_MILLISECONDS else None

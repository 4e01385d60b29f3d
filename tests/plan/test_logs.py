"""What functions wrote: our own lines, as they are really written, and Lambda's and CloudTrail's."""

from __future__ import annotations

import csv
import gzip
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from warmkey.plan.errors import BadInput
from warmkey.plan.exports import is_export
from warmkey.plan.limits import Limits
from warmkey.plan.logs import Log, read_logs
from warmkey.plan.observed import observed, rates_behind, rows_of_cloudtrail
from warmkey.testing import fake_kms

if TYPE_CHECKING:
    from pathlib import Path

STREAM = "2026/11/28/[$LATEST]0123456789abcdef0123456789abcdef"
OTHER = "2026/11/28/[$LATEST]fedcba9876543210fedcba9876543210"
REPORT = (
    "REPORT RequestId: 8f5e\tDuration: 250.00 ms\tBilled Duration: 251 ms\tMemory Size: 128 MB\t"
    "Max Memory Used: 60 MB\tInit Duration: 310.00 ms"
)
MISS = {"message": "cache miss", "timestamp": "2026-11-28 12:00:00,500+0000"} | {
    "warmkey": {"event": "CacheMiss", "operation": "encrypt", "reason": "expired"}
}


def summary(second: int, hits: int, misses: int, age: float) -> dict[str, Any]:
    counts = {"hits": hits, "coalesced": 0, "misses": misses, "bypasses": 0, "evictions": 0, "kms_requests": misses}
    return {
        "timestamp": f"2026-11-28 12:{second // 60:02}:{second % 60:02},000+0000",
        "warmkey": {"event": "Summary", **counts, "container_age_seconds": age},
    }


def log_of(tmp_path: Path, text: str | bytes) -> Log:
    path = tmp_path / "export"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_logs([str(path)], lambda _done: None)


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """Lines that warmkey writes: 3 invocations of 4 messages each."""
    with fake_kms() as kms:
        kms.configure(metrics="summary", cache_capacity=2)
        for tenant in ("one", "two", "three"):
            with warmkey.instrument():
                message = warmkey.encrypt(b"x" * 100, {"tenant": tenant})
                warmkey.encrypt(b"x" * 100, {"tenant": tenant})
                warmkey.decrypt(message)
                warmkey.decrypt(message)
    return capsys.readouterr().out


def test_the_lines_that_warmkey_writes_are_understood(tmp_path: Path, written: str) -> None:
    log = log_of(tmp_path, written)

    found = observed(log)
    assert log.others == 0
    assert (found.source, found.messages, found.hits, found.misses) == ("metrics lines", 12, 6, 6)
    assert found.misses_by_reason == {"decrypt": {"absent": 3}, "encrypt": {"absent": 3}}
    assert (found.lines["summary lines"], found.lines["metrics lines"]) == (3, 5)
    assert log.evicted["encrypt", "messages"] == 2 * log.evicted["encrypt", "keys"] > 0
    assert log.evicted["encrypt", "bytes"] == 100 * log.evicted["encrypt", "messages"]


def test_summaries_count_where_metrics_are_off_and_single_lines_where_there_are_no_summaries(tmp_path: Path) -> None:
    by_summary = observed(log_of(tmp_path, "\n".join(map(json.dumps, (summary(0, 9, 1, 5), MISS)))))
    hit = {"warmkey": {"event": "CacheHit", "operation": "encrypt"}}
    other = {"warmkey": {"event": "KmsRequest", "kms_operation": "Decrypt"}}
    lines = [hit, hit, MISS, other, {"warmkey": {"event": "CacheBypass"}}, {"warmkey": {"event": "CacheCoalesced"}}]
    by_line = observed(log_of(tmp_path, "\n".join(map(json.dumps, lines))))

    assert (by_summary.source, by_summary.messages, by_summary.hit_ratio) == ("summary lines", 10, 0.9)
    assert (by_line.source, by_line.messages, by_line.hits, by_line.coalesced) == ("single lines", 5, 2, 1)
    assert by_line.bypasses == 1


def test_evictions_are_those_of_the_totals_or_else_those_that_lines_name(tmp_path: Path) -> None:
    total = summary(0, 9, 1, 5)
    total["warmkey"]["evictions"] = 7
    lines = [{"warmkey": {"event": "CacheEviction", "operation": name}} for name in ("encrypt", "encrypt", "decrypt")]

    assert observed(log_of(tmp_path, json.dumps(total))).evictions == 7
    assert observed(log_of(tmp_path, "\n".join(map(json.dumps, lines)))).evictions == 3


def insights_csv(messages: list[str]) -> str:
    file = io.StringIO()
    table = csv.writer(file)
    table.writerow(["@timestamp", "@message", "@logStream"])
    table.writerows([["2026-11-28 12:00:00.000", message, STREAM] for message in messages])
    return file.getvalue()


def insights_json(messages: list[str]) -> str:
    return json.dumps(
        [{"@timestamp": "2026-11-28 12:00:00.000", "@message": message} for message in messages], indent=1
    )


def query_results(messages: list[str]) -> str:
    fields = [[{"field": "@message", "value": message}, {"field": "@ptr", "value": "x"}] for message in messages]
    return json.dumps({"results": fields, "statistics": {}}, indent=2)


def filtered(messages: list[str]) -> str:
    events = [{"timestamp": 1795867200000, "message": message, "logStreamName": STREAM} for message in messages]
    return json.dumps({"events": events})


EXPORTS = {
    "JSON lines": "\n".join,
    "JSON lines with blank lines": "\n\n".join,
    "an export to S3": lambda messages: "".join(f"2026-11-28T12:00:00.000Z {message}\n" for message in messages),
    "aws logs tail": lambda messages: "".join(f"2026-11-28T12:00:00+00:00 {STREAM} {each}\n" for each in messages),
    "Logs Insights, CSV": insights_csv,
    "Logs Insights, JSON": insights_json,
    "get-query-results": query_results,
    "filter-log-events": filtered,
}


@pytest.mark.parametrize("export", EXPORTS.values(), ids=EXPORTS)
def test_every_export_of_the_same_lines_says_the_same(tmp_path: Path, export: Any) -> None:
    metrics = {"_aws": {"Timestamp": 1795867201000}, "CacheHits": [8.0, 1.0], "CacheMisses": 1.0}
    lines = [
        json.dumps(summary(0, 9, 1, 5)),
        json.dumps(MISS),
        REPORT,
        json.dumps(metrics),
        "START RequestId: 8f5e",
        "{",
    ]

    log = log_of(tmp_path, export(lines))

    assert log.summaries["hits"] == log.metrics["hits"] == 9
    assert log.misses == {("encrypt", "expired"): 1}
    assert (log.invocations, log.cold_starts, log.invocation_seconds) == (1, 1, 0.25)
    assert log.others == 2
    assert is_export(export(lines).splitlines()[0])


@pytest.mark.parametrize(
    ("lines", "repeated"),
    [
        ([summary(0, 9, 1, 5), summary(1, 9, 1, 6)], 0),
        ([summary(0, 9, 1, 5), summary(1, 9, 1, 6), summary(0, 9, 1, 5)], 1),
        ([MISS, MISS, MISS], 0),  # two in a millisecond are nothing special
        ([{"eventSource": "s3.amazonaws.com"}] * 2, 0),
    ],
)
def test_lines_that_were_exported_twice_are_noticed(tmp_path: Path, lines: list[Any], repeated: int) -> None:
    log = log_of(tmp_path, "\n".join(map(json.dumps, lines)))

    assert log.repeated == repeated
    assert bool(log.notes()) == bool(repeated)


def test_files_that_overlap_are_noticed_and_containers_of_one_moment_are_not(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text(f"{STREAM} {REPORT}\n{json.dumps(kms_event(0, 'Decrypt', 'a'))}\n")
    second.write_text(f"{OTHER} {REPORT}\n{json.dumps(kms_event(0, 'Decrypt', 'a'))}\n")
    log = read_logs([str(first), str(second)], lambda _done: None)

    assert log.repeated == 1
    assert rows_of_cloudtrail(log, length=100).notes[0].startswith("lines that are there twice: 1, and maybe others")


def test_a_report_in_json_is_understood(tmp_path: Path) -> None:
    record = {"requestId": "8f5e", "metrics": {"durationMs": 250, "initDurationMs": 310.5}}
    odd = {"type": "platform.report", "record": {"metrics": "none"}}
    report = {"time": "2026-11-28T12:00:00.000Z", "type": "platform.report", "record": record}

    log = log_of(tmp_path, json.dumps(report) + "\n" + json.dumps(odd))

    assert (log.invocations, log.cold_starts, log.invocation_seconds) == (2, 1, 0.25)


def kms_event(second: int, name: str, tenant: str, **more: object) -> dict[str, Any]:
    return {
        "eventSource": "kms.amazonaws.com",
        "eventName": name,
        "eventTime": f"2026-11-28T12:00:{second:02}Z",
        "requestParameters": {"encryptionContext": {"tenant": tenant}},
        **more,
    }


def test_kms_events_of_cloudtrail_are_a_trace_without_a_cache(tmp_path: Path) -> None:
    events = [
        kms_event(0, "GenerateDataKey", "a"),
        kms_event(1, "Decrypt", "a"),
        kms_event(2, "GenerateDataKey", "b", requestParameters=None),
        kms_event(3, "Decrypt", "a", errorCode="AccessDenied"),
        kms_event(4, "DescribeKey", "a"),
        {"eventSource": "s3.amazonaws.com"},
    ]
    log = log_of(tmp_path, gzip.compress(json.dumps({"Records": events}).encode()))

    rows = rows_of_cloudtrail(log, length=100)
    assert log.others == 3
    assert rows.decrypts.tolist() == [False, True, False]
    assert rows.contexts.tolist() == [0, 0, 1]
    assert rows.context_labels == ['{"tenant": "a"}', "{}"]


def test_events_as_lookup_events_gives_them_are_understood(tmp_path: Path) -> None:
    events = [{"CloudTrailEvent": json.dumps(kms_event(0, "Decrypt", "a"))}, 5]

    log = log_of(tmp_path, json.dumps({"Events": events}, indent=2))

    assert (len(log.requests), log.others) == (1, 1)


def test_one_record_alone_is_a_document_too(tmp_path: Path) -> None:
    assert log_of(tmp_path, json.dumps(kms_event(0, "Decrypt", "a"), indent=2)).requests[0][1]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ('[{"@message": "x"},\n', "line 2: is not JSON"),
        ("[" * 100_000, "is JSON that is nested too deeply"),
        (f"[{'1' * 5_000}]", "has a number with thousands of digits"),
        ('@timestamp,@message\n1,"x\n2,y\n', "export, line 3: can't be read as CSV: unexpected end of data"),
        ("@timestamp,@message\n1," + "x" * 2**22, "export, line 2: can't be read as CSV: field larger than"),
        (b"\xff\xfe", "must be text in UTF-8"),
    ],
)
def test_a_document_that_breaks_off_is_an_error(tmp_path: Path, text: str | bytes, error: str) -> None:
    with pytest.raises(BadInput, match=error):
        log_of(tmp_path, text)


def test_values_that_nobody_writes_do_no_harm(tmp_path: Path) -> None:
    lines = [
        {"warmkey": {"event": "Summary", "hits": "many", "misses": -5, "container_age_seconds": True}},
        {"warmkey": {"event": "CacheEviction", "operation": "encrypt", "messages": 1e300}},
        {"warmkey": {"event": 5}},
        {"warmkey": {"event": "CacheMiss"}, "timestamp": "yesterday"},
        {"warmkey": {"event": "Summary", "container_age_seconds": 1e300}, "timestamp": "2026-11-28 12:00:00,000+0000"},
        {"_aws": {"Timestamp": 1e300}, "CacheHits": 0},
        {"_aws": {}, "CacheHits": None, "CacheMisses": [float("nan")]},
        {"_aws": {}, "Colour": 1},
    ]
    no_json = [f'{{"warmkey": {"[" * 100_000}', f'{{"warmkey": {"1" * 5_000}}}']
    log = log_of(tmp_path, "\n".join([*map(json.dumps, lines), *no_json]))

    assert log.others == 2 + len(no_json)
    assert sum(log.summaries.values()) == sum(log.metrics.values()) == 0


@pytest.mark.parametrize(
    "line",
    [
        '{"request": ' + "9" * 6000 + "}",
        '{"request": ' + "[" * 100_000 + "]" * 100_000 + "}",
        "REPORT RequestId: a Duration: 1.2.3 ms",
        "REPORT RequestId: a Duration: . ms",
    ],
)
def test_lines_of_other_programs_may_be_anything(tmp_path: Path, line: str) -> None:
    assert log_of(tmp_path, f"before\n{line}\nafter\n").others == 3


def test_a_cell_of_logs_insights_is_an_event_of_any_length(tmp_path: Path) -> None:
    before = csv.field_size_limit()
    summary = json.dumps({"warmkey": {"event": "Summary", "hits": 3}}).replace('"', '""')
    log = log_of(tmp_path, f'@timestamp,@message\n1,"{"x" * 2**20}"\n2,"{summary}"\n')

    assert (log.others, log.summaries["hits"]) == (1, 3)
    assert csv.field_size_limit() == before


def test_progress_is_told(tmp_path: Path) -> None:
    seen: list[int] = []
    path = tmp_path / "log"
    path.write_text("x\n" * 10_001)
    read_logs([str(path)], seen.append)

    assert seen == [10_000]


# ---------------------------------------------------------------------------------------------------------- rates


def rates_of(tmp_path: Path, *lines: object, limits: Limits | None = None) -> tuple[Any, list[str]]:
    log = log_of(tmp_path, "\n".join(json.dumps(line) if isinstance(line, dict) else str(line) for line in lines))
    return rates_behind(log, observed(log), limits or Limits(jitter=0), length=1024, period=60)


def test_rates_are_messages_by_time_and_contexts_are_as_many_as_explain_the_hit_ratio(tmp_path: Path) -> None:
    rates, notes = rates_of(tmp_path, summary(0, 90, 10, 100), summary(100, 90, 10, 200))

    assert rates.writes_per_second == 2.0
    assert (rates.containers, rates.contexts.count) == (1, 67)  # 2 a second, 300 s, nine hits for each miss
    assert any(note.startswith("encryption contexts that, used evenly,") and "s: 67;" in note for note in notes)
    assert any("all are taken as encrypted" in note for note in notes)
    assert any("1,024 bytes are assumed" in note for note in notes)


def test_what_evicted_keys_served_says_what_was_written_and_how_long_it_was(tmp_path: Path) -> None:
    def eviction(operation: str, messages: int, length: int) -> dict[str, Any]:
        fields = {"operation": operation, "reason": "expired", "messages": messages, "plaintext_bytes": length}
        return {"warmkey": {"event": "CacheEviction", **fields}}

    rates, _ = rates_of(
        tmp_path,
        summary(0, 50, 50, 1),
        summary(10, 50, 50, 11),
        eviction("encrypt", 30, 6000),
        eviction("decrypt", 10, 0),
    )

    assert (rates.writes_per_second, rates.reads_per_second, rates.length) == (15.0, 5.0, 200)


def test_misses_or_kms_events_say_it_where_nothing_was_evicted(tmp_path: Path) -> None:
    read = {"warmkey": {"event": "CacheMiss", "operation": "decrypt", "reason": "absent"}}
    by_miss, _ = rates_of(tmp_path, summary(0, 5, 5, 1), summary(10, 5, 5, 11), MISS, read, read, read)
    by_event, notes = rates_of(
        tmp_path,
        summary(0, 5, 5, 1),
        summary(10, 5, 5, 11),
        kms_event(0, "GenerateDataKey", "a"),
        kms_event(0, "GenerateDataKey", "b"),
        kms_event(1, "Decrypt", "a"),
        kms_event(1, "Decrypt", "a"),
    )

    assert by_miss.reads_per_second / by_miss.writes_per_second == pytest.approx(3)
    assert by_event.reads_per_second == by_event.writes_per_second
    assert by_event.contexts.count == 2
    assert "encryption contexts that CloudTrail names: 2" in notes


def test_containers_are_told_apart_by_their_log_streams(tmp_path: Path) -> None:
    def line(second: int, stream: str) -> str:
        return f"2026-11-28T12:{second // 60:02}:{second % 60:02}Z {stream} " + json.dumps(summary(second, 5, 5, 0))

    rates, notes = rates_of(
        tmp_path,
        line(0, STREAM),
        line(100, STREAM),
        line(0, OTHER),
        line(100, OTHER),
        line(50, STREAM.replace("0", "1")),
    )

    assert (rates.containers, rates.container_lifetime) == (2, 200.0)
    assert any("containers seen: 3, about 2 at a time" in note for note in notes)


def test_without_hits_or_with_all_of_them_there_is_one_context(tmp_path: Path) -> None:
    never, _ = rates_of(tmp_path, summary(0, 0, 5, 1), summary(10, 0, 5, 11))
    always, _ = rates_of(tmp_path, summary(0, 999, 1, 1), summary(10, 999, 1, 11), limits=Limits(max_messages=1000))

    assert (never.contexts.count, always.contexts.count) == (1, 1)


def test_containers_that_cannot_be_told_apart_are_one(tmp_path: Path) -> None:
    first, last = summary(0, 5, 5, 1), summary(10, 5, 5, 11)
    for line in (first, last):
        del line["warmkey"]["container_age_seconds"]

    rates, notes = rates_of(tmp_path, first, last)

    assert rates.containers == 1
    assert any("no line tells containers apart" in note for note in notes)


@pytest.mark.parametrize("lines", [[REPORT], [summary(0, 5, 5, 1)], ["nothing of ours"]])
def test_too_few_lines_are_an_error(tmp_path: Path, lines: list[object]) -> None:
    with pytest.raises(BadInput, match="the logs have no lines of warmkey with different times"):
        rates_of(tmp_path, *lines)


def test_metrics_lines_were_written_when_their_own_timestamp_says(tmp_path: Path) -> None:
    log = log_of(tmp_path, json.dumps({"_aws": {"Timestamp": 1795867201000}, "CacheHits": 1}))

    assert (log.first, log.last) == (1795867201_000_000_000, 1795867201_000_000_000)

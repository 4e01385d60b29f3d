"""What is written at once, what waits, and for what."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable  # noqa: TC003 - pytest reads it
from dataclasses import replace
from pathlib import Path

import pytest
from aws_lambda_powertools import Logger

from tests.observability.examples_of_events import (
    BRANCH_KEYS,
    BYPASS,
    COALESCED,
    EVERY,
    EVICTION,
    FAILED,
    KMS_OK,
    KMS_THROTTLED,
    MISS,
    OTHERS,
    UNCACHEABLE,
)
from tests.observability.output import written
from warmkey.events import Event, EvictionReason, Operation
from warmkey.observability import Subscriber, instrument

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
SRC = Path(__file__).parents[2] / "src"


def hit(count: Callable[[Operation], object], times: int) -> None:
    for _ in range(times):
        count(ENCRYPT)


# Without @instrument


@pytest.mark.parametrize("event", [MISS, EVICTION, BYPASS, FAILED, KMS_THROTTLED])
def test_what_costs_something_is_written_at_once(event: Event) -> None:
    emit = Subscriber()
    with written() as output:
        emit(event)

    assert [name for _, name in output.facts] == [type(event).__name__]
    assert len(output.blobs) == 1


@pytest.mark.parametrize("event", [COALESCED, KMS_OK])
def test_what_went_well_waits_for_the_next_of_those(event: Event) -> None:
    emit = Subscriber()
    with written() as output:
        emit(event)
        assert output.blobs == []
        emit(MISS)

    assert len(output.blobs) == 1
    assert sum(output.totals.values()) == 2


def test_evictions_by_capacity_on_decrypt_are_called_what_they_are_once() -> None:
    evicted = replace(EVICTION, operation=Operation.DECRYPT)
    emit = Subscriber(metrics="off")
    with written() as output:
        for _ in range(100):
            emit(EVICTION)
            emit(replace(evicted, reason=EvictionReason.EXPIRED))
        assert output.fields("SettingWarning") == []
        for _ in range(100):
            emit(evicted)

    (warning,) = output.fields("SettingWarning")
    assert warning["setting"] == "cache_capacity"
    assert "20 data keys for decrypting were evicted by capacity" in warning["problem"]


def test_hits_go_with_the_next_miss() -> None:
    emit = Subscriber()
    with written() as output:
        hit(emit.count_hit, 7)
        emit(MISS)

    assert output.totals == {"CacheHits": 7, "CacheMisses": 1}
    assert len(output.blobs) == 1


def test_a_hundred_hits_go_by_themselves() -> None:
    emit = Subscriber()
    with written() as output:
        hit(emit.count_hit, 250)

    assert output.values("CacheHits") == [100, 100]


def test_hits_go_with_the_first_hit_of_a_new_invocation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-first")
    emit = Subscriber()
    with written() as output:
        hit(emit.count_hit, 7)
        monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-second")
        hit(emit.count_hit, 3)

    assert output.values("CacheHits") == [8]


def test_a_new_invocation_that_is_instrumented_writes_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-first")
    emit = Subscriber()
    with written() as output:
        hit(emit.count_hit, 7)
        monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-second")
        with instrument():
            hit(emit.count_hit, 3)
            assert output.blobs == []

    assert output.values("CacheHits") == [10]


def test_a_logger_that_the_function_made_meanwhile_is_taken_at_the_first_hit_of_a_new_invocation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing says so when no handler is instrumented."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-first")
    emit = Subscriber()
    with written() as output:
        emit(MISS)
        Logger(service="orders", level="DEBUG")
        emit.count_hit(ENCRYPT)
        monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-second")
        emit.count_hit(DECRYPT)

    assert output.facts == [("INFO", "CacheMiss"), ("DEBUG", "CacheHit")]
    assert output.fields("CacheHit") == [{"event": "CacheHit", "operation": "decrypt"}]


def test_a_line_of_another_kind_is_no_metric() -> None:
    with written() as output:
        Subscriber()(UNCACHEABLE)

    assert output.facts == [("WARNING", "UncacheableContext")]
    assert output.blobs == []


def test_off_writes_lines_and_no_metrics() -> None:
    emit = Subscriber(metrics="off")
    with written() as output:
        emit(MISS)
        hit(emit.count_hit, 250)

    assert output.facts == [("INFO", "CacheMiss")]
    assert output.blobs == []


def test_detailed_writes_reasons() -> None:
    with written() as output:
        Subscriber(metrics="detailed")(MISS)

    assert output.totals == {"CacheMisses": 1, "CacheMissesMessagesSpent": 1}


def test_a_mode_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="metrics must be one of off, summary, detailed, not str"):
        Subscriber(metrics="everything")


# With @instrument


def test_an_instrumented_invocation_writes_metrics_once_at_its_end() -> None:
    emit = Subscriber()
    with written() as output, instrument():
        for event in EVERY:
            emit(event)
        hit(emit.count_hit, 250)
        assert output.blobs == []

    assert len(output.blobs) == 1
    assert output.totals["CacheHits"] == 251
    assert output.totals["KmsRequests"] == 2


def test_lines_do_not_wait_for_the_end_of_the_invocation() -> None:
    emit = Subscriber()
    with written() as output, instrument():
        emit(MISS)

    assert [name for _, name in output.facts] == ["CacheMiss", "Summary"]


def test_the_summary_says_what_the_invocation_saved() -> None:
    seconds = iter([1_000.0, 1_060.5])
    emit = Subscriber(now=lambda: next(seconds))
    with written() as output, instrument():
        for event in OTHERS:
            emit(event)
        hit(emit.count_hit, 98)

    assert output.fields("Summary") == [
        {
            "event": "Summary",
            "hits": 99,
            "coalesced": 1,
            "misses": 1,
            "bypasses": 1,
            "failures": 1,
            "malformed": 1,
            "authentication_failures": 1,
            "policy_refusals": 1,
            "abandoned": 1,
            "evictions": 1,
            "kms_requests": 2,
            "kms_requests_avoided": 100,
            "dollars_avoided": 0.0003,
            "container_age_seconds": 60.5,
        }
    ]


def test_the_summary_tells_of_branch_keys_where_there_are_any() -> None:
    emit = Subscriber()
    with written() as output, instrument():
        for event in BRANCH_KEYS:
            emit(event)
        hit(emit.count_branch_key_hit, 98)

    [summary] = output.fields("Summary")
    assert (summary["branch_key_hits"], summary["branch_key_misses"], summary["dynamodb_requests"]) == (99, 1, 2)
    assert output.totals["BranchKeyHits"] == 99


def test_hits_of_branch_keys_wait_as_those_of_data_keys_do() -> None:
    emit = Subscriber()
    with written() as output:
        hit(emit.count_branch_key_hit, 99)
        assert output.blobs == []

        hit(emit.count_branch_key_hit, 1)

    assert output.totals["BranchKeyHits"] == 100


def test_an_invocation_without_a_message_writes_nothing() -> None:
    emit = Subscriber()
    with written() as output:
        with instrument():
            pass
        emit.flush()

    assert output.text == ""


def test_metrics_off_still_has_a_summary_line() -> None:
    emit = Subscriber(metrics="off")
    with written() as output, instrument():
        emit.count_hit(ENCRYPT)

    assert output.fields("Summary")[0]["hits"] == 1
    assert output.blobs == []


def test_a_subscriber_made_inside_an_invocation_takes_part_in_it() -> None:
    """The default client is built by the first message, inside the handler."""
    with written() as output, instrument():
        emit = Subscriber()
        hit(emit.count_hit, 3)

    assert output.totals == {"CacheHits": 3}


# Hits at DEBUG


def test_hits_are_lines_at_debug_and_only_there() -> None:
    """The level is asked for at every hit: sampling changes it from one invocation to the next."""
    with written() as output:
        Logger(service="orders", level="INFO")
        emit = Subscriber()
        emit(MISS)
        emit.count_hit(ENCRYPT)
        logging.getLogger("orders").setLevel(logging.DEBUG)
        emit.count_hit(DECRYPT)

    assert output.facts == [("INFO", "CacheMiss"), ("DEBUG", "CacheHit")]
    assert output.fields("CacheHit") == [{"event": "CacheHit", "operation": "decrypt"}]


def test_kms_requests_that_went_well_are_lines_at_debug(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_LOG_LEVEL", "DEBUG")
    with written() as output:
        Subscriber()(KMS_OK)

    assert output.facts == [("DEBUG", "KmsRequest")]


# Threads


def test_no_hit_is_lost_or_written_twice_among_threads() -> None:
    emit = Subscriber()
    together = threading.Barrier(8)

    def work() -> None:
        together.wait()
        for number in range(1_000):
            emit.count_hit(ENCRYPT)
            if number % 97 == 0:
                emit(COALESCED)

    with written() as output:
        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        emit.flush()

    assert output.totals == {"CacheHits": 8_000, "CacheCoalesced": 8 * 11}


# What is imported, and when


def run(code: str, **variables: str) -> str:
    """What *code* prints in an interpreter of its own."""
    environment = {"PYTHONPATH": str(SRC), **variables}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    ).stdout


IMPORTS = """
import sys
from warmkey import events
from warmkey.observability import Subscriber, instrument
emit = Subscriber({arguments})
with instrument():
    pass
{code}
print(any(name.startswith("aws_lambda_powertools") for name in sys.modules))
"""
MISSES = "emit(events.CacheMiss(operation=events.Operation.ENCRYPT, reason=events.MissReason.ABSENT))"


def test_powertools_is_not_imported_before_there_is_something_to_write() -> None:
    assert run(IMPORTS.format(arguments="", code="")) == "False\n"


def test_powertools_is_not_imported_for_lines() -> None:
    assert run(IMPORTS.format(arguments="metrics='off'", code=MISSES)).endswith("False\n")


def test_powertools_is_imported_by_the_first_metric() -> None:
    assert run(IMPORTS.format(arguments="", code=MISSES)).endswith("True\n")


# Without Powertools


@pytest.mark.usefixtures("_without_powertools")
def test_without_powertools_lines_are_json_all_the_same() -> None:
    emit = Subscriber()
    with written() as output, instrument():
        emit(MISS)

    assert [line["message"] for line in output.lines] == [
        "cache miss",
        "cache summary",
        "metrics are off because Powertools is not installed",
    ]
    assert output.lines[0]["warmkey"] == {"event": "CacheMiss", "operation": "encrypt", "reason": "messages-spent"}


@pytest.mark.usefixtures("_without_powertools")
def test_without_powertools_it_says_once_that_metrics_are_off() -> None:
    emit = Subscriber()
    with written() as output:
        for _ in range(3):
            emit(MISS)

    assert output.text.count("metrics are off") == 1
    assert output.blobs == []


@pytest.mark.usefixtures("_without_powertools")
def test_metrics_that_nobody_wants_are_not_missed() -> None:
    with written() as output:
        Subscriber(metrics="off")(MISS)

    assert "metrics are off" not in output.text


def test_its_repr_says_what_it_writes() -> None:
    assert repr(Subscriber(metrics="detailed")) == "<warmkey.observability.Subscriber metrics=detailed>"

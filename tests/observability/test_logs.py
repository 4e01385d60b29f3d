"""Facts as log lines."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from typing import get_args

import pytest

import warmkey
from tests.observability.examples_of_events import (
    EVERY,
    EVICTION,
    FAILED,
    HIT,
    KEY_ARN,
    KMS_OK,
    KMS_THROTTLED,
    MISS,
    UNCACHEABLE,
)
from tests.observability.output import written
from warmkey.events import Event, KmsOutcome
from warmkey.keyrings import RawAesKeyring
from warmkey.observability import Subscriber
from warmkey.observability.logs import MESSAGES, Log, fields_of, level_of


def test_every_kind_of_event_has_a_message() -> None:
    assert MESSAGES.keys() == set(get_args(Event))


@pytest.mark.parametrize(
    ("event", "fields"),
    [
        (HIT, {"event": "CacheHit", "operation": "encrypt"}),
        (MISS, {"event": "CacheMiss", "operation": "encrypt", "reason": "messages-spent"}),
        (
            EVICTION,
            {
                "event": "CacheEviction",
                "operation": "encrypt",
                "reason": "capacity",
                "age_seconds": 12.5,
                "messages": 7,
                "plaintext_bytes": 4096,
            },
        ),
        (
            KMS_THROTTLED,
            {
                "event": "KmsRequest",
                "kms_operation": "Decrypt",
                "key_arn": KEY_ARN,
                "duration_seconds": 1.5,
                "attempts": 3,
                "outcome": "throttled",
            },
        ),
        (FAILED, {"event": "RequestFailed", "operation": "decrypt", "error": "KeyUnavailable"}),
        (UNCACHEABLE, {"event": "UncacheableContext", "context_key": "request_id", "requests": 50}),
    ],
)
def test_the_fields_of_a_line_are_those_of_the_event(event: Event, fields: dict[str, object]) -> None:
    assert json.loads(json.dumps(fields_of(event))) == fields


@pytest.mark.parametrize("event", EVERY)
def test_every_line_is_json(event: Event) -> None:
    assert json.loads(json.dumps(fields_of(event)))["event"] == type(event).__name__


@pytest.mark.parametrize("outcome", list(KmsOutcome))
def test_a_kms_request_that_failed_is_a_warning(outcome: KmsOutcome) -> None:
    expected = logging.DEBUG if outcome is KmsOutcome.OK else logging.WARNING

    assert level_of(replace(KMS_OK, outcome=outcome)) == expected


def test_a_logger_that_the_function_makes_later_is_taken_with_the_next_invocation() -> None:
    from aws_lambda_powertools import Logger  # noqa: PLC0415 - after our own

    log = Log(service=None, level=None)
    with written() as output:
        log.tell(MISS)
        Logger(service="orders").append_keys(stage="test")
        log.refresh()
        log.tell(MISS)

    assert [line.get("stage") for line in output.lines] == [None, "test"]


def test_refreshing_a_log_that_has_written_nothing_does_nothing() -> None:
    log = Log(service=None, level=None)
    log.refresh()

    assert not log.is_enabled_for(logging.CRITICAL)


def test_a_service_of_its_own_does_not_keep_the_function_from_making_a_logger() -> None:
    """Powertools gives whoever comes second with a name the settings of the first."""
    from aws_lambda_powertools import Logger  # noqa: PLC0415 - after our own

    log = Log(service="orders", level=None)
    with written() as output:
        log.tell(MISS)
        Logger(service="orders", log_record_order=["message"]).info("theirs, made later")

    ours, theirs = output.lines
    assert ours["service"] == theirs["service"] == "orders"
    assert next(iter(theirs)) == "message"


def test_a_line_below_the_level_is_not_written() -> None:
    log = Log(service=None, level="WARN")
    with written() as output:
        log.tell(MISS)

    assert output.text == ""
    assert not log.is_enabled_for(logging.INFO)


def test_every_invocation_is_sampled_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(service=None, level=None)
    monkeypatch.setenv("POWERTOOLS_LOGGER_SAMPLE_RATE", "0")
    log.tell(MISS)
    assert not log.is_enabled_for(logging.DEBUG)

    monkeypatch.setenv("POWERTOOLS_LOGGER_SAMPLE_RATE", "1")
    log.refresh()
    assert log.is_enabled_for(logging.DEBUG)

    monkeypatch.setenv("POWERTOOLS_LOGGER_SAMPLE_RATE", "0")
    log.refresh()
    assert not log.is_enabled_for(logging.DEBUG)
    assert log.is_enabled_for(logging.INFO)


# --- where in the function it happened


@pytest.mark.parametrize("powertools", [True, False])
def test_the_location_of_a_line_is_in_the_code_that_uses_warmkey(
    monkeypatch: pytest.MonkeyPatch, *, powertools: bool
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_FORMAT", "JSON")
    keyring = RawAesKeyring("tests", "key", bytes(32))
    cmm = warmkey.CachingCMM(cache=warmkey.LocalCMC(10), keyring=keyring, max_age=60, emit=Subscriber())

    def handler() -> None:
        warmkey.Client().encrypt(b"order", cmm=cmm)

    with written() as output:
        if powertools:
            from aws_lambda_powertools import Logger  # noqa: PLC0415 - for one case

            Logger(service="orders")
        handler()

    assert [line["location"] for line in output.lines] == [f"handler:{handler.__code__.co_firstlineno + 1}"]

"""Lines of our own: what a Powertools logger would write, without Powertools."""

from __future__ import annotations

import io
import logging
import re
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger

from tests.observability.output import written
from warmkey.observability.standard_logging import OwnLogger

if TYPE_CHECKING:
    from collections.abc import Callable

FIELDS = {"warmkey": {"event": "Test"}}


def own(service: str | None = None, level: str | None = None) -> logging.Logger:
    return OwnLogger(service=service, level=level).logger


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (None, logging.INFO),
        ("", logging.INFO),
        ("no level", logging.INFO),
        ("TRACE", logging.DEBUG),
        ("debug", logging.DEBUG),
        ("WARN", logging.WARNING),
        ("FATAL", logging.CRITICAL),
    ],
)
def test_lambdas_names_of_levels_are_understood(name: str | None, expected: int) -> None:
    assert own(level=name).level == expected


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, logging.INFO),
        ({"POWERTOOLS_LOG_LEVEL": "DEBUG"}, logging.DEBUG),
        ({"POWERTOOLS_LOG_LEVEL": "DEBUG", "AWS_LAMBDA_LOG_LEVEL": "WARN"}, logging.WARNING),
        ({"LOG_LEVEL": "ERROR"}, logging.ERROR),
    ],
)
def test_the_level_is_lambdas_or_that_of_powertools(
    variables: dict[str, str], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert own().level == expected


def test_a_level_set_on_the_logger_by_its_name_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", "DEBUG")
    logging.getLogger("warmkey").setLevel(logging.ERROR)

    assert own(level="INFO").level == logging.ERROR


@pytest.mark.parametrize("trace_id", [None, "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=1;Sampled=0"])
@pytest.mark.parametrize("service", [None, "orders"])
def test_a_line_has_the_keys_of_powertools(
    trace_id: str | None, service: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if trace_id:
        monkeypatch.setenv("_X_AMZN_TRACE_ID", trace_id)
    if service:
        monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", service)

    def line_of(make: Callable[[], Any]) -> dict[str, Any]:
        with written() as output:
            make().info("größer\nals", extra=FIELDS)
        (line,) = output.objects
        return line

    theirs, ours = line_of(Logger), line_of(own)
    del theirs["location"]  # of ours it would always be the same
    times = [re.sub(r"[0-9]", "0", line.pop("timestamp")) for line in (theirs, ours)]

    assert ours == theirs
    assert times[0] == times[1]


def test_a_line_is_written_once_even_if_the_root_logger_has_a_handler() -> None:
    """Lambda's runtime gives it one."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.root.addHandler(handler)
    with written() as output:
        own().info("once")
    logging.root.removeHandler(handler)

    assert len(output.lines) == 1
    assert stream.getvalue() == ""


def test_the_other_lines_of_the_root_logger_are_written_as_ever() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.root.addHandler(handler)
    own()
    logging.getLogger("warmkeys").warning("theirs")
    logging.getLogger("warmkey.events").warning("ours")
    logging.root.removeHandler(handler)

    assert stream.getvalue() == "theirs\n"


def test_a_test_suite_of_the_user_can_read_our_lines(caplog: pytest.LogCaptureFixture) -> None:
    own().info("for caplog")

    assert caplog.messages == ["for caplog"]


def test_asking_again_does_not_add_a_second_handler() -> None:
    own(service="shop")
    with written() as output:
        own(service="orders").info("once")

    assert [line["service"] for line in output.lines] == ["orders"]


def test_a_logger_that_somebody_has_set_up_stays_as_it_is() -> None:
    stream = io.StringIO()
    theirs = logging.getLogger("warmkey")
    theirs.addHandler(logging.StreamHandler(stream))
    theirs.setLevel(logging.DEBUG)
    own(level="ERROR").debug("in their way")

    assert stream.getvalue() == "in their way\n"
    assert theirs.propagate


@pytest.mark.parametrize(("rate", "expected"), [("1", logging.DEBUG), ("0", logging.INFO), ("often", logging.INFO)])
def test_some_invocations_are_logged_at_debug(rate: str, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_LOGGER_SAMPLE_RATE", rate)

    assert own().level == expected


def test_a_level_set_on_the_logger_stands_above_sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_LOGGER_SAMPLE_RATE", "1")
    logging.getLogger("warmkey").setLevel(logging.ERROR)

    assert own().level == logging.ERROR


def test_a_second_subscriber_does_not_take_a_sampled_level_for_the_normal_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_LOGGER_SAMPLE_RATE", "1")
    first = OwnLogger(service=None, level=None)
    second = OwnLogger(service=None, level=None)
    sampled = second.logger.level
    monkeypatch.setenv("POWERTOOLS_LOGGER_SAMPLE_RATE", "0")
    second.sample()

    assert sampled == logging.DEBUG
    assert first.logger.level == logging.INFO

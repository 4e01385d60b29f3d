"""Lines of our own: what a Powertools logger would write, without Powertools."""

from __future__ import annotations

import io
import logging
import logging.config
import re
import sys
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from aws_lambda_powertools import Logger

from tests.observability.examples_of_events import EVICTION, FAILED, MISS
from tests.observability.output import written
from warmkey.events import fan_out
from warmkey.observability.logs import Log
from warmkey.observability.powertools import MetricsWriter
from warmkey.observability.standard_logging import OwnLogger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
        ({"POWERTOOLS_LOG_LEVEL": "ERROR", "AWS_LAMBDA_LOG_LEVEL": "INFO"}, logging.INFO),
        ({"POWERTOOLS_LOG_LEVEL": "ERROR", "LOG_LEVEL": "DEBUG"}, logging.ERROR),
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


# --- as Lambda reads it


@pytest.fixture
def _json_format(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_LAMBDA_LOG_FORMAT", "JSON")


@pytest.fixture
def _runtime_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda's, while it works on a request."""
    bootstrap = ModuleType("awslambdaric.bootstrap")
    bootstrap._GLOBAL_AWS_REQUEST_ID = "8286a188-ba32-4475-8077-530cd35c09a9"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "awslambdaric.bootstrap", bootstrap)


def line_of_a_warning() -> dict[str, Any]:
    with written() as output:
        own().warning("look", extra=FIELDS)
    (line,) = output.objects
    return line


@pytest.mark.usefixtures("_json_format")
def test_in_lambdas_json_format_the_time_is_rfc_3339() -> None:
    """Else Lambda takes the line for INFO, and drops it where the level is WARN."""
    before = datetime.now(UTC)
    line = line_of_a_warning()

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["timestamp"])
    told = datetime.fromisoformat(line["timestamp"])
    assert abs(told - before) < timedelta(minutes=1)


@pytest.mark.usefixtures("_json_format")
@pytest.mark.parametrize(
    ("level", "name"),
    [(logging.DEBUG, "DEBUG"), (logging.INFO, "INFO"), (logging.WARNING, "WARN"), (logging.ERROR, "ERROR"),
     (logging.CRITICAL, "FATAL")],
)  # fmt: skip
def test_in_lambdas_json_format_levels_have_lambdas_names(level: int, name: str) -> None:
    with written() as output:
        own(level="DEBUG").log(level, "look")

    assert [line["level"] for line in output.objects] == [name]


@pytest.mark.usefixtures("_json_format", "_runtime_client")
def test_in_lambdas_json_format_the_request_id_has_lambdas_key() -> None:
    line = line_of_a_warning()

    assert line["requestId"] == "8286a188-ba32-4475-8077-530cd35c09a9"
    assert "function_request_id" not in line


@pytest.mark.usefixtures("_runtime_client")
def test_otherwise_it_has_that_of_powertools() -> None:
    line = line_of_a_warning()

    assert line["function_request_id"] == "8286a188-ba32-4475-8077-530cd35c09a9"
    assert "requestId" not in line
    assert line["level"] == "WARNING"


@pytest.mark.usefixtures("_json_format")
def test_outside_of_lambdas_runtime_there_is_no_request_id() -> None:
    assert not {"requestId", "function_request_id"} & line_of_a_warning().keys()


class Writes(io.StringIO):
    """Remembers each write."""

    def __init__(self) -> None:
        super().__init__()
        self.each: list[str] = []

    def write(self, text: str) -> int:
        self.each.append(text)
        return super().write(text)


def test_a_line_and_its_end_are_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """What another thread writes can't come between."""
    stdout = Writes()
    monkeypatch.setattr(sys, "stdout", stdout)
    own().info("one")
    MetricsWriter(namespace=None, service=None, function_name=None).write(
        {"CacheHits": [1.0], "KmsLatency": [1.0] * 250}
    )

    assert len(stdout.each) == 4
    assert all(text.endswith("}\n") and text.count("\n") == 1 for text in stdout.each)


# --- logging that is set up after our first line


def basic_config() -> None:
    logging.basicConfig(force=True, stream=sys.stdout, format="theirs: %(message)s", level=logging.DEBUG)


def dict_config(**more: Any) -> None:
    logging.config.dictConfig(
        {
            "version": 1,
            "handlers": {"theirs": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"}},
            "root": {"handlers": ["theirs"], "level": "DEBUG"},
            **more,
        }
    )


def file_config() -> None:
    logging.config.fileConfig(
        io.StringIO(
            "[loggers]\nkeys=root\n[handlers]\nkeys=theirs\n[formatters]\nkeys=\n"
            "[logger_root]\nlevel=DEBUG\nhandlers=theirs\n"
            "[handler_theirs]\nclass=StreamHandler\nargs=(sys.stdout,)\n"
        )
    )


def new_root_handler() -> None:
    logging.root.addHandler(logging.StreamHandler(sys.stdout))


LATER: dict[str, Callable[[], None]] = {
    "basicConfig": basic_config,
    "dictConfig": dict_config,
    "dictConfig that keeps loggers": lambda: dict_config(disable_existing_loggers=False),
    "dictConfig that names ours": lambda: dict_config(loggers={"warmkey": {"level": "INFO"}}),
    "fileConfig": file_config,
    "a new root handler": new_root_handler,
    "no handler of ours": lambda: logging.getLogger("warmkey").handlers.clear() or new_root_handler(),  # type: ignore[func-returns-value]
}


@pytest.fixture
def _root_as_it_was() -> Iterator[None]:
    before, level = list(logging.root.handlers), logging.root.level
    yield
    logging.root.handlers[:] = before
    logging.root.setLevel(level)


@pytest.mark.usefixtures("_root_as_it_was")
@pytest.mark.parametrize("set_up", LATER.values(), ids=LATER)
def test_what_is_set_up_after_our_first_line_neither_doubles_nor_silences_the_next(set_up: Callable[[], None]) -> None:
    log = Log(service=None, level=None)
    with written() as output:
        log.tell(MISS)
        set_up()
        log.tell(EVICTION)
        log.refresh()
        log.tell(FAILED)

    assert [output.text.count(text) for text in ("cache miss", "cache eviction", "request failed")] == [1, 1, 1]


@pytest.mark.usefixtures("_root_as_it_was")
def test_what_loggers_below_ours_say_is_written_too() -> None:
    log = Log(service=None, level=None)
    with written() as output:
        log.tell(MISS)
        logging.getLogger("warmkey.events")
        dict_config()
        log.refresh()
        fan_out(lambda event: 1 / 0)(MISS)  # type: ignore[arg-type]

    assert output.text.count("a subscriber failed with ZeroDivisionError") == 1


@pytest.mark.usefixtures("_root_as_it_was")
def test_a_level_that_is_set_later_stays() -> None:
    log = Log(service=None, level=None)
    with written() as output:
        log.tell(MISS)
        dict_config(loggers={"warmkey": {"level": "ERROR"}})
        log.refresh()
        log.tell(EVICTION)

    assert output.text.count("cache") == 1


# --- for who tests


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

"""Log lines without Powertools."""

from __future__ import annotations

import io
import logging

import pytest

from tests.observability.output import written
from warmkey.observability import standard_logging


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
    assert standard_logging.level(name) == expected


def test_a_line_is_one_json_object() -> None:
    with written() as output:
        standard_logging.logger("warmkey", None).info("two\nlines", extra={"warmkey": {"event": "Test"}})

    (line,) = output.objects
    assert (line["level"], line["message"], line["warmkey"]) == ("INFO", "two\nlines", {"event": "Test"})


def test_a_line_is_written_once_even_if_the_root_logger_has_a_handler() -> None:
    """Lambda's runtime gives it one."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.root.addHandler(handler)
    with written() as output:
        standard_logging.logger("warmkey", None).info("once")
    logging.root.removeHandler(handler)

    assert len(output.lines) == 1
    assert stream.getvalue() == ""


def test_asking_again_does_not_add_a_second_handler() -> None:
    standard_logging.logger("warmkey", None)
    with written() as output:
        standard_logging.logger("warmkey", None).info("once")

    assert len(output.lines) == 1


def test_a_logger_that_somebody_has_set_up_stays_as_it_is() -> None:
    stream = io.StringIO()
    theirs = logging.getLogger("warmkey")
    theirs.addHandler(logging.StreamHandler(stream))
    theirs.setLevel(logging.DEBUG)
    standard_logging.logger("warmkey", "ERROR").debug("in their way")

    assert stream.getvalue() == "in their way\n"
    assert theirs.propagate

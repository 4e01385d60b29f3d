"""Facts: frozen, without secrets, and told to subscribers that can't break what they observe."""

from __future__ import annotations

import dataclasses
import logging
from typing import TYPE_CHECKING, Any

import pytest

from warmkey import events
from warmkey.events import CacheHit, CacheMiss, MissReason, Operation, fan_out, guarded, ignore
from warmkey.records import Record

if TYPE_CHECKING:
    from warmkey.events import Event

MISS = CacheMiss(operation=Operation.ENCRYPT, reason=MissReason.ABSENT)
HIT = CacheHit(operation=Operation.ENCRYPT)
EVENT_TYPES = [thing for thing in vars(events).values() if dataclasses.is_dataclass(thing) and thing is not Record]


class Subscriber:
    def __init__(self, *, wants_hits: bool = False) -> None:
        self.seen: list[Event] = []
        self.wants_hits = wants_hits

    def __call__(self, event: Event) -> None:
        self.seen.append(event)


def broken(event: Event) -> None:
    raise RuntimeError("blue-whale")


@pytest.mark.parametrize("kind", EVENT_TYPES, ids=lambda kind: kind.__name__)
def test_events_are_frozen_records_of_plain_values_that_hold_no_secret(kind: Any) -> None:
    names = {field.name for field in dataclasses.fields(kind)}

    assert issubclass(kind, Record)
    assert not {name for name in names if "identifier" in name or "value" in name or "plaintext" in name} - {
        "plaintext_bytes"
    }


def test_every_subscriber_is_told_in_order() -> None:
    seen: list[str] = []
    fan_out(lambda _: seen.append("first"), lambda _: seen.append("second"))(MISS)

    assert seen == ["first", "second"]


def test_a_failing_subscriber_is_logged_by_class_alone_and_the_others_are_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    subscriber = Subscriber()
    with caplog.at_level(logging.DEBUG):
        fan_out(broken, subscriber, broken)(MISS)

    assert subscriber.seen == [MISS]
    assert [record.getMessage() for record in caplog.records] == ["a subscriber failed with RuntimeError"] * 2
    assert "blue-whale" not in caplog.text


def test_not_even_a_log_handler_that_fails_on_the_news_of_it_gets_through() -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError(record)

    handler = Broken()
    logging.getLogger().addHandler(handler)
    try:
        fan_out(broken)(MISS)
    finally:
        logging.getLogger().removeHandler(handler)


def test_hits_are_told_to_those_who_want_them_only() -> None:
    curious, other = Subscriber(wants_hits=True), Subscriber()
    told = fan_out(curious, other)
    told(HIT)
    told(MISS)

    assert curious.seen == [HIT, MISS]
    assert other.seen == [MISS]
    assert told.wants_hits  # type: ignore[attr-defined]
    assert not fan_out(other).wants_hits  # type: ignore[attr-defined]


def test_a_guarded_subscriber_cannot_raise() -> None:
    guarded(broken)(MISS)
    guarded(guarded(broken))(MISS)


def test_guarding_nothing_costs_nothing() -> None:
    assert guarded(ignore) is ignore
    ignore(MISS)

"""Who is asked for spans."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING
from unittest.mock import Mock

from warmkey.events import CacheMiss, Event, Operation, fan_out, ignore
from warmkey.tracing import UNTRACED, tracing_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from warmkey.tracing import Request


class Traced:
    def __init__(self) -> None:
        self.tracing = self
        self.opened: list[object] = []

    tracing: object

    def __call__(self, event: Event) -> None: ...

    def fetch(self, *names: object) -> AbstractContextManager[object]:
        self.opened.append(names)
        return nullcontext()

    def request(self, *names: object, **details: object) -> AbstractContextManager[Request]:
        raise NotImplementedError


class TracedByClass(Traced):
    tracing: object = None


def test_a_plain_subscriber_is_asked_for_nothing() -> None:
    for emit in (ignore, [].append, Mock(), fan_out(), fan_out(ignore, Mock())):
        assert tracing_of(emit) is UNTRACED


def test_a_subscriber_that_makes_spans_is_found_among_others() -> None:
    traced, other = TracedByClass(), TracedByClass()

    assert tracing_of(traced) is traced
    assert tracing_of(fan_out(ignore, traced, other)) is traced
    assert tracing_of(fan_out(fan_out(ignore, traced))) is traced


def test_an_attribute_of_the_object_alone_does_not_count() -> None:
    assert tracing_of(Traced()) is UNTRACED


def test_without_a_tracer_everything_is_a_block() -> None:
    with UNTRACED.fetch(CacheMiss, Operation.ENCRYPT), UNTRACED.request("kms", "Decrypt", region=None, key=None) as it:
        assert it.answered({}, attempts=1) is None

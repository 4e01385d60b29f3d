"""Record what warmkey did, for a test to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from warmkey.events import Event

__all__ = ["Recorder"]

_Fact = TypeVar("_Fact", bound="Event")


@safe_repr
class Recorder:
    """Keeps every fact as a subscriber: ``CachingCMM(..., emit=recorder)``.

    It asks for hits one by one, which warmkey otherwise only counts. Safe to share between threads.
    """

    wants_hits = True

    def __init__(self) -> None:
        self._events: list[Event] = []

    def __call__(self, event: Event) -> None:
        """Record *event*."""
        self._events.append(event)

    def __repr__(self) -> str:
        return f"<Recorder of {len(self._events)} facts>"

    @property
    def events(self) -> list[Event]:
        """Return every fact so far, the oldest first."""
        return list(self._events)

    def of(self, kind: type[_Fact]) -> list[_Fact]:
        """Return the facts of one kind: ``recorder.of(CacheMiss)``."""
        return [event for event in self._events if isinstance(event, kind)]

    def count(self, kind: type[Event], **fields: object) -> int:
        """Return how many facts of *kind* have these *fields*: ``count(CacheMiss, reason="expired")``."""
        return sum(_has(fact, fields) for fact in self.of(kind))

    def clear(self) -> None:
        """Forget what was recorded."""
        self._events.clear()

    def assert_count(self, times: int, kind: type[Event], **fields: object) -> None:
        """Fail, with the list of all facts, unless :meth:`count` gives *times*."""
        found = self.count(kind, **fields)
        if found != times:
            raise AssertionError(f"expected {times} × {_describe(kind, fields)}, found {found}{self._story()}")

    def assert_events(self, *expected: Event) -> None:
        """Fail, with the list of all facts, unless exactly these were recorded, in this order."""
        if self.events != list(expected):
            wanted = "".join(f"\n  {event}" for event in expected) or " nothing"
            raise AssertionError(f"expected{wanted}{self._story()}")

    def _story(self) -> str:
        return "\nrecorded" + ("".join(f"\n  {event}" for event in self._events) or " nothing")


def _has(fact: Event, fields: dict[str, object]) -> bool:
    return all(getattr(fact, name) == value for name, value in fields.items())


def _describe(kind: type[Event], fields: dict[str, object]) -> str:
    return f"{kind.__name__}({', '.join(f'{name}={value!s}' for name, value in fields.items())})"

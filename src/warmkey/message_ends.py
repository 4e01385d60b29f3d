"""Count every message once: when it ends, by how it ended.

Theory of operation
===================

A caching CMM knows how it got the materials for a message, and never hears what became of the message. The client knows
that, and does not know of the cache. Counting what the CMM tells would make a hit of a message that turns out to be
tampered with, and would count a malformed one, for which no CMM is asked, not at all.

So the client opens a :class:`Message` for the time in which it works on one, if the CMM tells its facts to somebody who
counts messages (:class:`warmkey.events.MessageSubscriber`). While it is open, a fact about the cache goes to these as a
note, and the message remembers the last one. When the message has ended well, it is counted by that fact: as a hit,
coalesced, a miss or a bypass. Otherwise it is counted as refused, abandoned or failed, and its fact is dropped.

Materials that are asked for without a client, or by a CMM that does not say whom it tells (``emit``), are counted as
soon as the CMM has told how it got them.

A message inside another one (a keyring may encrypt) has its own end. Messages of several threads don't meet.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

from warmkey.events import (
    CURRENT,
    CacheHit,
    MessageAbandoned,
    MessageRefused,
    RefusalReason,
    RequestFailed,
    counting_messages,
    fan_out,
    ignore,
    report,
)
from warmkey.exceptions import AuthenticationFailed, MalformedMessage, PolicyRefused
from warmkey.waiting import WouldWait

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warmkey.events import Emit, Event, MessageSubscriber, MessageUnderWay, Operation

__all__ = ["Message", "NotCounted", "counted_message", "ended_early", "message_of"]

_REFUSALS: dict[type[Exception], RefusalReason] = {
    MalformedMessage: RefusalReason.MALFORMED,
    AuthenticationFailed: RefusalReason.AUTHENTICATION,
    PolicyRefused: RefusalReason.POLICY,
}


class NotCounted:
    """A message that nobody counts."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_error: object) -> None:
        pass

    def open(self) -> Self:
        """Return a context manager that does nothing."""
        return self

    def end(self, error: BaseException | None = None) -> None:
        """Do nothing."""

    def abandon(self) -> None:
        """Do nothing."""


class Message:
    """One message, from the first work on it to its end.

    As a context manager it is open inside the block, and ends with it; :meth:`begin` and :meth:`finish` do the same. A
    stream opens it with :meth:`open` for the time in which materials are asked for, and says later how it ended.
    """

    fact: Event | None = None
    _outer: MessageUnderWay | None = None
    _has_ended = False

    def __init__(self, emit: Emit, counting: tuple[MessageSubscriber, ...], operation: Operation) -> None:
        self._emit = emit
        self._operation = operation
        self.counting = counting

    def begin(self) -> None:
        """Hear from now on what is told."""
        self._outer, CURRENT.message = CURRENT.message, self

    def finish(self, error: BaseException | None = None) -> None:
        """Hear no more, and end."""
        CURRENT.message = self._outer
        if error is not None or self.fact is not None:
            self.end(error)

    __enter__ = begin

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        self.finish(error)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Hear what is told inside the block; the message does not end with it."""
        outer, CURRENT.message = CURRENT.message, self
        try:
            yield
        finally:
            CURRENT.message = outer

    def end(self, error: BaseException | None = None) -> None:
        """Count the message, by the fact that was noted or by *error*; only the first end counts."""
        if self._has_ended or isinstance(error, WouldWait):  # the same message begins again, in a thread
            return
        self._has_ended = True
        if error is not None:
            self._tell(_ending(self._operation, error))
        elif self.fact is not None:
            self._count(self.fact)

    def _count(self, fact: Event) -> None:
        is_hit = type(fact) is CacheHit
        for subscriber in self.counting:
            try:
                if is_hit:
                    subscriber.count_hit(self._operation)
                else:
                    subscriber.message_ended(fact)
            except Exception as error:  # noqa: BLE001 - observing must never break what it observes
                report(error)

    def abandon(self) -> None:
        """Count the message as given up, unless it has ended."""
        if not self._has_ended:
            self._has_ended = True
            self._tell(MessageAbandoned(operation=self._operation))

    def _tell(self, event: Event) -> None:
        if isinstance(event, RequestFailed):  # the others have heard of it from the CMM, if it was the CMM's
            fan_out(*self.counting)(event)
        else:
            self._emit(event)


_NOT_COUNTED = NotCounted()


def counted_message(emit: Emit, operation: Operation) -> Message | None:
    """Return a message of whose materials *emit* tells, or ``None`` if nobody behind it counts messages."""
    counting = counting_messages(emit)
    return Message(emit, counting, operation) if counting else None


def message_of(cmm: object, operation: Operation) -> Message | NotCounted:
    """Return the message that materials of *cmm* are to be used for, as something to open and to end."""
    return counted_message(getattr(cmm, "emit", ignore), operation) or _NOT_COUNTED


def ended_early(cmm: object, operation: Operation, error: BaseException) -> None:
    """Count a message that *error* ended before the client was asked."""
    message_of(cmm, operation).end(error)


def _ending(operation: Operation, error: BaseException) -> Event:
    for kind, reason in _REFUSALS.items():
        if isinstance(error, kind):
            return MessageRefused(operation=operation, reason=reason)
    if isinstance(error, Exception):
        return RequestFailed(operation=operation, error=type(error).__name__)
    return MessageAbandoned(operation=operation)

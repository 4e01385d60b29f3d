"""State what happened, as facts that subscribers turn into logs, metrics or test assertions.

A subscriber is any callable that takes one event: ``CachingCMM(..., emit=seen.append)``. Hits are so frequent that a
record for each would cost more than the hit, so they are counted (``CachingCMM.statistics``) and announced one by one
only to a subscriber that asks for them: as events with a true attribute ``wants_hits``, or, for a tenth of the price,
as calls of its method ``count_hit(operation)``.

What a caching CMM tells are facts about the cache: it never hears whether the message could be decrypted. A subscriber
that counts messages (it has ``note`` and ``message_ended``) is told each message once, when it has ended, by how it
ended; see :mod:`warmkey.message_ends`.

No event carries a key, a plaintext, an encryption context or a cache entry identifier.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol, TypeAlias

from warmkey.boundary import run_outside
from warmkey.facts import (
    BranchKeyCoalesced,
    BranchKeyEviction,
    BranchKeyFailed,
    BranchKeyFailureRecalled,
    BranchKeyHit,
    BranchKeyMiss,
    CacheBypass,
    CacheCoalesced,
    CacheEviction,
    CacheHit,
    CacheMiss,
    DynamoDbRequest,
    Event,
    FailureRecalled,
    KmsRequest,
    MessageAbandoned,
    MessageRefused,
    RequestFailed,
    SettingWarning,
    UncacheableContext,
    UnsealedRecordPassed,
)
from warmkey.reasons import (
    BypassReason,
    DynamoDbOutcome,
    EvictionReason,
    KmsOutcome,
    MissReason,
    Operation,
    RefusalReason,
)
from warmkey.tracing import UNTRACED, tracing_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = [
    "BranchKeyCoalesced",
    "BranchKeyEviction",
    "BranchKeyFailed",
    "BranchKeyFailureRecalled",
    "BranchKeyHit",
    "BranchKeyMiss",
    "BypassReason",
    "CacheBypass",
    "CacheCoalesced",
    "CacheEviction",
    "CacheHit",
    "CacheMiss",
    "DynamoDbOutcome",
    "DynamoDbRequest",
    "Emit",
    "Event",
    "EvictionReason",
    "FailureRecalled",
    "KmsOutcome",
    "KmsRequest",
    "MessageAbandoned",
    "MessageRefused",
    "MessageSubscriber",
    "MissReason",
    "Operation",
    "RefusalReason",
    "RequestFailed",
    "SettingWarning",
    "UncacheableContext",
    "UnsealedRecordPassed",
    "branch_key_hit_listener",
    "counting_messages",
    "fan_out",
    "guarded",
    "hit_listener",
    "hit_noter",
    "ignore",
    "report",
]

Emit: TypeAlias = "Callable[[Event], object]"

_HIT_FACTS = (CacheHit, BranchKeyHit)
# How the cache served a message, or failed to.
_FACTS_OF_A_MESSAGE = (CacheHit, CacheCoalesced, CacheMiss, CacheBypass, RequestFailed)


class MessageSubscriber(Protocol):
    """A subscriber that counts messages. It counts what it is called with, as every subscriber."""

    def __call__(self, event: Event, /) -> object:
        """Take a fact that nothing follows."""

    def note(self, event: Event, /) -> object:
        """Take a fact about the cache of a message that has not ended."""

    def message_ended(self, event: Event, /) -> object:
        """Count a message that ended well, by the fact that was noted for it."""

    def count_hit(self, operation: Operation, /) -> object:
        """Count a message that ended well with a cached data key."""


class MessageUnderWay(Protocol):
    """A message that this thread works on.

    :ivar counting: the subscribers that will be told its end
    :ivar fact: how the cache served it, as far as that has been told
    """

    counting: tuple[MessageSubscriber, ...]
    fact: Event | None


class CurrentMessage(threading.local):
    """The innermost message that this thread works on, if anybody counts it."""

    message: MessageUnderWay | None = None


CURRENT = CurrentMessage()
_HITS = {operation: CacheHit(operation=operation) for operation in Operation}
# Looking these up in a table, or on their class, takes longer than the rest of a hit's telling.
_DECRYPT, _HITS_OF_BOTH = Operation.DECRYPT, (_HITS[Operation.ENCRYPT], _HITS[Operation.DECRYPT])


def ignore(event: Event) -> None:
    """Do nothing with *event*."""


def guarded(subscriber: Emit) -> Emit:
    """Return *subscriber*, kept from failing what it observes (see :func:`fan_out`)."""
    return subscriber if subscriber is ignore or isinstance(subscriber, _FanOut) else fan_out(subscriber)


def hit_listener(emit: Emit) -> Callable[[Operation], object] | None:
    """Return what to call for each hit, or ``None`` if *emit* does not ask for hits."""
    listener: Callable[[Operation], object] | None = getattr(emit, "count_hit", None)
    if listener is None and getattr(emit, "wants_hits", False):
        return lambda operation: emit(_HITS[operation])
    return listener


def hit_noter(emit: Emit) -> Callable[[Operation], bool]:
    """Return what to call for each hit first: it returns whether that is enough and nobody has to be told."""
    return emit.note_hit if isinstance(emit, _FanOut) else lambda _: False


def branch_key_hit_listener(emit: Emit) -> Callable[[Operation], object] | None:
    """Return what to call for each hit of a branch key, or ``None`` if *emit* does not want to know."""
    listener: Callable[[Operation], object] | None = getattr(emit, "count_branch_key_hit", None)
    if listener is None and getattr(emit, "wants_hits", False):
        hits = {operation: BranchKeyHit(operation=operation) for operation in Operation}
        return lambda operation: emit(hits[operation])
    return listener


def fan_out(*subscribers: Emit) -> Emit:
    """Return one subscriber that tells all of *subscribers*, and keeps a failing one from failing what it observes.

    A subscriber that raises is logged (class of the exception only) on the logger ``warmkey.events``.
    """
    return _FanOut(subscribers)


class _FanOut:
    """See :func:`fan_out`.

    :ivar counting: those of the subscribers that count messages
    :ivar tracing: of the first of the subscribers that makes spans
    """

    __slots__ = (
        "_subscribers",
        "_told_of_every_hit",
        "_told_of_hits",
        "count_branch_key_hit",
        "count_hit",
        "counting",
        "tracing",
        "wants_hits",
    )

    def __init__(self, subscribers: tuple[Emit, ...]) -> None:
        self._subscribers = subscribers
        self.counting = tuple(each for subscriber in subscribers for each in counting_messages(subscriber))
        listeners = [(subscriber, hit_listener(subscriber)) for subscriber in subscribers]
        self._told_of_hits = tuple((subscriber, listener) for subscriber, listener in listeners if listener is not None)
        # Those that are told of a hit although its message has not ended.
        self._told_of_every_hit = tuple(pair for pair in self._told_of_hits if not _counts_messages(pair[0]))
        self.wants_hits = any(getattr(subscriber, "wants_hits", False) for subscriber in subscribers)
        self.count_hit = self._tell_hit if self._told_of_hits else None
        self.tracing = next((each for each in map(tracing_of, subscribers) if each is not UNTRACED), UNTRACED)
        self.count_branch_key_hit = _tell_all(map(branch_key_hit_listener, subscribers))

    def __call__(self, event: Event) -> None:
        is_hit, is_of_a_message = isinstance(event, _HIT_FACTS), isinstance(event, _FACTS_OF_A_MESSAGE)
        for subscriber in self._subscribers:
            if is_hit and not getattr(subscriber, "wants_hits", False):
                continue
            try:
                if is_of_a_message and _will_be_told_the_end(subscriber):
                    CURRENT.message.fact = event  # type: ignore[union-attr]
                    subscriber.note(event)  # type: ignore[attr-defined]
                else:
                    subscriber(event)
            except Exception as error:  # noqa: BLE001 - observing must never break what it observes
                report(error)

    def note_hit(self, operation: Operation) -> bool:
        """Note a hit on the message under way, if all who listen will hear of its end; return whether. Tells nobody."""
        message = CURRENT.message
        if message is None or message.counting is not self.counting or self._told_of_every_hit:
            return False
        message.fact = _HITS_OF_BOTH[operation is _DECRYPT]
        return True

    def _tell_hit(self, operation: Operation) -> None:
        message, listeners = CURRENT.message, self._told_of_hits
        if message is not None and self.counting:
            if message.counting is self.counting:
                message.fact = _HITS_OF_BOTH[operation is _DECRYPT]
                listeners = self._told_of_every_hit
            elif any(_will_be_told_the_end(subscriber) for subscriber, _ in listeners):
                message.fact = _HITS[operation]
                listeners = tuple(pair for pair in listeners if not _will_be_told_the_end(pair[0]))
        for _, listener in listeners:
            try:
                listener(operation)
            except Exception as error:  # noqa: BLE001 - see __call__
                report(error)


_Listener: TypeAlias = "Callable[[Operation], object]"


def _tell_all(listeners: Iterable[_Listener | None]) -> _Listener | None:
    """Return one listener that tells all of *listeners*, or ``None`` if nobody listens."""
    listening = tuple(listener for listener in listeners if listener is not None)

    def tell(operation: Operation) -> None:
        for listener in listening:
            try:
                listener(operation)
            except Exception as error:  # noqa: BLE001 - see _FanOut
                report(error)

    return tell if listening else None


def counting_messages(emit: Emit) -> tuple[MessageSubscriber, ...]:
    """Return the subscribers behind *emit* that count messages."""
    if isinstance(emit, _FanOut):
        return emit.counting
    return (emit,) if _counts_messages(emit) else ()  # type: ignore[return-value]


def _counts_messages(subscriber: object) -> bool:
    # Of the class, because a mock has every attribute.
    return hasattr(type(subscriber), "message_ended")


def _will_be_told_the_end(subscriber: Emit) -> bool:
    message = CURRENT.message
    return message is not None and id(subscriber) in map(id, message.counting)


def report(error: Exception) -> None:
    """Log that a subscriber failed with *error*."""
    kind = type(error).__name__
    with suppress(Exception):  # the function's own handlers and filters may be what fails
        run_outside(lambda: logging.getLogger(__name__).warning("a subscriber failed with %s", kind))

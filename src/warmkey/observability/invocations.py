"""``warmkey.instrument``: where an invocation begins and ends.

An invocation belongs to the process, not to one client: all subscribers that are alive are told of it.
"""

from __future__ import annotations

import functools
import logging
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

__all__ = ["Participant", "instrument", "take_part", "under_way"]

_Handler = TypeVar("_Handler", bound="Callable[..., Any]")


class Participant(Protocol):
    """Somebody who has something to do at both ends of an invocation."""

    def begin_invocation(self) -> None:
        """Before the handler."""

    def end_invocation(self, request_id: str | None, /) -> None:
        """After the handler, whether it returned or raised."""


_lock = threading.Lock()
_participants: WeakSet[Participant] = WeakSet()
_under_way = 0
_inside: ContextVar[bool] = ContextVar("warmkey_instrumented", default=False)


def take_part(participant: Participant) -> None:
    """Tell *participant* of every invocation for as long as it lives."""
    with _lock:
        _participants.add(participant)


def under_way() -> bool:
    """Whether there is an instrumented invocation whose end will write the metrics."""
    return _under_way > 0


@overload
def instrument(handler: _Handler, /) -> _Handler: ...  # type: ignore[overload-overlap]  # no context is callable


@overload
def instrument(context: object = None, /) -> Instrumented: ...


def instrument(target: Any = None, /) -> Any:
    """Write one summary line and the metrics once for each invocation, also when the handler raises.

    As a decorator, alone or with any others in any order::

        @warmkey.instrument
        def handler(event, context): ...

    or around a part of it, with Lambda's context for the request ID or without::

        with warmkey.instrument(context): ...
    """
    return Instrumented()(target) if callable(target) else Instrumented(target)


class Instrumented:
    """One instrumented invocation, or a decorator that makes each call one."""

    def __init__(self, context: object = None) -> None:
        self._context = context
        self._token: Any = None

    def __call__(self, handler: _Handler) -> _Handler:
        """Instrument each call of *handler*; its second argument may be Lambda's context."""

        @functools.wraps(handler)
        def instrumented(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the handler takes
            context = args[1] if len(args) > 1 else kwargs.get("context", self._context)
            with Instrumented(context):
                return handler(*args, **kwargs)

        return instrumented  # type: ignore[return-value]

    def __enter__(self) -> None:
        if not _inside.get():  # an inner one changes nothing
            self._token = _inside.set(True)
            _begin()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._token is not None:
            _inside.reset(self._token)
            self._token = None
            _end(getattr(self._context, "aws_request_id", None))


def _begin() -> None:
    global _under_way  # noqa: PLW0603 - the process is what is invoked
    with _lock:
        _under_way += 1
    _tell(lambda participant: participant.begin_invocation())


def _end(request_id: str | None) -> None:
    global _under_way  # noqa: PLW0603 - see _begin
    with _lock:
        _under_way -= 1
    _tell(lambda participant: participant.end_invocation(request_id))


def _tell(what: Callable[[Participant], None]) -> None:
    with _lock:
        participants = list(_participants)
    for participant in participants:
        try:
            what(participant)
        except Exception as error:  # noqa: BLE001 - observing must never break what it observes
            logging.getLogger(__name__).warning("a subscriber failed with %s", type(error).__name__)

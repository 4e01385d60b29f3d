"""``warmkey.instrument``: where an invocation begins and ends.

An invocation belongs to the process, not to one client: all subscribers that are alive are told of it.
"""

from __future__ import annotations

import functools
import inspect
import logging
import os
import threading
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, overload
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

__all__ = ["Participant", "instrument", "notice_fork", "take_part", "under_way"]

_Handler = TypeVar("_Handler", bound="Callable[..., Any]")


class Participant(Protocol):
    """Somebody who has something to do at both ends of an invocation."""

    def begin_invocation(self) -> None:
        """Before the handler."""

    def end_invocation(self, request_id: str | None, /) -> None:
        """After the handler, whether it returned or raised."""

    def reset(self) -> None:
        """In a forked child."""


_process = os.getpid()
_lock = threading.Lock()
_participants: WeakSet[Participant] = WeakSet()
_under_way = 0
_inside: ContextVar[bool] = ContextVar("warmkey_instrumented", default=False)


def take_part(participant: Participant) -> None:
    """Tell *participant* of every invocation for as long as it lives."""
    notice_fork()
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
    # A mock that stands for Lambda's context in somebody's tests is callable too.
    is_handler = callable(target) and _request_id((target,)) is None
    return Instrumented()(target) if is_handler else Instrumented(target)


class Instrumented:
    """One instrumented invocation, or a decorator that makes each call one.

    :param arguments: Lambda's context, if it is among them, gives the request ID
    """

    def __init__(self, *arguments: object) -> None:
        self._request_id = _request_id(arguments)
        self._token: Any = None

    def __call__(self, handler: _Handler) -> _Handler:
        """Instrument each call of *handler*."""

        @functools.wraps(handler)
        def instrumented(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the handler takes
            with Instrumented(*args, *kwargs.values()):
                return handler(*args, **kwargs)

        @functools.wraps(handler)
        async def instrumented_coroutine(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as above
            with Instrumented(*args, *kwargs.values()):
                return await handler(*args, **kwargs)

        return cast("_Handler", instrumented_coroutine if inspect.iscoroutinefunction(handler) else instrumented)

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
            _end(self._request_id)


def _request_id(arguments: Sequence[object]) -> str | None:
    # The handler's arguments may be anything, and looking for an attribute may run any code.
    with suppress(Exception):
        for argument in reversed(arguments):  # the event comes first, and may be made by anybody
            if hasattr(argument, "aws_request_id"):
                return str(argument.aws_request_id)
    return None


def _begin() -> None:
    global _under_way  # noqa: PLW0603 - the process is what is invoked
    notice_fork()
    with _lock:
        _under_way += 1
    _tell(lambda participant: participant.begin_invocation())


def _end(request_id: str | None) -> None:
    global _under_way  # noqa: PLW0603 - see _begin
    notice_fork()
    with _lock:
        _under_way = max(0, _under_way - 1)
    _tell(lambda participant: participant.end_invocation(request_id))


def _tell(what: Callable[[Participant], None]) -> None:
    with _lock:
        participants = list(_participants)
    for participant in participants:
        try:
            what(participant)
        except Exception as error:  # noqa: BLE001 - observing must never break what it observes
            with suppress(Exception):  # the function's own handlers and filters may be what fails
                logging.getLogger(__name__).warning("a subscriber failed with %s", type(error).__name__)


def _after_fork_in_child() -> None:
    """The invocation is the parent's; who the child will tell of its own is the same."""
    global _lock, _process, _under_way  # noqa: PLW0603 - see _begin
    _lock = threading.Lock()
    _under_way = 0
    _inside.set(False)
    _tell(lambda participant: participant.reset())
    _process = os.getpid()


def notice_fork() -> None:
    """As the hook, for a fork that Python did not make: whoever may be the first to act in a child calls this."""
    if os.getpid() != _process:
        _after_fork_in_child()


os.register_at_fork(after_in_child=_after_fork_in_child)

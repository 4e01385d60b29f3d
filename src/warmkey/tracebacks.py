"""What keeps secrets out of the tracebacks of errors that cross the public boundary."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from warmkey.exceptions import KeyUnavailable, WarmkeyError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType, TracebackType

__all__ = ["scrub_traceback"]

_Error = TypeVar("_Error", bound=BaseException)


def scrub_traceback(error: _Error) -> _Error:
    """Let no traceback of *error*, and of everything it came from, show what is secret; return it to be raised.

    Frames keep local variables alive, and crash reporters print them: below the public boundary those are data keys
    and plaintexts. An error of ours loses its frames: what an operator needs is in the messages and in the types of
    the causes, which stay. So does what the caller was handling when it called: that is the caller's own. An exception
    that is not ours (a CMM's, an interruption) keeps its frames, and those of them that are ours lose their variables.
    """
    callers = set(_frames_above(sys._getframe(1)))  # noqa: SLF001 - CPython's, as Lambda has it
    for link in _chain(error, callers):
        if isinstance(error, WarmkeyError):
            link.__traceback__ = None
        else:
            _clear_our_frames(link.__traceback__)
    return error


def _chain(error: BaseException, callers: set[FrameType]) -> Iterator[BaseException]:
    """*error* and what it came from, up to what one of *callers* was handling."""
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        if current.__traceback__ is not None and current.__traceback__.tb_frame in callers:
            continue
        yield current
        pending += [current.__cause__, current.__context__]
        if isinstance(current, KeyUnavailable):
            pending += [attempt.cause for attempt in current.attempts]


def _clear_our_frames(traceback: TracebackType | None) -> None:
    while traceback is not None:
        if traceback.tb_frame.f_globals.get("__name__", "").startswith("warmkey."):
            with suppress(RuntimeError):  # still running: the public function, which has dropped its own
                traceback.tb_frame.clear()
        traceback = traceback.tb_next


def _frames_above(frame: FrameType) -> Iterator[FrameType]:
    caller = frame.f_back
    while caller is not None:
        yield caller
        caller = caller.f_back

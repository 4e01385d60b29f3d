"""Serve an event loop's thread what needs no waiting, and nothing else.

``warmkey.aio`` calls a function in the thread of the event loop. Where that call would have to wait, for KMS or
DynamoDB, for another thread's request or for clients to be built, :func:`check_may_wait` ends it with
:class:`WouldWait`, and ``warmkey.aio`` repeats it in a thread. So what a call does before it is checked must do no harm
when it is done twice.

Whether a call may wait is read from the stack: it may not if only frames of ours are between the check and the function
of ``warmkey.aio``. A flag of the thread would be wrong for calls that come in between. A subscriber, a log handler, a
signal handler or a finalizer may encrypt on its own account, and nobody would repeat its call elsewhere.

Only who is about to wait looks at the stack, so a hit pays nothing for this.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

__all__ = ["WouldWait", "check_may_wait", "may_wait", "never_waiting"]

_Function = TypeVar("_Function", bound="Callable[..., object]")

# By identity: code is compared by its content, and a long function has much of it.
_callers: dict[int, CodeType] = {}


class WouldWait(BaseException):
    """The call needs to wait. Not an ``Exception``: nothing has failed, and no handler of failures is for it."""


def never_waiting(function: _Function) -> _Function:
    """Declare that what *function* calls must not wait."""
    _callers[id(function.__code__)] = function.__code__
    return function


def may_wait() -> bool:
    """Return whether this call may wait for another thread or another machine."""
    if not _callers:  # nobody has loaded warmkey.aio
        return True
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - CPython's, as Lambda has it
    while frame is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "warmkey":
        if id(frame.f_code) in _callers:
            return False
        frame = frame.f_back
    return True


def check_may_wait() -> None:
    """Check that this call may wait.

    :raises WouldWait: it comes from an event loop
    """
    if not may_wait():
        raise WouldWait

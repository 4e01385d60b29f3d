"""Know where the public boundary is, and do outside of it what must not see our frames.

While a public function is at work, the frames below it hold data keys and plaintexts in local variables. Crash
reporters look at frames not only for exceptions: ``sentry_sdk`` with ``attach_stacktrace`` adds the stack to log
records, and finds such variables from each line that is logged below. So lines of ours are written when the outermost
public function of the thread has dropped its arguments and is about to return or raise.
"""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import CodeType, FrameType

__all__ = ["PENDING", "leave", "mark_boundary", "run_outside"]

_Function = TypeVar("_Function", bound="Callable[..., object]")

# By identity: code is compared by its content, and a long function has much of it.
_boundaries: dict[int, CodeType] = {}
# What waits for a public function to end, by the function's frame. Mostly empty, and that is all that a hit looks at.
PENDING: dict[FrameType, list[Callable[[], object]]] = {}


def mark_boundary(wrapper: _Function) -> _Function:
    """Declare that *wrapper* drops its arguments and calls :func:`leave` when it ends, if anything is pending."""
    _boundaries[id(wrapper.__code__)] = wrapper.__code__
    return wrapper


def run_outside(action: Callable[[], object]) -> None:
    """Run *action* when the outermost public function of this thread ends; at once if none is at work."""
    outermost = None
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - CPython's, as Lambda has it
    while frame is not None:
        if id(frame.f_code) in _boundaries:
            outermost = frame
        frame = frame.f_back
    if outermost is None:
        action()
    else:
        PENDING.setdefault(outermost, []).append(action)


def leave() -> None:
    """Run what waited for the function that calls this."""
    for action in PENDING.pop(sys._getframe(1), ()):  # noqa: SLF001 - as above
        try:
            action()
        except Exception as error:  # noqa: BLE001 - observing must never break what it observes
            with suppress(Exception):  # the function's own handlers and filters may be what fails
                logging.getLogger(__name__).warning("a line could not be written: %s", type(error).__name__)

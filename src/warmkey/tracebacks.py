"""Keeps secrets out of the tracebacks of errors that cross the public boundary."""

from __future__ import annotations

import functools
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from warmkey.exceptions import KeyUnavailable, WarmkeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType, TracebackType

__all__ = ["scrub_traceback", "scrubbed"]

# Of an attempt that is about what a keyring raised, and not about a key.
_KEYRING_OPERATION = "on_decrypt"

_Error = TypeVar("_Error", bound=BaseException)
_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def scrubbed(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Decorate a public function: no traceback of an error that leaves it shows what is secret.

    See :func:`scrub_traceback`.
    """

    @functools.wraps(function)
    def call(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            return function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - raised again
            # The traceback keeps this frame, and its local variables are what the caller handed in.
            del args, kwargs
            raise scrub_traceback(error)  # noqa: B904 - its cause is set already

    return call


def scrub_traceback(error: _Error) -> _Error:
    """Remove what is secret from the tracebacks of *error* and of everything it came from; return it to be raised.

    Frames keep local variables alive, and crash reporters print them. Below the public boundary these are data keys and
    plaintexts. An error of ours loses its frames: its message and the types of its causes say what an operator needs.
    What the caller was handling when it called is the caller's own and stays as it is. An exception that is not ours (a
    CMM's, an interruption, a bug of a keyring below a multi-keyring) keeps its frames, and those of them that are ours
    lose their variables.
    """
    callers = set(_frames_above(sys._getframe(1)))  # noqa: SLF001 - CPython's, as Lambda has it
    for link, is_ours in _chain(error, callers):
        if is_ours:
            link.__traceback__ = None
        else:
            _clear_our_frames(link.__traceback__)
    return error


def _chain(error: BaseException, callers: set[FrameType]) -> Iterator[tuple[BaseException, bool]]:
    """Yield *error* and what it came from, up to what one of *callers* was handling, and whether each is of our making.

    What our error came from is of our making as well, but for what a keyring raised that is not about a key.
    """
    pending: list[tuple[BaseException | None, bool]] = [(error, _is_ours(error))]
    seen: set[int] = set()
    while pending:
        current, is_ours = pending.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        if current.__traceback__ is not None and current.__traceback__.tb_frame in callers:
            continue
        yield current, is_ours
        pending += [(current.__cause__, is_ours), (current.__context__, is_ours)]
        if isinstance(current, KeyUnavailable):  # on top, because the first of them is also the cause
            for attempt in current.attempts:
                is_bug = attempt.operation == _KEYRING_OPERATION and not _is_ours(attempt.cause)
                pending.append((attempt.cause, is_ours and not is_bug))


def _is_ours(error: object) -> bool:
    return isinstance(error, WarmkeyError)


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

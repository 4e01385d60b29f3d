"""Keeps secrets out of the tracebacks of errors that cross the public boundary."""

from __future__ import annotations

import functools
import sys
from contextlib import suppress
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from warmkey.boundary import PENDING, leave, mark_boundary
from warmkey.exceptions import KeyAttempt, KeyUnavailable, WarmkeyError
from warmkey.waiting import WouldWait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["scrub_traceback", "scrubbed", "scrubbed_constructor"]

# Of an attempt that is about what a keyring raised, and not about a key.
_KEYRING_OPERATION = "on_decrypt"

_Error = TypeVar("_Error", bound=BaseException)
_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")
_Kind = TypeVar("_Kind", bound=type)


# What a request to KMS goes through, with data keys in plaintext.
_WORKERS = frozenset({"botocore", "urllib3", "http", "json", "socket", "ssl", "base64"})


def scrubbed(function: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result]:
    """Decorate a public function: no traceback of an error that leaves it shows what is secret.

    See :func:`scrub_traceback`.
    """

    @mark_boundary
    @functools.wraps(function)
    def call(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            return function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - raised again
            # The traceback keeps this frame, and its local variables are what the caller handed in.
            args = kwargs = None  # type: ignore[assignment]
            raise scrub_traceback(error)  # noqa: B904 - its cause is set already
        finally:
            if PENDING:
                args = kwargs = None  # type: ignore[assignment]
                leave()

    return call


def scrubbed_constructor(kind: _Kind) -> _Kind:
    """Decorate a class, whose constructor ``dataclass`` may have written, as :func:`scrubbed` does a function."""
    name = "__init__"
    setattr(kind, name, scrubbed(vars(kind)[name]))
    return kind


def scrub_traceback(error: _Error) -> _Error:
    """Remove what is secret from the tracebacks of *error* and of everything it came from; return it to be raised.

    Frames keep local variables alive, and crash reporters print them. Below the public boundary these are data keys and
    plaintexts. An error of ours loses its frames: its message and the types of its causes say what an operator needs.
    What the caller was handling when it called is the caller's own and stays as it is. An exception that is not ours (a
    CMM's, an interruption, a bug of a keyring below a multi-keyring) keeps its frames, and those of them that are ours
    lose their variables.
    """
    if type(error) is WouldWait:  # nobody sees it, and an event loop waits for its end
        return error.with_traceback(None)
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
        pending += [(found, is_ours) for found in _exceptions_in((current.args, _attributes(current)))]
        pending += [(current.__cause__, is_ours), (current.__context__, is_ours)]
        if isinstance(current, KeyUnavailable):  # on top, because the first of them is also the cause
            for attempt in current.attempts:
                is_bug = attempt.operation == _KEYRING_OPERATION and not _is_ours(attempt.cause)
                pending.append((attempt.cause, is_ours and not is_bug))


def _attributes(error: BaseException) -> list[object]:
    """Return what *error* keeps beside its arguments: a group its exceptions, others whatever was set on them."""
    own = [getattr(error, name, None) for kind in type(error).__mro__ for name in getattr(kind, "__slots__", ())]
    exceptions = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
    return [exceptions, *getattr(error, "__dict__", {}).values(), *own]


def _exceptions_in(value: object, depth: int = 4) -> Iterator[BaseException]:
    """Yield the exceptions in *value*; of frames and tracebacks in it, clear ours."""
    if isinstance(value, BaseException):
        yield value
    elif isinstance(value, TracebackType):
        _clear_our_frames(value)
    elif isinstance(value, FrameType):
        _clear_frame(value)
    elif isinstance(value, KeyAttempt):
        yield from _exceptions_in(value.cause)
    elif depth and isinstance(value, (list, tuple, set, frozenset, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _exceptions_in(item, depth - 1)


def _is_ours(error: object) -> bool:
    return isinstance(error, WarmkeyError)


def _clear_our_frames(traceback: TracebackType | None) -> None:
    is_below_us = False
    while traceback is not None:
        is_below_us = _clear_frame(traceback.tb_frame, is_below_us=is_below_us)
        traceback = traceback.tb_next


def _clear_frame(frame: FrameType, *, is_below_us: bool = False) -> bool:
    """Clear *frame* if it is ours, or works for us below a frame of ours; return whether the next one is below us."""
    room = frame.f_globals.get("__name__", "").partition(".")[0]
    if room == "warmkey" or (is_below_us and room in _WORKERS):
        with suppress(RuntimeError):  # still running: the public function, which has dropped its own
            frame.clear()
    return is_below_us or room == "warmkey"


def _frames_above(frame: FrameType) -> Iterator[FrameType]:
    caller = frame.f_back
    while caller is not None:
        yield caller
        caller = caller.f_back

"""The promise that every target puts to the test: a result that is right, or an error of ours that tells no secret."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from warmkey import MalformedMessage, WarmkeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["SECRET", "BrokenPromiseError", "Listener", "Outcome", "attempt", "check", "check_text", "listening"]

#: A word in every plaintext, value and setting that an error must not show.
SECRET = "sesame"  # noqa: S105 - what the targets look for
_LONGEST_TEXT = 5_000


class BrokenPromiseError(BaseException):
    """What must not happen happened. Not an Exception, so that nothing under test can catch it."""


class Listener(logging.Handler):
    """Takes warmkey's log lines, and looks for the secret in them."""

    def emit(self, record: logging.LogRecord) -> None:
        """Check one line."""
        check(SECRET not in f"{record.getMessage()} {vars(record)}", "a log line that tells a secret")


@contextmanager
def listening() -> Iterator[None]:
    """Have the log lines of a block checked, and not written."""
    logger, listener = logging.getLogger("warmkey"), Listener()
    logger.addHandler(listener)
    was_propagating, logger.propagate = logger.propagate, False
    try:
        yield
    finally:
        logger.removeHandler(listener)
        logger.propagate = was_propagating


class Outcome(NamedTuple):
    """What came of a call: a value, or an error of ours."""

    value: object = None
    error: WarmkeyError | None = None


def check(holds: object, problem: str) -> None:
    """Raise the error for *problem* unless something *holds*."""
    if not holds:
        raise BrokenPromiseError(problem)


def attempt(call: Callable[[], object], *, secret: str | None = SECRET) -> Outcome:
    """Make *call*; any other exception than one of ours gets out.

    :param secret: what an error must not show; ``None`` where it is in a name, which errors show
    """
    try:
        return Outcome(call())
    except WarmkeyError as error:
        _check_error(error, secret)
        return Outcome(error=error)


def _check_error(error: WarmkeyError, secret: str | None) -> None:
    check(type(error) is not WarmkeyError, "the base of all errors was raised")
    if isinstance(error, MalformedMessage):
        check(error.offset >= 0 and error.where, "an error that points nowhere")
    for each in _chain(error):
        check(
            secret is None or secret not in f"{each} {each!r}", f"an error that tells a secret: {type(each).__name__}"
        )
    check_text(str(error))


def check_text(text: str) -> None:
    """Check that an error or a line of a report can be printed and is not too long to read."""
    check(text.strip(), "an error without a text")
    check(len(text) <= _LONGEST_TEXT, f"a text of {len(text)} characters")
    check("\n" not in text and "\r" not in text, "a text of several lines")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Give the error and what a traceback shows with it."""
    while error is not None:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)

"""The promise that every target puts to the test: a result that is right, or an error of ours that tells no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from warmkey import MalformedMessage, WarmkeyError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["SECRET", "BrokenPromiseError", "Outcome", "attempt", "check", "check_text"]

#: A word in every plaintext, value and setting that an error must not show.
SECRET = "sesame"  # noqa: S105 - what the targets look for
_LONGEST_TEXT = 5_000


class BrokenPromiseError(Exception):
    """What must not happen happened."""


class Outcome(NamedTuple):
    """What came of a call: a value, or an error of ours."""

    value: object = None
    error: WarmkeyError | None = None


def check(holds: object, problem: str) -> None:
    """Raise the error for *problem* unless something *holds*."""
    if not holds:
        raise BrokenPromiseError(problem)


def attempt(call: Callable[[], object]) -> Outcome:
    """Make *call*; any other exception than one of ours gets out."""
    try:
        return Outcome(call())
    except WarmkeyError as error:
        _check_error(error)
        return Outcome(error=error)


def _check_error(error: WarmkeyError) -> None:
    check(type(error) is not WarmkeyError, "the base of all errors was raised")
    if isinstance(error, MalformedMessage):
        check(error.offset >= 0 and error.where, "an error that points nowhere")
    for each in _chain(error):
        check(SECRET not in f"{each} {each!r}", f"an error that tells a secret: {type(each).__name__}")
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

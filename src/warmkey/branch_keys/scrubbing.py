"""Keeps branch keys out of the tracebacks of the key store's errors."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from warmkey.tracebacks import scrub_traceback

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["scrubbed"]

_Given = ParamSpec("_Given")
_Returned = TypeVar("_Returned")


def scrubbed(function: Callable[_Given, _Returned]) -> Callable[_Given, _Returned]:
    """Let no error of *function* carry frames whose variables are secret."""

    @functools.wraps(function)
    def call(*args: _Given.args, **kwargs: _Given.kwargs) -> _Returned:
        try:
            return function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - raised again, without what is secret
            failure = error
        raise scrub_traceback(failure)

    return call

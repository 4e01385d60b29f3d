"""Find out which invocation this is, for code that nobody told."""

from __future__ import annotations

import os
import sys
from functools import partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["marker", "request_id"]

_BOOTSTRAP = "awslambdaric.bootstrap"
_REQUEST_ID = "_GLOBAL_AWS_REQUEST_ID"


def marker() -> Callable[[], object]:
    """Return a function whose result is another object in another invocation, as far as this process can know.

    It is asked on every cache hit, so it runs no Python code. Lambda's runtime client notes the request ID for its log
    lines, and sets the trace ID, which Powertools reads too, as an environment variable. Neither promises the place
    that we look at: without it all invocations look like one, and hits wait for the next fact or for the hundredth.
    """
    bootstrap = sys.modules.get(_BOOTSTRAP)
    if hasattr(bootstrap, _REQUEST_ID):
        return partial(vars(bootstrap).get, _REQUEST_ID)
    variables: dict[object, object] = getattr(os.environ, "_data", {})  # noqa: TID251 - as Powertools does
    return partial(variables.get, b"_X_AMZN_TRACE_ID")


def request_id() -> str | None:
    """Return the request ID that Lambda's runtime client puts into its own log lines, where it does so."""
    found = getattr(sys.modules.get(_BOOTSTRAP), _REQUEST_ID, None)
    return None if found is None else str(found)

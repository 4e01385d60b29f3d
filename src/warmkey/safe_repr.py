"""Show an object that is not complete, as crash reporters find it in the frame of a constructor that raised."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["safe_repr"]

_Kind = TypeVar("_Kind", bound=type)


def safe_repr(kind: _Kind) -> _Kind:
    """Decorate a class: its ``__repr__``, and a ``__str__`` of its own, never raise; attributes may be missing.

    ``traceback.TracebackException`` with ``capture_locals=True`` fails with the first ``repr`` that does.
    """
    for name in ("__repr__", "__str__"):
        if name == "__repr__" or name in vars(kind):
            setattr(kind, name, _safe(getattr(kind, name)))
    return kind


def _safe(show: Callable[[object], str]) -> Callable[[object], str]:
    @functools.wraps(show)
    def shown(self: object) -> str:
        try:
            return show(self)
        except Exception:  # noqa: BLE001 - whatever is missing, and whatever a class of the user's does
            return f"<{type(self).__qualname__}, half-made>"

    return shown

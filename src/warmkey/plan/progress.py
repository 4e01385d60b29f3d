"""Show on a terminal how far long work is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["Progress"]

_WIDTH = 60


@safe_repr
class Progress:
    """Writes over one line of *stream*, and nothing at all if that is not a terminal."""

    def __init__(self, stream: TextIO, *, quiet: bool) -> None:
        self._stream = stream
        self._shows = not quiet and stream.isatty()
        self._what = ""
        self._whole = 0

    def begin(self, what: str, whole: int = 0) -> None:
        """Say *what* is done from here on; *whole*: how many there are, if that is known."""
        self._what, self._whole = what, whole
        self(0)

    def __call__(self, done: int) -> None:
        """Show how many are done."""
        count = f"{done:,} of {self._whole:,}" if self._whole else f"{done:,}"
        self._show(f"{self._what}: {count}" if done or self._whole else self._what)

    def end(self) -> None:
        """Remove the line."""
        self._show("")

    def _show(self, text: str) -> None:
        if self._shows:
            self._stream.write(f"\r{text[:_WIDTH]:<{_WIDTH}}" + "\r" * (not text))
            self._stream.flush()

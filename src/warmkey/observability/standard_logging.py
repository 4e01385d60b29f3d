"""Log lines without Powertools: JSON through the standard library."""

from __future__ import annotations

import json
import logging
import sys

__all__ = ["CurrentStdout", "level", "logger"]


def logger(name: str, at: str | None) -> logging.Logger:
    """The logger *name*, made to write JSON at level *at* unless somebody has set it up in another way."""
    found = logging.getLogger(name)
    if not found.handlers:
        handler = logging.StreamHandler(CurrentStdout())
        handler.setFormatter(_JsonFormatter())
        found.addHandler(handler)
        found.propagate = False  # Lambda's own handler would write every line again
    if found.level == logging.NOTSET:
        found.setLevel(level(at))
    return found


def level(name: str | None) -> int:
    """The number of a level; Lambda's are Python's and one more. INFO for what is none."""
    levels = {**logging.getLevelNamesMapping(), "TRACE": logging.DEBUG}
    return levels.get((name or "").upper(), logging.INFO)


class CurrentStdout:
    """Whatever ``sys.stdout`` is when something is written; test runners exchange and close it."""

    def write(self, text: str) -> int:
        """Write *text*."""
        return sys.stdout.write(text)

    def flush(self) -> None:
        """Flush."""
        sys.stdout.flush()


class _JsonFormatter(logging.Formatter):
    """The keys that Powertools would write, as far as they are ours to know."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        line = {
            "level": record.levelname,
            "message": record.getMessage(),
            "timestamp": self.formatTime(record),
            "warmkey": getattr(record, "warmkey", None),
        }
        return json.dumps({name: value for name, value in line.items() if value is not None}, default=str)

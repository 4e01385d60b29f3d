"""Facts as structured log lines, in the function's own structure where it has one.

Everything of ours is under one key, ``warmkey``, where it can't collide with keys of the function.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import sys
from typing import TYPE_CHECKING, Any

from warmkey.events import (
    CacheBypass,
    CacheCoalesced,
    CacheEviction,
    CacheHit,
    CacheMiss,
    KmsOutcome,
    KmsRequest,
    RequestFailed,
    UncacheableContext,
)
from warmkey.observability import powertools

if TYPE_CHECKING:
    from collections.abc import Mapping

    from warmkey.events import Event

__all__ = ["MESSAGES", "Log", "fields_of", "level_of"]

MESSAGES: Mapping[type[Event], tuple[int, str]] = {
    CacheHit: (logging.DEBUG, "cache hit"),
    CacheCoalesced: (logging.DEBUG, "cache request coalesced"),
    CacheMiss: (logging.INFO, "cache miss"),
    CacheBypass: (logging.INFO, "cache bypass"),
    CacheEviction: (logging.INFO, "cache eviction"),
    KmsRequest: (logging.DEBUG, "KMS request"),
    RequestFailed: (logging.WARNING, "request failed"),
    UncacheableContext: (logging.WARNING, "an encryption context key changes with every message, so nothing is reused"),
}
_METHODS = {logging.DEBUG: "debug", logging.INFO: "info", logging.WARNING: "warning"}


def level_of(event: Event) -> int:
    """The level of the line that tells of *event*."""
    if isinstance(event, KmsRequest) and event.outcome is not KmsOutcome.OK:
        return logging.WARNING
    return MESSAGES[type(event)][0]


def fields_of(event: Event) -> dict[str, Any]:
    """What the line says of *event*: its class and its fields."""
    fields = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    return {"event": type(event).__name__, **{name: _plain(value) for name, value in fields.items()}}


def _plain(value: object) -> object:
    return round(value, 6) if isinstance(value, float) else value


class Log:
    """Writes lines to the function's Powertools logger, to one like it, or to the standard library's."""

    def __init__(self, *, service: str | None, level: str | None) -> None:
        self._service = service
        self._level = level
        self._logger: Any = None
        self._is_own = True
        self._loggers_known = 0

    def is_enabled_for(self, level: int) -> bool:
        """Whether a line of *level* would be written; no before the first line was."""
        return bool(self._logger) and bool(self._logger.isEnabledFor(level))

    def tell(self, event: Event) -> None:
        """Write a line about *event*."""
        self.write(level_of(event), MESSAGES[type(event)][1], fields_of(event))

    def write(self, level: int, message: str, fields: Mapping[str, Any]) -> None:
        """Write a line."""
        if self._logger is None:
            self.look_for_logger()
        write = getattr(self._logger, _METHODS[level])
        write(message, extra={"warmkey": fields})

    def refresh(self) -> None:
        """An invocation begins: sample again, and take the function's own logger if it has made one meanwhile."""
        if self._logger is None or not self._is_own:
            return
        if len(logging.root.manager.loggerDict) != self._loggers_known:
            self.look_for_logger()
        else:
            getattr(self._logger, "refresh_sample_rate_calculation", lambda: None)()

    def look_for_logger(self) -> None:
        """Find the logger to write to."""
        self._loggers_known = len(logging.root.manager.loggerDict)
        if not powertools.is_installed():
            self._logger = _standard_logger(self._level)
            return
        name = powertools.users_logger(self._service)
        if name is not None or self._logger is None:
            self._logger = powertools.logger(name, service=self._service)
            self._is_own = name is None


def _standard_logger(level: str | None) -> logging.Logger:
    """A logger of the standard library that writes JSON, unless somebody has set it up in another way."""
    logger = logging.getLogger(powertools.LOGGER)
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(_JsonFormatter())
        logger.addHandler(handler)
        logger.propagate = False  # Lambda's own handler would write every line again
    if logger.level == logging.NOTSET:
        logger.setLevel(_level(level))
    return logger


def _level(name: str | None) -> int:
    """Lambda's levels are Python's, and one more."""
    levels = {**logging.getLevelNamesMapping(), "TRACE": logging.DEBUG}
    return levels.get((name or "").upper(), logging.INFO)


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

"""Write facts as structured log lines, in the function's own structure where it has one.

Everything of ours is under one key, ``warmkey``, where it can't collide with keys of the function.
"""

from __future__ import annotations

import dataclasses
import logging
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from warmkey.boundary import run_outside
from warmkey.events import (
    BranchKeyCoalesced,
    BranchKeyEviction,
    BranchKeyFailed,
    BranchKeyFailureRecalled,
    BranchKeyHit,
    BranchKeyMiss,
    CacheBypass,
    CacheCoalesced,
    CacheEviction,
    CacheHit,
    CacheMiss,
    DynamoDbRequest,
    FailureRecalled,
    KmsOutcome,
    KmsRequest,
    MessageAbandoned,
    MessageRefused,
    RequestFailed,
    SettingWarning,
    UncacheableContext,
    UnsealedRecordPassed,
)
from warmkey.observability import powertools
from warmkey.observability.standard_logging import OwnLogger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
    FailureRecalled: (logging.WARNING, "request failed with a remembered answer"),
    UnsealedRecordPassed: (logging.DEBUG, "record without a sealed value passed"),
    BranchKeyHit: (logging.DEBUG, "branch key hit"),
    BranchKeyCoalesced: (logging.DEBUG, "branch key request coalesced"),
    BranchKeyMiss: (logging.INFO, "branch key miss"),
    BranchKeyFailed: (logging.WARNING, "branch key request failed"),
    BranchKeyFailureRecalled: (logging.WARNING, "branch key request failed with a remembered answer"),
    BranchKeyEviction: (logging.INFO, "branch key eviction"),
    DynamoDbRequest: (logging.DEBUG, "DynamoDB request"),
    SettingWarning: (logging.WARNING, "a setting should be changed"),
    MessageRefused: (logging.WARNING, "message refused"),
    MessageAbandoned: (logging.INFO, "message abandoned"),
    UncacheableContext: (logging.WARNING, "an encryption context key changes with every message, so nothing is reused"),
}
_METHODS = {logging.DEBUG: "debug", logging.INFO: "info", logging.WARNING: "warning"}


def level_of(event: Event) -> int:
    """Return the level of the line that tells of *event*."""
    if isinstance(event, KmsRequest | DynamoDbRequest) and event.outcome != KmsOutcome.OK:
        return logging.WARNING
    return MESSAGES[type(event)][0]


def fields_of(event: Event) -> dict[str, Any]:
    """Return what the line says of *event*: its class and its fields."""
    fields = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    return {"event": type(event).__name__, **{name: _plain(value) for name, value in fields.items()}}


def _plain(value: object) -> object:
    return round(value, 6) if isinstance(value, float) else value


class Log:
    """Write lines to the function's Powertools logger, or to one of our own, without importing Powertools for it.

    :param service: of the function's logger, if it has several; of our own
    :param level: of our own
    """

    def __init__(self, *, service: str | None, level: str | None) -> None:
        self._service = service
        self._level = level
        self._logger: Any = None
        self._own: OwnLogger | None = None
        self._loggers_known = 0
        # Asked for every hit, so it is the logger's own method.
        self.is_enabled_for: Callable[[int], bool] = _no

    def tell(self, event: Event) -> None:
        """Write a line about *event*."""
        self.write(level_of(event), MESSAGES[type(event)][1], fields_of(event))

    def write(self, level: int, message: str, fields: Mapping[str, Any]) -> None:
        """Write a line, if the logger writes or buffers lines of *level*, once no plaintext is on the stack."""
        if self._logger is None:
            self._look_for_logger()
        run_outside(partial(self._write, level, message, fields))

    def _write(self, level: int, message: str, fields: Mapping[str, Any]) -> None:
        stacklevel = _stacklevel_of_user()
        if self._own is None:
            stacklevel += 1  # for Powertools' own method
        else:
            self._own.keep_writing()
        getattr(self._logger, _METHODS[level])(message, extra={"warmkey": fields}, stacklevel=stacklevel)

    def refresh(self) -> None:
        """Sample again, for a new invocation, and take the function's own logger if it has made one meanwhile."""
        if self._own is None:
            return
        self._own.keep_writing()
        self._own.sample()
        if len(logging.root.manager.loggerDict) != self._loggers_known:
            self._look_for_logger()

    def _look_for_logger(self) -> None:
        self._loggers_known = len(logging.root.manager.loggerDict)
        name = powertools.users_logger(self._service)
        if name is not None:
            self._logger, self._own = powertools.logger(name), None
        elif self._own is None:
            self._own = OwnLogger(service=self._service, level=self._level)
            self._logger = self._own.logger
        self.is_enabled_for = logging.getLogger(self._logger.name).isEnabledFor


def _stacklevel_of_user() -> int:
    """Return the ``stacklevel`` with which the caller's line has its location in the code that uses warmkey."""
    frame, stacklevel = sys._getframe(1), 1  # noqa: SLF001 - CPython's, as Lambda has it
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] == "warmkey":
        frame, stacklevel = frame.f_back, stacklevel + 1
    return stacklevel


def _no(level: int) -> bool:  # noqa: ARG001 - the signature of Logger.isEnabledFor
    return False

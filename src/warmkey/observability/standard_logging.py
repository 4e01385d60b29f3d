"""Lines of our own, where the function has no Powertools logger: JSON through the standard library.

Keys, level and sampling are what a Powertools logger would make of the same variables. Powertools itself would cost the
first message ten milliseconds more, in a function that does not use it.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import suppress
from typing import ClassVar

__all__ = ["LOGGER", "OwnLogger"]

LOGGER = "warmkey"

_ENVIRONMENT = os.environ  # noqa: TID251 - Powertools' variables, when Powertools would read them
_LEVELS = ("AWS_LAMBDA_LOG_LEVEL", "POWERTOOLS_LOG_LEVEL", "LOG_LEVEL")


class OwnLogger:
    """Writes JSON, unless somebody has set up the logger ``warmkey`` in another way.

    :param service: what writes, instead of ``POWERTOOLS_SERVICE_NAME``
    :param level: the least that is written, instead of ``AWS_LAMBDA_LOG_LEVEL`` or ``POWERTOOLS_LOG_LEVEL``; a level
        that somebody has set on the logger stands above all of them
    :ivar logger: the logger
    """

    # There is one logger of that name, whoever asks for it, and so one level that we gave it.
    _normal: ClassVar[int] = logging.INFO
    _given: ClassVar[int | None] = None

    def __init__(self, *, service: str | None, level: str | None) -> None:
        self.logger = logging.getLogger(LOGGER)
        if not self.logger.handlers:
            _set_up(self.logger)
        _FORMATTER.service = service or _ENVIRONMENT.get("POWERTOOLS_SERVICE_NAME", "service_undefined")
        if self.logger.level == logging.NOTSET:
            OwnLogger._normal = _level(level or next(filter(None, map(_ENVIRONMENT.get, _LEVELS)), None))
            self._set_level(OwnLogger._normal)
        self.sample()

    def sample(self) -> None:
        """Decide anew whether this invocation is one of the ``POWERTOOLS_LOGGER_SAMPLE_RATE`` that log at DEBUG."""
        if self.logger.level != OwnLogger._given:
            return  # somebody else's, which stands
        with suppress(KeyError, ValueError):
            rate = float(_ENVIRONMENT["POWERTOOLS_LOGGER_SAMPLE_RATE"])
            is_sampled = int.from_bytes(os.urandom(4), "big") / 2**32 < rate
            self._set_level(logging.DEBUG if is_sampled else OwnLogger._normal)

    def _set_level(self, level: int) -> None:
        self.logger.setLevel(level)
        OwnLogger._given = level


def _set_up(logger: logging.Logger) -> None:
    """Write JSON through a handler of its own, and not again through the root logger's, of which Lambda has one."""
    logger.addHandler(_HANDLER)  # once, however many threads come here at once
    for theirs in logging.root.handlers:
        if type(theirs).__module__ != "_pytest.logging":  # caplog writes nothing; who tests may look at our lines
            theirs.addFilter(_is_not_ours)


def _is_not_ours(record: logging.LogRecord) -> bool:
    return record.name.partition(".")[0] != LOGGER


def _level(name: str | None) -> int:
    """The number of a level; Lambda's are Python's and one more. INFO for what is none."""
    levels = {**logging.getLevelNamesMapping(), "TRACE": logging.DEBUG}
    return levels.get((name or "").upper(), logging.INFO)


class _CurrentStdout:
    """Whatever ``sys.stdout`` is when something is written; test runners exchange and close it."""

    def write(self, text: str) -> int:
        """Write *text*."""
        return sys.stdout.write(text)

    def flush(self) -> None:
        """Flush."""
        sys.stdout.flush()


class _JsonFormatter(logging.Formatter):
    service: str

    def format(self, record: logging.LogRecord) -> str:
        """One line of JSON."""
        line = {
            "level": record.levelname,
            "message": record.getMessage(),
            "timestamp": self.formatTime(record, "%Y-%m-%d %H:%M:%S,{:03d}%z").format(int(record.msecs)),
            "service": self.service,
            "warmkey": getattr(record, "warmkey", None),
            "xray_trace_id": _ENVIRONMENT.get("_X_AMZN_TRACE_ID", "").split(";")[0].removeprefix("Root="),
        }
        written = {name: value for name, value in line.items() if value}
        return json.dumps(written, default=str, separators=(",", ":"), ensure_ascii=False)


_FORMATTER = _JsonFormatter()
_HANDLER = logging.StreamHandler(_CurrentStdout())
_HANDLER.setFormatter(_FORMATTER)

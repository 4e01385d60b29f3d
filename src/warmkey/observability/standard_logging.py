"""Write lines of our own, where the function has no Powertools logger: JSON through the standard library.

Keys, level and sampling are what a Powertools logger would make of the same variables. Powertools itself would cost the
first message ten milliseconds more, in a function that does not use it. Where Lambda's log format is JSON, time, level
and request ID are written as Lambda reads them, or it would take every line for INFO.

Our logger has a handler of its own, and its lines go nowhere else: Lambda's handler of the root logger, or one that the
function adds later, would write them again.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from warmkey.observability.current_invocation import request_id
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LOGGER", "OwnLogger"]

LOGGER = "warmkey"

_ENVIRONMENT = os.environ  # noqa: TID251 - Powertools' variables, when Powertools would read them
_LEVELS = ("AWS_LAMBDA_LOG_LEVEL", "POWERTOOLS_LOG_LEVEL", "LOG_LEVEL")
# Lambda's names of levels, where they are not Python's. It takes a level that it does not know for INFO.
_LAMBDAS_LEVELS = {"WARNING": "WARN", "CRITICAL": "FATAL"}


class OwnLogger:
    """Write JSON, unless somebody has set up the logger ``warmkey`` in another way.

    :param service: what writes, instead of ``POWERTOOLS_SERVICE_NAME``
    :param level: the least that is written. Without it, ``AWS_LAMBDA_LOG_LEVEL`` decides, then
        ``POWERTOOLS_LOG_LEVEL``, then ``LOG_LEVEL``. A level that somebody has set on the logger wins over all of them
    :ivar logger: the logger
    """

    # There is one logger of that name, whoever asks for it, and so one level that we gave it.
    _normal: ClassVar[int] = logging.INFO
    _given: ClassVar[int | None] = None

    def __init__(self, *, service: str | None, level: str | None) -> None:
        self.logger = logging.getLogger(LOGGER)
        if not _writing_handlers(self.logger):
            _set_up(self.logger)
        _FORMATTER.service = service or _ENVIRONMENT.get("POWERTOOLS_SERVICE_NAME", "service_undefined")
        if self.logger.level == logging.NOTSET:
            OwnLogger._normal = _level(level or next(filter(None, map(_ENVIRONMENT.get, _LEVELS)), None))
            self._set_level(OwnLogger._normal)
        self.sample()

    def keep_writing(self) -> None:
        """Undo what logging that was set up after our first line has done to the logger by the way.

        ``dictConfig`` and ``fileConfig`` disable every logger that they don't name. Where one has taken our handler
        away, the logger is somebody's own, and its lines go where theirs go.
        """
        if self.logger.disabled:
            for name in [LOGGER, *(name for name in list(logging.root.manager.loggerDict) if _is_ours(name))]:
                logging.getLogger(name).disabled = False
        if not _writing_handlers(self.logger):
            self.logger.propagate = True

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
    logger.addHandler(_HANDLER)  # once, however many threads come here at once
    logger.propagate = False


def _writing_handlers(logger: logging.Logger) -> list[logging.Handler]:
    return [handler for handler in logger.handlers if not _is_caplog(handler)]


def _is_caplog(handler: logging.Handler) -> bool:
    """Return whether *handler* is pytest's, which writes nothing: who tests may look at our lines."""
    return type(handler).__module__ == "_pytest.logging"


def _handlers_that_get(record: logging.LogRecord) -> Iterator[logging.Handler]:
    logger: logging.Logger | None = logging.getLogger(record.name)
    while logger is not None:
        yield from logger.handlers
        logger = logger.parent if logger.propagate else None


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == LOGGER


def _level(name: str | None) -> int:
    """Return the number of a level; Lambda's are Python's and one more. It is INFO for what is not a level."""
    levels = {**logging.getLevelNamesMapping(), "TRACE": logging.DEBUG}
    return levels.get((name or "").upper(), logging.INFO)


class _CurrentStdout:
    """Write to what ``sys.stdout`` is at the time; test runners exchange and close it."""

    def write(self, text: str) -> int:
        """Write *text*."""
        return sys.stdout.write(text)

    def flush(self) -> None:
        """Flush."""
        sys.stdout.flush()


@safe_repr
class _Handler(logging.StreamHandler[_CurrentStdout]):
    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, and show it to ``caplog`` where it does not go there anyway."""
        super().emit(record)
        for theirs in logging.root.handlers:
            if _is_caplog(theirs) and record.levelno >= theirs.level and theirs not in _handlers_that_get(record):
                theirs.handle(record)


class _JsonFormatter(logging.Formatter):
    service: str

    def format(self, record: logging.LogRecord) -> str:
        """Return one line of JSON."""
        line = {
            "level": record.levelname,
            "message": record.getMessage(),
            "timestamp": self.formatTime(record, "%Y-%m-%d %H:%M:%S,{:03d}%z").format(int(record.msecs)),
            "service": self.service,
            "warmkey": getattr(record, "warmkey", None),
            "xray_trace_id": _ENVIRONMENT.get("_X_AMZN_TRACE_ID", "").split(";")[0].removeprefix("Root="),
            "function_request_id": request_id(),
        }
        if _ENVIRONMENT.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON":
            line |= _as_lambda_reads_it(record)
            line["requestId"] = line.pop("function_request_id")
        written = {name: value for name, value in line.items() if value}
        return json.dumps(written, default=str, separators=(",", ":"), ensure_ascii=False)


def _as_lambda_reads_it(record: logging.LogRecord) -> dict[str, object]:
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
    return {
        "level": _LAMBDAS_LEVELS.get(record.levelname, record.levelname),
        "location": f"{record.funcName}:{record.lineno}",
        "timestamp": f"{seconds}.{int(record.msecs):03d}Z",
    }


_FORMATTER = _JsonFormatter()
_HANDLER = _Handler(_CurrentStdout())
_HANDLER.setFormatter(_FORMATTER)

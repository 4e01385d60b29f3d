"""Keep the AWS SDK from logging data keys.

At DEBUG, botocore logs the body of every request and response. In a request of ours to KMS these are data keys in
plaintext and the values of encryption contexts, and all it takes is Lambda's log level set to DEBUG. So what botocore
has to say at DEBUG is dropped while such a request is under way in the same thread; other requests are not affected.

Loggers come and go: ``dictConfig`` replaces them, tests forget them, botocore makes new ones when it imports more of
itself. What all of them have in common is the factory that makes their records, so it is there that records are
blanked, and given a level below that of every handler. A record is botocore's by the name of its logger or by the file
that it comes from.
"""

from __future__ import annotations

import logging
import os
from contextvars import Context, ContextVar, copy_context
from typing import Any

__all__ = ["without_debug_lines"]

_under_way: ContextVar[bool] = ContextVar("warmkey_kms_request", default=False)
_LEVEL_OF_NO_HANDLER = -1
_BOTOCORE_FOLDER = f"{os.sep}botocore{os.sep}"


class _RecordFactory:
    """Makes the records that *factory* would, and blanks those that nobody may read."""

    def __init__(self, factory: Any) -> None:  # noqa: ANN401 - takes whatever logging gives it
        self._factory = factory

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:  # noqa: ANN401 - as above
        record: logging.LogRecord = self._factory(*args, **kwargs)
        if record.levelno <= logging.DEBUG and _under_way.get() and _is_of_botocore(record):
            record.msg, record.args, record.exc_info = "", (), None
            record.levelno = _LEVEL_OF_NO_HANDLER
        return record


def _is_of_botocore(record: logging.LogRecord) -> bool:
    return record.name.startswith("botocore") or _BOTOCORE_FOLDER in record.pathname


def without_debug_lines() -> Context:
    """Return a context to run a request in, whose DEBUG lines botocore keeps to itself.

    Whatever interrupts the request, the caller's own context stays as it is: there is nothing to take back.
    """
    factory = logging.getLogRecordFactory()
    if not isinstance(factory, _RecordFactory):
        logging.setLogRecordFactory(_RecordFactory(factory))
    context = copy_context()
    context.run(_under_way.set, True)  # noqa: FBT003 - as the variable has it
    return context

"""Keep the AWS SDK from logging data keys.

At DEBUG, botocore logs the body of every request and response. In a request of ours to KMS these are data keys in
plaintext and the values of encryption contexts, and all it takes is Lambda's log level set to DEBUG. So what botocore
has to say at DEBUG is dropped while such a request is under way in the same thread; other requests are not affected.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["discreet"]

_under_way: ContextVar[bool] = ContextVar("warmkey_kms_request", default=False)
_filtered: set[str] = set()


def _may_be_said(record: logging.LogRecord) -> bool:
    return record.levelno > logging.DEBUG or not _under_way.get()


@contextmanager
def discreet() -> Iterator[None]:
    """No word of botocore at DEBUG about what happens in the block."""
    # A filter on a parent does not see what its children log, so each of botocore's loggers gets one.
    known = [name for name in list(logging.root.manager.loggerDict) if name.startswith("botocore")]
    for name in known:
        if name not in _filtered:
            logging.getLogger(name).addFilter(_may_be_said)
            _filtered.add(name)
    token = _under_way.set(True)
    try:
        yield
    finally:
        _under_way.reset(token)

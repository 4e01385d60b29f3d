"""Every test finds logging as a new process would."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from warmkey.observability import invocations, powertools

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLES = (
    "AWS_LAMBDA_LOG_FORMAT",
    "AWS_LAMBDA_LOG_LEVEL",
    "AWS_LAMBDA_FUNCTION_NAME",
    "LOG_LEVEL",
    "POWERTOOLS_DEV",
    "POWERTOOLS_LOGGER_SAMPLE_RATE",
    "POWERTOOLS_LOG_LEVEL",
    "POWERTOOLS_METRICS_DISABLED",
    "POWERTOOLS_METRICS_NAMESPACE",
    "POWERTOOLS_SERVICE_NAME",
    "_X_AMZN_TRACE_ID",
)


@pytest.fixture(autouse=True)
def _fresh_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    # Subscribers of earlier tests that the collector has not come to would set up the loggers of this one.
    monkeypatch.setattr(invocations, "_invocations", invocations._Invocations())
    invocations._current.set(None)
    powertools.is_installed.cache_clear()
    _forget_our_loggers()
    known = set(logging.root.manager.loggerDict)
    yield
    for name in {*logging.root.manager.loggerDict} - known:
        logging.root.manager.loggerDict.pop(name, None)
    _forget_our_loggers()
    for handler in logging.root.handlers:
        handler.filters.clear()
    powertools.is_installed.cache_clear()


def _forget_our_loggers() -> None:
    # With those below, which would go on asking the one that is gone for its level.
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "warmkey":
            del logging.root.manager.loggerDict[name]


@pytest.fixture
def _without_powertools(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the layer's variant ``core`` with no other layer beside it."""
    monkeypatch.setattr(powertools, "find_spec", lambda name: None)

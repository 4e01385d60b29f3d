"""Which invocation this is, for code that nobody told."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from warmkey.observability.current_invocation import marker

if TYPE_CHECKING:
    import pytest


def test_it_is_the_request_id_that_the_runtime_client_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    bootstrap = ModuleType("awslambdaric.bootstrap")
    bootstrap._GLOBAL_AWS_REQUEST_ID = "first"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "awslambdaric.bootstrap", bootstrap)
    invocation = marker()
    first = invocation()
    bootstrap._GLOBAL_AWS_REQUEST_ID = "second"  # type: ignore[attr-defined]

    assert (first, invocation()) == ("first", "second")


def test_else_it_is_the_trace_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "awslambdaric.bootstrap", raising=False)
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-first")
    invocation = marker()
    first = invocation()

    assert invocation() is first
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-second")
    assert invocation() is not first


def test_outside_of_lambda_all_is_one_invocation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "awslambdaric.bootstrap", raising=False)
    invocation = marker()

    assert invocation() is invocation() is None

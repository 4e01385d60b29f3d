"""A shell for ``warmkey policy``."""

from __future__ import annotations

import pytest

from tests.policy.printed import Shell


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)

"""Every test starts without settings and without a default client, and leaves none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

import warmkey

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "eu-west-1"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in [name for name in os.environ if name.startswith(("WARMKEY_", "AWS_", "_X_AMZN"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    warmkey.reset()
    yield
    warmkey.reset()

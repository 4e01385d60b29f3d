"""Each example runs on moto, with a KMS that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from warmkey.testing import KmsSession, moto_kms

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[KmsSession]:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with moto_kms(metrics="off") as session:
        yield session

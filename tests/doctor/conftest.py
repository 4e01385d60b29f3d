"""A function to examine."""

from __future__ import annotations

import pytest

from tests.doctor.patient import Patient
from warmkey.doctor import signatures


@pytest.fixture(autouse=True)
def _without_awscrt(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in most functions; it is installed for tests."""
    monkeypatch.setattr(signatures, "_is_installed", lambda: False)


@pytest.fixture
def patient(capsys: pytest.CaptureFixture[str]) -> Patient:
    return Patient(capsys)

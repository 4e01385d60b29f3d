"""A function to examine."""

from __future__ import annotations

import pytest

from tests.doctor.patient import Patient


@pytest.fixture
def patient(capsys: pytest.CaptureFixture[str]) -> Patient:
    return Patient(capsys)

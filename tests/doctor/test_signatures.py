"""Which library signs and verifies, and what speaks against it."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from warmkey.algorithm_suites import SignatureAlgorithm
from warmkey.crypto import signature_library
from warmkey.crypto.signature_library import AWSCRT_PAYS_FROM, SignatureChoice, choose
from warmkey.crypto.signatures import EcdsaSigningKey
from warmkey.doctor import signatures

if TYPE_CHECKING:
    from tests.doctor.patient import Patient


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signatures, "_is_installed", lambda: True)


@pytest.fixture(autouse=True)
def _nothing_is_signed() -> None:
    signature_library._PROCESS.reset()


def said(patient: Patient) -> str:
    return str(patient.json["versions"]["signatures"])


def test_without_awscrt_it_is_cryptography(patient: Patient) -> None:
    assert patient.codes() == set()
    assert said(patient) == "cryptography, because awscrt is not installed"


@pytest.mark.usefixtures("_installed")
def test_with_awscrt_it_depends_on_who_loads_it(patient: Patient) -> None:
    assert patient.codes() == set()
    assert said(patient) == "awscrt, if it is loaded when the first key is made"


@pytest.mark.parametrize("library", ["cryptography", "awscrt"])
def test_where_a_key_was_made_it_is_the_library_of_that_key(library: str, patient: Patient) -> None:
    choose(SignatureChoice(library))
    EcdsaSigningKey(SignatureAlgorithm.ECDSA_P384)

    assert patient.codes() == set()
    assert said(patient) == library


@pytest.mark.usefixtures("_installed")
def test_awscrt_that_can_be_used_is_all_right(patient: Patient) -> None:
    patient.settings["signatures"] = "awscrt"

    assert patient.codes() == set()
    assert said(patient) == "awscrt"


def test_awscrt_that_can_not_be_used_will_fail(patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("warmkey.crypto.ecdsa_by_awscrt", raising=False)
    for name in ("warmkey.crypto.ecdsa_by_awscrt", "awscrt", "_awscrt"):
        monkeypatch.setitem(sys.modules, name, None)
    patient.settings["signatures"] = "awscrt"

    assert patient.codes() == {"signature-library-unusable"}
    assert "awscrt is not installed" in patient.finding("signature-library-unusable")["found"]


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize("settings", [{"signatures": "cryptography"}, {"algorithm_suite": "0x0478"}], ids=str)
def test_awscrt_that_nobody_uses_slows_every_start(settings: dict[str, str], patient: Patient) -> None:
    patient.settings |= settings

    assert patient.codes() == {"awscrt-unused"}
    assert patient.finding("awscrt-unused")["level"] == "note"


@pytest.mark.parametrize(
    ("more", "library", "codes"),
    [
        (0, "cryptography", set()),
        (1, "cryptography", {"many-signatures"}),
        (1, "awscrt", set()),
    ],
)
def test_many_signatures_would_pay_for_awscrt(more: int, library: str, codes: set[str], patient: Patient) -> None:
    choose(SignatureChoice(library))
    EcdsaSigningKey(SignatureAlgorithm.ECDSA_P384)
    for _ in range(AWSCRT_PAYS_FROM + more):
        signature_library.count_signature()

    assert patient.codes() == codes


def test_it_looks_where_python_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert signatures._is_installed() is (find_spec("awscrt") is not None)

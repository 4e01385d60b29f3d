"""Look at the library that signs and verifies: whether it can be used, and whether it pays."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from warmkey.crypto.signature_library import (
    AWSCRT_PAYS_FROM,
    SignatureChoice,
    problem_with_awscrt,
    signatures_made,
)
from warmkey.crypto.signatures import library_in_use

if TYPE_CHECKING:
    from warmkey.doctor.report import Report
    from warmkey.lambda_runtime.settings import Settings

__all__ = ["examine_signatures"]

_ABSENT: Final = "cryptography, because awscrt is not installed"


def examine_signatures(report: Report, settings: Settings) -> None:
    """Say which library signs and verifies, and what speaks against it."""
    choice, is_installed = settings.signatures, _is_installed()
    report.versions["signatures"] = library_in_use() or _expected(choice, is_installed=is_installed)
    if choice is SignatureChoice.AWSCRT:
        problem = problem_with_awscrt()
        if problem is not None:
            report.add("signature-library-unusable", f"WARMKEY_SIGNATURES is awscrt, but {problem}")
    if is_installed and choice is SignatureChoice.CRYPTOGRAPHY:
        report.add("awscrt-unused", "awscrt is installed, and WARMKEY_SIGNATURES is cryptography")
    elif is_installed and settings.suite.signature is None:
        report.add("awscrt-unused", f"awscrt is installed, and messages of {settings.suite.name} have no signature")
    signed = signatures_made()
    if signed > AWSCRT_PAYS_FROM and library_in_use() == "cryptography":
        report.add("many-signatures", f"this container has signed {signed} messages by cryptography")


def _is_installed() -> bool:
    return find_spec("awscrt") is not None


def _expected(choice: SignatureChoice, *, is_installed: bool) -> str:
    if choice is not SignatureChoice.AUTO:
        return choice.value
    return "awscrt, if it is loaded when the first key is made" if is_installed else _ABSENT

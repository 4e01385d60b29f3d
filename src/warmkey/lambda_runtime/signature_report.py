"""Say in summary lines which library signs and verifies, and once, after many signatures, how to do without them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from warmkey.algorithm_suites import AlgorithmSuite
from warmkey.crypto.signature_library import signatures_made
from warmkey.crypto.signatures import library_in_use
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from warmkey.lambda_runtime.settings import Settings

__all__ = ["SignatureReport"]

# Fewer are not worth a line.
_MANY: Final = 100
_ADVICE: Final = (
    "a signature takes most of the time of a small message, and proves something only if some who can decrypt must not "
    "encrypt; if all of them may, set WARMKEY_ALGORITHM_SUITE={:#06x}, and if not, see WARMKEY_SIGNATURES=awscrt"
)
# What the default suites do, without a signature.
_UNSIGNED: Final = (
    AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
    AlgorithmSuite.AES_256_GCM_IV12_TAG16_HKDF_SHA256,
)


@safe_repr
class SignatureReport:
    """Gives the fields of a summary line.

    Advice is given once in each container, and only where nobody has chosen a suite.
    """

    def __init__(self, settings: Settings) -> None:
        self._advises = "algorithm_suite" not in settings.given
        self._unsigned = next(suite for suite in _UNSIGNED if suite in settings.commitment_policy.encrypt_suites)

    def __call__(self) -> dict[str, object]:
        """Return the fields, empty for a function without signatures."""
        library = library_in_use()
        if library is None:
            return {}
        signed = signatures_made()
        if not self._advises or signed <= _MANY:
            return {"signatures": library}
        self._advises = False
        return {"signatures": library, "signed_messages": signed, "advice": _ADVICE.format(self._unsigned.value)}

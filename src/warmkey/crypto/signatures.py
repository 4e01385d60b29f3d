"""Sign and verify the digest of a message with ECDSA; keys stay loaded as long as their materials live.

Loading a P-384 key costs as much as signing with it, so materials carry the loaded key (190 of 640 µs per message).
Which library does it is in :mod:`warmkey.crypto.signature_library`.

Source: framework/transitive-requirements.md#ecdsa
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from warmkey.crypto.signature_library import count_signature, current_library, decided_library
from warmkey.exceptions import AuthenticationFailed, InvalidRequest, MalformedMessage
from warmkey.safe_repr import safe_repr
from warmkey.unpicklable import Unpicklable

if TYPE_CHECKING:
    from collections.abc import Callable

    from warmkey.algorithm_suites import SignatureAlgorithm

__all__ = ["EcdsaSigningKey", "EcdsaVerificationKey", "library_in_use", "use_deterministic_signatures"]

_deterministic = False


def use_deterministic_signatures(*, deterministic: bool) -> None:
    """Choose whether signing keys made from now on sign without randomness (RFC 6979), whatever library was chosen.

    Called where a snapshot may be restored many times. Only cryptography can do that; verifying needs no randomness,
    and stays with the chosen library.
    """
    global _deterministic  # noqa: PLW0603 - one process, one environment
    _deterministic = deterministic


def library_in_use() -> str | None:
    """Return the name of the library that signs and verifies, or ``None`` before the first key."""
    library = decided_library()
    if library is None:
        return None
    return f"{library.NAME} (cryptography to sign)" if _deterministic and library.NAME == "awscrt" else library.NAME


@safe_repr
class _Key(Unpicklable):
    __slots__ = ("_digest_length",)

    _digest_length: int

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def _check_length(self, digest: bytes) -> None:
        """Check what awscrt does not: it verifies the first bytes of a longer digest."""
        if len(digest) != self._digest_length:
            raise InvalidRequest(f"the digest must be {self._digest_length} bytes long, not {len(digest)}")


class EcdsaSigningKey(_Key):
    """Holds a fresh private key. ``verification_key`` is its compressed public point."""

    __slots__ = ("_sign", "verification_key")

    def __init__(self, algorithm: SignatureAlgorithm) -> None:
        # spec: framework/structures.md#signing-key 25e7
        # spec: framework/transitive-requirements.md#ecdsa a451
        library = current_library()
        generate = _generate_for_snapshots if _deterministic else library.generate
        self._sign, point = generate(algorithm)
        self._digest_length = algorithm.digest_length
        self.verification_key = _compressed(*point, algorithm.coordinate_length)

    def sign(self, digest: bytes) -> bytes:
        """Return a DER signature over *digest*, the hash of header and body.

        :raises InvalidRequest: *digest* has another length than the algorithm's hash function gives
        """
        # spec: framework/algorithm-suites.md#asymmetric-signature-algorithm 40ba
        self._check_length(digest)
        signature = self._sign(digest)
        count_signature()
        return signature


class EcdsaVerificationKey(_Key):
    """Holds a public key that was loaded from its compressed point."""

    __slots__ = ("_point", "_verify")

    def __init__(self, algorithm: SignatureAlgorithm, point: bytes) -> None:
        """Load *point*.

        :raises MalformedMessage: *point* is not a compressed point of the curve
        """
        if len(point) != 1 + algorithm.coordinate_length or point[0] not in (2, 3):
            raise _not_a_point()
        library = current_library()
        try:
            # spec: framework/structures.md#verification-key bda8
            self._verify = library.load(algorithm, point)
        except ValueError:
            raise _not_a_point() from None
        self._digest_length = algorithm.digest_length
        self._point = point

    def __eq__(self, other: object) -> bool:
        """Return whether *other* is the same point: equal materials have equal keys, loaded once for each request."""
        return self._point == other._point if isinstance(other, EcdsaVerificationKey) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._point)

    @classmethod
    def from_context_value(cls, algorithm: SignatureAlgorithm, value: str) -> EcdsaVerificationKey:
        """Load the value of ``aws-crypto-public-key``, base64 of a compressed point.

        :raises MalformedMessage: it is not that

        Source: framework/default-cmm.md#decrypt-materials
        """
        try:
            point = base64.b64decode(value, validate=True)
        except ValueError:
            raise _not_a_point() from None
        # Padding too many, and bits that belong to no byte: what is let through differs from one Python to the next.
        if base64.b64encode(point).decode() != value:
            raise _not_a_point()
        return cls(algorithm, point)

    def verify(self, signature: bytes, digest: bytes) -> None:
        """Verify *signature*.

        :raises AuthenticationFailed: it is not good
        :raises InvalidRequest: *digest* has another length than the algorithm's hash function gives
        """
        # spec: framework/algorithm-suites.md#asymmetric-signature-algorithm 8c7e
        self._check_length(digest)
        if not self._verify(signature, digest):
            raise AuthenticationFailed("the signature in the footer does not verify")


def _generate_for_snapshots(algorithm: SignatureAlgorithm) -> tuple[Callable[[bytes], bytes], tuple[int, int]]:
    from warmkey.crypto.ecdsa_by_cryptography import generate_for_snapshots  # noqa: PLC0415 - see cryptography_library

    return generate_for_snapshots(algorithm)


def _compressed(x: int, y: int, coordinate_length: int) -> bytes:
    """Encode the point (SEC 1, 2.3.3). Importing cryptography's ``serialization`` package for it costs 5 to 10 ms."""
    return bytes([2 + y % 2]) + x.to_bytes(coordinate_length, "big")


def _not_a_point() -> MalformedMessage:
    problem = "the value is not a base64 compressed public key of the suite's curve"
    return MalformedMessage(problem, where="encryption context › aws-crypto-public-key")

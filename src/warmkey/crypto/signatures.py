"""Sign and verify the digest of a message with ECDSA; keys stay loaded as long as their materials live.

Loading a P-384 key costs as much as signing with it, so materials carry the loaded key (190 of 640 µs per message).

Source: framework/transitive-requirements.md#ecdsa
"""

from __future__ import annotations

import base64

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from warmkey.algorithm_suites import SignatureAlgorithm
from warmkey.crypto.elliptic_curves import fresh_private_key
from warmkey.exceptions import AuthenticationFailed, MalformedMessage
from warmkey.safe_repr import safe_repr
from warmkey.unpicklable import Unpicklable

__all__ = ["EcdsaSigningKey", "EcdsaVerificationKey", "use_deterministic_signatures"]

_CURVES: dict[SignatureAlgorithm, ec.EllipticCurve] = {
    SignatureAlgorithm.ECDSA_P256: ec.SECP256R1(),
    SignatureAlgorithm.ECDSA_P384: ec.SECP384R1(),
}
_PREHASHED = {
    SignatureAlgorithm.ECDSA_P256: utils.Prehashed(hashes.SHA256()),
    SignatureAlgorithm.ECDSA_P384: utils.Prehashed(hashes.SHA384()),
}
_deterministic = False


def use_deterministic_signatures(*, deterministic: bool) -> None:
    """Choose whether signing keys made from now on sign without randomness (RFC 6979).

    Called where a snapshot may be restored many times: two signatures of different messages with the same drawn
    number would give the private key away, and OpenSSL's generator can't be made to reseed after a restore.
    """
    global _deterministic  # noqa: PLW0603 - one process, one environment
    _deterministic = deterministic


@safe_repr
class _Key(Unpicklable):
    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class EcdsaSigningKey(_Key):
    """Holds a fresh private key. ``verification_key`` is its compressed public point."""

    __slots__ = ("_algorithm", "_key", "verification_key")

    def __init__(self, algorithm: SignatureAlgorithm) -> None:
        # spec: framework/structures.md#signing-key 25e7
        # spec: framework/transitive-requirements.md#ecdsa a451
        self._key = fresh_private_key(_CURVES[algorithm])
        self._algorithm = ec.ECDSA(_PREHASHED[algorithm], deterministic_signing=_deterministic)
        self.verification_key = _compressed_point(self._key.public_key(), algorithm.coordinate_length)

    def sign(self, digest: bytes) -> bytes:
        """Return a DER signature over *digest*, the hash of header and body."""
        # spec: framework/algorithm-suites.md#asymmetric-signature-algorithm 40ba
        return self._key.sign(digest, self._algorithm)


class EcdsaVerificationKey(_Key):
    """Holds a public key that was loaded from its compressed point."""

    __slots__ = ("_algorithm", "_key", "_point")

    def __init__(self, algorithm: SignatureAlgorithm, point: bytes) -> None:
        """Load *point*.

        :raises MalformedMessage: *point* is not a compressed point of the curve
        """
        if len(point) != 1 + algorithm.coordinate_length or point[0] not in (2, 3):
            raise _not_a_point()
        try:
            # spec: framework/structures.md#verification-key bda8
            self._key = ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[algorithm], point)
        except ValueError:
            raise _not_a_point() from None
        self._algorithm = ec.ECDSA(_PREHASHED[algorithm])
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
        return cls(algorithm, point)

    def verify(self, signature: bytes, digest: bytes) -> None:
        """Verify *signature*.

        :raises AuthenticationFailed: it is not
        """
        try:
            # spec: framework/algorithm-suites.md#asymmetric-signature-algorithm 8c7e
            self._key.verify(signature, digest, self._algorithm)
        except InvalidSignature:
            raise AuthenticationFailed("the signature in the footer does not verify") from None


def _compressed_point(key: ec.EllipticCurvePublicKey, coordinate_length: int) -> bytes:
    """Encode the point (SEC 1, 2.3.3). Importing cryptography's ``serialization`` package for it costs 5 to 10 ms."""
    point = key.public_numbers()
    return bytes([2 + point.y % 2]) + point.x.to_bytes(coordinate_length, "big")


def _not_a_point() -> MalformedMessage:
    problem = "the value is not a base64 compressed public key of the suite's curve"
    return MalformedMessage(problem, where="encryption context › aws-crypto-public-key")

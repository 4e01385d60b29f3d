"""ECDSA by ``cryptography``, which is OpenSSL.

Source: framework/transitive-requirements.md#ecdsa
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from warmkey.algorithm_suites import SignatureAlgorithm
from warmkey.crypto.elliptic_curves import fresh_private_key

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CURVES", "NAME", "generate", "generate_for_snapshots", "load"]

NAME: Final = "cryptography"
CURVES: Final[dict[SignatureAlgorithm, ec.EllipticCurve]] = {
    SignatureAlgorithm.ECDSA_P256: ec.SECP256R1(),
    SignatureAlgorithm.ECDSA_P384: ec.SECP384R1(),
}
_PREHASHED = {
    SignatureAlgorithm.ECDSA_P256: utils.Prehashed(hashes.SHA256()),
    SignatureAlgorithm.ECDSA_P384: utils.Prehashed(hashes.SHA384()),
}


def generate(algorithm: SignatureAlgorithm) -> tuple[Callable[[bytes], bytes], tuple[int, int]]:
    """Generate a private key; return what signs a digest with it, and its public point.

    OpenSSL's generator is seeded anew in a forked child.
    """
    key = ec.generate_private_key(CURVES[algorithm])
    return _signer(key, ec.ECDSA(_PREHASHED[algorithm]))


def generate_for_snapshots(algorithm: SignatureAlgorithm) -> tuple[Callable[[bytes], bytes], tuple[int, int]]:
    """Do the same with the operating system's randomness, and sign without any (RFC 6979).

    OpenSSL's generator, seeded before a snapshot, draws the same numbers in every copy. Two signatures of different
    messages with the same drawn number give the private key away.
    """
    key = fresh_private_key(CURVES[algorithm])
    return _signer(key, ec.ECDSA(_PREHASHED[algorithm], deterministic_signing=True))


def _signer(key: ec.EllipticCurvePrivateKey, scheme: ec.ECDSA) -> tuple[Callable[[bytes], bytes], tuple[int, int]]:
    point = key.public_key().public_numbers()
    return lambda digest: key.sign(digest, scheme), (point.x, point.y)


def load(algorithm: SignatureAlgorithm, point: bytes) -> Callable[[bytes, bytes], bool]:
    """Load a compressed *point*; return what tells whether a signature over a digest is good.

    :raises ValueError: *point* is not a point of the curve
    """
    key = ec.EllipticCurvePublicKey.from_encoded_point(CURVES[algorithm], point)
    scheme = ec.ECDSA(_PREHASHED[algorithm])

    def verify(signature: bytes, digest: bytes) -> bool:
        try:
            key.verify(signature, digest, scheme)
        except InvalidSignature:
            return False
        return True

    return verify

"""ECDSA by ``awscrt``, which is AWS-LC where AWS builds it.

awscrt takes less care than its callers must: it reads public keys of any curve, as uncompressed points alone, and takes
digests of any length. It returns coordinates without their leading zeros. What it can't do it tells as RuntimeError.

Importing this module loads awscrt, and fails where awscrt lacks something that is used here.

Source: framework/transitive-requirements.md#ecdsa
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import _awscrt
from awscrt.crypto import EC, ECType
from cryptography.hazmat.primitives.asymmetric import ec

from warmkey.algorithm_suites import SignatureAlgorithm
from warmkey.crypto.ecdsa_by_cryptography import CURVES
from warmkey.exceptions import KeyUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NAME", "decompressed", "generate", "load"]

NAME: Final = "awscrt"
_TYPES: Final = {SignatureAlgorithm.ECDSA_P256: ECType.P_256, SignatureAlgorithm.ECDSA_P384: ECType.P_384}
# SubjectPublicKeyInfo up to the coordinates of an uncompressed point (RFC 5480).
_BEFORE_COORDINATES: Final = {
    SignatureAlgorithm.ECDSA_P256: bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"),
    SignatureAlgorithm.ECDSA_P384: bytes.fromhex("3076301006072a8648ce3d020106052b8104002203620004"),
}

# Python files of one version can meet the library of another, where two copies are unpacked over each other.
for _name in ("ec_new_generate", "ec_get_public_coords", "ec_sign", "ec_key_from_der_data", "ec_verify"):
    if not hasattr(_awscrt, _name):
        raise ImportError(f"{_awscrt.__file__} has no {_name}")


def generate(algorithm: SignatureAlgorithm) -> tuple[Callable[[bytes], bytes], tuple[int, int]]:
    """Generate a private key; return what signs a digest with it, and its public point.

    The private key stays inside awscrt, and never becomes an object of Python's.

    :raises KeyUnavailable: awscrt can't; so does what is returned
    """
    try:
        key = EC.new_generate(_TYPES[algorithm])
        point = key.get_public_coords()
    except RuntimeError as error:
        raise KeyUnavailable(f"awscrt could not generate a signing key: {error}") from error

    def sign(digest: bytes) -> bytes:
        try:
            signature: bytes = key.sign(_as_bytes(digest))
        except RuntimeError as error:
            raise KeyUnavailable(f"awscrt could not sign: {error}") from error
        return signature

    return sign, (int.from_bytes(point.x, "big"), int.from_bytes(point.y, "big"))


def load(algorithm: SignatureAlgorithm, point: bytes) -> Callable[[bytes, bytes], bool]:
    """Load a compressed *point*; return what tells whether a signature over a digest is good.

    :raises ValueError: *point* is not a point of the curve
    """
    coordinates = (number.to_bytes(algorithm.coordinate_length, "big") for number in decompressed(algorithm, point))
    try:
        key = EC.new_key_from_der_data(b"".join((_BEFORE_COORDINATES[algorithm], *coordinates)))
    except RuntimeError as error:
        raise ValueError(f"awscrt does not take the point: {error}") from error

    def verify(signature: bytes, digest: bytes) -> bool:
        try:
            is_good: bool = key.verify(_as_bytes(digest), _as_bytes(signature))
        except RuntimeError:  # no verdict, so the signature is not verified
            return False
        return is_good

    return verify


def _as_bytes(data: bytes) -> bytes:
    """Return *data*, or a copy of another buffer: awscrt takes no writable one."""
    return data if isinstance(data, bytes) else memoryview(data).tobytes()


def decompressed(algorithm: SignatureAlgorithm, point: bytes) -> tuple[int, int]:
    """Return the coordinates of *point*, once it is known to be on the curve.

    OpenSSL takes the square root in less than half the time of Python's ``pow`` (benchmark "shortcuts", row
    "decompress a point").
    """
    numbers = ec.EllipticCurvePublicKey.from_encoded_point(CURVES[algorithm], point).public_numbers()
    return numbers.x, numbers.y

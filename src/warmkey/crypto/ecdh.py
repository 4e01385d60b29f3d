"""Agree on a shared secret over an elliptic curve, and wrap a data key under it.

Source: framework/key-agreement-schemas.md#key-derivation, framework/raw-ecdh-keyring.md
"""

from __future__ import annotations

import os
from hmac import compare_digest
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.kdf.kbkdf import KBKDFHMAC, CounterLocation, Mode
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from warmkey.algorithm_suites import IV_LENGTH
from warmkey.crypto.aes_gcm import AESGCM, InvalidTag
from warmkey.crypto.elliptic_curves import fresh_private_key
from warmkey.crypto.loaded_keys import LoadedKey, load_der_public_key, load_pem_private_key
from warmkey.exceptions import ConfigurationError
from warmkey.safe_repr import safe_repr

__all__ = ["SALT_LENGTH", "EcdhPrivateKey", "EcdhPublicKey", "unwrap", "wrap"]

SALT_LENGTH: Final = 32
COMMITMENT_LENGTH: Final = 32
_WRAPPING_KEY_LENGTH: Final = 32

_CURVES: Final[dict[str, ec.EllipticCurve]] = {
    "secp256r1": ec.SECP256R1(),
    "secp384r1": ec.SECP384R1(),
    "secp521r1": ec.SECP521R1(),
}


@safe_repr
class EcdhPublicKey:
    """Holds a point of a curve, never the point at infinity.

    :ivar point: compressed
    """

    __slots__ = ("_key", "point")

    def __init__(self, key: ec.EllipticCurvePublicKey) -> None:
        self._key = key
        self.point = key.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)

    def __repr__(self) -> str:
        return f"<EcdhPublicKey {self.point.hex()}>"

    @classmethod
    def from_der(cls, der: object, *, curve: str, name: str) -> EcdhPublicKey:
        """Load SubjectPublicKeyInfo.

        :raises ConfigurationError: *der* is not a public key of *curve*; the message begins with *name*
        """
        # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ecc-keys 5d15
        # spec: framework/key-agreement-schemas.md#kmspublickeydiscovery 1240
        # spec: framework/key-agreement-schemas.md#kmsprivatekeytostaticpublickey 1240 00ef
        # spec: framework/key-agreement-schemas.md#ephemeralprivatekeytostaticpublickey 1240 00ef
        # spec: framework/key-agreement-schemas.md#rawprivatekeytostaticpublickey 1240 00ef
        # spec: framework/raw-ecdh-keyring.md#ecc-keys 5d15
        key = load_der_public_key(der, name)
        # spec: framework/raw-ecdh-keyring.md#initialization 6ed5
        if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.name != curve:
            raise _of_another_curve(name, curve)
        return cls(key)

    @classmethod
    def from_point(cls, point: bytes, *, curve: str) -> EcdhPublicKey | None:
        """Load a compressed *point*, or return ``None`` if it is not a point of *curve*."""
        if point[:1] not in (b"\x02", b"\x03"):
            return None
        try:
            return cls(ec.EllipticCurvePublicKey.from_encoded_point(_CURVES[curve], point))
        except ValueError:
            return None

    @property
    def der(self) -> bytes:
        """Return the key as SubjectPublicKeyInfo."""
        return self._key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def coordinate_length(self) -> int:
        """Return the length of a coordinate, and so of a shared secret, in bytes."""
        return len(self.point) - 1


class EcdhPrivateKey(LoadedKey):
    """Holds a private key. ``public_key`` is its public half."""

    __slots__ = ("_key", "public_key")

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.public_key = EcdhPublicKey(key.public_key())

    @classmethod
    def from_pem(cls, pem: object, *, curve: str, name: str) -> EcdhPrivateKey:
        """Load a PEM private key.

        :raises ConfigurationError: *pem* is not a private key of *curve*; the message begins with *name*
        """
        # spec: framework/key-agreement-schemas.md#publickeydiscovery 615c 1a5f
        # spec: framework/key-agreement-schemas.md#rawprivatekeytostaticpublickey 615c 1a5f
        # spec: framework/raw-ecdh-keyring.md#ecc-keys 257b
        key = load_pem_private_key(pem, name)
        # spec: framework/raw-ecdh-keyring.md#initialization 6ed5
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != curve:
            raise _of_another_curve(name, curve)
        return cls(key)

    @classmethod
    def generate(cls, curve: str) -> EcdhPrivateKey:
        """Generate a key."""
        return cls(fresh_private_key(_CURVES[curve]))

    def shared_secret(self, peer: EcdhPublicKey) -> bytes:
        """Return the x-coordinate of the shared point. Both keys must be on the same curve."""
        # spec: framework/key-agreement-schemas.md#rawprivatekeytostaticpublickey 7837
        return self._key.exchange(ec.ECDH(), peer._key)  # noqa: SLF001 - the two belong together


def wrap(shared_secret: bytes, fixed_info: bytes, secret: bytes) -> bytes:
    """Return *secret* encrypted under a key derived from *shared_secret* and a fresh salt.

    The result is salt, commitment, ciphertext and tag.

    Source: framework/raw-ecdh-keyring.md#data-key-wrapping
    """
    # spec: framework/key-agreement-schemas.md#key-derivation 26cd d1bc a043
    salt = os.urandom(SALT_LENGTH)
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt 5d8a
    # spec: framework/key-agreement-schemas.md#key-derivation 68ad
    # spec: framework/raw-ecdh-keyring.md#onencrypt 7725
    commitment, aead = _derive(shared_secret, fixed_info, salt)
    # An IV of zeros is safe because the salt makes the key unique.
    # spec: framework/raw-ecdh-keyring.md#data-key-wrapping 12cc 0226 b270 fef0 5d1c a7b1 deb2
    return salt + commitment + aead.encrypt(bytes(IV_LENGTH), secret, fixed_info)


def unwrap(shared_secret: bytes, fixed_info: bytes, wrapped: bytes) -> bytes | None:
    """Return the secret that :func:`wrap` was given, or ``None`` if *wrapped* is not authentic.

    Source: framework/raw-ecdh-keyring.md#data-key-unwrapping
    """
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 50d5
    # spec: framework/raw-ecdh-keyring.md#ondecrypt 50d5
    salt, rest = wrapped[:SALT_LENGTH], wrapped[SALT_LENGTH:]
    stored_commitment, ciphertext = rest[:COMMITMENT_LENGTH], rest[COMMITMENT_LENGTH:]
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 5d8a
    # spec: framework/raw-ecdh-keyring.md#ondecrypt 5d8a
    commitment, aead = _derive(shared_secret, fixed_info, salt)
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 8871 f709
    # spec: framework/key-agreement-schemas.md#key-commitment 4cf3
    # spec: framework/raw-ecdh-keyring.md#ondecrypt 8871 f709
    if not compare_digest(commitment, stored_commitment):
        return None
    try:
        # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt fffc
        # spec: framework/raw-ecdh-keyring.md#ondecrypt fffc
        # spec: framework/raw-ecdh-keyring.md#data-key-unwrapping df78 d58e b2e4 4f42 5d1c deb2
        return aead.decrypt(bytes(IV_LENGTH), ciphertext, fixed_info)
    except InvalidTag:
        return None


def _derive(shared_secret: bytes, fixed_info: bytes, salt: bytes) -> tuple[bytes, AESGCM]:
    """Derive the commitment and the cipher of the wrapping key: NIST SP 800-108, counter mode, HMAC-SHA-384.

    Source: framework/key-agreement-schemas.md#key-derivation
    """
    derived = KBKDFHMAC(
        algorithm=hashes.SHA384(),
        # spec: framework/key-agreement-schemas.md#key-derivation ddef
        mode=Mode.CounterMode,
        # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt e5f4
        # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt e5f4
        # spec: framework/key-agreement-schemas.md#key-derivation aaca
        # spec: framework/raw-ecdh-keyring.md#onencrypt e5f4
        # spec: framework/raw-ecdh-keyring.md#ondecrypt e5f4
        length=COMMITMENT_LENGTH + _WRAPPING_KEY_LENGTH,
        rlen=4,
        llen=4,
        location=CounterLocation.BeforeFixed,
        label=fixed_info,
        # spec: framework/key-agreement-schemas.md#key-derivation a043
        context=salt,
        fixed=None,
        # spec: framework/key-agreement-schemas.md#key-derivation 5c1c
    ).derive(shared_secret)
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt f740 8244
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt f740 8244
    # spec: framework/raw-ecdh-keyring.md#onencrypt f740 7fbf
    # spec: framework/raw-ecdh-keyring.md#ondecrypt f740 7fbf
    return derived[:COMMITMENT_LENGTH], AESGCM(derived[COMMITMENT_LENGTH:])


def _of_another_curve(name: str, curve: str) -> ConfigurationError:
    return ConfigurationError(f"{name} is not a key of the curve {curve}, which curve_spec asks for")

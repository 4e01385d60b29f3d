"""Do with bytes what the keys of KMS do: real cryptography, in this process.

Nothing here knows key ARNs, states or permissions, and no data key is kept.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BLOB_ID_LENGTH", "AsymmetricMaterial", "Material", "SymmetricMaterial", "Undecryptable", "blob_id"]

_FORMAT = b"\x01fake-kms"
BLOB_ID_LENGTH = 16
_IV_LENGTH = 12


class Undecryptable(Exception):
    """These bytes were not made by this key under this encryption context."""


@safe_repr
class _Secret:
    """Holds key material: shows nothing, and can't be pickled or copied."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def _refuse(self, *_args: object) -> NoReturn:
        raise TypeError(f"{type(self).__name__} holds key material and can't be pickled or copied")

    __reduce_ex__ = __copy__ = __deepcopy__ = _refuse


class SymmetricMaterial(_Secret):
    """Holds an AES-256 key. Its ciphertext blobs say which key made them, so that Decrypt needs no key ID."""

    __slots__ = ("_aead", "blob_id")

    def __init__(self) -> None:
        self.blob_id = os.urandom(BLOB_ID_LENGTH)
        self._aead = AESGCM(os.urandom(32))

    def encrypt(self, plaintext: bytes, context: Mapping[str, str]) -> bytes:
        """Encrypt *plaintext* to a ciphertext blob that opens under the same *context* only."""
        head = _FORMAT + self.blob_id
        iv = os.urandom(_IV_LENGTH)
        return head + iv + self._aead.encrypt(iv, plaintext, _authenticated(head, context))

    def decrypt(self, blob: bytes, context: Mapping[str, str]) -> bytes:
        """Return what *blob* holds.

        :raises Undecryptable: another key, another context, or damaged
        """
        head, body = blob[: len(_FORMAT) + BLOB_ID_LENGTH], blob[len(_FORMAT) + BLOB_ID_LENGTH :]
        try:
            return self._aead.decrypt(body[:_IV_LENGTH], body[_IV_LENGTH:], _authenticated(head, context))
        except (InvalidTag, ValueError):
            raise Undecryptable from None


class AsymmetricMaterial(_Secret):
    """Holds an RSA or elliptic curve key pair. The private half never leaves."""

    __slots__ = ("_private",)

    def __init__(self, spec: str) -> None:
        self._private = _generate(spec)

    @property
    def public_key(self) -> bytes:
        """Return the public half, DER (SubjectPublicKeyInfo)."""
        return self._private.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def encrypt(self, plaintext: bytes, algorithm: str) -> bytes:
        """RSAES-OAEP.

        :raises ValueError: the plaintext is too long for this key and algorithm
        """
        return self._rsa.public_key().encrypt(plaintext, _oaep(algorithm))

    def decrypt(self, ciphertext: bytes, algorithm: str) -> bytes:
        """RSAES-OAEP.

        :raises Undecryptable: another key, another algorithm, or damaged
        """
        try:
            return self._rsa.decrypt(ciphertext, _oaep(algorithm))
        except ValueError:
            raise Undecryptable from None

    def shared_secret(self, peer: bytes) -> bytes:
        """Return the x-coordinate of ECDH with the DER public key of the other side, without any key derivation.

        :raises ValueError: *peer* is not a public key on the curve of this one
        """
        public_key = serialization.load_der_public_key(peer)
        if not isinstance(public_key, ec.EllipticCurvePublicKey) or not isinstance(
            self._private, ec.EllipticCurvePrivateKey
        ):
            raise ValueError("not an elliptic curve public key")  # noqa: TRY004 - it is a matter of the bytes
        return self._private.exchange(ec.ECDH(), public_key)

    @property
    def _rsa(self) -> rsa.RSAPrivateKey:
        if not isinstance(self._private, rsa.RSAPrivateKey):  # pragma: no cover - the key's algorithms say so before
            raise TypeError("not an RSA key")
        return self._private


Material = SymmetricMaterial | AsymmetricMaterial


def blob_id(blob: bytes) -> bytes | None:
    """Return which key made *blob*, or ``None`` if no fake key did."""
    if len(blob) < len(_FORMAT) + BLOB_ID_LENGTH or not blob.startswith(_FORMAT):
        return None
    return blob[len(_FORMAT) :][:BLOB_ID_LENGTH]


def _authenticated(head: bytes, context: Mapping[str, str]) -> bytes:
    # A serialization of its own, so that an error in warmkey's can't cancel itself out here. KMS treats a missing
    # context as an empty one.
    return head + json.dumps(sorted(context.items())).encode()


def _oaep(algorithm: str) -> padding.OAEP:
    digest = {"RSAES_OAEP_SHA_1": hashes.SHA1, "RSAES_OAEP_SHA_256": hashes.SHA256}[algorithm]
    return padding.OAEP(mgf=padding.MGF1(digest()), algorithm=digest(), label=None)


_CURVES = {"ECC_NIST_P256": ec.SECP256R1(), "ECC_NIST_P384": ec.SECP384R1(), "ECC_NIST_P521": ec.SECP521R1()}


def _generate(spec: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    if spec in _CURVES:
        return ec.generate_private_key(_CURVES[spec])
    return rsa.generate_private_key(public_exponent=65537, key_size=int(spec.removeprefix("RSA_")))

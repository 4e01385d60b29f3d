"""Encrypt and decrypt short secrets with RSA.

Source: framework/raw-rsa-keyring.md#rsa
"""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from warmkey.crypto.loaded_keys import LoadedKey, load_pem_private_key, load_pem_public_key
from warmkey.exceptions import ConfigurationError

__all__ = ["RsaPrivateKey", "RsaPublicKey"]

_HASHES: Final[dict[str, type[hashes.HashAlgorithm]]] = {
    "sha1": hashes.SHA1,
    "sha256": hashes.SHA256,
    "sha384": hashes.SHA384,
    "sha512": hashes.SHA512,
}


class RsaPublicKey(LoadedKey):
    """Encrypts with a public key.

    :raises ConfigurationError: *pem* is not an RSA public key; the message begins with *name*
    """

    __slots__ = ("_key",)

    def __init__(self, pem: object, *, name: str) -> None:
        # spec: framework/raw-rsa-keyring.md#public-key 1f35
        key = load_pem_public_key(pem, name)
        # spec: framework/raw-rsa-keyring.md#public-key eec9
        if not isinstance(key, rsa.RSAPublicKey):
            raise ConfigurationError(f"{name} is not an RSA key")
        self._key = key

    @property
    def bits(self) -> int:
        """Return the length of the modulus in bits."""
        return self._key.key_size

    def encrypt(self, secret: bytes, oaep_hash: str | None) -> bytes:
        """Encrypt *secret* with OAEP and *oaep_hash* for both of its hash functions, or PKCS #1 v1.5 for ``None``.

        :raises ConfigurationError: the key is too short for that
        """
        try:
            return self._key.encrypt(secret, _padding(oaep_hash))
        except ValueError:
            problem = f"an RSA key of {self.bits} bits is too short for this padding and {len(secret)} bytes"
            # spec: framework/aws-kms/aws-kms-rsa-keyring.md#onencrypt 876a
            raise ConfigurationError(problem) from None


class RsaPrivateKey(LoadedKey):
    """Decrypts with a private key.

    :raises ConfigurationError: *pem* is not an RSA private key; the message begins with *name*
    """

    __slots__ = ("_key",)

    def __init__(self, pem: object, *, name: str) -> None:
        # spec: framework/raw-rsa-keyring.md#private-key 21be
        key = load_pem_private_key(pem, name)
        # spec: framework/raw-rsa-keyring.md#private-key 2bea
        if not isinstance(key, rsa.RSAPrivateKey):
            raise ConfigurationError(f"{name} is not an RSA key")
        self._key = key

    def decrypt(self, ciphertext: bytes, oaep_hash: str | None) -> bytes | None:
        """Return the secret, or ``None`` if the ciphertext holds none.

        With PKCS #1 v1.5 a wrong ciphertext gives random bytes of a random length as well: whoever could tell bad
        padding from good padding could decrypt without the key.
        """
        try:
            return self._key.decrypt(ciphertext, _padding(oaep_hash))
        except ValueError:
            return None


def _padding(oaep_hash: str | None) -> padding.AsymmetricPadding:
    if oaep_hash is None:
        return padding.PKCS1v15()
    algorithm = _HASHES[oaep_hash]
    # spec: framework/raw-rsa-keyring.md#padding-scheme f39f
    return padding.OAEP(mgf=padding.MGF1(algorithm()), algorithm=algorithm(), label=None)

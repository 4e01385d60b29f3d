"""Load the asymmetric keys that callers pass as PEM or DER, and never show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from warmkey.exceptions import ConfigurationError
from warmkey.safe_repr import safe_repr
from warmkey.unpicklable import Unpicklable

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LoadedKey", "load_der_public_key", "load_pem_private_key", "load_pem_public_key"]


@safe_repr
class LoadedKey(Unpicklable):
    """Holds a key; its ``repr`` shows nothing."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


def load_pem_private_key(pem: object, name: str) -> object:
    """Load the private key in *pem* (PKCS #8 or traditional), of any algorithm.

    :raises ConfigurationError: it is not that; the message begins with *name* and shows nothing of the key
    """
    expected = "a PEM private key without password (PKCS #8, -----BEGIN PRIVATE KEY-----)"
    return _load(lambda data: serialization.load_pem_private_key(data, password=None), pem, name, expected)


def load_pem_public_key(pem: object, name: str) -> object:
    """Load the public key in *pem* (SubjectPublicKeyInfo), of any algorithm.

    :raises ConfigurationError: it is not that; the message begins with *name*
    """
    expected = "a PEM public key (SubjectPublicKeyInfo, -----BEGIN PUBLIC KEY-----)"
    return _load(serialization.load_pem_public_key, pem, name, expected)


def load_der_public_key(der: object, name: str) -> object:
    """Load the public key in *der* (SubjectPublicKeyInfo), of any algorithm.

    :raises ConfigurationError: it is not that; the message begins with *name*
    """
    expected = "a DER public key (SubjectPublicKeyInfo)"
    return _load(serialization.load_der_public_key, der, name, expected)


def _load(load: Callable[[bytes], object], data: object, name: str, expected: str) -> object:
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise ConfigurationError(f"{name} must be bytes, {expected}, not {type(data).__name__}")
    try:
        return load(bytes(data))
    except (ValueError, TypeError, UnsupportedAlgorithm):  # TypeError: the key is encrypted with a password
        raise ConfigurationError(f"{name} is not {expected}") from None

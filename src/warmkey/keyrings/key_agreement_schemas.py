"""Configure the ECDH keyrings: who agrees on a key with whom.

In each, one side is *static*: its key pair stays the same, and messages name its public key. The names are the
specification's; read ``XPrivateKeyToStaticPublicKey`` as "from the sender's X private key to the recipient".

Source: framework/key-agreement-schemas.md#supported-key-agreement-schemas
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

from warmkey.structures import EncryptionContext

__all__ = [
    "EcdhCurveSpec",
    "EphemeralPrivateKeyToStaticPublicKey",
    "KmsPrivateKeyToStaticPublicKey",
    "KmsPublicKeyDiscovery",
    "PublicKeyDiscovery",
    "RawPrivateKeyToStaticPublicKey",
    "serialize_fixed_info",
]

KEYRING_VERSION = b"\x01"


class EcdhCurveSpec(Enum):
    """Names the curves of the ECDH keyrings as KMS does. SM2 is not supported.

    :ivar curve: what ``cryptography`` calls it
    :ivar short_name: what the key derivation calls it

    Source: framework/raw-ecdh-keyring.md#supported-curve-specifications
    """

    ECC_NIST_P256 = ("secp256r1", "p256")
    ECC_NIST_P384 = ("secp384r1", "p384")
    ECC_NIST_P521 = ("secp521r1", "p521")

    def __init__(self, curve: str, short_name: str) -> None:
        self.curve = curve
        self.short_name = short_name


@dataclass(frozen=True, slots=True, kw_only=True)
class EphemeralPrivateKeyToStaticPublicKey:
    """Encrypts only: with a new key pair for every data key, for whoever has the recipient's private key.

    :ivar recipient_public_key: DER (SubjectPublicKeyInfo)

    Source: framework/key-agreement-schemas.md#ephemeralprivatekeytostaticpublickey
    """

    recipient_public_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKeyDiscovery:
    """Decrypts only: what anybody encrypted for the owner of this private key.

    :ivar recipient_static_private_key: PEM (PKCS #8)

    Source: framework/key-agreement-schemas.md#publickeydiscovery
    """

    recipient_static_private_key: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawPrivateKeyToStaticPublicKey:
    """Encrypts, and decrypts what the two parties encrypted for each other.

    :ivar sender_static_private_key: PEM (PKCS #8)
    :ivar recipient_public_key: DER (SubjectPublicKeyInfo)

    Source: framework/key-agreement-schemas.md#rawprivatekeytostaticpublickey
    """

    sender_static_private_key: bytes = field(repr=False)
    recipient_public_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class KmsPublicKeyDiscovery:
    """Decrypts only: what anybody encrypted for this KMS key.

    :ivar recipient_kms_identifier: a key of KMS for key agreement
    :ivar recipient_public_key: its public half, DER; KMS is asked for it if it is missing

    Source: framework/key-agreement-schemas.md#kmspublickeydiscovery
    """

    recipient_kms_identifier: str
    recipient_public_key: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KmsPrivateKeyToStaticPublicKey:
    """Encrypts, and decrypts what the two parties encrypted for each other; the sender's private key is in KMS.

    :ivar sender_kms_identifier: a key of KMS for key agreement
    :ivar recipient_public_key: DER (SubjectPublicKeyInfo)
    :ivar sender_public_key: the public half of the sender's key, DER; KMS is asked for it if it is missing

    Source: framework/key-agreement-schemas.md#kmsprivatekeytostaticpublickey
    """

    sender_kms_identifier: str
    recipient_public_key: bytes
    sender_public_key: bytes | None = None


def serialize_fixed_info(
    curve_spec: EcdhCurveSpec, *, sender: bytes, recipient: bytes, context: Mapping[str, str]
) -> bytes:
    """Serialize what a wrapping key is bound to: curve, compressed public keys, keyring version, encryption context.

    Source: framework/key-agreement-schemas.md#key-derivation
    """
    # The specification's prose has the first field in lower case, its formula in capitals; clients write lower case.
    fields = (
        b"ecdh-key-derivation",
        curve_spec.short_name.encode(),
        b"HMAC_SHA384",
        sender + recipient,
        KEYRING_VERSION,
        EncryptionContext.of(context).serialized,
    )
    return b"\x00".join(fields)

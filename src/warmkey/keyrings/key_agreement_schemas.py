"""Configure the ECDH keyrings: who agrees on a key with whom.

In each, one side is *static*: its key pair stays the same, and messages name its public key. The names are the
specification's; read ``XPrivateKeyToStaticPublicKey`` as "from the sender's X private key to the recipient".

Source: framework/key-agreement-schemas.md#supported-key-agreement-schemas
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping
    from dataclasses import Field

from warmkey.choices import Choice
from warmkey.safe_repr import safe_repr
from warmkey.structures import EncryptionContext
from warmkey.validation import kind_of

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


class EcdhCurveSpec(Choice, Enum):
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


@safe_repr
class _Schema:
    """Shows of each field only what kind of thing was put there: it may be a private key by mistake."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    def __repr__(self) -> str:
        shown = ", ".join(f"{each.name}=<{kind_of(getattr(self, each.name))}>" for each in fields(self))
        return f"{type(self).__name__}({shown})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class EphemeralPrivateKeyToStaticPublicKey(_Schema):
    """Encrypts only: with a new key pair for every data key, for whoever has the recipient's private key.

    :ivar recipient_public_key: DER (SubjectPublicKeyInfo)

    Source: framework/key-agreement-schemas.md#ephemeralprivatekeytostaticpublickey
    """

    # spec: framework/key-agreement-schemas.md#ephemeralprivatekeytostaticpublickey 7854
    recipient_public_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PublicKeyDiscovery(_Schema):
    """Decrypts only: what anybody encrypted for the owner of this private key.

    :ivar recipient_static_private_key: PEM (PKCS #8)

    Source: framework/key-agreement-schemas.md#publickeydiscovery
    """

    # spec: framework/key-agreement-schemas.md#publickeydiscovery a05d
    recipient_static_private_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RawPrivateKeyToStaticPublicKey(_Schema):
    """Encrypts, and decrypts what the two parties encrypted for each other.

    :ivar sender_static_private_key: PEM (PKCS #8)
    :ivar recipient_public_key: DER (SubjectPublicKeyInfo)

    Source: framework/key-agreement-schemas.md#rawprivatekeytostaticpublickey
    """

    # spec: framework/key-agreement-schemas.md#rawprivatekeytostaticpublickey 613a 7854
    sender_static_private_key: bytes
    recipient_public_key: bytes


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class KmsPublicKeyDiscovery(_Schema):
    """Decrypts only: what anybody encrypted for this KMS key.

    :ivar recipient_kms_identifier: a key of KMS for key agreement
    :ivar recipient_public_key: its public half, DER; KMS is asked for it if it is missing

    Source: framework/key-agreement-schemas.md#kmspublickeydiscovery
    """

    # spec: framework/key-agreement-schemas.md#kmspublickeydiscovery cdbe
    recipient_kms_identifier: str
    # spec: framework/key-agreement-schemas.md#kmspublickeydiscovery e19c
    recipient_public_key: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class KmsPrivateKeyToStaticPublicKey(_Schema):
    """Encrypts, and decrypts what the two parties encrypted for each other; the sender's private key is in KMS.

    :ivar sender_kms_identifier: a key of KMS for key agreement
    :ivar recipient_public_key: DER (SubjectPublicKeyInfo)
    :ivar sender_public_key: the public half of the sender's key, DER; KMS is asked for it if it is missing

    Source: framework/key-agreement-schemas.md#kmsprivatekeytostaticpublickey
    """

    # spec: framework/key-agreement-schemas.md#kmsprivatekeytostaticpublickey bb20 7854 49ff
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
        # spec: framework/key-agreement-schemas.md#key-derivation 5ed3
        b"ecdh-key-derivation",
        # spec: framework/key-agreement-schemas.md#key-derivation 84ec
        curve_spec.short_name.encode(),
        # spec: framework/key-agreement-schemas.md#key-derivation b090
        b"HMAC_SHA384",
        # spec: framework/key-agreement-schemas.md#key-derivation 0879
        sender + recipient,
        # spec: framework/key-agreement-schemas.md#key-derivation 68e2
        KEYRING_VERSION,
        # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt f594
        # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 73bf
        # spec: framework/key-agreement-schemas.md#key-derivation c095
        # spec: framework/raw-ecdh-keyring.md#onencrypt f594
        # spec: framework/raw-ecdh-keyring.md#ondecrypt 73bf
        EncryptionContext.of(context).serialized,
    )
    # spec: framework/key-agreement-schemas.md#key-derivation f2b4
    return b"\x00".join(fields)

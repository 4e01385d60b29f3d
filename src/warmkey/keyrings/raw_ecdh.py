"""Wrap and unwrap data keys with an elliptic curve key pair of your own; AWS KMS's ECDH keyring shares the steps.

Source: framework/raw-ecdh-keyring.md
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Protocol

from warmkey.algorithm_suites import TAG_LENGTH
from warmkey.crypto.ecdh import EcdhPrivateKey, EcdhPublicKey, unwrap, wrap
from warmkey.exceptions import ConfigurationError, KeyAttempt, KeyUnavailable
from warmkey.keyrings.interface import ECDH_PROVIDER_IDS, RAW_ECDH_PROVIDER_ID, not_unwrapped, refuse_if_unwrapped
from warmkey.keyrings.key_agreement_schemas import (
    KEYRING_VERSION,
    EcdhCurveSpec,
    EphemeralPrivateKeyToStaticPublicKey,
    PublicKeyDiscovery,
    RawPrivateKeyToStaticPublicKey,
    serialize_fixed_info,
)
from warmkey.safe_repr import safe_repr
from warmkey.structures import EncryptedDataKey
from warmkey.tracebacks import scrubbed
from warmkey.validation import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from warmkey.structures import DecryptionMaterials, EncryptionMaterials

__all__ = ["EcdhKeyring", "Party", "RawEcdhKeyring", "check_curve_spec"]

_SALT_AND_COMMITMENT_LENGTH: Final = 64


class Party(Protocol):
    """Holds a private key and derives shared secrets with it."""

    @property
    def public_key(self) -> EcdhPublicKey:
        """Return the public half."""

    def shared_secret(self, peer: EcdhPublicKey, /) -> bytes:
        """Return the secret shared with *peer*.

        :raises KeyUnavailable: whoever keeps the private key did not answer
        """


@safe_repr
class EcdhKeyring:
    """Implements the steps of all ECDH keyrings.

    Two halves make the difference between the schemas. *own* is missing if every data key gets a key pair of its
    own, and then nothing can be decrypted; *peer* is missing if anybody may have encrypted, and then nothing can
    be encrypted. With both, either of the two may have encrypted for the other.
    """

    def __init__(
        self, *, provider_id: str, curve_spec: EcdhCurveSpec, own: Party | None, peer: EcdhPublicKey | None
    ) -> None:
        self._provider_id = provider_id
        self._curve_spec = curve_spec
        self._own = own
        self._peer = peer

    def __repr__(self) -> str:
        own = self._own and self._own.public_key
        return f"{type(self).__name__}({self._curve_spec.name}, own={own!r}, peer={self._peer!r})"

    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt 5350
    # spec: framework/raw-ecdh-keyring.md#onencrypt 5350
    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        """Generate a data key if none is given, and wrap it under the secret shared by sender and recipient.

        :raises ConfigurationError: the schema is for decrypting only
        :raises KeyUnavailable: KMS, where it has the private key, did not agree

        Source: framework/raw-ecdh-keyring.md#onencrypt
        """
        # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt 54eb
        # spec: framework/key-agreement-schemas.md#kmspublickeydiscovery 61c6
        # spec: framework/key-agreement-schemas.md#publickeydiscovery 804f
        # spec: framework/raw-ecdh-keyring.md#onencrypt afd3 3944
        if self._peer is None:
            raise ConfigurationError(f"{self!r} can only decrypt: its key agreement schema is for discovery")
        # spec: framework/key-agreement-schemas.md#ephemeralprivatekeytostaticpublickey b4af 6ec6
        sender = self._own or EcdhPrivateKey.generate(self._curve_spec.curve)
        # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt 74b8 c3d8
        # spec: framework/raw-ecdh-keyring.md#onencrypt 6a0b 2e99
        shared_secret = sender.shared_secret(self._peer)
        fixed_info = self._fixed_info(sender.public_key.point, self._peer.point, materials.encryption_context)
        # spec: framework/raw-ecdh-keyring.md#data-key-wrapping ee60
        data_key = materials.plaintext_data_key or os.urandom(materials.algorithm_suite.data_key_length)
        # spec: framework/raw-ecdh-keyring.md#onencrypt a686
        wrapped = EncryptedDataKey(
            # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt 67f7
            # spec: framework/raw-ecdh-keyring.md#onencrypt aaf5
            key_provider_id=self._provider_id,
            key_provider_info=_serialize_provider_info(sender.public_key.point, self._peer.point),
            # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt 3798
            # spec: framework/raw-ecdh-keyring.md#onencrypt 3798
            ciphertext=wrap(shared_secret, fixed_info, data_key),
        )
        # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt 3341
        # spec: framework/raw-ecdh-keyring.md#data-key-wrapping b24c
        return materials.with_data_key(data_key, wrapped)

    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt bf25
    # spec: framework/raw-ecdh-keyring.md#ondecrypt bf25
    def on_decrypt(
        self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /
    ) -> DecryptionMaterials:
        """Unwrap the first authentic encrypted data key between the right parties.

        :raises ConfigurationError: the schema is for encrypting only
        :raises KeyUnavailable: no encrypted data key could be decrypted; ``attempts`` says why for each

        Source: framework/raw-ecdh-keyring.md#ondecrypt
        """
        # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 0c33
        # spec: framework/raw-ecdh-keyring.md#ondecrypt 9863
        refuse_if_unwrapped(materials)
        # spec: framework/key-agreement-schemas.md#ephemeralprivatekeytostaticpublickey d4ee 3a24 fff1
        # spec: framework/raw-ecdh-keyring.md#ondecrypt 86fa
        if self._own is None:
            raise ConfigurationError(f"{self!r} can only encrypt: its private keys are ephemeral")
        attempts: list[KeyAttempt] = []
        for key in encrypted_data_keys:
            # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 29ca
            # spec: framework/raw-ecdh-keyring.md#ondecrypt 29ca
            if key.key_provider_id not in ECDH_PROVIDER_IDS:
                continue
            points = self._points_of(key)
            # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt a3ad
            # spec: framework/raw-ecdh-keyring.md#ondecrypt a3ad
            if points is None:
                continue
            try:
                # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 9453
                # spec: framework/raw-ecdh-keyring.md#ondecrypt 9453
                return self._unwrap(materials, key, *points, own=self._own)
            except KeyUnavailable as error:
                # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 9e2b 1af4 3cd6 f085 9d9e
                # spec: framework/raw-ecdh-keyring.md#ondecrypt 9e2b 1af4 3cd6 f085
                attempts += error.attempts
        # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 13f1
        # spec: framework/raw-ecdh-keyring.md#ondecrypt 13f1
        raise not_unwrapped(f"no encrypted data key could be unwrapped by {self!r}", attempts, encrypted_data_keys)

    def _points_of(self, key: EncryptedDataKey) -> tuple[bytes, bytes] | None:
        """Return the sender's and the recipient's point if the encrypted data key is between the right parties."""
        own = self._own.public_key.point if self._own else b""
        points = _read_provider_info(key.key_provider_info, point_length=len(own))
        if points is None:
            return None
        if self._peer is None:
            # spec: framework/key-agreement-schemas.md#kmspublickeydiscovery c3a7
            # spec: framework/key-agreement-schemas.md#publickeydiscovery 8f56
            return points if points[1] == own else None
        # The two parties write to each other, so the configured sender may be the recipient of this one.
        # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 2f33
        # spec: framework/key-agreement-schemas.md#kmsprivatekeytostaticpublickey db46
        # spec: framework/key-agreement-schemas.md#rawprivatekeytostaticpublickey db46
        # spec: framework/raw-ecdh-keyring.md#ondecrypt 8f89
        return points if points in ((own, self._peer.point), (self._peer.point, own)) else None

    def _unwrap(
        self, materials: DecryptionMaterials, key: EncryptedDataKey, sender: bytes, recipient: bytes, *, own: Party
    ) -> DecryptionMaterials:
        length = materials.algorithm_suite.data_key_length
        # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 50d5 1af4
        # spec: framework/raw-ecdh-keyring.md#ondecrypt 50d5 1af4
        if len(key.ciphertext) != _SALT_AND_COMMITMENT_LENGTH + length + TAG_LENGTH:
            raise self._failed(own, "it has the wrong length for the algorithm suite")
        peer = self._peer or EcdhPublicKey.from_point(sender, curve=self._curve_spec.curve)
        # spec: framework/raw-ecdh-keyring.md#ondecrypt 52fc
        if peer is None:
            raise self._failed(own, "the sender's public key is not a point of the curve")
        fixed_info = self._fixed_info(sender, recipient, materials.encryption_context)
        # spec: framework/key-agreement-schemas.md#kmsprivatekeytostaticpublickey 6abd
        # spec: framework/raw-ecdh-keyring.md#ondecrypt 6a0b
        data_key = unwrap(own.shared_secret(peer), fixed_info, key.ciphertext)
        # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt f085 3cd6
        # spec: framework/raw-ecdh-keyring.md#ondecrypt f085 3cd6
        if data_key is None:
            raise self._failed(own, "it does not authenticate between these keys and under this encryption context")
        # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 3b6f 449c
        # spec: framework/raw-ecdh-keyring.md#ondecrypt 3b6f 449c
        return materials.with_data_key(data_key)

    def _fixed_info(self, sender: bytes, recipient: bytes, context: Mapping[str, str]) -> bytes:
        return serialize_fixed_info(self._curve_spec, sender=sender, recipient=recipient, context=context)

    def _failed(self, own: Party, reason: str) -> KeyUnavailable:
        attempt = KeyAttempt(
            keyring=type(self).__name__, operation="unwrap", key=own.public_key.point.hex(), reason=reason
        )
        return KeyUnavailable("an encrypted data key could not be unwrapped", [attempt])


# spec: framework/key-agreement-schemas.md#raw-ecdh-key-agreement-schemas 337a
# spec: framework/raw-ecdh-keyring.md#interface 6088
class RawEcdhKeyring(EcdhKeyring):
    """Wraps data keys under the shared secret of two elliptic curve key pairs; the private key is in this process.

    :param key_agreement_schema: :class:`EphemeralPrivateKeyToStaticPublicKey`, :class:`PublicKeyDiscovery` or
        :class:`RawPrivateKeyToStaticPublicKey`
    :param curve_spec: the curve of all keys
    :raises ConfigurationError: an argument can't be used, or a key is of another curve

    Source: framework/raw-ecdh-keyring.md#initialization
    """

    @scrubbed
    def __init__(
        self,
        key_agreement_schema: (
            EphemeralPrivateKeyToStaticPublicKey | PublicKeyDiscovery | RawPrivateKeyToStaticPublicKey
        ),
        *,
        curve_spec: EcdhCurveSpec,
    ) -> None:
        # spec: framework/raw-ecdh-keyring.md#initialization 0d4b
        own, peer = _parties(key_agreement_schema, curve=check_curve_spec(curve_spec).curve)
        # spec: framework/raw-ecdh-keyring.md#initialization b4f5
        super().__init__(provider_id=RAW_ECDH_PROVIDER_ID, curve_spec=curve_spec, own=own, peer=peer)


def _parties(schema: object, *, curve: str) -> tuple[EcdhPrivateKey | None, EcdhPublicKey | None]:
    """Return our own half and the peer's; see :class:`EcdhKeyring`."""
    own: EcdhPrivateKey | None = None
    peer: EcdhPublicKey | None = None
    match schema:
        case EphemeralPrivateKeyToStaticPublicKey(recipient_public_key=der):
            peer = EcdhPublicKey.from_der(der, curve=curve, name="recipient_public_key")
        case PublicKeyDiscovery(recipient_static_private_key=pem):
            own = EcdhPrivateKey.from_pem(pem, curve=curve, name="recipient_static_private_key")
        case RawPrivateKeyToStaticPublicKey(sender_static_private_key=pem, recipient_public_key=der):
            own = EcdhPrivateKey.from_pem(pem, curve=curve, name="sender_static_private_key")
            peer = EcdhPublicKey.from_der(der, curve=curve, name="recipient_public_key")
        case _:
            raise ConfigurationError(
                f"key_agreement_schema is a {type(schema).__name__}; allowed: "
                "EphemeralPrivateKeyToStaticPublicKey, PublicKeyDiscovery, RawPrivateKeyToStaticPublicKey"
            )
    return own, peer


def check_curve_spec(value: object) -> EcdhCurveSpec:
    """Return *value* if it is a curve spec.

    :raises ConfigurationError: *value* is not a member of EcdhCurveSpec
    """
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#initialization eca8
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#curve-specification df6b
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#supported-curve-specifications 263f
    # spec: framework/raw-ecdh-keyring.md#initialization eca8
    # spec: framework/raw-ecdh-keyring.md#curve-specification df6b
    # spec: framework/raw-ecdh-keyring.md#supported-curve-specifications 263f
    if not isinstance(value, EcdhCurveSpec):
        names = ", ".join(f"EcdhCurveSpec.{spec.name}" for spec in EcdhCurveSpec)
        raise ConfigurationError(f"curve_spec must be one of {names}, not {shown(value)}")
    return value


def _serialize_provider_info(sender: bytes, recipient: bytes) -> bytes:
    # spec: framework/raw-ecdh-keyring.md#key-provider-information 236d
    sizes = len(recipient).to_bytes(4, "big"), len(sender).to_bytes(4, "big")
    return b"".join((KEYRING_VERSION, sizes[0], recipient, sizes[1], sender))


def _read_provider_info(info: bytes, *, point_length: int) -> tuple[bytes, bytes] | None:
    """Return the sender's and the recipient's point, or ``None`` if *info* is something else."""
    recipient, sender = info[5 : 5 + point_length], info[-point_length:]
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 2507 f39a
    # spec: framework/raw-ecdh-keyring.md#ondecrypt 2507 f39a
    return (sender, recipient) if _serialize_provider_info(sender, recipient) == info else None

"""Wrap and unwrap data keys with an elliptic curve key pair in AWS KMS.

Source: framework/aws-kms/aws-kms-ecdh-keyring.md
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.crypto.ecdh import EcdhPublicKey
from warmkey.events import ignore
from warmkey.exceptions import ConfigurationError
from warmkey.keyrings.aws_kms_key_arn import check_kms_identifier
from warmkey.keyrings.interface import AWS_KMS_ECDH_PROVIDER_ID
from warmkey.keyrings.key_agreement_schemas import KmsPrivateKeyToStaticPublicKey, KmsPublicKeyDiscovery
from warmkey.keyrings.kms_requests import KmsRequests
from warmkey.keyrings.raw_ecdh import EcdhKeyring, check_curve_spec
from warmkey.tracebacks import scrubbed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from warmkey.events import Emit
    from warmkey.keyrings.key_agreement_schemas import EcdhCurveSpec
    from warmkey.keyrings.kms_requests import KmsClient

__all__ = ["AwsKmsEcdhKeyring"]


# spec: framework/aws-kms/aws-kms-ecdh-keyring.md#interface 6088
class AwsKmsEcdhKeyring(EcdhKeyring):
    """Wraps data keys under the shared secret of two elliptic curve key pairs; the private key stays in KMS.

    Every encrypt and decrypt is a DeriveSharedSecret request. Without a public key of its own in the schema, the
    constructor asks KMS for it.

    :param key_agreement_schema: :class:`KmsPrivateKeyToStaticPublicKey` or :class:`KmsPublicKeyDiscovery`
    :param curve_spec: the curve of all keys
    :param kms_client: as ``boto3.client("kms", region_name=...)`` makes it, for the key's Region
    :param grant_tokens: sent with every request
    :param emit: told of every KMS request
    :raises ConfigurationError: an argument can't be used, or a key is of another curve or usage
    :raises KeyUnavailable: KMS did not give its public key

    Source: framework/aws-kms/aws-kms-ecdh-keyring.md#initialization
    """

    @scrubbed
    def __init__(
        self,
        key_agreement_schema: KmsPrivateKeyToStaticPublicKey | KmsPublicKeyDiscovery,
        *,
        curve_spec: EcdhCurveSpec,
        kms_client: KmsClient,
        grant_tokens: Iterable[str] = (),
        emit: Emit = ignore,
    ) -> None:
        curve = check_curve_spec(curve_spec).curve
        kms = KmsRequests(kms_client, keyring=type(self).__name__, grant_tokens=grant_tokens, emit=emit)
        peer: EcdhPublicKey | None = None
        # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#initialization 0d4b
        match key_agreement_schema:
            case KmsPublicKeyDiscovery(recipient_kms_identifier=key_id, recipient_public_key=own):
                names = "recipient_kms_identifier", "recipient_public_key"
            case KmsPrivateKeyToStaticPublicKey(
                sender_kms_identifier=key_id, recipient_public_key=der, sender_public_key=own
            ):
                names = "sender_kms_identifier", "sender_public_key"
                peer = EcdhPublicKey.from_der(der, curve=curve, name="recipient_public_key")
            case _:
                raise ConfigurationError(
                    f"key_agreement_schema is a {type(key_agreement_schema).__name__}; allowed: "
                    "KmsPrivateKeyToStaticPublicKey, KmsPublicKeyDiscovery"
                )
        check_kms_identifier(key_id, names[0])
        if own is None:
            # spec: framework/key-agreement-schemas.md#kmspublickeydiscovery 4bac 1b98
            # spec: framework/key-agreement-schemas.md#kmsprivatekeytostaticpublickey 8124 1b98
            own = _public_key_in_kms(kms, key_id, curve_spec)
        party = _KmsParty(kms, key_id, EcdhPublicKey.from_der(own, curve=curve, name=names[1]))
        # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#initialization 2272
        super().__init__(provider_id=AWS_KMS_ECDH_PROVIDER_ID, curve_spec=curve_spec, own=party, peer=peer)


class _KmsParty:
    """Represents a private key in KMS."""

    def __init__(self, kms: KmsRequests, key_id: str, public_key: EcdhPublicKey) -> None:
        self._kms = kms
        self._key_id = key_id
        self.public_key = public_key

    def shared_secret(self, peer: EcdhPublicKey) -> bytes:
        """Ask KMS for the shared secret.

        :raises KeyUnavailable: KMS refused, could not be reached, or answered with something else
        """
        operation = "DeriveSharedSecret"
        response = self._kms(
            # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt 7fc6 df39 a9ee 2c7f
            # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 1fef df39 2c7f
            # spec: framework/key-agreement-schemas.md#kmsprivatekeytostaticpublickey 6f4d
            operation,
            key=self._key_id,
            KeyId=self._key_id,
            KeyAgreementAlgorithm="ECDH",
            PublicKey=peer.der,
        )
        self._kms.answered_key(operation, self._key_id, response)
        shared_secret = bytes(response.get("SharedSecret", b""))
        if len(shared_secret) != peer.coordinate_length:
            raise self._kms.unusable(operation, self._key_id, "KMS answered with a shared secret of another length")
        return shared_secret


def _public_key_in_kms(kms: KmsRequests, key_id: str, curve_spec: EcdhCurveSpec) -> bytes:
    """Fetch the public half of the KMS key as DER.

    Source: framework/key-agreement-schemas.md#aws-kms-ecdh-key-agreement-schemas
    """
    response = kms("GetPublicKey", key=key_id, KeyId=key_id)
    kms.answered_key("GetPublicKey", key_id, response)
    # spec: framework/key-agreement-schemas.md#kmspublickeydiscovery 1932
    # spec: framework/key-agreement-schemas.md#kmsprivatekeytostaticpublickey 57df
    if response.get("KeyUsage") != "KEY_AGREEMENT":
        raise ConfigurationError(f"the KMS key {key_id} is for {response.get('KeyUsage')}, not for KEY_AGREEMENT")
    # spec: framework/key-agreement-schemas.md#kmspublickeydiscovery 1932
    # spec: framework/key-agreement-schemas.md#kmsprivatekeytostaticpublickey 57df
    if response.get("KeySpec") != curve_spec.name:
        raise ConfigurationError(f"the KMS key {key_id} is {response.get('KeySpec')}, not {curve_spec.name}")
    return bytes(response.get("PublicKey", b""))

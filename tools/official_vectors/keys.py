"""Key manifests, and keyrings of the key descriptions in other manifests."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tools.official_vectors.cases import Json, NotRunError
from warmkey import DefaultCMM, EncryptedDataKey, KeyUnavailable
from warmkey.branch_keys import AwsKmsHierarchicalKeyring, BranchKeyMaterials, KeyStoreInfo
from warmkey.branch_keys.kms_configuration import KmsConfiguration
from warmkey.cmms import RequiredEncryptionContextCMM
from warmkey.keyrings import (
    AwsKmsDiscoveryKeyring,
    AwsKmsEcdhKeyring,
    AwsKmsKeyring,
    AwsKmsMrkDiscoveryKeyring,
    AwsKmsMrkKeyring,
    AwsKmsRsaKeyring,
    DiscoveryFilter,
    EcdhCurveSpec,
    EphemeralPrivateKeyToStaticPublicKey,
    KmsPrivateKeyToStaticPublicKey,
    KmsPublicKeyDiscovery,
    MultiKeyring,
    PaddingScheme,
    PublicKeyDiscovery,
    RawAesKeyring,
    RawEcdhKeyring,
    RawPrivateKeyToStaticPublicKey,
    RawRsaKeyring,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from warmkey import DecryptionMaterials, EncryptionMaterials
    from warmkey.cmms import CryptographicMaterialsManager
    from warmkey.keyrings import Keyring

__all__ = ["Keys"]

_CURVES = {curve.curve: curve for curve in EcdhCurveSpec}


class Keys:
    """Makes keyrings and CMMs of key descriptions.

    :param manifest: a manifest of keys, of any version
    :param kms: returns a KMS client for a Region; ``None`` where there is no AWS to ask
    """

    def __init__(self, manifest: Json, kms: Callable[[str], Any] | None) -> None:
        self._keys: Json = manifest["keys"]
        self._kms = kms

    def cmm(self, description: Json, *, encrypts: bool) -> CryptographicMaterialsManager:
        """Return the CMM of *description*: its own, or a default CMM over its keyring.

        :raises NotRunError: something that it needs is not here
        """
        if description["type"] == "required-encryption-context-cmm":
            underlying = self.cmm(description["underlying"], encrypts=encrypts)
            return RequiredEncryptionContextCMM(description["requiredEncryptionContextKeys"], cmm=underlying)
        return DefaultCMM(self.keyring(description, encrypts=encrypts))

    def master_keys(self, descriptions: Sequence[Json], *, encrypts: bool) -> Keyring:
        """Return a multi-keyring: the first of *descriptions* generates, all of them wrap and unwrap.

        :raises NotRunError: see :meth:`cmm`; when decrypting, only if none of them is here
        """
        keyrings: list[Keyring] = []
        missing: NotRunError | None = None
        for description in descriptions:
            try:
                keyrings.append(self.keyring(description, encrypts=encrypts))
            except NotRunError as reason:
                missing = reason
                if encrypts:
                    raise
        if missing is not None and not keyrings:
            raise missing
        return MultiKeyring(keyrings[0], keyrings[1:]) if encrypts else MultiKeyring(children=keyrings)

    def keyring(self, description: Json, *, encrypts: bool) -> Keyring:
        """Return the keyring of *description*.

        :raises NotRunError: something that it needs is not here
        """
        kind = description["type"]
        make = _MAKERS.get(kind)
        if make is None:
            raise NotRunError(f"key description of type {kind}")
        return make(self, description, encrypts)

    # --- the types of key description

    def _multi(self, description: Json, encrypts: bool) -> Keyring:  # noqa: FBT001 - one signature for all
        generator = description.get("generator")
        children = [self.keyring(child, encrypts=encrypts) for child in description["childKeyrings"]]
        return MultiKeyring(generator and self.keyring(generator, encrypts=encrypts), children)

    def _raw(self, description: Json, encrypts: bool) -> Keyring:  # noqa: FBT001
        name = description["key"]
        key = self._keys[name]
        material, key_id, provider = _material(key), key.get("key-id", name), description["provider-id"]
        if description["encryption-algorithm"] == "aes":
            return RawAesKeyring(provider, key_id, base64.b64decode(material))
        scheme = _padding(description)
        if key["type"] == "public":
            return RawRsaKeyring(provider, key_id, scheme, public_key=material.encode())
        return RawRsaKeyring(
            provider,
            key_id,
            scheme,
            private_key=material.encode(),
            public_key=_public_half(material) if encrypts else None,
        )

    def _raw_ecdh(self, description: Json, encrypts: bool) -> Keyring:  # noqa: FBT001
        curve = _CURVES[description["ecc-curve"]]
        sender, recipient = self._keys[description["sender"]], self._keys[description["recipient"]]
        public = base64.b64decode(recipient["recipient-material-public-key"])
        match description["schema"]:
            case "ephemeral" if encrypts:
                schema: Any = EphemeralPrivateKeyToStaticPublicKey(recipient_public_key=public)
            case "static":
                schema = RawPrivateKeyToStaticPublicKey(
                    sender_static_private_key=sender["sender-material"].encode(), recipient_public_key=public
                )
            case _:
                private = recipient["recipient-material"].encode()
                schema = PublicKeyDiscovery(recipient_static_private_key=private)
        return RawEcdhKeyring(schema, curve_spec=curve)

    def _static(self, description: Json, _encrypts: bool) -> Keyring:  # noqa: FBT001
        return _StaticKeyring(self._keys[description["key"]])

    def _hierarchy(self, description: Json, _encrypts: bool) -> Keyring:  # noqa: FBT001
        key = self._keys[description["key"]]
        return AwsKmsHierarchicalKeyring(_StaticKeyStore(key), branch_key_id=key["key-id"], ttl_seconds=600)

    def _aws_kms(self, description: Json, encrypts: bool) -> Keyring:  # noqa: FBT001
        arn = self._keys[description["key"]]["key-id"]
        client = self._client(arn)
        if ":alias/" in arn and not encrypts:  # messages name keys, so an alias finds none of them
            return AwsKmsDiscoveryKeyring(kms_client=client)
        return AwsKmsKeyring(arn, kms_client=client)

    def _aws_kms_mrk(self, description: Json, _encrypts: bool) -> Keyring:  # noqa: FBT001
        arn = self._keys[description["key"]]["key-id"]
        return AwsKmsMrkKeyring(arn, kms_client=self._client(arn))

    def _aws_kms_mrk_discovery(self, description: Json, _encrypts: bool) -> Keyring:  # noqa: FBT001
        region, found = description["default-mrk-region"], description.get("aws-kms-discovery-filter")
        chosen = found and DiscoveryFilter(partition=found["partition"], account_ids=found["account-ids"])
        return AwsKmsMrkDiscoveryKeyring(kms_client=self._regional(region), region=region, discovery_filter=chosen)

    def _aws_kms_rsa(self, description: Json, _encrypts: bool) -> Keyring:  # noqa: FBT001
        key = self._keys[description["key"]]
        return AwsKmsRsaKeyring(
            key["key-id"],
            encryption_algorithm=description["encryption-algorithm"],
            public_key=_material(key).encode(),
            kms_client=self._client(key["key-id"], symmetric=False),
        )

    def _aws_kms_ecdh(self, description: Json, encrypts: bool) -> Keyring:  # noqa: FBT001
        sender, recipient = self._keys[description["sender"]], self._keys[description["recipient"]]
        recipient_id = recipient["recipient-material"]
        public = base64.b64decode(recipient["recipient-material-public-key"])
        client = self._client(recipient_id, symmetric=False)
        if description["schema"] == "static" or encrypts:
            schema: Any = KmsPrivateKeyToStaticPublicKey(
                sender_kms_identifier=sender["sender-material"],
                sender_public_key=base64.b64decode(sender["sender-material-public-key"]),
                recipient_public_key=public,
            )
        else:
            schema = KmsPublicKeyDiscovery(recipient_kms_identifier=recipient_id, recipient_public_key=public)
        return AwsKmsEcdhKeyring(schema, curve_spec=_CURVES[description["ecc-curve"]], kms_client=client)

    def _client(self, arn: str, *, symmetric: bool = True) -> Any:  # noqa: ANN401 - boto3 has no public type
        client = self._regional(arn.split(":")[3])
        if not symmetric and hasattr(client, "world"):
            raise NotRunError("the private half of its key is in AWS KMS")
        return client

    def _regional(self, region: str) -> Any:  # noqa: ANN401
        if self._kms is None:
            raise NotRunError("needs the KMS keys of its author (--aws, with credentials that may use them)")
        return self._kms(region)


_MAKERS: dict[str, Callable[[Keys, Json, bool], Keyring]] = {
    "multi-keyring": Keys._multi,  # noqa: SLF001 - a table of the methods above
    "raw": Keys._raw,  # noqa: SLF001
    "raw-ecdh": Keys._raw_ecdh,  # noqa: SLF001
    "static-material-keyring": Keys._static,  # noqa: SLF001
    "aws-kms-hierarchy": Keys._hierarchy,  # noqa: SLF001
    "aws-kms": Keys._aws_kms,  # noqa: SLF001
    "aws-kms-mrk-aware": Keys._aws_kms_mrk,  # noqa: SLF001
    "aws-kms-mrk-aware-discovery": Keys._aws_kms_mrk_discovery,  # noqa: SLF001
    "aws-kms-rsa": Keys._aws_kms_rsa,  # noqa: SLF001
    "aws-kms-ecdh": Keys._aws_kms_ecdh,  # noqa: SLF001
}


def _material(key: Json) -> str:
    """Return the text of a key: version 1 has a list of lines."""
    found = key["material"]
    return found if isinstance(found, str) else str(key.get("line-separator", "")).join(found)


def _padding(description: Json) -> PaddingScheme:
    if description["padding-algorithm"] == "pkcs1":
        return PaddingScheme.PKCS1
    return PaddingScheme(description["padding-hash"])


def _public_half(private: str) -> bytes:
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415 - few cases encrypt with one
        Encoding,
        PublicFormat,
        load_pem_private_key,
    )

    key = load_pem_private_key(private.encode(), None)
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class _StaticKeyring:
    """Gives the data key and the encrypted data keys that the manifest of keys has."""

    def __init__(self, key: Json) -> None:
        found = key.get("plaintextDataKey")
        self._data_key = None if found is None else base64.b64decode(found)
        self._encrypted = [encrypted_data_key(each) for each in key["encryptedDataKeys"]]

    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        if self._data_key is None:
            raise KeyUnavailable("the static materials have no data key")
        return replace(materials, plaintext_data_key=self._data_key, encrypted_data_keys=tuple(self._encrypted))

    def on_decrypt(self, materials: DecryptionMaterials, _keys: Sequence[EncryptedDataKey], /) -> DecryptionMaterials:
        if self._data_key is None:
            raise KeyUnavailable("the static materials have no data key")
        return replace(materials, plaintext_data_key=self._data_key)


class _StaticKeyStore:
    """Has one version of one branch key, whatever is asked for."""

    def __init__(self, key: Json) -> None:
        self._key = key

    def get_active_branch_key(self, branch_key_id: str, /) -> BranchKeyMaterials:
        return BranchKeyMaterials(
            branch_key_id=branch_key_id,
            branch_key_version=self._key["branchKeyVersion"],
            branch_key=base64.b64decode(self._key["branchKey"]),
        )

    def get_branch_key_version(self, branch_key_id: str, _version: str, /) -> BranchKeyMaterials:
        return self.get_active_branch_key(branch_key_id)

    def get_key_store_info(self) -> KeyStoreInfo:
        return KeyStoreInfo(
            key_store_id="static",
            table_name="static",
            logical_key_store_name="static",
            grant_tokens=(),
            kms_configuration=KmsConfiguration(discovery=True),
        )


def encrypted_data_key(entry: Json) -> EncryptedDataKey:
    """Return the encrypted data key that a manifest describes."""
    return EncryptedDataKey(
        key_provider_id=entry["keyProviderId"],
        key_provider_info=base64.b64decode(entry["keyProviderInfo"]),
        ciphertext=base64.b64decode(entry["ciphertext"]),
    )

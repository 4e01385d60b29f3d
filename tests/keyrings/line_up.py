"""Every keyring, in pairs: one that encrypts and one that decrypts it. Making RSA keys is slow, so once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from warmkey import AlgorithmSuite, AwsKmsKeyring, DecryptionMaterials, EncryptionMaterials, MultiKeyring
from warmkey.branch_keys import AwsKmsHierarchicalKeyring
from warmkey.keyrings import (
    AwsKmsDiscoveryKeyring,
    AwsKmsEcdhKeyring,
    AwsKmsMrkDiscoveryKeyring,
    AwsKmsMrkKeyring,
    AwsKmsRsaKeyring,
    DiscoveryFilter,
    EcdhCurveSpec,
    EphemeralPrivateKeyToStaticPublicKey,
    KmsPrivateKeyToStaticPublicKey,
    KmsPublicKeyDiscovery,
    PaddingScheme,
    PublicKeyDiscovery,
    RawAesKeyring,
    RawEcdhKeyring,
    RawPrivateKeyToStaticPublicKey,
    RawRsaKeyring,
    aws_kms_discovery_multi_keyring,
    aws_kms_mrk_discovery_multi_keyring,
    aws_kms_mrk_multi_keyring,
    aws_kms_multi_keyring,
)
from warmkey.testing import FakeKms
from warmkey.testing.branch_keys import FakeBranchKeyStore

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from warmkey.keyrings.interface import Keyring

UNSIGNED = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
CONTEXT = {"tenant": "a", "schlüssel": "wert"}
EAST, WEST = "us-east-1", "us-west-2"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two keyrings, and what to expect of them.

    :ivar binds_context: another encryption context is refused
    :ivar tells_damage: damaged ciphertexts are refused, and not decrypted to something random
    :ivar takes_signatures: works with suites that sign
    """

    encrypts: Keyring
    decrypts: Keyring
    binds_context: bool = True
    tells_damage: bool = True
    takes_signatures: bool = True

    def suites(self) -> list[AlgorithmSuite]:
        return [suite for suite in AlgorithmSuite if self.takes_signatures or suite.signature is None]


def encrypted(
    keyring: Keyring,
    *,
    suite: AlgorithmSuite = UNSIGNED,
    context: Mapping[str, str] = CONTEXT,
    data_key: bytes | None = None,
) -> EncryptionMaterials:
    return keyring.on_encrypt(
        EncryptionMaterials(algorithm_suite=suite, encryption_context=context, plaintext_data_key=data_key)
    )


def to_decrypt(*, suite: AlgorithmSuite = UNSIGNED, context: Mapping[str, str] = CONTEXT) -> DecryptionMaterials:
    return DecryptionMaterials(algorithm_suite=suite, encryption_context=context)


# --- keys


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key(curve_spec: EcdhCurveSpec, whose: str) -> ec.EllipticCurvePrivateKey:
    """A key pair; *whose* tells several of a curve apart."""
    del whose
    curves = {
        EcdhCurveSpec.ECC_NIST_P256: ec.SECP256R1(),
        EcdhCurveSpec.ECC_NIST_P384: ec.SECP384R1(),
        EcdhCurveSpec.ECC_NIST_P521: ec.SECP521R1(),
    }
    return ec.generate_private_key(curves[curve_spec])


def private_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def public_der(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


@cache
def rsa_kms() -> tuple[FakeKms, str, bytes]:
    """A KMS with an RSA key: client, key ARN, public key as PEM."""
    kms = FakeKms(EAST)
    arn = kms.create_key(key_spec="RSA_2048")
    public_key = serialization.load_der_public_key(kms.get_public_key(KeyId=arn)["PublicKey"])
    pem = public_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return kms, arn, pem


# --- keyrings


def _raw_aes(length: int) -> Pair:
    keyring = RawAesKeyring("ns", "name", bytes(range(length)))
    return Pair(encrypts=keyring, decrypts=keyring)


def _raw_rsa(padding_scheme: PaddingScheme) -> Pair:
    return Pair(
        encrypts=RawRsaKeyring("ns", "name", padding_scheme, public_key=public_pem(rsa_key())),
        decrypts=RawRsaKeyring("ns", "name", padding_scheme, private_key=private_pem(rsa_key())),
        binds_context=False,
        tells_damage=padding_scheme is not PaddingScheme.PKCS1,
    )


def _aws_kms() -> Pair:
    kms = FakeKms(EAST)
    keyring = AwsKmsKeyring(kms.create_key(), kms_client=kms)
    return Pair(encrypts=keyring, decrypts=keyring)


def replicas() -> tuple[FakeKms, str, FakeKms, str]:
    """One multi-Region key: client and key ARN in the east, client and key ARN in the west."""
    east = FakeKms(EAST)
    west = FakeKms(WEST, world=east.world)
    primary = east.create_key(multi_region=True)
    return east, primary, west, east.replicate_key(primary, WEST)


def _aws_kms_mrk() -> Pair:
    east, primary, west, replica = replicas()
    return Pair(
        encrypts=AwsKmsMrkKeyring(primary, kms_client=east), decrypts=AwsKmsMrkKeyring(replica, kms_client=west)
    )


def _aws_kms_discovery() -> Pair:
    kms = FakeKms(EAST)
    return Pair(
        encrypts=AwsKmsKeyring(kms.create_key(), kms_client=kms),
        decrypts=AwsKmsDiscoveryKeyring(kms_client=kms, discovery_filter=DiscoveryFilter("aws", [kms.world.account])),
    )


def _aws_kms_mrk_discovery() -> Pair:
    east, primary, west, _ = replicas()
    return Pair(
        encrypts=AwsKmsMrkKeyring(primary, kms_client=east),
        decrypts=AwsKmsMrkDiscoveryKeyring(kms_client=west, region=WEST),
    )


def _aws_kms_rsa(encryption_algorithm: str) -> Pair:
    kms, arn, pem = rsa_kms()
    return Pair(
        encrypts=AwsKmsRsaKeyring(arn, encryption_algorithm=encryption_algorithm, public_key=pem),
        decrypts=AwsKmsRsaKeyring(arn, encryption_algorithm=encryption_algorithm, kms_client=kms),
        takes_signatures=False,
    )


def raw_static(curve_spec: EcdhCurveSpec, sender: str, recipient: str) -> RawEcdhKeyring:
    """The keyring of *sender*, for messages to and from *recipient*."""
    return RawEcdhKeyring(
        RawPrivateKeyToStaticPublicKey(
            sender_static_private_key=private_pem(ec_key(curve_spec, sender)),
            recipient_public_key=public_der(ec_key(curve_spec, recipient)),
        ),
        curve_spec=curve_spec,
    )


def raw_ephemeral(curve_spec: EcdhCurveSpec, recipient: str) -> RawEcdhKeyring:
    schema = EphemeralPrivateKeyToStaticPublicKey(recipient_public_key=public_der(ec_key(curve_spec, recipient)))
    return RawEcdhKeyring(schema, curve_spec=curve_spec)


def raw_discovery(curve_spec: EcdhCurveSpec, recipient: str) -> RawEcdhKeyring:
    schema = PublicKeyDiscovery(recipient_static_private_key=private_pem(ec_key(curve_spec, recipient)))
    return RawEcdhKeyring(schema, curve_spec=curve_spec)


def _raw_ecdh(curve_spec: EcdhCurveSpec) -> Pair:
    return Pair(encrypts=raw_static(curve_spec, "alice", "bob"), decrypts=raw_static(curve_spec, "bob", "alice"))


def _raw_ecdh_discovery(curve_spec: EcdhCurveSpec) -> Pair:
    return Pair(encrypts=raw_ephemeral(curve_spec, "bob"), decrypts=raw_discovery(curve_spec, "bob"))


def _aws_kms_ecdh(curve_spec: EcdhCurveSpec) -> Pair:
    kms = FakeKms(EAST)
    schema = KmsPrivateKeyToStaticPublicKey(
        sender_kms_identifier=kms.create_key(key_spec=curve_spec.name),
        recipient_public_key=public_der(ec_key(curve_spec, "bob")),
    )
    keyring = AwsKmsEcdhKeyring(schema, curve_spec=curve_spec, kms_client=kms)
    return Pair(encrypts=keyring, decrypts=keyring)


def _aws_kms_ecdh_discovery(curve_spec: EcdhCurveSpec) -> Pair:
    kms = FakeKms(EAST)
    arn = kms.create_key(key_spec=curve_spec.name)
    for_anybody = EphemeralPrivateKeyToStaticPublicKey(recipient_public_key=kms.get_public_key(KeyId=arn)["PublicKey"])
    discovery = KmsPublicKeyDiscovery(recipient_kms_identifier=arn)
    return Pair(
        encrypts=RawEcdhKeyring(for_anybody, curve_spec=curve_spec),
        decrypts=AwsKmsEcdhKeyring(discovery, curve_spec=curve_spec, kms_client=kms),
    )


def _multi() -> Pair:
    first, second = RawAesKeyring("ns", "first", bytes(32)), RawAesKeyring("ns", "second", bytes(16))
    return Pair(encrypts=MultiKeyring(first, [second]), decrypts=MultiKeyring(children=[second]))


def _aws_kms_multi() -> Pair:
    east = FakeKms(EAST)
    west = FakeKms(WEST, world=east.world)
    clients = {EAST: east, WEST: west}
    return Pair(
        encrypts=aws_kms_multi_keyring(
            generator=east.create_key(), children=[west.create_key()], client_supplier=clients.__getitem__
        ),
        decrypts=aws_kms_discovery_multi_keyring(regions=[WEST, EAST], client_supplier=clients.__getitem__),
    )


def _aws_kms_mrk_multi() -> Pair:
    east, primary, west, _ = replicas()
    clients = {EAST: east, WEST: west}
    return Pair(
        encrypts=aws_kms_mrk_multi_keyring(generator=primary, client_supplier=clients.__getitem__),
        decrypts=aws_kms_mrk_discovery_multi_keyring(regions=[WEST], client_supplier=clients.__getitem__),
    )


def _aws_kms_hierarchical() -> Pair:
    key_store = FakeBranchKeyStore()
    key_store.add("tenant")
    keyring = AwsKmsHierarchicalKeyring(key_store, branch_key_id="tenant", ttl_seconds=60)
    return Pair(encrypts=keyring, decrypts=keyring)


LINE_UP: dict[str, Callable[[], Pair]] = {
    **{f"raw AES {length * 8}": partial(_raw_aes, length) for length in (16, 24, 32)},
    **{f"raw RSA {scheme.name}": partial(_raw_rsa, scheme) for scheme in PaddingScheme},
    **{f"raw ECDH {spec.name}": partial(_raw_ecdh, spec) for spec in EcdhCurveSpec},
    **{f"raw ECDH discovery {spec.name}": partial(_raw_ecdh_discovery, spec) for spec in EcdhCurveSpec},
    "AWS KMS": _aws_kms,
    "AWS KMS MRK": _aws_kms_mrk,
    "AWS KMS discovery": _aws_kms_discovery,
    "AWS KMS MRK discovery": _aws_kms_mrk_discovery,
    **{f"AWS KMS {name}": partial(_aws_kms_rsa, name) for name in ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")},
    **{f"AWS KMS ECDH {spec.name}": partial(_aws_kms_ecdh, spec) for spec in EcdhCurveSpec},
    **{f"AWS KMS ECDH discovery {spec.name}": partial(_aws_kms_ecdh_discovery, spec) for spec in EcdhCurveSpec},
    "AWS KMS hierarchical": _aws_kms_hierarchical,
    "multi": _multi,
    "AWS KMS multi": _aws_kms_multi,
    "AWS KMS MRK multi": _aws_kms_mrk_multi,
}


@cache
def pair(name: str) -> Pair:
    """The pair of LINE_UP with this name, made once."""
    return LINE_UP[name]()

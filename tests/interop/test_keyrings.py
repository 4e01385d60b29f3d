"""Every keyring against the same one of the material providers library, over one KMS, both ways.

moto's KMS can't do what most of them need, so the KMS is our fake, which both sides talk to.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.vectors.readers import COMMITTING, NOT_COMMITTING
from warmkey import AlgorithmSuite, AwsKmsKeyring, MultiKeyring, WarmkeyError
from warmkey.cmms import RequiredEncryptionContextCMM
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
)
from warmkey.testing import FakeKms

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [
    pytest.mark.interop,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # the library's and its dependencies'
]
library = pytest.importorskip(
    "aws_cryptographic_material_providers.mpl",
    reason="the material providers library is not installed; `make interop` has it",
)

import aws_encryption_sdk  # noqa: E402 - after the question whether all of it is here
from aws_cryptographic_material_providers.mpl import models  # noqa: E402
from aws_cryptographic_material_providers.mpl.config import MaterialProvidersConfig  # noqa: E402
from aws_encryption_sdk.identifiers import AlgorithmSuite as PeerSuite  # noqa: E402
from aws_encryption_sdk.identifiers import CommitmentPolicy as PeerPolicy  # noqa: E402

PROVIDERS = library.AwsCryptographicMaterialProviders(config=MaterialProvidersConfig())
CONTEXT = {"tenant": "ключ", "🔑": "astral", "\ufb01": "ligature", "z": ""}
UNSIGNED = [0x0014, 0x0178, 0x0478]
ALL = [0x0014, 0x0178, 0x0378, 0x0478, 0x0578]
EAST, WEST = "us-east-1", "us-west-2"


class Side(NamedTuple):
    """What encrypts and what decrypts; ``None`` where the kind of keyring can't."""

    encrypts: Any
    decrypts: Any


class Pair(NamedTuple):
    """The same keys in our keyring and in theirs."""

    ours: Side
    theirs: Side
    suites: list[int] = ALL


def both(keyring: Any) -> Side:
    return Side(keyring, keyring)


@cache
def rsa_pems() -> tuple[bytes, bytes]:
    key = rsa.generate_private_key(65_537, 3_072)
    return _public_pem(key), _private_pem(key)


@cache
def curve_key(curve: str, owner: str) -> ec.EllipticCurvePrivateKey:
    """One key pair per curve and owner."""
    return ec.generate_private_key({"P256": ec.SECP256R1(), "P384": ec.SECP384R1(), "P521": ec.SECP521R1()}[curve])


def _public_pem(key: Any) -> bytes:
    return bytes(
        key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def _public_der(key: Any) -> bytes:
    return bytes(
        key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    )


def _private_pem(key: Any) -> bytes:
    return bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


def raw_aes() -> Pair:
    key = bytes(range(32))
    theirs = PROVIDERS.create_raw_aes_keyring(
        models.CreateRawAesKeyringInput(
            key_namespace="ns", key_name="schlüssel", wrapping_key=key,
            wrapping_alg=models.AesWrappingAlg.ALG_AES256_GCM_IV12_TAG16,
        )
    )  # fmt: skip
    return Pair(both(RawAesKeyring("ns", "schlüssel", key)), both(theirs))


def raw_rsa(scheme: PaddingScheme) -> Pair:
    public, private = rsa_pems()
    theirs = PROVIDERS.create_raw_rsa_keyring(
        models.CreateRawRsaKeyringInput(
            key_namespace="ns", key_name="name", padding_scheme=getattr(models.PaddingScheme, scheme.name),
            public_key=public, private_key=private,
        )
    )  # fmt: skip
    return Pair(both(RawRsaKeyring("ns", "name", scheme, public_key=public, private_key=private)), both(theirs))


def raw_ecdh(curve: str) -> Pair:
    sender, recipient = curve_key(curve, "sender"), curve_key(curve, "recipient")
    spec = EcdhCurveSpec[f"ECC_NIST_{curve}"]
    ours = RawEcdhKeyring(
        RawPrivateKeyToStaticPublicKey(
            sender_static_private_key=_private_pem(sender), recipient_public_key=_public_der(recipient)
        ),
        curve_spec=spec,
    )
    theirs = PROVIDERS.create_raw_ecdh_keyring(
        models.CreateRawEcdhKeyringInput(
            key_agreement_scheme=models.RawEcdhStaticConfigurationsRawPrivateKeyToStaticPublicKey(
                models.RawPrivateKeyToStaticPublicKeyInput(
                    sender_static_private_key=_private_pem(recipient), recipient_public_key=_public_der(sender)
                )
            ),
            curve_spec=spec.name,
        )
    )
    return Pair(both(ours), both(theirs))


def raw_ecdh_discovery(curve: str) -> Pair:
    recipient = curve_key(curve, "recipient")
    spec = EcdhCurveSpec[f"ECC_NIST_{curve}"]
    ours = Side(
        RawEcdhKeyring(
            EphemeralPrivateKeyToStaticPublicKey(recipient_public_key=_public_der(recipient)), curve_spec=spec
        ),
        RawEcdhKeyring(PublicKeyDiscovery(recipient_static_private_key=_private_pem(recipient)), curve_spec=spec),
    )
    theirs = Side(
        PROVIDERS.create_raw_ecdh_keyring(
            models.CreateRawEcdhKeyringInput(
                key_agreement_scheme=models.RawEcdhStaticConfigurationsEphemeralPrivateKeyToStaticPublicKey(
                    models.EphemeralPrivateKeyToStaticPublicKeyInput(recipient_public_key=_public_der(recipient))
                ),
                curve_spec=spec.name,
            )
        ),
        PROVIDERS.create_raw_ecdh_keyring(
            models.CreateRawEcdhKeyringInput(
                key_agreement_scheme=models.RawEcdhStaticConfigurationsPublicKeyDiscovery(
                    models.PublicKeyDiscoveryInput(recipient_static_private_key=_private_pem(recipient))
                ),
                curve_spec=spec.name,
            )
        ),
    )
    return Pair(ours, theirs)


def kms_strict() -> Pair:
    kms = FakeKms()
    arn = kms.create_key()
    theirs = PROVIDERS.create_aws_kms_keyring(models.CreateAwsKmsKeyringInput(kms_key_id=arn, kms_client=kms))
    return Pair(both(AwsKmsKeyring(arn, kms_client=kms)), both(theirs))


def kms_discovery() -> Pair:
    kms = FakeKms()
    arn = kms.create_key()
    account = arn.split(":")[4]
    theirs = Side(
        PROVIDERS.create_aws_kms_keyring(models.CreateAwsKmsKeyringInput(kms_key_id=arn, kms_client=kms)),
        PROVIDERS.create_aws_kms_discovery_keyring(
            models.CreateAwsKmsDiscoveryKeyringInput(
                kms_client=kms, discovery_filter=models.DiscoveryFilter(account_ids=[account], partition="aws")
            )
        ),
    )
    ours = Side(
        AwsKmsKeyring(arn, kms_client=kms),
        AwsKmsDiscoveryKeyring(kms_client=kms, discovery_filter=DiscoveryFilter("aws", [account])),
    )
    return Pair(ours, theirs)


def kms_mrk() -> Pair:
    """We are in one Region and they in another, each with its replica of the key."""
    east = FakeKms(EAST)
    west = FakeKms(WEST, world=east.world)
    arn = east.create_key(multi_region=True)
    replica = east.replicate_key(arn, WEST)
    theirs = PROVIDERS.create_aws_kms_mrk_keyring(
        models.CreateAwsKmsMrkKeyringInput(kms_key_id=replica, kms_client=west)
    )
    return Pair(both(AwsKmsMrkKeyring(arn, kms_client=east)), both(theirs))


def kms_mrk_discovery() -> Pair:
    east = FakeKms(EAST)
    west = FakeKms(WEST, world=east.world)
    arn = east.create_key(multi_region=True)
    replica = east.replicate_key(arn, WEST)
    ours = Side(AwsKmsMrkKeyring(arn, kms_client=east), AwsKmsMrkDiscoveryKeyring(kms_client=east, region=EAST))
    theirs = Side(
        PROVIDERS.create_aws_kms_mrk_keyring(models.CreateAwsKmsMrkKeyringInput(kms_key_id=replica, kms_client=west)),
        PROVIDERS.create_aws_kms_mrk_discovery_keyring(
            models.CreateAwsKmsMrkDiscoveryKeyringInput(kms_client=west, region=WEST)
        ),
    )
    return Pair(ours, theirs)


def kms_rsa(algorithm: str) -> Pair:
    kms = FakeKms()
    arn = kms.create_key(key_spec="RSA_3072", key_usage="ENCRYPT_DECRYPT")
    der = kms.get_public_key(KeyId=arn)["PublicKey"]
    pem = serialization.load_der_public_key(der).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    ours = AwsKmsRsaKeyring(arn, encryption_algorithm=algorithm, public_key=pem, kms_client=kms)
    theirs = PROVIDERS.create_aws_kms_rsa_keyring(
        models.CreateAwsKmsRsaKeyringInput(
            kms_key_id=arn, encryption_algorithm=algorithm, public_key=pem, kms_client=kms
        )
    )
    return Pair(both(ours), both(theirs), UNSIGNED)


def kms_ecdh(curve: str) -> Pair:
    """Each side's private key is in KMS, the other's is what it encrypts for."""
    kms = FakeKms()
    spec = EcdhCurveSpec[f"ECC_NIST_{curve}"]
    mine, yours = (kms.create_key(key_spec=spec.name, key_usage="KEY_AGREEMENT") for _ in range(2))
    my_der, your_der = (kms.get_public_key(KeyId=arn)["PublicKey"] for arn in (mine, yours))
    ours = AwsKmsEcdhKeyring(
        KmsPrivateKeyToStaticPublicKey(sender_kms_identifier=mine, recipient_public_key=your_der),
        curve_spec=spec,
        kms_client=kms,
    )
    theirs = PROVIDERS.create_aws_kms_ecdh_keyring(
        models.CreateAwsKmsEcdhKeyringInput(
            key_agreement_scheme=models.KmsEcdhStaticConfigurationsKmsPrivateKeyToStaticPublicKey(
                models.KmsPrivateKeyToStaticPublicKeyInput(
                    sender_kms_identifier=yours, recipient_public_key=my_der, sender_public_key=your_der
                )
            ),
            curve_spec=spec.name,
            kms_client=kms,
        )
    )
    return Pair(both(ours), both(theirs))


def kms_ecdh_discovery(curve: str) -> Pair:
    kms = FakeKms()
    spec = EcdhCurveSpec[f"ECC_NIST_{curve}"]
    mine, yours = (kms.create_key(key_spec=spec.name, key_usage="KEY_AGREEMENT") for _ in range(2))
    my_der, your_der = (kms.get_public_key(KeyId=arn)["PublicKey"] for arn in (mine, yours))
    ours = Side(
        AwsKmsEcdhKeyring(
            KmsPrivateKeyToStaticPublicKey(sender_kms_identifier=mine, recipient_public_key=your_der),
            curve_spec=spec,
            kms_client=kms,
        ),
        AwsKmsEcdhKeyring(KmsPublicKeyDiscovery(recipient_kms_identifier=mine), curve_spec=spec, kms_client=kms),
    )
    scheme = models.KmsEcdhStaticConfigurationsKmsPrivateKeyToStaticPublicKey(
        models.KmsPrivateKeyToStaticPublicKeyInput(
            sender_kms_identifier=yours, recipient_public_key=my_der, sender_public_key=your_der
        )
    )
    discovery = models.KmsEcdhStaticConfigurationsKmsPublicKeyDiscovery(
        models.KmsPublicKeyDiscoveryInput(recipient_kms_identifier=yours)
    )
    theirs = Side(
        *(
            PROVIDERS.create_aws_kms_ecdh_keyring(
                models.CreateAwsKmsEcdhKeyringInput(key_agreement_scheme=chosen, curve_spec=spec.name, kms_client=kms)
            )
            for chosen in (scheme, discovery)
        )
    )
    return Pair(ours, theirs)


def multi() -> Pair:
    """Each side generates with a key of its own and wraps for the other's."""
    keys = [bytes((number,)) * 32 for number in (1, 2)]
    mine = [RawAesKeyring("ns", f"key {number}", key) for number, key in enumerate(keys)]
    yours = [
        PROVIDERS.create_raw_aes_keyring(
            models.CreateRawAesKeyringInput(
                key_namespace="ns", key_name=f"key {number}", wrapping_key=key,
                wrapping_alg=models.AesWrappingAlg.ALG_AES256_GCM_IV12_TAG16,
            )
        )
        for number, key in enumerate(keys)
    ]  # fmt: skip
    both_of_theirs = PROVIDERS.create_multi_keyring(
        models.CreateMultiKeyringInput(generator=yours[1], child_keyrings=[yours[0]])
    )
    return Pair(Side(MultiKeyring(mine[0], [mine[1]]), mine[0]), Side(both_of_theirs, yours[1]))


PAIRS: dict[str, Callable[[], Pair]] = {
    "raw AES": raw_aes,
    **{f"raw RSA {scheme.name}": lambda scheme=scheme: raw_rsa(scheme) for scheme in PaddingScheme},
    **{f"raw ECDH {curve}": lambda curve=curve: raw_ecdh(curve) for curve in ("P256", "P384", "P521")},
    **{
        f"raw ECDH discovery {curve}": lambda curve=curve: raw_ecdh_discovery(curve)
        for curve in ("P256", "P384", "P521")
    },
    "KMS strict": kms_strict,
    "KMS discovery": kms_discovery,
    "KMS MRK": kms_mrk,
    "KMS MRK discovery": kms_mrk_discovery,
    **{f"KMS {name}": lambda name=name: kms_rsa(name) for name in ("RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256")},
    **{f"KMS ECDH {curve}": lambda curve=curve: kms_ecdh(curve) for curve in ("P256", "P384", "P521")},
    **{
        f"KMS ECDH discovery {curve}": lambda curve=curve: kms_ecdh_discovery(curve)
        for curve in ("P256", "P384", "P521")
    },
    "multi": multi,
}


def our_client(suite_id: int) -> Any:
    return COMMITTING if AlgorithmSuite(suite_id).commits else NOT_COMMITTING


def their_client(suite_id: int) -> Any:
    policy = "REQUIRE_ENCRYPT_ALLOW_DECRYPT" if AlgorithmSuite(suite_id).commits else "FORBID_ENCRYPT_ALLOW_DECRYPT"
    return aws_encryption_sdk.EncryptionSDKClient(commitment_policy=PeerPolicy[policy])


@pytest.mark.parametrize("name", PAIRS)
def test_both_read_what_the_other_wrote(name: str) -> None:
    pair = PAIRS[name]()
    for suite_id in pair.suites:
        ours = our_client(suite_id).encrypt(
            b"ours" * 100,
            keyring=pair.ours.encrypts,
            encryption_context=CONTEXT,
            algorithm_suite=AlgorithmSuite(suite_id),
        )
        plaintext, header = their_client(suite_id).decrypt(source=ours.ciphertext, keyring=pair.theirs.decrypts)
        assert bytes(plaintext) == b"ours" * 100
        assert dict(header.encryption_context) == ours.encryption_context

        theirs, _header = their_client(suite_id).encrypt(
            source=b"theirs" * 100,
            keyring=pair.theirs.encrypts,
            encryption_context=CONTEXT,
            algorithm=PeerSuite.get_by_id(suite_id),
        )
        opened = COMMITTING.decrypt(bytes(theirs), keyring=pair.ours.decrypts, encryption_context=CONTEXT)
        assert opened.plaintext == b"theirs" * 100


# Source: framework/required-encryption-context-cmm.md
@pytest.mark.parametrize("suite_id", [0x0178, 0x0478, 0x0578], ids=hex)
def test_required_pairs_are_left_out_and_asked_for_by_both(suite_id: int) -> None:
    pair, required = raw_aes(), ["tenant", "🔑"]
    supplied = {key: CONTEXT[key] for key in required}
    our_cmm = RequiredEncryptionContextCMM(required, keyring=pair.ours.encrypts)
    their_cmm = PROVIDERS.create_required_encryption_context_cmm(
        models.CreateRequiredEncryptionContextCMMInput(
            required_encryption_context_keys=required,
            underlying_cmm=PROVIDERS.create_default_cryptographic_materials_manager(
                models.CreateDefaultCryptographicMaterialsManagerInput(keyring=pair.theirs.encrypts)
            ),
        )
    )
    ours = our_client(suite_id).encrypt(
        b"ours", cmm=our_cmm, encryption_context=CONTEXT, algorithm_suite=AlgorithmSuite(suite_id)
    )
    plaintext, _header = their_client(suite_id).decrypt(
        source=ours.ciphertext, materials_manager=their_cmm, encryption_context=supplied
    )
    assert bytes(plaintext) == b"ours"
    assert CONTEXT["tenant"].encode() not in ours.ciphertext

    theirs, _header = their_client(suite_id).encrypt(
        source=b"theirs",
        materials_manager=their_cmm,
        encryption_context=CONTEXT,
        algorithm=PeerSuite.get_by_id(suite_id),
    )
    assert COMMITTING.decrypt(bytes(theirs), cmm=our_cmm, encryption_context=supplied).plaintext == b"theirs"
    for wrong in ({}, {"tenant": CONTEXT["tenant"]}, {**supplied, "tenant": "another"}):
        with pytest.raises(WarmkeyError):
            COMMITTING.decrypt(bytes(theirs), cmm=our_cmm, encryption_context=wrong)

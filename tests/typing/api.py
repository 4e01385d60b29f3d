"""Every public call as a type checker sees it. This is checked by `make types` and never run."""

from __future__ import annotations

import contextlib
import json
import shutil
from array import array
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, assert_type

from aws_durable_execution_sdk_python.config import StepConfig
from aws_durable_execution_sdk_python.serdes import JsonSerDes, SerDesContext
from aws_lambda_powertools.utilities.data_masking import DataMasking

import warmkey
from warmkey import (
    AlgorithmSuite,
    AuthenticationFailed,
    AwsKmsKeyring,
    CacheEntry,
    CacheInfo,
    CachingCMM,
    Client,
    CommitmentPolicy,
    ConfigurationError,
    DecryptionMaterials,
    DecryptMaterialsRequest,
    DecryptResult,
    DefaultCMM,
    EncryptedDataKey,
    EncryptionContext,
    EncryptionMaterials,
    EncryptionMaterialsRequest,
    EncryptResult,
    InvalidRequest,
    KeyAttempt,
    KeyUnavailable,
    LocalCMC,
    MalformedMessage,
    MultiKeyring,
    PolicyRefused,
    TokenExpired,
    WarmkeyError,
    aio,
    instrument,
)
from warmkey.branch_keys.cmm import BranchKeyCMM
from warmkey.caches import CryptographicMaterialsCache, NullCMC
from warmkey.cmms import CryptographicMaterialsManager, OperationStatistics, RequiredEncryptionContextCMM
from warmkey.durable import EncryptedSerDes
from warmkey.events import CacheHit, CacheMiss, Event, KmsRequest, Operation
from warmkey.keyrings import (
    AwsKmsDiscoveryKeyring,
    AwsKmsEcdhKeyring,
    AwsKmsMrkDiscoveryKeyring,
    AwsKmsMrkKeyring,
    AwsKmsRsaKeyring,
    DiscoveryFilter,
    EcdhCurveSpec,
    EphemeralPrivateKeyToStaticPublicKey,
    Keyring,
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
from warmkey.lambda_runtime.tenants import TenantGuardCMM
from warmkey.powertools import DataMaskingWithFields, DecryptTransform, WarmkeyProvider

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from aws_lambda_powertools.utilities.streaming import S3Object

ARN = "arn:aws:kms:us-east-1:111122223333:key/1"
CONTEXT: Mapping[str, str] = {"tenant": "a"}


def helpers(kms: Any) -> None:
    warmkey.configure(kms_client=kms, botocore_config=None, max_age_seconds=60, cache="on")
    warmkey.configure(kms_mode="discovery", discovery_accounts={"111122223333"}, required_context_keys=["tenant"])
    warmkey.configure(max_age_second=60)  # type: ignore[call-arg]  # misspelt
    warmkey.configure(max_age_seconds=None)  # type: ignore[arg-type]
    warmkey.configure(kms_mode="discover")  # type: ignore[arg-type]
    warmkey.configure(kms_key_arns={ARN})  # type: ignore[arg-type]  # their order matters
    warmkey.warm_up()
    found: dict[str, Any] = warmkey.self_check({"tenant": "a"}, detail=True, function_timeout=3, only="decrypt")
    assert found
    assert_type(warmkey.encrypt(b"plaintext", CONTEXT), bytes)
    assert_type(warmkey.decrypt(b"message", {"tenant": "a"}), bytes)
    assert_type(warmkey.encrypt_text("text"), str)
    assert_type(warmkey.decrypt_text("base64", encryption_context=CONTEXT), str)
    assert_type(warmkey.default_client(), Client)
    assert_type(warmkey.default_cmm(), CachingCMM | BranchKeyCMM | TenantGuardCMM)
    info = warmkey.cache_info()
    assert_type(info, CacheInfo)
    assert_type(info.as_dict(), dict[str, Any])
    assert_type(warmkey.purge(), int)
    assert_type(warmkey.purge("partition"), int)
    warmkey.reset()


def records(item: dict[str, Any]) -> None:
    path: tuple[str | int, ...] = ("lines", 0, "note")
    sealed = warmkey.seal_record(item, ["name", path], CONTEXT, bound_to=["id"], under="_secret", text=True)
    assert_type(sealed, dict[str, Any])
    assert_type(warmkey.unseal_record(sealed, CONTEXT, bound_to={"id": 7}, under="_secret"), dict[str, Any])
    warmkey.unseal_record(sealed, encryption_context=CONTEXT, missing="pass")
    assert_type(warmkey.is_sealed(sealed, under="_secret"), bool)


def powertools(bucket: S3Object, item: dict[str, Any]) -> None:
    masking = DataMasking(provider=WarmkeyProvider(json_serializer=json.dumps))
    masking.decrypt(masking.encrypt(item, tenant="a"), provider_options=None, tenant="a")
    fields = DataMaskingWithFields(raise_on_missing_field=False)
    fields.decrypt(fields.encrypt(item, {"bound_to": ["id"]}, fields=["card", ("a", "b")], tenant="a"), tenant="a")
    assert_type(fields.provider, WarmkeyProvider)
    DataMaskingWithFields(provider=object())  # type: ignore[arg-type]
    bucket.transform([DecryptTransform(CONTEXT, unsigned_only=True)])
    assert_type(DecryptTransform().transform(bucket).encryption_context, dict[str, str])


def tokens() -> None:
    token = warmkey.seal_token("cursor", CONTEXT, expires_in=60)
    assert_type(token, str)
    warmkey.seal_token(array("d", [1.5]), expires_in=0.5)
    with contextlib.suppress(TokenExpired):
        assert_type(warmkey.open_token(token, encryption_context=CONTEXT), bytes)


async def event_loops() -> None:
    message = await aio.encrypt(array("d", [1.5]), CONTEXT)
    assert_type(message, bytes)
    assert_type(await aio.decrypt(message, encryption_context=CONTEXT), bytes)
    assert_type(await aio.decrypt_text(await aio.encrypt_text("text"), CONTEXT), str)
    sealed = await aio.seal_record({"id": 1, "card": "x"}, ["card"], CONTEXT, bound_to=["id"], text=True)
    assert_type(sealed, dict[str, Any])
    assert_type(await aio.unseal_record(sealed, CONTEXT, bound_to={"id": 1}), dict[str, Any])
    token = await aio.seal_token("cursor", CONTEXT, expires_in=60)
    assert_type(await aio.open_token(token, CONTEXT), bytes)


def durable_functions() -> None:
    place = SerDesContext("operation", "arn")
    serdes = EncryptedSerDes(encryption_context=CONTEXT)
    assert_type(serdes.serialize({"any": "value"}, place), str)
    serdes.deserialize("text", place)
    serdes.warm_up()
    EncryptedSerDes(JsonSerDes(), lambda context: {"execution": context.durable_execution_arn}, bind=False)
    StepConfig(serdes=serdes)


def lengths() -> None:
    length = warmkey.message_length(
        100,
        algorithm_suite=AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
        encryption_context={"warmkey-kind": "record"},
        frame_length="auto",
        encrypted_data_key_lengths=[255, 255],
    )
    assert_type(length, int)


@instrument
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    return {"length": len(warmkey.encrypt(event["plaintext"]))}


def client(keyring: RawAesKeyring) -> None:
    strict = Client()
    assert_type(strict.commitment_policy, CommitmentPolicy)
    assert_type(strict.max_encrypted_data_keys, int | None)
    lenient = Client(
        commitment_policy=CommitmentPolicy.REQUIRE_ENCRYPT_ALLOW_DECRYPT,
        max_encrypted_data_keys=5,
    )
    made = lenient.encrypt(
        bytearray(b"plaintext"),
        keyring=keyring,
        encryption_context=CONTEXT,
        algorithm_suite=AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
        frame_length=1024,
    )
    assert_type(made, EncryptResult)
    assert_type(made.ciphertext, bytes)
    assert_type(made.encryption_context, dict[str, str])
    assert_type(made.algorithm_suite, AlgorithmSuite)
    assert_type(made.header.frame_length, int)
    opened = strict.decrypt(memoryview(made.ciphertext), cmm=DefaultCMM(keyring), encryption_context={"tenant": "a"})
    assert_type(opened, DecryptResult)
    assert_type(opened.plaintext, bytes)
    assert_type(opened.encryption_context, dict[str, str])
    assert_type(opened.header.message_id, bytes)


def streams(keyring: RawAesKeyring) -> None:
    with Path("plain").open("rb") as source, Path("message").open("wb") as target:
        message: BinaryIO = Client().encrypt_stream(source, keyring=keyring, plaintext_length=1_000_000)
        shutil.copyfileobj(message, target)
    with Path("message").open("rb") as source, Client().decrypt_stream(source, keyring=keyring) as plaintext:
        assert_type(plaintext.algorithm_suite, AlgorithmSuite)
        assert_type(plaintext.encryption_context, dict[str, str])
        assert_type(plaintext.read(16), bytes)
    Client().decrypt_stream(b"message", keyring=keyring, unsigned_only=True, max_body_length=2**20).close()


def caches(keyring: RawAesKeyring) -> None:
    seen: list[Event] = []
    cmm = CachingCMM(
        cache=LocalCMC(100),
        max_age=60,
        keyring=keyring,
        partition_id="partition",
        max_messages_encrypted=1_000,
        max_bytes_encrypted=2**30,
        max_age_jitter=0.1,
        emit=seen.append,
    )
    assert_type(cmm.partition_id, str)
    assert_type(cmm.purge(), int)
    assert_type(cmm.statistics(Operation.ENCRYPT), OperationStatistics)
    CachingCMM(cache=NullCMC(), max_age=0.5, cmm=cmm)
    required = RequiredEncryptionContextCMM(["tenant"], cmm=cmm)
    RequiredEncryptionContextCMM({"tenant"}, keyring=keyring)
    Client().encrypt(b"", cmm=required, encryption_context=CONTEXT)
    for event in seen:
        match event:
            case CacheHit(operation=operation) | CacheMiss(operation=operation):
                assert_type(operation.value, str)
            case KmsRequest(duration_seconds=seconds):
                assert_type(seconds, float)
            case _:
                pass


def kms_keyrings(kms: Any) -> None:
    one = AwsKmsKeyring(ARN, kms_client=kms, grant_tokens=["token"])
    ours = DiscoveryFilter("aws", ["111122223333"])
    children = (
        AwsKmsDiscoveryKeyring(kms_client=kms, discovery_filter=ours),
        AwsKmsMrkKeyring(ARN, kms_client=kms),
        AwsKmsMrkDiscoveryKeyring(kms_client=kms, region="us-east-1", discovery_filter=ours),
        AwsKmsRsaKeyring(ARN, encryption_algorithm="RSAES_OAEP_SHA_256", kms_client=kms),
        AwsKmsEcdhKeyring(
            KmsPublicKeyDiscovery(recipient_kms_identifier=ARN), curve_spec=EcdhCurveSpec.ECC_NIST_P256, kms_client=kms
        ),
        AwsKmsEcdhKeyring(
            KmsPrivateKeyToStaticPublicKey(sender_kms_identifier=ARN, recipient_public_key=b"der"),
            curve_spec=EcdhCurveSpec.ECC_NIST_P256,
            kms_client=kms,
        ),
    )
    MultiKeyring(one, children)

    def supply(region: str) -> Any:
        return kms

    aws_kms_multi_keyring(generator=ARN, children=[ARN], client_supplier=supply)
    aws_kms_discovery_multi_keyring(regions=["us-east-1"], discovery_filter=ours, client_supplier=supply)
    aws_kms_mrk_multi_keyring(generator=ARN, client_supplier=supply)
    aws_kms_mrk_discovery_multi_keyring(regions=["us-east-1"], discovery_filter=ours, client_supplier=supply)


def raw_keyrings() -> None:
    aes = RawAesKeyring("namespace", "name", bytes(32))
    rsa = RawRsaKeyring(
        "namespace", "name", PaddingScheme.OAEP_SHA256_MGF1, public_key=b"public PEM", private_key=b"private PEM"
    )
    spec = EcdhCurveSpec.ECC_NIST_P384
    RawEcdhKeyring(EphemeralPrivateKeyToStaticPublicKey(recipient_public_key=b"der"), curve_spec=spec)
    RawEcdhKeyring(PublicKeyDiscovery(recipient_static_private_key=b"pem"), curve_spec=spec)
    RawEcdhKeyring(
        RawPrivateKeyToStaticPublicKey(sender_static_private_key=b"pem", recipient_public_key=b"der"), curve_spec=spec
    )
    MultiKeyring(generator=aes, children=[rsa])


class OwnKeyring:
    """A keyring is whatever has these two methods."""

    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        return materials

    def on_decrypt(
        self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /
    ) -> DecryptionMaterials:
        assert_type(encrypted_data_keys[0].key_provider_id, str)
        return materials


class OwnCMM:
    """A CMM is whatever has these two methods."""

    def get_encryption_materials(self, request: EncryptionMaterialsRequest, /) -> EncryptionMaterials:
        assert_type(request.max_plaintext_length, int | None)
        return EncryptionMaterials(
            algorithm_suite=request.algorithm_suite or request.commitment_policy.default_suite,
            encryption_context=request.encryption_context,
        )

    def decrypt_materials(self, request: DecryptMaterialsRequest, /) -> DecryptionMaterials:
        return DecryptionMaterials(algorithm_suite=request.algorithm_suite)


class OwnCache:
    """A cache is whatever has these three methods."""

    def put_cache_entry(self, identifier: bytes, entry: CacheEntry, /) -> None:
        pass

    def get_cache_entry(self, identifier: bytes, /) -> CacheEntry | None:
        return None

    def delete_cache_entry(self, identifier: bytes, /) -> None:
        pass


def own_parts() -> None:
    Client().encrypt(b"", keyring=OwnKeyring())
    Client().decrypt(b"", cmm=OwnCMM())
    MultiKeyring(OwnKeyring())
    cache: CryptographicMaterialsCache = OwnCache()
    cmm: CryptographicMaterialsManager = OwnCMM()
    keyring: Keyring = OwnKeyring()
    CachingCMM(cache=cache, max_age=60, cmm=cmm)
    CachingCMM(cache=cache, max_age=60, keyring=keyring)
    assert_type(AlgorithmSuite(0x0478), AlgorithmSuite)
    assert_type(EncryptionContext.of({"tenant": "a"}), EncryptionContext)


def errors() -> None:
    try:
        warmkey.decrypt(b"")
    except MalformedMessage as error:
        assert_type(error.where, str)
        assert_type(error.offset, int)
    except KeyUnavailable as error:
        assert_type(error.attempts, tuple[KeyAttempt, ...])
    except (AuthenticationFailed, PolicyRefused, InvalidRequest, ConfigurationError):
        raise
    except WarmkeyError as error:
        assert_type(error, WarmkeyError)

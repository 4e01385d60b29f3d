"""The public contract: these names, called like this. What is not here is nobody's to rely on."""

from __future__ import annotations

import inspect
import pickle
import pkgutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
import warmkey.testing
from tests.architecture.sources import modules

if TYPE_CHECKING:
    from types import ModuleType

HELPERS = {
    "encrypt": "plaintext, encryption_context=None",
    "decrypt": "ciphertext, encryption_context=None",
    "encrypt_text": "text, encryption_context=None",
    "decrypt_text": "text, encryption_context=None",
    "configure": "*, kms_client=None, dynamodb_client=None, botocore_config=None, emit=…, clock=None, **settings",
    "warm_up": "",
    "self_check": "encryption_context=None, *, detail=False, function_timeout=None, only=None",
    "default_client": "",
    "default_cmm": "",
    "cache_info": "",
    "seal_record": "record, fields, encryption_context=None, *, bound_to=…, under=…, text=False",
    "unseal_record": "record, encryption_context=None, *, bound_to=None, under=…, missing=…",
    "is_sealed": "record, *, under=…",
    "seal_token": "data, encryption_context=None, *, expires_in=None",
    "open_token": "token, encryption_context=None",
    "message_length": (
        "plaintext_length, *, algorithm_suite=None, encryption_context=None, frame_length=4096, "
        "encrypted_data_key_lengths=…"
    ),
    "purge": "partition_id=None",
    "reset": "",
}
CLASSES = {
    "warmkey.Client": "*, commitment_policy=…, max_encrypted_data_keys=None",
    "warmkey.DefaultCMM": "keyring",
    "warmkey.LocalCMC": "capacity, …",
    "warmkey.caches.NullCMC": "",
    "warmkey.CachingCMM": (
        "*, cache, max_age, cmm=None, keyring=None, partition_id=None, max_messages_encrypted=…, "
        "max_bytes_encrypted=…, …"
    ),
    "warmkey.cmms.RequiredEncryptionContextCMM": "required_encryption_context_keys, *, cmm=None, keyring=None",
    "warmkey.MultiKeyring": "generator=None, children=…",
    "warmkey.keyrings.RawAesKeyring": "key_namespace, key_name, wrapping_key",
    "warmkey.keyrings.RawRsaKeyring": "key_namespace, key_name, padding_scheme, *, public_key=None, private_key=None",
    "warmkey.keyrings.DiscoveryFilter": "partition, account_ids",
    "warmkey.AwsKmsKeyring": "kms_key_id, *, kms_client, grant_tokens=…, …",
    "warmkey.keyrings.AwsKmsDiscoveryKeyring": "*, kms_client, discovery_filter=None, grant_tokens=…, …",
    "warmkey.keyrings.AwsKmsMrkKeyring": "kms_key_id, *, kms_client, grant_tokens=…, …",
    "warmkey.keyrings.AwsKmsMrkDiscoveryKeyring": ("*, kms_client, region, discovery_filter=None, grant_tokens=…, …"),
    "warmkey.durable.EncryptedSerDes": "inner=None, encryption_context=None, *, bind=True",
    "warmkey.powertools.WarmkeyProvider": "json_serializer=…, json_deserializer=…",
    "warmkey.powertools.DataMaskingWithFields": "provider=None, raise_on_missing_field=True",
    "warmkey.powertools.DecryptTransform": "encryption_context=None, *, unsigned_only=False, max_body_length=None",
}
METHODS = {
    "encrypt": (
        "plaintext, *, cmm=None, keyring=None, encryption_context=None, algorithm_suite=None, frame_length=4096"
    ),
    "decrypt": "ciphertext, *, cmm=None, keyring=None, encryption_context=None",
    "encrypt_stream": (
        "source, *, cmm=None, keyring=None, encryption_context=None, algorithm_suite=None, frame_length=4096, "
        "plaintext_length=None"
    ),
    "decrypt_stream": (
        "source, *, cmm=None, keyring=None, encryption_context=None, unsigned_only=False, max_body_length=None"
    ),
}
VALUES = {
    "AlgorithmSuite",
    "CommitmentPolicy",
    "EncryptResult",
    "DecryptResult",
    "EncryptedDataKey",
    "EncryptionContext",
    "EncryptionMaterials",
    "DecryptionMaterials",
    "EncryptionMaterialsRequest",
    "DecryptMaterialsRequest",
    "CacheEntry",
    "CacheInfo",
}
ERRORS = {
    "WarmkeyError",
    "AuthenticationFailed",
    "ConfigurationError",
    "InvalidRequest",
    "KeyAttempt",
    "KeyUnavailable",
    "MalformedMessage",
    "PolicyRefused",
    "TokenExpired",
}
CONTRACT = {
    "warmkey": {
        *HELPERS,
        *VALUES,
        *ERRORS,
        "AwsKmsKeyring",
        "CachingCMM",
        "Client",
        "DefaultCMM",
        "LocalCMC",
        "MultiKeyring",
        "instrument",
    },
    "warmkey.keyrings": {
        "AwsKmsDiscoveryKeyring",
        "AwsKmsEcdhKeyring",
        "AwsKmsKeyring",
        "AwsKmsMrkDiscoveryKeyring",
        "AwsKmsMrkKeyring",
        "AwsKmsRsaKeyring",
        "DiscoveryFilter",
        "EcdhCurveSpec",
        "EphemeralPrivateKeyToStaticPublicKey",
        "Keyring",
        "KmsPrivateKeyToStaticPublicKey",
        "KmsPublicKeyDiscovery",
        "MultiKeyring",
        "PaddingScheme",
        "PublicKeyDiscovery",
        "RawAesKeyring",
        "RawEcdhKeyring",
        "RawPrivateKeyToStaticPublicKey",
        "RawRsaKeyring",
        "aws_kms_discovery_multi_keyring",
        "aws_kms_mrk_discovery_multi_keyring",
        "aws_kms_mrk_multi_keyring",
        "aws_kms_multi_keyring",
    },
    "warmkey.cmms": {
        "CachingCMM",
        "CryptographicMaterialsManager",
        "DefaultCMM",
        "OperationStatistics",
        "RequiredEncryptionContextCMM",
    },
    "warmkey.caches": {"CacheEntry", "CryptographicMaterialsCache", "LocalCMC", "NullCMC"},
    "warmkey.observability": {"MessageStatistics", "Subscriber", "instrument"},
    "warmkey.durable": {"EncryptedSerDes"},
    "warmkey.powertools": {"DataMaskingWithFields", "DecryptTransform", "WarmkeyProvider"},
}
TEST_KIT = {"FakeKms", "SettableClock", "Recorder", "assert_kms_calls"}


def described(thing: Any, *, skip: int = 0) -> str:
    """A signature without annotations; default values that are not None, a bool or an int are ``…``."""
    parts: list[str] = []
    for parameter in list(inspect.signature(thing).parameters.values())[skip:]:
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        default = parameter.default
        shown = str(default) if default is None or (type(default) in (bool, int) and abs(default) < 10_000) else "…"
        name = f"**{parameter.name}" if parameter.kind is parameter.VAR_KEYWORD else parameter.name
        parts.append(name if default is parameter.empty else f"{name}={shown}")
    return ", ".join(parts)


def assert_called_like(thing: Any, expected: str, *, skip: int = 0) -> None:
    """Exactly so, or so and with more keyword arguments where *expected* ends with ``…``."""
    actual = described(thing, skip=skip)
    if not expected.endswith(", …"):
        assert actual == expected
        return
    prefix = expected.removesuffix(", …")
    assert actual == prefix or actual.startswith((f"{prefix}, ", f"{prefix}, *, "))
    parameters = list(inspect.signature(thing).parameters.values())
    more = parameters[len(prefix.replace("*, ", "").split(", ")) :]
    assert all(parameter.default is not parameter.empty for parameter in more)


@pytest.fixture(params=CONTRACT)
def package(request: pytest.FixtureRequest) -> ModuleType:
    return import_module(request.param)


def test_the_public_names_are_the_contracts(package: ModuleType) -> None:
    assert set(package.__all__) == CONTRACT[package.__name__]


def test_they_are_sorted_and_all_there(package: ModuleType) -> None:
    assert package.__all__ == sorted(package.__all__)
    assert set(package.__all__) <= set(dir(package))
    for name in package.__all__:
        assert getattr(package, name).__doc__


def test_other_names_are_not_there(package: ModuleType) -> None:
    with pytest.raises(AttributeError, match="no attribute 'Clients'"):
        package.Clients  # noqa: B018


def test_the_front_door_has_some_45_names_and_looks_none_up_later() -> None:
    """38 for messages, seven for stores (records, tokens, lengths and their one error), and one that examines."""
    assert len(warmkey.__all__) == 46
    assert not hasattr(warmkey, "__getattr__")


def test_a_name_is_one_thing_wherever_it_is_public() -> None:
    public = [(name, getattr(import_module(package), name)) for package, names in CONTRACT.items() for name in names]

    assert len({name for name, _ in public}) == len(set(public))


@pytest.mark.parametrize("module", [name for name in modules() if "." in name])
def test_importing_a_module_gives_the_module(module: str) -> None:
    """``import package.module as m`` takes what the package has under that name, so nothing else may have it."""
    package, _, name = module.rpartition(".")
    imported = import_module(module)

    assert getattr(import_module(package), name) is imported


@pytest.mark.parametrize("name", HELPERS)
def test_helpers_are_called_like_this(name: str) -> None:
    assert_called_like(getattr(warmkey, name), HELPERS[name])


@pytest.mark.parametrize("name", CLASSES)
def test_classes_are_called_like_this(name: str) -> None:
    assert_called_like(pkgutil.resolve_name(name), CLASSES[name])


@pytest.mark.parametrize("name", METHODS)
def test_the_clients_methods_are_called_like_this(name: str) -> None:
    assert_called_like(getattr(warmkey.Client, name), METHODS[name], skip=1)


def test_the_limits_of_the_caching_cmm_are_the_specifications() -> None:
    parameters = inspect.signature(warmkey.CachingCMM).parameters

    assert parameters["max_messages_encrypted"].default == 2**32
    assert parameters["max_bytes_encrypted"].default == 2**63 - 1
    assert parameters["max_age_jitter"].default == 0.0


@pytest.mark.parametrize(
    ("interface", "verbs"),
    [
        ("warmkey.DefaultCMM", {"get_encryption_materials": 1, "decrypt_materials": 1}),
        ("warmkey.CachingCMM", {"get_encryption_materials": 1, "decrypt_materials": 1}),
        ("warmkey.cmms.RequiredEncryptionContextCMM", {"get_encryption_materials": 1, "decrypt_materials": 1}),
        ("warmkey.keyrings.RawAesKeyring", {"on_encrypt": 1, "on_decrypt": 2}),
        ("warmkey.MultiKeyring", {"on_encrypt": 1, "on_decrypt": 2}),
        ("warmkey.AwsKmsKeyring", {"on_encrypt": 1, "on_decrypt": 2}),
        ("warmkey.LocalCMC", {"put_cache_entry": 2, "get_cache_entry": 1, "delete_cache_entry": 1}),
        ("warmkey.caches.NullCMC", {"put_cache_entry": 2, "get_cache_entry": 1, "delete_cache_entry": 1}),
    ],
)
def test_interfaces_are_called_with_the_specifications_verbs_by_position(interface: str, verbs: dict[str, int]) -> None:
    for verb, count in verbs.items():
        parameters = list(inspect.signature(getattr(pkgutil.resolve_name(interface), verb)).parameters.values())[1:]
        positional = [parameter for parameter in parameters if parameter.kind is parameter.POSITIONAL_ONLY]

        assert len(positional) == count
        assert all(parameter.default is not parameter.empty for parameter in parameters[count:])


def test_the_test_kit_has_what_it_promises() -> None:
    assert set(warmkey.testing.__all__) >= TEST_KIT


def test_loading_warmkey_loads_neither_boto3_nor_powertools_nor_the_test_kit() -> None:
    program = "import sys, warmkey; print(*sorted({name.partition('.')[0] for name in sys.modules}), *sys.modules)"
    source = Path(warmkey.__file__).parents[1]
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(source)}
    ).stdout.split()

    assert not {"boto3", "aws_lambda_powertools", "moto", "pytest", "warmkey.testing"} & set(loaded)


def test_public_classes_are_found_where_they_say_they_are(package: ModuleType) -> None:
    for name in package.__all__:
        thing = getattr(package, name)
        if isinstance(thing, type):
            assert pickle.loads(pickle.dumps(thing)) is thing

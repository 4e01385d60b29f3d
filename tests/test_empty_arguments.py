"""Nothing empty means everything: each empty value is refused, or listed here as what it is.

An empty list of accounts that permits every account, or an empty text that turns a refusal off, is how a variable that
was never set becomes a hole. The test goes through every constructor, so a new argument has to be refused or listed.
"""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from warmkey import Client, ConfigurationError, InvalidRequest, KeyUnavailable, keyrings
from warmkey.caches import LocalCMC
from warmkey.cmms import CachingCMM, DefaultCMM, RequiredEncryptionContextCMM
from warmkey.lambda_runtime.settings import ROWS, check_keywords
from warmkey.testing import FakeKms

if TYPE_CHECKING:
    from collections.abc import Callable

KMS = FakeKms()
ARN = KMS.create_key()
RAW = keyrings.RawAesKeyring("namespace", "name", bytes(32))
SCHEMA = keyrings.KmsPublicKeyDiscovery(recipient_kms_identifier=KMS.create_key(key_spec="ECC_NIST_P256"))


def supply(_region: str | None) -> FakeKms:
    return KMS


CONSTRUCTORS: dict[str, tuple[Callable[..., object], dict[str, Any]]] = {
    "AwsKmsDiscoveryKeyring": (keyrings.AwsKmsDiscoveryKeyring, {"kms_client": KMS}),
    "AwsKmsEcdhKeyring": (
        keyrings.AwsKmsEcdhKeyring,
        {"kms_client": KMS, "curve_spec": keyrings.EcdhCurveSpec.ECC_NIST_P256, "key_agreement_schema": SCHEMA},
    ),
    "AwsKmsKeyring": (keyrings.AwsKmsKeyring, {"kms_key_id": ARN, "kms_client": KMS}),
    "AwsKmsMrkDiscoveryKeyring": (
        keyrings.AwsKmsMrkDiscoveryKeyring,
        {"kms_client": KMS, "region": "us-east-1"},
    ),
    "AwsKmsMrkKeyring": (keyrings.AwsKmsMrkKeyring, {"kms_key_id": ARN, "kms_client": KMS}),
    "AwsKmsRsaKeyring": (
        keyrings.AwsKmsRsaKeyring,
        {"kms_key_id": ARN, "kms_client": KMS, "encryption_algorithm": "RSAES_OAEP_SHA_256"},
    ),
    "CachingCMM": (CachingCMM, {"cache": LocalCMC(5), "max_age": 60, "keyring": RAW}),
    "Client": (Client, {}),
    "DefaultCMM": (DefaultCMM, {"keyring": RAW}),
    "DiscoveryFilter": (keyrings.DiscoveryFilter, {"partition": "aws", "account_ids": ["111122223333"]}),
    "FakeKms": (FakeKms, {}),
    "LocalCMC": (LocalCMC, {"capacity": 5}),
    "MultiKeyring": (keyrings.MultiKeyring, {"generator": RAW, "children": [RAW]}),
    "RawAesKeyring": (
        keyrings.RawAesKeyring,
        {"key_namespace": "namespace", "key_name": "name", "wrapping_key": bytes(32)},
    ),
    "RequiredEncryptionContextCMM": (
        RequiredEncryptionContextCMM,
        {"required_encryption_context_keys": ["tenant"], "keyring": RAW},
    ),
    "aws_kms_discovery_multi_keyring": (
        keyrings.aws_kms_discovery_multi_keyring,
        {"regions": ["us-east-1"], "client_supplier": supply},
    ),
    "aws_kms_mrk_discovery_multi_keyring": (
        keyrings.aws_kms_mrk_discovery_multi_keyring,
        {"regions": ["us-east-1"], "client_supplier": supply},
    ),
    "aws_kms_mrk_multi_keyring": (
        keyrings.aws_kms_mrk_multi_keyring,
        {"generator": ARN, "children": [ARN], "client_supplier": supply},
    ),
    "aws_kms_multi_keyring": (
        keyrings.aws_kms_multi_keyring,
        {"generator": ARN, "children": [ARN], "client_supplier": supply},
    ),
}
EMPTY: tuple[object, ...] = ("", b"", [], (), {}, set(), frozenset(), 0, 0.0, False)
SETS: tuple[object, ...] = ({"a", "b"}, frozenset({"a", "b"}))

# What an argument accepts of these, and what it means.
NONE_OF_THEM = ([], (), set(), frozenset())
DOCUMENTED: dict[tuple[str, str], tuple[tuple[object, ...], str]] = {
    ("CachingCMM", "max_bytes_encrypted"): ((0,), "every message that is not empty gets a data key of its own"),
    ("CachingCMM", "max_age_jitter"): ((0, 0.0), "no jitter"),
    ("CachingCMM", "refresh_ahead"): ((False,), "off"),
    ("CachingCMM", "remember_failures_seconds"): ((0, 0.0), "remembers nothing"),
    ("AwsKmsHierarchicalKeyring", "remember_failures_seconds"): ((0, 0.0), "remembers nothing"),
    ("RawAesKeyring", "key_namespace"): (("",), "decrypts only: other clients write such messages"),
    ("LocalCMC", "capacity"): ((0,), "keeps none"),
    ("LocalCMC", "pruning_tail_size"): ((0,), "look-ups check no other entry"),
    **{
        (name, "grant_tokens"): (NONE_OF_THEM, "none are sent, as by default")
        for name, (make, _) in CONSTRUCTORS.items()
        if "grant_tokens" in inspect.signature(make).parameters
    },
    **{
        (name, "children"): (([], ()), "no children beside the generator, as by default")
        for name in ("MultiKeyring", "aws_kms_multi_keyring", "aws_kms_mrk_multi_keyring")
    },
}
# Where their order means nothing, sets of text are as good as lists.
UNORDERED = {"account_ids", "grant_tokens", "required_encryption_context_keys"}

ARGUMENTS = [
    (name, parameter)
    for name, (make, _) in CONSTRUCTORS.items()
    for parameter in inspect.signature(make).parameters
    # Subscribers and clocks are told apart by their methods, whatever their truth: their own tests.
    if parameter not in ("emit", "clock")
]


def accepted(name: str, parameter: str, values: tuple[object, ...]) -> list[object]:
    make, arguments = CONSTRUCTORS[name]
    found = []
    for value in values:
        with suppress(ConfigurationError, ValueError):
            with suppress(KeyUnavailable):  # it was accepted, and KMS was asked
                make(**{**arguments, parameter: value})
            found.append(value)
    return found


def same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


@pytest.mark.parametrize(("name", "parameter"), ARGUMENTS)
def test_an_empty_argument_is_refused_or_listed(name: str, parameter: str) -> None:
    allowed, _ = DOCUMENTED.get((name, parameter), ((), ""))
    found = accepted(name, parameter, EMPTY)

    assert [value for value in found if not any(same(value, other) for other in allowed)] == []


@pytest.mark.parametrize(("name", "parameter"), ARGUMENTS)
def test_a_set_is_refused_where_the_order_matters(name: str, parameter: str) -> None:
    found = accepted(name, parameter, SETS)

    assert found == [] or parameter in UNORDERED


@pytest.mark.parametrize("setting", ROWS)
@pytest.mark.parametrize("value", ["", " ", [], (), set(), None], ids=repr)
def test_an_empty_setting_is_refused(setting: str, value: object) -> None:
    with pytest.raises(ConfigurationError, match=setting):
        check_keywords({setting: value})


@pytest.mark.parametrize("setting", ["kms_key_arns", "decrypt_key_arns"])
def test_a_set_of_key_arns_has_no_first_one(setting: str) -> None:
    with pytest.raises(ConfigurationError, match="order"):
        check_keywords({setting: {ARN}})


def test_discovery_without_accounts_is_not_discovery_in_every_account() -> None:
    with pytest.raises(ConfigurationError, match="discovery_accounts"):
        warmkey.configure(kms_mode="discovery", discovery_accounts=[])


def test_an_empty_partition_is_not_all_of_them() -> None:
    with pytest.raises(InvalidRequest, match="partition_id must be a str that is not empty, or None"):
        warmkey.purge("")


@pytest.mark.parametrize("value", ["", None, 0, "off", []])
def test_unsigned_only_is_never_off_by_mistake(value: Any) -> None:
    with pytest.raises(InvalidRequest, match="unsigned_only must be True or False"):
        Client().decrypt_stream(b"", keyring=RAW, unsigned_only=value)

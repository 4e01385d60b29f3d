"""The four configurations of KMS keys, and what each makes of a stored ARN."""

from __future__ import annotations

from typing import Any

import pytest

from warmkey import ConfigurationError
from warmkey.branch_keys import KmsConfiguration
from warmkey.branch_keys.kms_configuration import parse_key_arn

KEY = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER = "arn:aws:kms:us-east-1:111122223333:key/00000000-12ab-34cd-56ef-1234567890ab"
MRK = "arn:aws:kms:us-east-1:111122223333:key/mrk-1234567890abcdef1234567890abcdef"
REPLICA = MRK.replace("us-east-1", "eu-west-1")
ALIAS = "arn:aws:kms:us-east-1:111122223333:alias/mrk-1234567890abcdef1234567890abcdef"

STRICT = KmsConfiguration(kms_key_arn=MRK)
MRK_AWARE = KmsConfiguration(kms_mrk_key_arn=MRK)
DISCOVERY = KmsConfiguration(discovery=True)
MRK_DISCOVERY = KmsConfiguration(mrk_discovery_region="eu-west-1")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"discovery": False},
        {"kms_key_arn": KEY, "kms_mrk_key_arn": KEY},
        {"kms_key_arn": KEY, "discovery": True},
        {"discovery": True, "mrk_discovery_region": "eu-west-1"},
        {"kms_key_arn": KEY, "kms_mrk_key_arn": KEY, "discovery": True, "mrk_discovery_region": "eu-west-1"},
    ],
    ids=str,
)
def test_exactly_one_is_given(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="give one of kms_key_arn, kms_mrk_key_arn, discovery=True and"):
        KmsConfiguration(**given)


# spec: framework/branch-key-store.md#aws-kms-configuration 58b7 6fde c9df
@pytest.mark.parametrize("kind", ["kms_key_arn", "kms_mrk_key_arn"])
@pytest.mark.parametrize(
    "arn",
    [
        "",
        "nonsense",
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        "alias/name",
        ALIAS,
        KEY.replace("111122223333", ""),
        KEY.replace("us-east-1", ""),
        KEY.replace(":kms:", ":s3:"),
        KEY.replace("arn:", "urn:"),
        KEY.replace("key/", "key"),
        KEY + "/more",
        KEY.partition("key/")[0] + "key/",
        KEY + ":more",
        7,
        b"bytes",
    ],
    ids=str,
)
def test_what_is_not_a_key_arn_is_refused(kind: str, arn: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"^{kind} must be a KMS key ARN"):
        KmsConfiguration(**{kind: arn})


# spec: framework/branch-key-store.md#aws-kms-configuration ee9a
@pytest.mark.parametrize("kind", ["kms_key_arn", "kms_mrk_key_arn"])
def test_either_kind_takes_either_kind_of_key(kind: str) -> None:
    assert KmsConfiguration(**{kind: KEY}).key_arn == KEY
    assert KmsConfiguration(**{kind: MRK}).key_arn == MRK


def test_the_error_says_why_an_alias_is_not_taken() -> None:
    with pytest.raises(ConfigurationError, match="an alias could point to another key tomorrow"):
        KmsConfiguration(kms_key_arn=ALIAS)


# spec: framework/branch-key-store.md#aws-kms-configuration 8b45
@pytest.mark.parametrize("region", ["", "EU", "eu", "eu west 1", "eu-west-1:", 7])
def test_what_is_not_a_region_is_refused(region: Any) -> None:
    with pytest.raises(ConfigurationError, match="mrk_discovery_region must be a Region such as eu-west-1"):
        KmsConfiguration(mrk_discovery_region=region)


@pytest.mark.parametrize("discovery", ["yes", 1, None])
def test_discovery_is_a_switch(discovery: Any) -> None:
    with pytest.raises(ConfigurationError, match="discovery must be True or False"):
        KmsConfiguration(discovery=discovery, kms_key_arn=KEY)


@pytest.mark.parametrize(
    ("configuration", "region"),
    [(STRICT, "us-east-1"), (MRK_AWARE, "us-east-1"), (DISCOVERY, None), (MRK_DISCOVERY, "eu-west-1")],
    ids=str,
)
def test_the_region_that_clients_are_made_for(configuration: KmsConfiguration, region: str | None) -> None:
    assert configuration.region == region


# Source: framework/branch-key-store.md#aws-key-arn-compatibility
# spec: framework/branch-key-store.md#versionkey f625
# spec: framework/branch-key-store.md#aws-kms-branch-key-decryption 7ff7
@pytest.mark.parametrize(
    ("configuration", "fits"),
    [
        (STRICT, {MRK}),
        (MRK_AWARE, {MRK, REPLICA}),
        (KmsConfiguration(kms_mrk_key_arn=KEY), {KEY}),
        (DISCOVERY, {KEY, OTHER, MRK, REPLICA}),
        (MRK_DISCOVERY, {KEY, OTHER, MRK, REPLICA}),
    ],
    ids=["strict", "mrk", "mrk of one Region", "discovery", "mrk-discovery"],
)
def test_which_stored_arns_fit(configuration: KmsConfiguration, fits: set[str]) -> None:
    every = {KEY, OTHER, MRK, REPLICA, ALIAS, KEY.replace("us-east-1", "eu-west-1"), "nonsense"} - {
        KEY.replace("us-east-1", "eu-west-1") if configuration.key_arn is None else ""
    }

    assert {arn for arn in every if configuration.refusal(arn) is None} == fits


# spec: framework/branch-key-store.md#discovery e057
# spec: framework/branch-key-store.md#mrdiscovery e057
@pytest.mark.parametrize(
    ("configuration", "stored", "asked"),
    [
        (STRICT, MRK, MRK),
        (MRK_AWARE, REPLICA, MRK),
        (DISCOVERY, MRK, MRK),
        (DISCOVERY, KEY, KEY),
        (MRK_DISCOVERY, MRK, REPLICA),
        (MRK_DISCOVERY, REPLICA, REPLICA),
        (MRK_DISCOVERY, KEY, KEY),
    ],
    ids=str,
)
def test_which_key_is_asked(configuration: KmsConfiguration, stored: str, asked: str) -> None:
    assert configuration.key_to_ask(stored) == asked


def test_the_parts_of_a_key_arn() -> None:
    arn = parse_key_arn(MRK)

    assert arn is not None
    assert (arn.region, arn.is_multi_region, str(arn)) == ("us-east-1", True, MRK)

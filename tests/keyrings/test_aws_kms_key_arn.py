"""What is an AWS KMS ARN, what is an identifier, what is a multi-Region one."""

from __future__ import annotations

from typing import Any

import pytest

from warmkey import ConfigurationError
from warmkey.keyrings.aws_kms_key_arn import (
    check_kms_identifier,
    is_multi_region_identifier,
    parse_kms_arn,
    region_of,
)

KEY = "arn:aws:kms:us-east-1:2222222222222:key/1234abcd-12ab-34cd-56ef-1234567890ab"
REPLICA = "arn:aws:kms:us-east-1:2222222222222:key/mrk-4321abcd12ab34cd56ef1234567890ab"
ALIAS = "arn:aws:kms:us-east-1:2222222222222:alias/mrk-nasty"


# spec: framework/aws-kms/aws-kms-key-arn.md#a-valid-aws-kms-arn 70d0
@pytest.mark.parametrize(
    "arn",
    [
        KEY,
        REPLICA,
        ALIAS,
        "arn:aws:kms:us-east-1:2222222222222:alias/my/friendly/name",
        "arn:aws-us-gov:kms:us-gov-west-1:2222222222222:key/1234abcd",
        "arn:aws-cn:kms:cn-north-1:2222222222222:key/1234abcd",
        "arn:not:kms:not:not:key/not",
    ],
)
def test_a_valid_arn_is_parsed_and_written_the_same(arn: str) -> None:
    assert str(parse_kms_arn(arn)) == arn


# spec: framework/aws-kms/aws-kms-key-arn.md#a-valid-aws-kms-arn 06f7 df13 6939 15b5 329a 70d0 d42f 749e
@pytest.mark.parametrize(
    "text",
    [
        "arn:aws:kms:us-east-1:2222222222222:key/",
        "arn:aws:kms:us-east-1:2222222222222:key:mrk-4321",
        "arn:aws:kms:us-east-1:2222222222222:",
        "arn:aws:kms:us-east-1::key/mrk-4321",
        "arn:aws:kms::2222222222222:key/mrk-4321",
        "arn:aws::us-east-1:2222222222222:key/mrk-4321",
        "arn::kms:us-east-1:2222222222222:key/mrk-4321",
        ":aws:kms:us-east-1:2222222222222:key/mrk-4321",
        "arn:aws:s3:us-east-1:2222222222222:key/mrk-4321",
        "arn-not:aws:kms:us-east-1:2222222222222:key/mrk-4321",
        "arn:aws:kms:us-east-1:2222222222222:key-not/mrk-4321",
        "arn:aws:kms:us-east-1:2222222222222:keymrk-4321",
        "arn:aws:kms:us-east-1:2222222222222:key/mrk-4321:more",
        "arn:aws:kms:us-east-1:2222222222222:alias/",
        "mrk-4321",
        "alias/mrk-4321",
        "",
    ],
)
def test_an_invalid_arn_is_none(text: str) -> None:
    assert parse_kms_arn(text) is None


# spec: framework/aws-kms/aws-kms-key-arn.md#identifying-an-an-aws-kms-multi-region-identifier 22c0 066b c967 7ab1 e19d
# spec: framework/aws-kms/aws-kms-key-arn.md#identifying-an-an-aws-kms-multi-region-arn a4eb a9d3 a74e 3a86
@pytest.mark.parametrize(
    ("identifier", "multi_region"),
    [
        (REPLICA, True),
        ("mrk-4321abcd12ab34cd56ef1234567890ab", True),
        (KEY, False),
        (ALIAS, False),
        ("alias/mrk-1234", False),
        ("1234abcd-12ab-34cd-56ef-mrk-", False),
        ("arn:aws:dynamodb:us-east-1:2222222222222:key/mrk-4321", False),
    ],
)
def test_multi_region_identifiers_are_told_by_their_resource(identifier: str, multi_region: object) -> None:
    assert is_multi_region_identifier(identifier) is multi_region


def test_the_parts_of_an_arn() -> None:
    arn = parse_kms_arn(ALIAS)

    assert arn is not None
    assert (arn.partition, arn.region, arn.account, arn.resource_type, arn.resource_id, arn.is_key) == (
        "aws", "us-east-1", "2222222222222", "alias", "mrk-nasty", False,
    )  # fmt: skip


# Source: framework/aws-kms/aws-kms-key-arn.md#a-valid-aws-kms-identifier
@pytest.mark.parametrize("identifier", [KEY, ALIAS, "alias/mine", "1234abcd-12ab-34cd-56ef-1234567890ab", "mrk-4321"])
def test_identifiers_that_kms_takes_are_returned_as_they_are(identifier: str) -> None:
    assert check_kms_identifier(identifier, "name") == identifier


A_KEY = "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k="


@pytest.mark.parametrize(
    ("identifier", "problem"),
    [
        ("", "must be a key ARN, an alias ARN, alias/NAME or a key ID, not str of length 0"),
        ("  ", "or a key ID, not str of length 2"),
        (None, "or a key ID, not None"),
        (5, "or a key ID, not 5"),
        (b"x", "or a key ID, not bytes of length 1"),
        ("alias", "or a key ID, not str of length 5"),
        ("alias/", "or a key ID, not str of length 6"),
        (A_KEY, "or a key ID, not str of length 44"),
        ("-----BEGIN PRIVATE KEY-----", "or a key ID, not str of length 27"),
        ("hunter2", "or a key ID, not str of length 7"),
        (
            "arn:aws:kms:eu-west-1:1:key/hunter 2",
            "str of length 36 has characters that an AWS KMS ARN can't have",
        ),
        ("arn:aws:kms", "'arn:aws:kms' is not a valid AWS KMS ARN"),
        (" 1234", "begins or ends with white space; remove it"),
        (KEY + "\n", "begins or ends with white space; remove it"),
        (f'"{KEY}"', "is in quotation marks; leave them out"),
        (f"'{KEY}'", "is in quotation marks; leave them out"),
        (f"\u201c{KEY}\u201d", "is in quotation marks; leave them out"),
        (f'["{KEY}"]', "is JSON; give the ARNs themselves, without brackets and quotation marks"),
        (f'{{"Arn": "{KEY}"}}', "is JSON; give the ARNs themselves, without brackets and quotation marks"),
    ],
)
def test_what_can_not_be_an_identifier_is_refused_by_name_and_reason(identifier: Any, problem: str) -> None:
    """What is not of an identifier's form may be a key in the wrong place, so it is not shown."""
    with pytest.raises(ConfigurationError) as caught:
        check_kms_identifier(identifier, "the setting")

    assert str(caught.value).startswith("the setting ")
    assert str(caught.value).endswith(problem)


@pytest.mark.parametrize(
    ("identifier", "region"),
    [
        ("arn:aws:kms:eu-west-1:111122223333:key/1", "eu-west-1"),
        ("arn:aws-eusc:kms:eusc-de-east-1:111122223333:alias/orders", "eusc-de-east-1"),
        ("alias/orders", None),
        ("1234", None),
    ],
)
def test_an_arn_says_its_region_and_nothing_else_does(identifier: str, region: str | None) -> None:
    assert region_of(identifier) == region

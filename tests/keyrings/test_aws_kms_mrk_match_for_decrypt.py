from __future__ import annotations

import pytest

from warmkey.keyrings.aws_kms_mrk_match_for_decrypt import match_for_decrypt

EAST = "arn:aws:kms:us-east-1:111122223333:key/mrk-1"
WEST = "arn:aws:kms:us-west-2:111122223333:key/mrk-1"
SINGLE = "arn:aws:kms:us-east-1:111122223333:key/1"


# spec: framework/aws-kms/aws-kms-mrk-match-for-decrypt.md#implementation c85b b206
@pytest.mark.parametrize("identifier", [EAST, SINGLE, "mrk-1", "1", "alias/a", "arn:aws:kms:r:a:alias/mrk-1"])
def test_the_same_identifier_matches(identifier: str) -> None:
    assert match_for_decrypt(identifier, identifier)


# spec: framework/aws-kms/aws-kms-mrk-match-for-decrypt.md#implementation 8ea6
def test_replicas_match_whatever_their_regions() -> None:
    assert match_for_decrypt(EAST, WEST)


# spec: framework/aws-kms/aws-kms-mrk-match-for-decrypt.md#implementation dc79 8ea6
@pytest.mark.parametrize(
    "other",
    [
        "arn:aws-cn:kms:us-west-2:111122223333:key/mrk-1",
        "arn:aws:kms:us-west-2:444455556666:key/mrk-1",
        "arn:aws:kms:us-west-2:111122223333:key/mrk-2",
        "arn:aws:kms:us-west-2:111122223333:key/mrk-1/",
        "arn:aws:kms:us-west-2:111122223333:alias/mrk-1",
        "arn:aws:rds:us-west-2:111122223333:key/mrk-1",
        "arn:aws:kms:us-west-2:111122223333:key/1",
        "mrk-1",
        "alias/mrk-1",
        "",
    ],
)
def test_nothing_else_matches(other: str) -> None:
    assert not match_for_decrypt(EAST, other)
    assert not match_for_decrypt(other, EAST)


# spec: framework/aws-kms/aws-kms-mrk-match-for-decrypt.md#implementation dc79
def test_single_region_keys_of_two_regions_do_not_match() -> None:
    assert not match_for_decrypt(SINGLE, SINGLE.replace("us-east-1", "us-west-2"))

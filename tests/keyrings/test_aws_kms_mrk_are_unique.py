from __future__ import annotations

import pytest

from warmkey import ConfigurationError
from warmkey.keyrings.aws_kms_mrk_are_unique import check_multi_region_keys_are_unique

ARN = "arn:aws:kms:{}:111122223333:key/{}"
EAST, WEST = ARN.format("us-east-1", "mrk-1"), ARN.format("us-west-2", "mrk-1")
OTHER = ARN.format("us-east-1", "mrk-2")
SINGLE = ARN.format("us-east-1", "1")


# spec: framework/aws-kms/aws-kms-mrk-are-unique.md#implementation b06c 4d24 0e18
@pytest.mark.parametrize(
    "identifiers", [[], [SINGLE, SINGLE], [EAST, OTHER, SINGLE], ["alias/mrk-1", "alias/mrk-1", EAST]], ids=repr
)
def test_no_multi_region_key_twice_is_fine(identifiers: list[str]) -> None:
    check_multi_region_keys_are_unique(identifiers)


# spec: framework/aws-kms/aws-kms-mrk-are-unique.md#implementation eaa1
def test_every_identifier_of_a_repeated_key_is_listed_and_no_other() -> None:
    second = ARN.format("eu-west-1", "mrk-2")

    with pytest.raises(ConfigurationError) as failure:
        check_multi_region_keys_are_unique([EAST, OTHER, SINGLE, WEST, second, "alias/mrk-1"])

    assert str(failure.value).endswith(f": {EAST}, {OTHER}, {WEST}, {second}")


def test_a_key_id_and_an_arn_name_the_same_key() -> None:
    with pytest.raises(ConfigurationError):
        check_multi_region_keys_are_unique([EAST, "mrk-1"])

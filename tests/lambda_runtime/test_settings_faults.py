"""Everything that is wrong with the settings, at once."""

from __future__ import annotations

from tests.policy.printed import clean_environment
from warmkey.lambda_runtime.settings_faults import FaultKind, faults

KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def test_each_variable_and_keyword_is_judged_by_itself() -> None:
    with clean_environment(WARMKEY_KMS_KEY_ARNS=KEY, WARMKEY_CACHES="on", WARMKEY_MAX_AGE_SECONDS="long"):
        found = faults({"cache_capacity": -1, "max_ages": 1})

    assert [fault.kind for fault in found] == [
        FaultKind.INVALID,
        FaultKind.UNKNOWN,
        FaultKind.UNKNOWN,
        FaultKind.INVALID,
    ]
    assert all(str(fault.error) for fault in found)


def test_what_they_say_together_is_judged_where_each_is_valid() -> None:
    with clean_environment(WARMKEY_BRANCH_KEY_ID="acme", WARMKEY_KMS_KEY_ARNS=KEY):
        (found,) = faults({})
        assert found.kind is FaultKind.CONTRADICTORY
        assert [fault.kind for fault in faults({"cache": "maybe"})] == [FaultKind.INVALID]


def test_a_keyword_hides_the_variable_that_it_overrides() -> None:
    with clean_environment(WARMKEY_KMS_KEY_ARNS="not an ARN"):
        assert faults({"kms_key_arns": KEY}) == []


def test_there_may_be_none() -> None:
    with clean_environment(WARMKEY_KMS_KEY_ARNS=KEY):
        assert faults({}) == []

"""Counting KMS requests."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.client import BaseClient
from moto import mock_aws

from warmkey.testing import FakeKms, assert_kms_calls


def moto_client() -> Any:
    return boto3.client("kms", region_name="us-east-1")


@mock_aws
def test_it_counts_the_requests_of_clients_that_exist_and_of_new_ones() -> None:
    existing = moto_client()

    with assert_kms_calls(2) as counter:
        key = existing.create_key()["KeyMetadata"]["Arn"]
        moto_client().generate_data_key(KeyId=key, NumberOfBytes=32)

    existing.describe_key(KeyId=key)
    assert counter.operations == ["CreateKey", "GenerateDataKey"]
    assert repr(counter) == "<KmsCounter ['CreateKey', 'GenerateDataKey']>"


@mock_aws
def test_other_services_do_not_count() -> None:
    with assert_kms_calls(0):
        boto3.client("sts", region_name="us-east-1").get_caller_identity()


def test_it_counts_the_requests_to_a_fake() -> None:
    kms = FakeKms()
    key = kms.create_key()

    with assert_kms_calls(1, "Encrypt"), assert_kms_calls(2):
        kms.encrypt(KeyId=key, Plaintext=b"x")
        kms.generate_data_key(KeyId=key, NumberOfBytes=32)


def test_a_wrong_count_fails_with_the_list_of_requests() -> None:
    kms = FakeKms()
    key = kms.create_key()

    with pytest.raises(AssertionError) as failure, assert_kms_calls(1, "GenerateDataKey"):
        kms.encrypt(KeyId=key, Plaintext=b"x")

    assert str(failure.value) == "expected 1 KMS requests (GenerateDataKey), counted 0; all of them: Encrypt"
    with (
        pytest.raises(AssertionError, match="expected 1 KMS requests, counted 0; all of them: none"),
        assert_kms_calls(1),
    ):
        pass


def test_an_error_in_the_block_is_not_hidden_by_the_count() -> None:
    with pytest.raises(RuntimeError), assert_kms_calls(1):
        raise RuntimeError


def test_boto3_is_left_as_it_was_found() -> None:
    before = BaseClient._make_api_call

    with assert_kms_calls(0), assert_kms_calls(0):
        assert before is not BaseClient._make_api_call

    assert before is BaseClient._make_api_call

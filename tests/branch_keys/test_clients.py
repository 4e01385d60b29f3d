"""The clients that a key store makes for itself."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import boto3
import pytest

from warmkey import ConfigurationError
from warmkey.branch_keys import BranchKeyStore
from warmkey.branch_keys.clients import make_client

ARN = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


@pytest.fixture(autouse=True)
def _region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "ap-south-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)


# spec: framework/branch-key-store.md#dynamodb-client d719 c003 2ef2
# spec: framework/branch-key-store.md#kms-client 2bae 574b 4308
@pytest.mark.parametrize(
    ("configuration", "region"),
    [
        ({"kms_key_arn": ARN}, "eu-west-1"),
        ({"kms_mrk_key_arn": ARN}, "eu-west-1"),
        ({"mrk_discovery_region": "us-west-2"}, "us-west-2"),
        ({"discovery": True}, "ap-south-1"),
    ],
    ids=str,
)
def test_they_are_made_for_the_region_of_the_configuration(configuration: dict[str, Any], region: str) -> None:
    store = BranchKeyStore("branch-keys", **configuration)

    clients = [store._keys._kms._client, store._table._requests._client]
    assert [client.meta.service_model.service_name for client in clients] == ["kms", "dynamodb"]
    assert {client.meta.region_name for client in clients} == {region}


# spec: framework/branch-key-store.md#kms-client 74af
def test_they_wait_for_seconds_and_say_who_they_are() -> None:
    config = make_client("dynamodb", "eu-west-1").meta.config

    assert (config.connect_timeout, config.read_timeout, config.retries["total_max_attempts"]) == (1, 1, 3)
    assert config.user_agent_extra == "aws-kms-hierarchy"


def test_no_region_is_an_error_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")

    problem = r"boto3 can't make a client for kms: You must specify a region\. Name it by AWS_DEFAULT_REGION"
    with pytest.raises(ConfigurationError, match=problem):
        make_client("kms", None)


def test_without_boto3_the_clients_have_to_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)

    with pytest.raises(ConfigurationError, match=r"boto3 can't be imported: .*; install it, or give the clients"):
        make_client("kms", None)


def test_nothing_else_imports_branch_keys_nor_they_boto3() -> None:
    script = """
import sys, warmkey
assert not [name for name in sys.modules if name.startswith("warmkey.branch_keys")]
import warmkey.branch_keys
print(sorted({"boto3", "botocore"} & sys.modules.keys()))
"""
    run = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert run.stdout.strip() == "[]"

"""botocore must not log what passes between us and KMS."""

from __future__ import annotations

import base64
import logging
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from moto import mock_aws

import warmkey
from warmkey.keyrings.log_redaction import discreet

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTEXT = {"tenant": "the value of a context"}


class Witness:
    """A boto3 KMS client that remembers the data keys that pass through it."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.meta = client.meta
        self.data_keys: set[bytes] = set()

    def __getattr__(self, name: str) -> Any:
        def send(**parameters: Any) -> Any:
            response = getattr(self._client, name)(**parameters)
            self.data_keys |= {both["Plaintext"] for both in (parameters, response) if "Plaintext" in both}
            return response

        return send


@pytest.fixture
def kms() -> Iterator[Any]:
    with mock_aws():
        yield boto3.client("kms", region_name="us-east-1", aws_access_key_id="testing", aws_secret_access_key="testing")


def test_debug_logging_shows_neither_data_keys_nor_context_values(kms: Any, caplog: pytest.LogCaptureFixture) -> None:
    """GenerateDataKey, Encrypt under a second key, and Decrypt; botocore logs them all in full."""
    arns = [kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2)]
    witness = Witness(kms)
    keyring = warmkey.MultiKeyring(*_split(warmkey.AwsKmsKeyring(arn, kms_client=witness) for arn in arns))
    client = warmkey.Client()

    with caplog.at_level(logging.DEBUG):
        message = client.encrypt(b"secret", keyring=keyring, encryption_context=CONTEXT).ciphertext
        client.decrypt(message, keyring=keyring, encryption_context=CONTEXT)

    assert len(witness.data_keys) == 1
    (data_key,) = witness.data_keys
    for secret in (base64.b64encode(data_key).decode(), repr(data_key), CONTEXT["tenant"]):
        assert secret not in caplog.text


def test_what_others_ask_of_aws_is_logged_as_ever(kms: Any, caplog: pytest.LogCaptureFixture) -> None:
    with discreet():
        pass
    with caplog.at_level(logging.DEBUG):
        kms.create_key(Description="a description")

    assert "a description" in caplog.text


def test_warnings_of_botocore_pass(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("botocore.test_discretion")
    with caplog.at_level(logging.DEBUG), discreet():
        logger.debug("a body")
        logger.warning("a warning")

    assert [record.message for record in caplog.records] == ["a warning"]


def _split(keyrings: Iterator[Any]) -> tuple[Any, list[Any]]:
    generator, *children = keyrings
    return generator, children

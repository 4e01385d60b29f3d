"""``python -m warmkey re-encrypt`` as a user starts it: over real boto3 clients, with moto's server behind them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from tests.cli.re_encryption.stage import CREDENTIALS, REGION
from tests.moto_server import moto_server
from warmkey import AwsKmsKeyring, Client
from warmkey.cli.re_encryption import command
from warmkey.lambda_runtime.settings import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCES = Path(__file__).parents[3] / "src"


class Account:
    """What there is behind the server."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.kms, self.s3, self.dynamodb = (self._client(name) for name in ("kms", "s3", "dynamodb"))
        self.old, self.new = (self.kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
        self.s3.create_bucket(Bucket="letters")
        self.dynamodb.create_table(
            TableName="orders",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "B"}],
            BillingMode="PAY_PER_REQUEST",
        )

    def _client(self, name: str) -> Any:
        return boto3.client(
            name,
            region_name=REGION,
            endpoint_url=self.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def encrypt(self, plaintext: bytes) -> bytes:
        keyring = AwsKmsKeyring(self.old, kms_client=self.kms)
        return Client().encrypt(plaintext, keyring=keyring, encryption_context={"tenant": "a"}).ciphertext

    def decrypt(self, message: bytes) -> bytes:
        keyring = AwsKmsKeyring(self.new, kms_client=self.kms)
        return Client().decrypt(message, keyring=keyring, encryption_context={"tenant": "a"}).plaintext

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "warmkey", "re-encrypt", *arguments, "--key-arn", self.new]
        keys = ["--from-key-arn", self.old, "--endpoint-url", self.url, "--rate", "1000"]
        return subprocess.run(
            [*command, *keys],
            env={**CREDENTIALS, "PYTHONPATH": str(SOURCES)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with moto_server() as url:
        yield Account(url)


def test_a_table_with_binary_keys(account: Account, tmp_path: Path) -> None:
    for number in range(3):
        item = {"id": {"B": b"\xff%d" % number}, "note": {"B": account.encrypt(b"%d" % number)}}
        account.dynamodb.put_item(TableName="orders", Item=item)
    account.dynamodb.put_item(TableName="orders", Item={"id": {"B": b"\xfe"}, "note": {"B": b"junk"}})
    command = ("dynamodb", "--table", "orders", "--attribute", "note", "--state", str(tmp_path / "state"))

    assert account.run(*command).returncode == 1
    done = account.run(*command, "--write")

    assert done.returncode == 1
    assert 'unreadable  {"id": {"B": "/g=="}}  ' in done.stdout
    assert "rewritten   3" in done.stdout
    for number in range(3):
        key = {"id": {"B": b"\xff%d" % number}}
        found = account.dynamodb.get_item(TableName="orders", Key=key)["Item"]
        assert account.decrypt(found["note"]["B"]) == b"%d" % number


def test_a_prefix(account: Account) -> None:
    account.s3.put_object(Bucket="letters", Key="2026/ä b+c", Body=account.encrypt(b"letter"), Metadata={"to": "erika"})

    done = account.run("s3", "--bucket", "letters", "--prefix", "2026/", "--write")

    assert (done.returncode, done.stdout.splitlines()[:2]) == (0, ["examined    1", "rewritten   1"]), done.stderr
    found = account.s3.get_object(Bucket="letters", Key="2026/ä b+c")
    assert found["Metadata"] == {"to": "erika"}
    assert account.decrypt(found["Body"].read()) == b"letter"


def test_the_limits_of_its_data_keys_are_the_helpers_defaults() -> None:
    names = {"max_age": "max_age_seconds"}

    assert {name: ROWS[names.get(name, name)].default for name in command._LIMITS} == command._LIMITS
    assert command._LIMITS.keys() == {"max_age", "max_messages_encrypted", "max_bytes_encrypted"}

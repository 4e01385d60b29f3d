"""``warmkey re-encrypt`` over moto's DynamoDB and S3, and a KMS of our own."""

from __future__ import annotations

import functools
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import boto3
import moto
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

import warmkey
from tests.cli.exit_code import exit_code
from warmkey import AlgorithmSuite, Client, CommitmentPolicy
from warmkey.data_format.message_header import read_header
from warmkey.testing import FakeKms

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

REGION = "us-east-1"
TABLE, BUCKET = "orders", "letters"
SIGNED = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384
UNSIGNED = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
}


class Stage:
    """Two keys, a table, a bucket, and the command."""

    def __init__(self, dynamodb: Any, s3: Any, capture: pytest.CaptureFixture[str] | None = None) -> None:
        self.kms = FakeKms(REGION)
        self.old, self.new = self.kms.create_key(), self.kms.create_key()
        self.dynamodb, self.s3 = dynamodb, s3
        self.out = self.err = ""
        self._capture = capture
        s3.meta.events.register("before-call.s3.CompleteMultipartUpload", self._refuse_changed)

    # --- what is there

    def make_table(self, **more: Any) -> None:
        self.dynamodb.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            **more,
        )

    def make_bucket(self, **more: Any) -> None:
        self.s3.create_bucket(Bucket=BUCKET, **more)

    def keyring(self, *arns: str) -> warmkey.MultiKeyring:
        return warmkey.MultiKeyring(children=[warmkey.AwsKmsKeyring(arn, kms_client=self.kms) for arn in arns])

    def encrypt(
        self,
        plaintext: bytes,
        context: dict[str, str] | None = None,
        *,
        key: str | None = None,
        suite: AlgorithmSuite = UNSIGNED,
        policy: CommitmentPolicy = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
        **more: Any,
    ) -> bytes:
        keyring = warmkey.AwsKmsKeyring(key or self.old, kms_client=self.kms)
        given = more if "cmm" in more else {**more, "keyring": keyring}
        return (
            Client(commitment_policy=policy)
            .encrypt(plaintext, encryption_context=context, algorithm_suite=suite, **given)
            .ciphertext
        )

    def decrypt(self, message: bytes, *keys: str, **context: str) -> bytes:
        """With *keys* alone; by default the new one."""
        keyring = self.keyring(*(keys or (self.new,)))
        return Client().decrypt(message, keyring=keyring, encryption_context=context).plaintext

    def put_item(self, item: dict[str, Any]) -> None:
        serialize = TypeSerializer().serialize
        self.dynamodb.put_item(TableName=TABLE, Item={name: serialize(value) for name, value in item.items()})

    def item(self, key: str) -> dict[str, Any]:
        found = self.dynamodb.get_item(TableName=TABLE, Key={"id": {"S": key}})["Item"]
        deserialize = TypeDeserializer().deserialize
        return {name: deserialize(value) for name, value in found.items()}

    def message(self, key: str, attribute: str = "_sealed") -> bytes:
        return bytes(self.item(key)[attribute].value)

    def object(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return body

    def key_arns(self, message: bytes) -> list[str]:
        return [key.key_provider_info.decode() for key in read_header(message).encrypted_data_keys]

    # --- the command

    def on_table(self, *arguments: str, attribute: str = "_sealed") -> int:
        return self(["dynamodb", "--table", TABLE, "--attribute", attribute, *self._keys(), *arguments])

    def on_objects(self, *arguments: str, prefix: str = "") -> int:
        return self(["s3", "--bucket", BUCKET, "--prefix", prefix, *self._keys(), *arguments])

    def _keys(self) -> list[str]:
        return ["--key-arn", self.new, "--from-key-arn", self.old]

    def __call__(self, arguments: list[str]) -> int:
        """Run it; the exit code. What it printed is kept."""
        code = exit_code(
            ["re-encrypt", *arguments],
            kms_clients=lambda _region: self.kms,
            dynamodb_clients=lambda _region: self.dynamodb,
            s3_clients=lambda _region: self.s3,
        )
        if self._capture is not None:
            self.out, self.err = self._capture.readouterr()
        return code

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What ``--json`` printed: problems, and last the summary."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def counts(self) -> dict[str, int]:
        """The summary of ``--json``, without what is 0."""
        summary = self.lines[-1]["summary"]
        return {name: count for name, count in summary.items() if count and isinstance(count, int)}

    # --- what moto lacks

    def _refuse_changed(self, params: dict[str, Any], **_: Any) -> None:
        """Answer as S3 does where an upload is completed and the object is another one."""
        etag = params["headers"].get("If-Match")
        _, _, path = params["url_path"].partition("/")
        key = path.split("?")[0].partition("/")[2] if path.startswith(BUCKET) else path.split("?")[0]
        try:
            found = self.s3.head_object(Bucket=BUCKET, Key=key)["ETag"]
        except ClientError:
            found = None
        if etag is not None and found != etag:
            code = "PreconditionFailed" if found else "NoSuchKey"
            raise ClientError({"Error": {"Code": code}}, "CompleteMultipartUpload")


@functools.cache
def session() -> boto3.session.Session:
    """One for all, because reading the services' descriptions takes a second."""
    return boto3.session.Session(aws_access_key_id="testing", aws_secret_access_key="testing", region_name=REGION)


@contextmanager
def stage(capture: pytest.CaptureFixture[str] | None = None) -> Iterator[Stage]:
    """On moto inside this process."""
    with mock.patch.dict("os.environ", CREDENTIALS), moto.mock_aws():
        yield Stage(session().client("dynamodb"), session().client("s3"), capture)


class OtherWriter:
    """Somebody else who writes just before a request of the command is sent.

    :param operation: the request, as botocore calls it
    :param write: what they do; the first so many times
    """

    def __init__(self, client: Any, operation: str, write: Any, times: int = 1) -> None:
        self._write = write
        self._left = times
        client.meta.events.register(f"before-call.*.{operation}", self._come_between)

    def _come_between(self, **_: Any) -> None:
        if self._left:
            self._left -= 1
            self._write()

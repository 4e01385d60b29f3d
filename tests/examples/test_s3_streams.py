"""examples/s3_streams.py, on moto's S3."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from boto3.exceptions import S3UploadFailedError
from botocore.config import Config
from botocore.exceptions import EndpointConnectionError

import warmkey
from examples.s3_streams import download, upload

if TYPE_CHECKING:
    from pathlib import Path

    from warmkey.testing import KmsSession

# More than one part, which boto3 makes of eight megabytes.
LARGE = os.urandom(20_000_000)
SMALL = b"a report\n"


@pytest.fixture
def bucket(session: KmsSession) -> Any:
    del session  # moto is on
    once = Config(retries={"total_max_attempts": 1})  # boto3 would wait before it tries again
    bucket = boto3.resource("s3", config=once).Bucket("reports")
    bucket.create()
    return bucket


class Trouble:
    """Lets requests fail whose number is in *failing*."""

    def __init__(self, bucket: Any, operation: str, *failing: int) -> None:
        self.requests = 0
        self._failing = failing
        bucket.meta.client.meta.events.register_first(f"before-send.s3.{operation}", self)

    def __call__(self, **_: Any) -> None:
        self.requests += 1
        if self.requests in self._failing:
            raise EndpointConnectionError(endpoint_url="https://s3")


@pytest.mark.parametrize("content", [b"", SMALL, LARGE], ids=len)
def test_a_file_comes_back_and_the_bucket_does_not_know_it(bucket: Any, tmp_path: Path, content: bytes) -> None:
    upload(bucket, "report", io.BytesIO(content), "acme")
    download(bucket, "report", tmp_path / "report", "acme")

    assert (tmp_path / "report").read_bytes() == content
    assert content[:100] not in bucket.Object("report").get()["Body"].read() or not content


def test_from_where_the_source_is(bucket: Any, tmp_path: Path) -> None:
    source = io.BytesIO(b"header" + SMALL)
    source.seek(6)
    upload(bucket, "report", source, "acme")
    download(bucket, "report", tmp_path / "report", "acme")

    assert (tmp_path / "report").read_bytes() == SMALL


def test_files_of_a_tenant_share_a_data_key(bucket: Any, session: KmsSession, tmp_path: Path) -> None:
    for number in range(20):
        upload(bucket, f"report-{number}", io.BytesIO(SMALL), "acme")
        download(bucket, f"report-{number}", tmp_path / "report", "acme")

    session.assert_kms_calls(1, "GenerateDataKey")
    session.assert_kms_calls(1, "Decrypt")


@pytest.mark.parametrize(("content", "operation"), [(SMALL, "PutObject"), (LARGE, "UploadPart")], ids=["one", "parts"])
def test_an_upload_that_failed_is_begun_again_from_the_start(
    bucket: Any, tmp_path: Path, content: bytes, operation: str
) -> None:
    trouble = Trouble(bucket, operation, 1, 4)
    upload(bucket, "report", io.BytesIO(content), "acme")
    download(bucket, "report", tmp_path / "report", "acme")

    assert trouble.requests > 1
    assert (tmp_path / "report").read_bytes() == content


def test_an_upload_that_fails_every_time_says_so(bucket: Any) -> None:
    Trouble(bucket, "PutObject", *range(10))

    with pytest.raises((S3UploadFailedError, EndpointConnectionError)):
        upload(bucket, "report", io.BytesIO(SMALL), "acme")
    assert list(bucket.objects.all()) == []


def test_without_rewinding_the_source_the_next_attempt_would_store_nothing_and_not_complain(
    bucket: Any, tmp_path: Path
) -> None:
    source = io.BytesIO(SMALL)
    Trouble(bucket, "PutObject", 1)
    for _ in range(2):  # as one would write it
        stream = warmkey.default_client().encrypt_stream(
            source, cmm=warmkey.default_cmm(), encryption_context={"tenant": "acme"}
        )
        try:
            bucket.upload_fileobj(stream, "report")
        except (S3UploadFailedError, EndpointConnectionError):
            continue
    download(bucket, "report", tmp_path / "report", "acme")

    assert (tmp_path / "report").read_bytes() == b""


@pytest.mark.parametrize("damage", ["truncated", "changed", "of another tenant", "not encrypted"])
def test_a_download_that_failed_leaves_what_was_there(bucket: Any, tmp_path: Path, damage: str) -> None:
    target = tmp_path / "report"
    target.write_bytes(b"of yesterday")
    upload(bucket, "report", io.BytesIO(LARGE[:100_000]), "other" if damage == "of another tenant" else "acme")
    message = bucket.Object("report").get()["Body"].read()
    damaged = {
        "truncated": message[:-200],
        "changed": message[:50_000] + bytes([message[50_000] ^ 1]) + message[50_001:],
        "not encrypted": SMALL,
    }
    bucket.put_object(Key="report", Body=damaged.get(damage, message))

    with pytest.raises(warmkey.WarmkeyError):
        download(bucket, "report", target, "acme")
    assert target.read_bytes() == b"of yesterday"
    assert list(tmp_path.iterdir()) == [target]

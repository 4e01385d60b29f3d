"""What ``S3Object`` streams is decrypted, then unpacked, then parsed; on moto's S3."""

from __future__ import annotations

import csv
import gzip
import io
import zipfile
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from aws_lambda_powertools.utilities.streaming import S3Object
from aws_lambda_powertools.utilities.streaming.transformations import CsvTransform, GzipTransform, ZipTransform

import warmkey
from warmkey.powertools import DecryptTransform
from warmkey.testing import moto_kms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from warmkey.testing import KmsSession

TENANT = {"tenant": "acme"}
UNSIGNED = warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
ROWS = [{"id": str(number), "card": f"4929 {number:06}"} for number in range(20_000)]


def rows_as_csv() -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, ["id", "card"])
    writer.writeheader()
    writer.writerows(ROWS)
    return text.getvalue().encode()


PLAINTEXT = rows_as_csv()


@pytest.fixture
def kms(monkeypatch: pytest.MonkeyPatch) -> Iterator[KmsSession]:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with moto_kms(metrics="off") as session:
        yield session


@pytest.fixture
def s3(kms: KmsSession) -> Any:
    client = boto3.client("s3")
    client.create_bucket(Bucket="bucket")
    return client


@pytest.fixture
def stored(s3: Any) -> Callable[..., S3Object]:
    """Put *message* into the bucket, and return what Powertools reads it with."""

    def put(message: bytes) -> S3Object:
        s3.put_object(Bucket="bucket", Key="rows", Body=message)
        return S3Object("bucket", "rows", boto3_client=s3)

    return put


def test_rows_are_decrypted_unpacked_and_parsed_as_they_are_read(
    kms: KmsSession, stored: Callable[..., S3Object]
) -> None:
    message = warmkey.encrypt(gzip.compress(PLAINTEXT), TENANT)
    for _ in range(3):
        rows = stored(message).transform([DecryptTransform(TENANT), GzipTransform(), CsvTransform()])

        assert list(rows) == ROWS
    kms.assert_kms_calls(1, "Decrypt")


def test_in_place_the_object_itself_is_what_was_encrypted(stored: Callable[..., S3Object]) -> None:
    s3_object = stored(warmkey.encrypt(gzip.compress(PLAINTEXT), TENANT))
    s3_object.transform([DecryptTransform(TENANT)], in_place=True)
    s3_object.transform([GzipTransform()], in_place=True)

    with s3_object:
        assert s3_object.readline() == b"id,card\r\n"
        assert len(s3_object.read()) == len(PLAINTEXT) - 9


def test_the_object_is_read_in_pieces(stored: Callable[..., S3Object], s3: Any) -> None:
    suite = {"algorithm_suite": UNSIGNED, "cmm": warmkey.default_cmm(), "encryption_context": TENANT}
    s3_object = stored(warmkey.default_client().encrypt(bytes(9_000_000), **suite).ciphertext)
    stream = s3_object.transform(DecryptTransform(TENANT, unsigned_only=True))

    assert stream.read(100) == bytes(100)
    assert s3_object.tell() < 1_000_000


@pytest.mark.parametrize(
    ("damage", "error"),
    [
        (lambda message: message[:-1], warmkey.MalformedMessage),
        (lambda message: message[: len(message) // 2], warmkey.MalformedMessage),
        (lambda message: message[:-1] + bytes([message[-1] ^ 1]), warmkey.AuthenticationFailed),
        (
            lambda message: message[:20_000] + bytes([message[20_000] ^ 1]) + message[20_001:],
            warmkey.AuthenticationFailed,
        ),
        (lambda message: message + b"x", warmkey.MalformedMessage),
        (lambda _: b"", warmkey.MalformedMessage),
        (lambda _: gzip.compress(PLAINTEXT), warmkey.MalformedMessage),
    ],
    ids=["a byte short", "half", "another signature", "another frame", "more", "empty", "not encrypted"],
)
def test_rows_of_a_damaged_object_never_end_as_if_they_were_all(
    stored: Callable[..., S3Object], damage: Callable[[bytes], bytes], error: type[Exception]
) -> None:
    s3_object = stored(damage(warmkey.encrypt(gzip.compress(PLAINTEXT), TENANT)))

    with pytest.raises(error):
        list(s3_object.transform([DecryptTransform(TENANT), GzipTransform(), CsvTransform()]))


@pytest.mark.parametrize(
    ("transform", "problem"),
    [
        (DecryptTransform({"tenant": "other"}), "another value for 'tenant'"),
        (DecryptTransform(unsigned_only=True), "signed"),
        (DecryptTransform(max_body_length=100), "4096"),
    ],
    ids=str,
)
def test_what_the_transform_insists_on_is_refused_at_the_first_read(
    stored: Callable[..., S3Object], transform: DecryptTransform, problem: str
) -> None:
    stream = stored(warmkey.encrypt(PLAINTEXT, TENANT)).transform(transform)

    with pytest.raises(warmkey.PolicyRefused, match=problem):
        stream.read(1)


def test_a_sealed_record_is_not_an_object_of_rows(stored: Callable[..., S3Object]) -> None:
    message = warmkey.seal_record({"card": "4929"}, ["card"], TENANT)["_sealed"]

    with pytest.raises(warmkey.PolicyRefused, match="is a sealed record"):
        stored(message).transform(DecryptTransform(TENANT)).read()


def test_a_stream_cant_seek_as_zip_needs(stored: Callable[..., S3Object]) -> None:
    with pytest.raises(zipfile.BadZipFile) as caught:  # which is what it makes of a source that can't
        stored(warmkey.encrypt(PLAINTEXT, TENANT)).transform([DecryptTransform(TENANT), ZipTransform()])
    assert isinstance(caught.value.__context__, io.UnsupportedOperation)


@pytest.mark.parametrize(
    "arguments", [{"encryption_context": {"tenant": 5}}, {"max_body_length": "long"}, {"unsigned_only": "no"}], ids=str
)
def test_an_argument_of_another_type_is_refused(stored: Callable[..., S3Object], arguments: Any) -> None:
    with pytest.raises(warmkey.WarmkeyError):
        stored(warmkey.encrypt(PLAINTEXT, TENANT)).transform(DecryptTransform(**arguments)).read()


def test_it_shows_no_context() -> None:
    assert repr(DecryptTransform(TENANT)) == "DecryptTransform(unsigned_only=False)"

"""The KMS server of the demonstration counts requests itself."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from examples.demo.kms_server import REGION, CountingApplication, create_key, kms_server, request_counts

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with kms_server() as found:
        yield found


def client(url: str) -> Any:
    return boto3.client(
        "kms", region_name=REGION, endpoint_url=url, aws_access_key_id="testing", aws_secret_access_key="testing"
    )


def test_requests_are_counted_by_operation(url: str) -> None:
    before = request_counts(url)
    key = create_key(url)
    kms = client(url)
    blob = kms.generate_data_key(KeyId=key, KeySpec="AES_256")["CiphertextBlob"]
    kms.decrypt(CiphertextBlob=blob)
    kms.decrypt(CiphertextBlob=blob)

    assert request_counts(url) - before == Counter(CreateKey=1, GenerateDataKey=1, Decrypt=2)


def test_refused_requests_count_too(url: str) -> None:
    before = request_counts(url)
    kms = client(url)
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.generate_data_key(KeyId="11111111-2222-3333-4444-555555555555", KeySpec="AES_256")

    assert request_counts(url) - before == Counter(GenerateDataKey=1)


def test_asking_for_the_counts_is_not_counted() -> None:
    reached = []
    application = CountingApplication(lambda environ, _start: reached.append(environ) or [b""])
    application({"PATH_INFO": "/request-counts"}, lambda *_: lambda _body: None)

    assert reached == []


def test_the_server_is_gone_afterwards() -> None:
    with kms_server() as url:
        pass

    with pytest.raises(OSError, match="refused"):
        request_counts(url)

"""Streams beside others: the AWS Encryption SDK's in both directions, and Amazon S3 through boto3."""

from __future__ import annotations

import io
import shutil
from typing import Any

import boto3
import pytest

from tests.client_apis.sources import CLIENT, KEYRING, MEGABYTE, plaintext_of
from tests.vectors.forge import KEY_NAME, NAMESPACE, WRAPPING_KEY
from warmkey import AlgorithmSuite, Client, CommitmentPolicy

CONTEXT = {"tenant": "a", "größe": "\N{KEY}"}
FRAME_LENGTH = 1024
LENGTHS = [0, 1, FRAME_LENGTH - 1, FRAME_LENGTH, FRAME_LENGTH + 1, 10 * FRAME_LENGTH, 300_001]


class Peer:
    """The official client's streams, over the wrapping key that :data:`KEYRING` has."""

    def __init__(self, policy: CommitmentPolicy) -> None:
        sdk = pytest.importorskip("aws_encryption_sdk")
        identifiers = sdk.identifiers
        raw = pytest.importorskip("aws_encryption_sdk.key_providers.raw")

        class Provider(raw.RawMasterKeyProvider):  # type: ignore[misc, name-defined]
            provider_id = NAMESPACE

            def _get_raw_key(self, key_id: bytes) -> Any:
                return raw.WrappingKey(
                    wrapping_algorithm=identifiers.WrappingAlgorithm.AES_256_GCM_IV12_TAG16_NO_PADDING,
                    wrapping_key=WRAPPING_KEY,
                    wrapping_key_type=identifiers.EncryptionKeyType.SYMMETRIC,
                )

        self._provider = Provider()
        self._provider.add_master_key(KEY_NAME)
        self._client = sdk.EncryptionSDKClient(commitment_policy=identifiers.CommitmentPolicy[policy.name])
        self._algorithms = identifiers.AlgorithmSuite

    def encrypting(self, source: Any, suite: AlgorithmSuite, frame_length: int = FRAME_LENGTH) -> Any:
        return self._client.stream(
            mode="e",
            source=source,
            key_provider=self._provider,
            algorithm=self._algorithms.get_by_id(suite.value),
            encryption_context=CONTEXT,
            frame_length=frame_length,
        )

    def decrypting(self, source: Any) -> Any:
        return self._client.stream(mode="d", source=source, key_provider=self._provider)


def policy_for(suite: AlgorithmSuite) -> CommitmentPolicy:
    if suite.commits:
        return CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
    return CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT


def copied(stream: Any, length: int) -> bytes:
    with stream:
        target = io.BytesIO()
        shutil.copyfileobj(stream, target, length)
        return target.getvalue()


@pytest.mark.interop
@pytest.mark.parametrize("suite", AlgorithmSuite)
def test_the_official_clients_stream_reads_ours(suite: AlgorithmSuite) -> None:
    policy = policy_for(suite)
    peer, client = Peer(policy), Client(commitment_policy=policy)
    for length in LENGTHS:
        plaintext = plaintext_of(length)
        message = client.encrypt_stream(
            io.BytesIO(plaintext),
            keyring=KEYRING,
            algorithm_suite=suite,
            encryption_context=CONTEXT,
            frame_length=FRAME_LENGTH,
        )
        assert copied(peer.decrypting(io.BytesIO(copied(message, 777))), 888) == plaintext


@pytest.mark.interop
@pytest.mark.parametrize("suite", AlgorithmSuite)
def test_we_read_the_official_clients_stream(suite: AlgorithmSuite) -> None:
    """Straight from one into the other, without the message ever being whole."""
    policy = policy_for(suite)
    peer, client = Peer(policy), Client(commitment_policy=policy)
    for length in LENGTHS:
        plaintext = plaintext_of(length)
        with peer.encrypting(io.BytesIO(plaintext), suite) as source:
            stream = client.decrypt_stream(source, keyring=KEYRING, encryption_context=CONTEXT)
            assert copied(stream, 777) == plaintext
        assert CONTEXT.items() <= stream.encryption_context.items()


@pytest.mark.interop
@pytest.mark.parametrize("suite_id", [0x0178, 0x0378, 0x0478, 0x0578])
def test_we_read_its_non_framed_messages(suite_id: int) -> None:
    suite = AlgorithmSuite(suite_id)
    policy = policy_for(suite)
    plaintext = plaintext_of(100_000)
    with Peer(policy).encrypting(io.BytesIO(plaintext), suite, frame_length=0) as source:
        stream = Client(commitment_policy=policy).decrypt_stream(source, keyring=KEYRING)
        assert copied(stream, 777) == plaintext


@pytest.mark.interop
def test_the_official_client_reads_straight_from_our_stream() -> None:
    plaintext = plaintext_of(100_000)
    stream = CLIENT.encrypt_stream(io.BytesIO(plaintext), keyring=KEYRING, frame_length=FRAME_LENGTH)

    with Peer(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT).decrypting(stream) as peer:
        assert peer.read() == plaintext


# ---------------------------------------------------------------------------------------------------------- Amazon S3


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Any:
    moto = pytest.importorskip("moto")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with moto.mock_aws():
        s3 = boto3.resource("s3", region_name="us-east-1")
        yield s3.create_bucket(Bucket="messages")


@pytest.mark.parametrize("length", [0, 1000, 9 * MEGABYTE])
def test_to_s3_and_back(bucket: Any, length: int) -> None:
    """boto3 uploads what it can only read, in parts where it is large; a StreamingBody is a source."""
    plaintext = plaintext_of(length)
    with CLIENT.encrypt_stream(io.BytesIO(plaintext), keyring=KEYRING) as message:
        bucket.upload_fileobj(message, "object")

    body = bucket.Object("object").get()["Body"]
    with CLIENT.decrypt_stream(body, keyring=KEYRING) as stream:
        assert stream.read() == plaintext


def test_from_s3_to_s3(bucket: Any) -> None:
    """Plaintext in one object, message in another, neither ever whole in memory."""
    plaintext = plaintext_of(300_000)
    bucket.put_object(Key="plaintext", Body=plaintext)
    with CLIENT.encrypt_stream(bucket.Object("plaintext").get()["Body"], keyring=KEYRING) as message:
        bucket.upload_fileobj(message, "message")
    with CLIENT.decrypt_stream(bucket.Object("message").get()["Body"], keyring=KEYRING) as decrypted:
        bucket.upload_fileobj(decrypted, "copy")

    assert bucket.Object("copy").get()["Body"].read() == plaintext

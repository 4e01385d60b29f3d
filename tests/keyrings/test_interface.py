"""What keyrings say when they can't unwrap."""

from __future__ import annotations

import os

import pytest

import warmkey
from warmkey.exceptions import KeyAttempt, KeyUnavailable
from warmkey.keyrings import RawAesKeyring
from warmkey.keyrings.interface import not_unwrapped
from warmkey.structures import EncryptedDataKey
from warmkey.testing import FakeKms


def key(provider: str = "aws-kms", info: bytes = b"arn:aws:kms:eu-west-1:111122223333:key/1") -> EncryptedDataKey:
    return EncryptedDataKey(key_provider_id=provider, key_provider_info=info, ciphertext=b"")


def test_a_message_of_another_key_is_told_by_the_keys_that_could_decrypt_it() -> None:
    kms = FakeKms()
    others, ours = kms.create_key(), kms.create_key()
    client = warmkey.Client()
    message = client.encrypt(b"", keyring=warmkey.AwsKmsKeyring(others, kms_client=kms)).ciphertext

    for keyring in (
        warmkey.AwsKmsKeyring(ours, kms_client=kms),
        warmkey.MultiKeyring(warmkey.AwsKmsKeyring(ours, kms_client=kms)),
        RawAesKeyring("ours", "key", os.urandom(32)),
    ):
        with pytest.raises(KeyUnavailable, match="none of the configured keys") as raised:
            client.decrypt(message, keyring=keyring)
        assert others in str(raised.value)
        assert raised.value.attempts == ()


def test_the_name_of_a_raw_key_is_told_without_the_bytes_behind_it() -> None:
    error = not_unwrapped("no", (), [key("vault", b"key one\0\0\0\x80secret")])

    assert str(error) == "no; none of the configured keys is among the message's: 'vault' 'key one'"


def test_a_key_that_was_tried_is_told_by_its_attempt_alone() -> None:
    attempt = KeyAttempt(keyring="K", operation="Decrypt", key="1", reason="denied")

    assert str(not_unwrapped("no", [attempt], [key()])) == "no; K Decrypt 1: denied"


def test_what_strangers_wrote_makes_no_line_of_its_own_and_no_long_error() -> None:
    error = str(
        not_unwrapped("no", (), [key("a\nb" * 30_000, b"c\nd" * 20_000 + i.to_bytes(2, "big")) for i in range(1000)])
    )

    assert "\n" not in error
    assert len(error) < 5000
    assert error.endswith(" and 995 more")

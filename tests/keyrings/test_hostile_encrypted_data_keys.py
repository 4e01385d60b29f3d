"""Who writes a message chooses every byte of its encrypted data keys; no keyring answers with a foreign exception."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.keyrings.line_up import LINE_UP, encrypted, pair, to_decrypt
from warmkey import EncryptedDataKey, WarmkeyError

if TYPE_CHECKING:
    from warmkey import AlgorithmSuite, DecryptionMaterials, EncryptionMaterials
    from warmkey.keyrings.interface import Keyring

PROVIDER_IDS = ["ns", "aws-kms", "aws-kms-rsa", "aws-kms-ecdh", "raw-ecdh", "aws-kms-hierarchy", "", "\0"]
PROVIDER_INFOS = [
    b"name",
    b"arn:aws:kms:us-east-1:111122223333:key/1",
    b"arn:aws:kms:us-east-1:111122223333:key/mrk-1",
    b"arn:aws:kms:us-west-2:111122223333:alias/name",
    b"arn:aws:kms:\n:\xf0\x9f\x94\x91:key/",
    b"arn:aws:kms:a:b:key/\xff",
    b"\x01\x00\x00\x00\x21\x02" + bytes(32) + b"\x00\x00\x00\x21\x03" + b"\xff" * 32,
    b"\x01\xff\xff\xff\xff",
]


@cache
def genuine(name: str, suite: AlgorithmSuite) -> EncryptionMaterials:
    return encrypted(pair(name).encrypts, suite=suite)


def damaged(original: bytes) -> st.SearchStrategy[bytes]:
    """*original* with one edit: bytes replaced, taken away or put in."""

    def edit(start: int, length: int, insertion: bytes) -> bytes:
        return original[:start] + insertion + original[start + length :]

    return st.builds(edit, st.integers(0, len(original)), st.integers(0, 8), st.binary(max_size=8))


def hostile(original: EncryptedDataKey) -> st.SearchStrategy[EncryptedDataKey]:
    usual = st.just(original.key_provider_info)
    return st.builds(
        EncryptedDataKey,
        key_provider_id=st.just(original.key_provider_id) | st.sampled_from(PROVIDER_IDS) | st.text(max_size=8),
        key_provider_info=usual
        | damaged(original.key_provider_info)
        | st.sampled_from(PROVIDER_INFOS)
        | st.binary(max_size=200),
        ciphertext=st.just(original.ciphertext) | damaged(original.ciphertext) | st.binary(max_size=600),
    )


@pytest.mark.parametrize("name", LINE_UP)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_any_encrypted_data_keys_give_the_data_key_or_an_error_of_ours(name: str, data: st.DataObject) -> None:
    both = pair(name)
    suite = data.draw(st.sampled_from(both.suites()))
    made = genuine(name, suite)
    keys = data.draw(st.lists(st.sampled_from(made.encrypted_data_keys).flatmap(hostile), min_size=1, max_size=3))

    unwrapped = outcome(both.decrypts, to_decrypt(suite=suite), keys)

    if unwrapped is not None:
        data_key = unwrapped.plaintext_data_key
        assert data_key is not None
        assert len(data_key) == suite.data_key_length
        # PKCS #1 v1.5 without an oracle: to the keyring, what is damaged is a data key like any other.
        assert not both.tells_damage or data_key == made.plaintext_data_key


def outcome(
    keyring: Keyring, materials: DecryptionMaterials, keys: list[EncryptedDataKey]
) -> DecryptionMaterials | None:
    try:
        return keyring.on_decrypt(materials, keys)
    except WarmkeyError as error:
        assert str(error)  # noqa: PT017 - what it says must not fail either
        return None

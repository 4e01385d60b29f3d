"""The raw AES keyring: the layout of its provider information, and what it does not take for its own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from warmkey import (
    AlgorithmSuite,
    ConfigurationError,
    DecryptionMaterials,
    EncryptedDataKey,
    EncryptionMaterials,
    KeyUnavailable,
)
from warmkey.keyrings import RawAesKeyring

SUITE = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
WRAPPING_KEY = bytes(range(32))
CONTEXT = {"b": "2", "a": "1"}
SERIALIZED_CONTEXT = b"\x00\x02\x00\x01a\x00\x011\x00\x01b\x00\x012"


def keyring() -> RawAesKeyring:
    return RawAesKeyring("namespace", "name", WRAPPING_KEY)


def wrapped_key(data_key: bytes = bytes(32)) -> EncryptedDataKey:
    materials = EncryptionMaterials(algorithm_suite=SUITE, encryption_context=CONTEXT, plaintext_data_key=data_key)
    return keyring().on_encrypt(materials).encrypted_data_keys[0]


def unwrap(*keys: EncryptedDataKey) -> bytes | None:
    return (
        keyring().on_decrypt(DecryptionMaterials(algorithm_suite=SUITE, encryption_context=CONTEXT), keys)
    ).plaintext_data_key


# Source: framework/raw-aes-keyring.md#key-provider-information
# spec: framework/raw-aes-keyring.md#authentication-tag-length 1b0b
# spec: framework/raw-aes-keyring.md#iv-length 67f4
# spec: framework/raw-aes-keyring.md#onencrypt a45d
# spec: framework/keyring-interface.md#key-provider-info 6ff3
def test_the_provider_information_is_name_tag_length_iv_length_and_iv() -> None:
    info = wrapped_key().key_provider_info

    assert info[:-12] == b"name" + (128).to_bytes(4, "big") + (12).to_bytes(4, "big")


# spec: framework/raw-aes-keyring.md#onencrypt 3752 f594 a002 fd58 0b37 a45d
def test_the_ciphertext_opens_with_aes_gcm_alone() -> None:
    key = wrapped_key(b"k" * 32)
    iv = key.key_provider_info[-12:]

    assert key.key_provider_id == "namespace"
    assert AESGCM(WRAPPING_KEY).decrypt(iv, key.ciphertext, SERIALIZED_CONTEXT) == b"k" * 32


# spec: framework/raw-aes-keyring.md#ondecrypt 73bf 8670 689e b2e4 fd58 8b22 d404 b0e6
# spec: framework/raw-aes-keyring.md#ondecrypt a063
def test_it_unwraps_what_another_implementation_wrapped() -> None:
    iv = b"0123456789ab"
    key = EncryptedDataKey(
        key_provider_id="namespace",
        key_provider_info=b"name\x00\x00\x00\x80\x00\x00\x00\x0c" + iv,
        ciphertext=AESGCM(WRAPPING_KEY).encrypt(iv, b"k" * 32, SERIALIZED_CONTEXT),
    )

    assert unwrap(key) == b"k" * 32


# spec: framework/raw-aes-keyring.md#ondecrypt f39a 64cd a063 7752 ace5 6340
# spec: framework/raw-aes-keyring.md#ondecrypt 8670
@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"key_provider_id": "another"}, id="another namespace"),
        pytest.param({"key_provider_id": "aws-kms"}, id="KMS"),
        pytest.param({"key_provider_info": b"nam" + bytes(20)}, id="a shorter name"),
        pytest.param({"key_provider_info": b"name" + bytes(20)}, id="other lengths"),
        pytest.param({"key_provider_info": b"name\x00\x00\x00\x80\x00\x00\x00\x0c" + bytes(11)}, id="a short IV"),
        pytest.param({"key_provider_info": b"name\x00\x00\x00\x80\x00\x00\x00\x0c" + bytes(13)}, id="a long IV"),
        pytest.param({"key_provider_info": b""}, id="nothing"),
    ],
)
def test_a_key_of_somebody_else_is_not_tried(change: dict[str, Any]) -> None:
    with pytest.raises(KeyUnavailable) as caught:
        unwrap(replace(wrapped_key(), **change))

    assert caught.value.attempts == ()


@pytest.mark.parametrize("ciphertext", [b"", b"x", bytes(15), bytes(16), bytes(48)])
def test_a_key_that_does_not_authenticate_is_tried_and_reported(ciphertext: bytes) -> None:
    with pytest.raises(KeyUnavailable) as caught:
        unwrap(replace(wrapped_key(), ciphertext=ciphertext))

    assert [(attempt.key, attempt.operation) for attempt in caught.value.attempts] == [("name", "unwrap")]


# spec: framework/raw-aes-keyring.md#wrapping-key 431d
# spec: framework/raw-aes-keyring.md#wrapping-algorithm 3d3e
@pytest.mark.parametrize("length", [16, 24, 32])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_wrapping_keys_of_all_lengths_and_kinds_work(length: int, kind: Any) -> None:
    one = RawAesKeyring("n", "k", kind(bytes(length)))
    materials = one.on_encrypt(EncryptionMaterials(algorithm_suite=SUITE))
    unwrapped = one.on_decrypt(DecryptionMaterials(algorithm_suite=SUITE), materials.encrypted_data_keys)

    assert unwrapped.plaintext_data_key == materials.plaintext_data_key


# spec: framework/keyring-interface.md#key-namespace a451
# spec: framework/keyring-interface.md#key-name 1fff
# spec: framework/raw-aes-keyring.md#changelog 519d
# spec: framework/raw-aes-keyring.md#wrapping-key 431d
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("n", "k", bytes(31)), "wrapping_key must have 16, 24 or 32 bytes, not 31"),
        (("n", "k", b""), "wrapping_key must have 16, 24 or 32 bytes, not 0"),
        (("n", "k", "x" * 32), "wrapping_key must be bytes"),
        ((None, "k", bytes(32)), "key_namespace"),
        (("aws-kms", "k", bytes(32)), "reserved"),
        (("n", "", bytes(32)), "key_name"),
        (("n", 5, bytes(32)), "key_name"),
    ],
)
def test_arguments_that_can_not_be_used_are_named(arguments: Any, named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        RawAesKeyring(*arguments)


def test_a_refused_wrapping_key_is_not_shown() -> None:
    with pytest.raises(ConfigurationError) as caught:
        RawAesKeyring("n", "k", b"a secret of no usable length")

    assert "secret" not in str(caught.value)


# spec: framework/keyring-interface.md#generate-data-key 4ee3
# spec: framework/raw-aes-keyring.md#onencrypt 6b55 9e45
def test_a_data_key_is_drawn_from_the_operating_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.urandom", lambda length: b"\x07" * length)

    assert keyring().on_encrypt(EncryptionMaterials(algorithm_suite=SUITE)).plaintext_data_key == b"\x07" * 32


# spec: framework/keyring-interface.md#key-provider-id 26f8
@pytest.mark.parametrize("namespace", ["", "aws-kms-custom", "aws-kmsx", "aws-kms-rsa"])
def test_namespaces_that_other_clients_write_are_read_and_never_written(namespace: str) -> None:
    """All of AWS's clients write them, though the specification reserves them."""
    written = RawAesKeyring("ours", "name", WRAPPING_KEY).on_encrypt(EncryptionMaterials(algorithm_suite=SUITE))
    theirs = [replace(key, key_provider_id=namespace) for key in written.encrypted_data_keys]
    keyring = RawAesKeyring(namespace, "name", WRAPPING_KEY)

    unwrapped = keyring.on_decrypt(DecryptionMaterials(algorithm_suite=SUITE), theirs)
    assert unwrapped.plaintext_data_key == written.plaintext_data_key
    with pytest.raises(ConfigurationError, match=r"must not be empty or start with 'aws-kms'.*to encrypt"):
        keyring.on_encrypt(EncryptionMaterials(algorithm_suite=SUITE))


def test_a_namespace_that_is_not_text_is_not_said_to_be_empty() -> None:
    with pytest.raises(ConfigurationError, match=r"^key_namespace must be a str, not bytes of length 2$"):
        RawAesKeyring(b"ns", "name", bytes(32))  # type: ignore[arg-type]

"""What the keyring interface promises, asked of every keyring."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.keyrings.line_up import CONTEXT, LINE_UP, UNSIGNED, encrypted, pair, to_decrypt
from warmkey import AlgorithmSuite, EncryptedDataKey, InvalidRequest, KeyUnavailable

if TYPE_CHECKING:
    from tests.keyrings.line_up import Pair

pytestmark = pytest.mark.parametrize("name", LINE_UP)


@pytest.fixture
def both(name: str) -> Pair:
    return pair(name)


# spec: framework/cmm-interface.md#get-encryption-materials 4c75
# spec: framework/cmm-interface.md#decrypt-materials 6f53
# spec: framework/structures.md#ciphertext 4069
# spec: framework/structures.md#encrypted-data-keys 3438
# spec: framework/structures.md#plaintext-data-key 2358
# spec: framework/structures.md#plaintext-data-key-1 7a0c
# spec: framework/keyring-interface.md#overview 89b7
# spec: framework/keyring-interface.md#onencrypt 553d 617c bb1a
# spec: framework/keyring-interface.md#generate-data-key a45d 2aaf f5bd
# spec: framework/keyring-interface.md#encrypt-data-key b9f3 8e53
# spec: framework/keyring-interface.md#ondecrypt 7cb0 9aea 060b
# spec: framework/keyring-interface.md#decrypt-data-key 96df 9414 1bd1
# spec: framework/raw-aes-keyring.md#onencrypt 5350 6b55 01e7
# spec: framework/raw-aes-keyring.md#ondecrypt bf25 b0e6
# spec: framework/aws-kms/aws-kms-discovery-keyring.md#interface 9420
# spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt bf25
# spec: framework/aws-kms/aws-kms-keyring.md#interface 6088
# spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 5350 73db 8204
# spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt bf25
# spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#interface 9420
# spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt bf25
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#interface 6088
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt 5350 73db 8204
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt bf25
# spec: framework/aws-kms/aws-kms-rsa-keyring.md#onencrypt 5350 6b55
# spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt bf25
# spec: framework/aws-kms/aws-kms-ecdh-keyring.md#interface 6088
# spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt 5350 3798
# spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt bf25 3b6f
# spec: framework/raw-ecdh-keyring.md#interface 6088
# spec: framework/raw-ecdh-keyring.md#onencrypt 5350 3798
# spec: framework/raw-ecdh-keyring.md#ondecrypt bf25 3b6f
# spec: framework/raw-ecdh-keyring.md#data-key-wrapping ee60 b24c
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#interface 6088
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt 5350
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt bf25
def test_generates_a_data_key_and_gets_it_back_for_every_suite(both: Pair) -> None:
    for suite in both.suites():
        made = encrypted(both.encrypts, suite=suite)
        unwrapped = both.decrypts.on_decrypt(to_decrypt(suite=suite), made.encrypted_data_keys)

        assert made.plaintext_data_key is not None
        assert (len(made.plaintext_data_key), unwrapped.plaintext_data_key) == (
            suite.data_key_length,
            made.plaintext_data_key,
        )


def test_an_empty_encryption_context_works(both: Pair) -> None:
    made = encrypted(both.encrypts, context={})

    unwrapped = both.decrypts.on_decrypt(to_decrypt(context={}), made.encrypted_data_keys)

    assert made.plaintext_data_key == unwrapped.plaintext_data_key


# spec: framework/keyring-interface.md#generate-data-key e6d5
# spec: framework/keyring-interface.md#encrypt-data-key 94a1 baf8
# spec: framework/raw-aes-keyring.md#onencrypt 4639
def test_wraps_the_data_key_that_is_there_behind_what_is_there(both: Pair, name: str) -> None:
    if name.startswith(("multi", "AWS KMS multi", "AWS KMS MRK multi")):
        pytest.skip("a multi-keyring's generator has to generate")
    data_key = bytes(range(32))
    earlier = EncryptedDataKey(key_provider_id="somebody", key_provider_info=b"else", ciphertext=b"'s")
    materials = replace(encrypted(both.encrypts), plaintext_data_key=data_key, encrypted_data_keys=(earlier,))

    wrapped = both.encrypts.on_encrypt(materials)
    unwrapped = both.decrypts.on_decrypt(to_decrypt(), wrapped.encrypted_data_keys[1:])

    assert wrapped.encrypted_data_keys[0] == earlier
    assert len(wrapped.encrypted_data_keys) == 2
    assert wrapped.plaintext_data_key == unwrapped.plaintext_data_key == data_key


def test_materials_are_never_modified(both: Pair) -> None:
    decryption = to_decrypt()
    both.decrypts.on_decrypt(decryption, encrypted(both.encrypts).encrypted_data_keys)

    assert decryption.plaintext_data_key is None


# spec: framework/keyring-interface.md#ondecrypt 9863
# spec: framework/keyring-interface.md#decrypt-data-key 1c52
# spec: framework/multi-keyring.md#ondecrypt 9863
# spec: framework/raw-aes-keyring.md#ondecrypt 9863
# spec: framework/raw-rsa-keyring.md#ondecrypt 9863
# spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt 594c
# spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt b722
# spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt 594c
# spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt b722
# spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 0c33
# spec: framework/raw-ecdh-keyring.md#ondecrypt 9863
def test_refuses_to_decrypt_what_is_decrypted(both: Pair) -> None:
    made = encrypted(both.encrypts)
    unwrapped = both.decrypts.on_decrypt(to_decrypt(), made.encrypted_data_keys)

    with pytest.raises(InvalidRequest, match="already have a plaintext data key"):
        both.decrypts.on_decrypt(unwrapped, made.encrypted_data_keys)


# spec: framework/keyring-interface.md#ondecrypt 45a8
# spec: framework/keyring-interface.md#decrypt-data-key 6ae3
# spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt a3ad de74
# spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt de74
# spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt a3ad de74
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt de74
# spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 29ca
# spec: framework/raw-ecdh-keyring.md#ondecrypt 29ca
def test_encrypted_data_keys_of_others_are_passed_over(both: Pair) -> None:
    foreign = EncryptedDataKey(key_provider_id="somebody", key_provider_info=b"else", ciphertext=b"'s")
    made = encrypted(both.encrypts)

    with pytest.raises(KeyUnavailable) as nothing:
        both.decrypts.on_decrypt(to_decrypt(), [foreign])
    unwrapped = both.decrypts.on_decrypt(to_decrypt(), [foreign, *made.encrypted_data_keys])

    assert nothing.value.attempts == ()
    assert unwrapped.plaintext_data_key == made.plaintext_data_key


# spec: framework/keyring-interface.md#ondecrypt 45a8
def test_no_encrypted_data_keys_fail(both: Pair) -> None:
    with pytest.raises(KeyUnavailable):
        both.decrypts.on_decrypt(to_decrypt(), [])


# spec: framework/keyring-interface.md#security-considerations 431c
# spec: framework/keyring-interface.md#decrypt-data-key 6ae3
# spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt f594
# spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 73bf f085
# spec: framework/raw-ecdh-keyring.md#onencrypt f594
# spec: framework/raw-ecdh-keyring.md#ondecrypt 73bf f085
def test_another_encryption_context_fails(both: Pair) -> None:
    if not both.binds_context:
        pytest.skip("this keyring binds no encryption context")
    made = encrypted(both.encrypts)

    for other in ({}, {"tenant": "b"}, {**CONTEXT, "more": ""}):
        with pytest.raises(KeyUnavailable) as failure:
            both.decrypts.on_decrypt(to_decrypt(context=other), made.encrypted_data_keys)
        assert failure.value.attempts


# spec: framework/keyring-interface.md#security-considerations 02ec
# spec: framework/keyring-interface.md#decrypt-data-key 1bd1
# spec: framework/raw-aes-keyring.md#ondecrypt f7e6
# spec: framework/raw-rsa-keyring.md#ondecrypt 3f76
# spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 9453 1af4
# spec: framework/raw-ecdh-keyring.md#ondecrypt 9453 1af4
def test_a_damaged_encrypted_data_key_does_not_stop_a_good_one(both: Pair) -> None:
    if not both.tells_damage:
        pytest.skip("this keyring authenticates nothing")
    made = encrypted(both.encrypts)
    damaged = [replace(key, ciphertext=key.ciphertext[:-1]) for key in made.encrypted_data_keys]

    unwrapped = both.decrypts.on_decrypt(to_decrypt(), [*damaged, *made.encrypted_data_keys])

    assert unwrapped.plaintext_data_key == made.plaintext_data_key


def test_a_data_key_of_the_wrong_length_for_the_suite_fails(both: Pair) -> None:
    shorter = AlgorithmSuite.AES_128_GCM_IV12_TAG16_HKDF_SHA256
    made = encrypted(both.encrypts, suite=shorter)

    with pytest.raises(KeyUnavailable) as failure:
        both.decrypts.on_decrypt(to_decrypt(suite=UNSIGNED), made.encrypted_data_keys)
    assert failure.value.attempts


def test_repr_and_errors_show_no_context_value(both: Pair) -> None:
    made = encrypted(both.encrypts)

    with pytest.raises(KeyUnavailable) as failure:
        both.decrypts.on_decrypt(to_decrypt(), [replace(key, ciphertext=b"") for key in made.encrypted_data_keys])

    shown = f"{both.encrypts!r} {both.decrypts!r} {failure.value} {failure.value!r}"
    assert CONTEXT["schlüssel"] not in shown
    assert "PRIVATE KEY" not in shown

"""What every keyring has to do, run over every keyring that encrypts and decrypts."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from typing import Any, TypeAlias

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import warmkey
from warmkey import (
    AlgorithmSuite,
    AwsKmsKeyring,
    DecryptionMaterials,
    EncryptedDataKey,
    EncryptionMaterials,
    InvalidRequest,
    KeyUnavailable,
    MultiKeyring,
    RawAesKeyring,
    WarmkeyError,
)
from warmkey.testing import FakeKms

Make: TypeAlias = Callable[[], Any]
CONTEXT = {"tenant": "a", "kind": "order"}
SUITE = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
_PEM = serialization.Encoding.PEM


def raw_aes() -> Any:
    return RawAesKeyring("namespace", "name", b"secret wrapping key of 32 bytes!")


def aws_kms() -> Any:
    kms = FakeKms()
    return AwsKmsKeyring(kms.create_key(), kms_client=kms)


def aws_kms_multi_region() -> Any:
    kms = FakeKms()
    return warmkey.AwsKmsMrkKeyring(kms.create_key(multi_region=True), kms_client=kms)


def aws_kms_rsa() -> Any:
    kms = FakeKms()
    key = kms.create_key(key_spec="RSA_2048")
    public_key = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
    pem = public_key.public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return warmkey.AwsKmsRsaKeyring(
        key, encryption_algorithm="RSAES_OAEP_SHA_256", public_key=pem, kms_client=kms
    )  # fmt: skip


def multi() -> Any:
    return MultiKeyring(raw_aes(), [aws_kms(), RawAesKeyring("namespace", "another", bytes(16))])


@cache
def _rsa_key() -> tuple[bytes, bytes]:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return (
        key.public_key().public_bytes(_PEM, serialization.PublicFormat.SubjectPublicKeyInfo),
        key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()),
    )


def raw_rsa() -> Any:
    public_key, private_key = _rsa_key()
    padding = warmkey.PaddingScheme.OAEP_SHA512_MGF1
    return warmkey.RawRsaKeyring("namespace", "name", padding, public_key=public_key, private_key=private_key)


def raw_ecdh() -> Any:
    keys = [ec.generate_private_key(ec.SECP384R1()) for _ in range(2)]
    schema = warmkey.RawPrivateKeyToStaticPublicKey(
        sender_static_private_key=keys[0].private_bytes(
            _PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
        recipient_public_key=keys[1]
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
    )
    return warmkey.RawEcdhKeyring(schema, curve_spec=warmkey.EcdhCurveSpec.ECC_NIST_P384)


KEYRINGS: list[Make] = [raw_aes, aws_kms, aws_kms_multi_region, aws_kms_rsa, multi, raw_rsa, raw_ecdh]


def of(keyrings: Iterable[Make]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("make", list(keyrings), ids=lambda make: make.__name__)


of_every_keyring = of(KEYRINGS)


def encryption_materials(suite: AlgorithmSuite = SUITE, data_key: bytes | None = None) -> EncryptionMaterials:
    return EncryptionMaterials(algorithm_suite=suite, encryption_context=CONTEXT, plaintext_data_key=data_key)


def decryption_materials(suite: AlgorithmSuite = SUITE, context: dict[str, str] | None = None) -> DecryptionMaterials:
    return DecryptionMaterials(algorithm_suite=suite, encryption_context=CONTEXT if context is None else context)


# OnEncrypt


# spec: framework/keyring-interface.md#onencrypt
@pytest.mark.parametrize(
    ("make", "suite"),
    [
        pytest.param(make, suite, id=f"{make.__name__}-{suite.name}")
        for make in KEYRINGS
        for suite in AlgorithmSuite
        if make is not aws_kms_rsa or suite.signature is None  # KMS RSA refuses suites that sign
    ],
)
def test_without_a_data_key_one_of_the_suites_length_is_generated_and_wrapped(
    make: Make, suite: AlgorithmSuite
) -> None:
    keyring, asked = make(), encryption_materials(suite)
    first, second = keyring.on_encrypt(asked), keyring.on_encrypt(asked)

    assert len(first.plaintext_data_key) == suite.data_key_length
    assert first.plaintext_data_key != second.plaintext_data_key
    assert asked.plaintext_data_key is None
    assert asked.encrypted_data_keys == ()
    decrypted = keyring.on_decrypt(decryption_materials(suite), first.encrypted_data_keys)
    assert decrypted.plaintext_data_key == first.plaintext_data_key


# spec: framework/keyring-interface.md#encrypt-data-key
# A multi-keyring with a generator refuses a data key that there is.
@of(make for make in KEYRINGS if make is not multi)
def test_a_data_key_that_there_is_is_wrapped_behind_what_wraps_it_already(make: Make) -> None:
    before = raw_aes().on_encrypt(encryption_materials())
    after = make().on_encrypt(before)

    assert after.plaintext_data_key == before.plaintext_data_key
    assert after.encrypted_data_keys[:1] == before.encrypted_data_keys
    assert len(after.encrypted_data_keys) == 2
    assert (after.algorithm_suite, after.encryption_context) == (before.algorithm_suite, before.encryption_context)


@of_every_keyring
def test_the_same_data_key_is_wrapped_differently_each_time(make: Make) -> None:
    keyring = make()
    wrapped = {key for _ in range(5) for key in keyring.on_encrypt(encryption_materials()).encrypted_data_keys}

    assert len(wrapped) == 5 * len(keyring.on_encrypt(encryption_materials()).encrypted_data_keys)


# OnDecrypt


# spec: framework/keyring-interface.md#ondecrypt
@of_every_keyring
def test_decrypting_adds_the_data_key_and_changes_nothing_else(make: Make) -> None:
    keyring = make()
    encrypted = keyring.on_encrypt(encryption_materials())
    asked = decryption_materials()
    decrypted = keyring.on_decrypt(asked, encrypted.encrypted_data_keys)

    assert decrypted == replace(asked, plaintext_data_key=encrypted.plaintext_data_key)
    assert asked.plaintext_data_key is None


# spec: framework/keyring-interface.md#ondecrypt
@of_every_keyring
def test_materials_that_have_a_data_key_are_not_decrypted_again(make: Make) -> None:
    keyring = make()
    encrypted = keyring.on_encrypt(encryption_materials())
    materials = replace(decryption_materials(), plaintext_data_key=bytes(32))
    with pytest.raises(InvalidRequest):
        keyring.on_decrypt(materials, encrypted.encrypted_data_keys)


@of_every_keyring
def test_without_an_encrypted_data_key_of_its_own_it_says_so(make: Make) -> None:
    keyring = make()
    foreign = EncryptedDataKey(key_provider_id="somebody", key_provider_info=b"else", ciphertext=b"x")
    for keys in ((), (foreign,)):
        with pytest.raises(KeyUnavailable):
            keyring.on_decrypt(decryption_materials(), keys)


@of_every_keyring
def test_encrypted_data_keys_of_others_are_passed_over(make: Make) -> None:
    keyring = make()
    encrypted = keyring.on_encrypt(encryption_materials())
    foreign = EncryptedDataKey(key_provider_id="somebody", key_provider_info=b"else", ciphertext=b"x")
    decrypted = keyring.on_decrypt(decryption_materials(), (foreign, *encrypted.encrypted_data_keys, foreign))

    assert decrypted.plaintext_data_key == encrypted.plaintext_data_key


@of_every_keyring
def test_a_damaged_key_of_its_own_does_not_keep_it_from_trying_the_next(make: Make) -> None:
    keyring = make()
    encrypted = keyring.on_encrypt(encryption_materials())
    damaged = [_flip(key) for key in encrypted.encrypted_data_keys]
    decrypted = keyring.on_decrypt(decryption_materials(), (*damaged, *encrypted.encrypted_data_keys))

    assert decrypted.plaintext_data_key == encrypted.plaintext_data_key
    with pytest.raises(KeyUnavailable) as caught:
        keyring.on_decrypt(decryption_materials(), damaged)
    assert len(caught.value.attempts) == len(damaged)
    assert all(attempt.reason and attempt.keyring and attempt.operation for attempt in caught.value.attempts)


# Raw RSA authenticates no encryption context.
@of(make for make in KEYRINGS if make is not raw_rsa)
@pytest.mark.parametrize(
    "context",
    [{}, {"tenant": "a"}, {"tenant": "b", "kind": "order"}, {**CONTEXT, "more": ""}],
    ids=["empty", "a pair less", "another value", "a pair more"],
)
def test_a_data_key_is_bound_to_its_encryption_context(make: Make, context: dict[str, str]) -> None:
    keyring = make()
    encrypted = keyring.on_encrypt(encryption_materials())
    with pytest.raises(KeyUnavailable):
        keyring.on_decrypt(decryption_materials(context=context), encrypted.encrypted_data_keys)


@of([aws_kms, aws_kms_multi_region, aws_kms_rsa, raw_ecdh])
def test_another_key_of_the_same_kind_does_not_decrypt(make: Make) -> None:
    encrypted = make().on_encrypt(encryption_materials())
    with pytest.raises(KeyUnavailable):
        make().on_decrypt(decryption_materials(), encrypted.encrypted_data_keys)


@of_every_keyring
def test_a_data_key_of_another_length_than_the_suites_is_refused(make: Make) -> None:
    keyring = make()
    encrypted = keyring.on_encrypt(encryption_materials(AlgorithmSuite.AES_128_GCM_IV12_TAG16_HKDF_SHA256))
    with pytest.raises(KeyUnavailable):
        keyring.on_decrypt(decryption_materials(SUITE), encrypted.encrypted_data_keys)


@of_every_keyring
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_encrypted_data_keys_it_is_given_it_raises_nothing_but_its_own_errors(
    make: Make, data: st.DataObject
) -> None:
    keyring = _kept(make)
    key = data.draw(st.sampled_from(keyring.on_encrypt(encryption_materials()).encrypted_data_keys))
    field = data.draw(st.sampled_from(["key_provider_info", "ciphertext"]))
    original = getattr(key, field)
    value = data.draw(
        st.one_of(
            st.binary(max_size=len(original) + 20),
            st.integers(0, len(original)).map(lambda end: original[:end]),
            st.binary(min_size=1, max_size=20).map(lambda more: original + more),
        )
    )
    hostile = replace(key, **{field: value})
    if hostile == key:
        return
    with pytest.raises(WarmkeyError):
        keyring.on_decrypt(decryption_materials(), (hostile,))


_kept = cache(lambda make: make())


# Discretion


@of_every_keyring
def test_its_repr_shows_no_key(make: Make) -> None:
    text = repr(make())

    assert "secret" not in text
    assert "PRIVATE" not in text
    assert len(text) < 2_000


@of_every_keyring
def test_its_errors_show_no_key_and_no_context_value(make: Make) -> None:
    keyring = make()
    encrypted = keyring.on_encrypt(encryption_materials())
    context = {"tenant": "a value of the context"}
    with pytest.raises(KeyUnavailable) as caught:
        keyring.on_decrypt(decryption_materials(context=context), [_flip(key) for key in encrypted.encrypted_data_keys])
    text = f"{caught.value} {caught.value!r} {caught.value.attempts!r}"

    assert "a value of the context" not in text
    assert repr(encrypted.plaintext_data_key)[2:-1] not in text


def _flip(key: EncryptedDataKey) -> EncryptedDataKey:
    return replace(key, ciphertext=key.ciphertext[:-1] + bytes([key.ciphertext[-1] ^ 1]))

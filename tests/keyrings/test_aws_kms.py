"""The AWS KMS keyring: what it asks for, and which answers it does not take."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from warmkey import (
    AlgorithmSuite,
    AwsKmsKeyring,
    Client,
    ConfigurationError,
    DecryptionMaterials,
    EncryptedDataKey,
    EncryptionMaterials,
    KeyUnavailable,
)
from warmkey.events import KmsOutcome, KmsRequest
from warmkey.keyrings import AwsKmsMrkKeyring
from warmkey.testing import FakeKms, Recorder

CONTEXT = {"tenant": "a"}
SUITE = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
SHORT = AlgorithmSuite.AES_128_GCM_IV12_TAG16_HKDF_SHA256


def to_encrypt(suite: AlgorithmSuite = SUITE, data_key: bytes | None = None) -> EncryptionMaterials:
    return EncryptionMaterials(algorithm_suite=suite, encryption_context=CONTEXT, plaintext_data_key=data_key)


def to_decrypt(suite: AlgorithmSuite = SUITE) -> DecryptionMaterials:
    return DecryptionMaterials(algorithm_suite=suite, encryption_context=CONTEXT)


class Answering:
    """A KMS client that gives one fixed answer to everything."""

    def __init__(self, **answer: Any) -> None:
        self._answer = answer
        self.requests: list[dict[str, Any]] = []

    def generate_data_key(self, **parameters: Any) -> dict[str, Any]:
        self.requests.append(parameters)
        return self._answer

    encrypt = decrypt = generate_data_key


# What the multi-Region keyring does as this one; what it does besides is in test_aws_kms_mrk.py.
BOTH = pytest.mark.parametrize("keyring_class", [AwsKmsKeyring, AwsKmsMrkKeyring])
KEY = "arn:aws:kms:us-east-1:111122223333:key/11111111-2222-3333-4444-555555555555"


# spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 73db 9163 7e3f ca3f 6cb4 6fc0 7a89
# spec: framework/aws-kms/aws-kms-keyring.md#initialization ac5b
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt 73db 9163 7540
@pytest.mark.parametrize("suite", [SUITE, SHORT])
@BOTH
def test_it_generates_with_the_suites_length_the_context_and_the_grant_tokens(
    keyring_class: Any, suite: AlgorithmSuite
) -> None:
    kms = FakeKms()
    key = kms.create_key()
    token = kms.create_grant(key, "GenerateDataKey")
    keyring_class(key, kms_client=kms, grant_tokens=[token]).on_encrypt(to_encrypt(suite))
    (call,) = kms.calls

    assert (call.operation, call.key_id, call.number_of_bytes) == ("GenerateDataKey", key, suite.data_key_length)
    assert (dict(call.encryption_context), call.grant_tokens) == (CONTEXT, (token,))


# spec: framework/aws-kms/aws-kms-keyring.md#onencrypt c5b8 5813 54b2 ef62 273a 7a89 386b 61e0
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt c5b8 5813 1762 3b8e
@BOTH
def test_it_wraps_a_data_key_that_there_is_with_encrypt(keyring_class: Any) -> None:
    kms = FakeKms()
    key = kms.create_key()
    token = kms.create_grant(key, "Encrypt")
    keyring = keyring_class(key, kms_client=kms, grant_tokens=[token])
    materials = keyring.on_encrypt(to_encrypt(data_key=b"k" * 32))
    (call,) = kms.calls

    assert (call.operation, call.key_id, dict(call.encryption_context)) == ("Encrypt", key, CONTEXT)
    assert call.grant_tokens == (token,)
    assert keyring.on_decrypt(to_decrypt(), materials.encrypted_data_keys).plaintext_data_key == b"k" * 32


# spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 14a4 ce3c
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt 14a4 ce3c
@BOTH
@pytest.mark.parametrize("data_key", [None, bytes(32)], ids=["GenerateDataKey", "Encrypt"])
def test_when_kms_refuses_it_fails_and_the_materials_stay_as_they_are(
    keyring_class: Any, data_key: bytes | None
) -> None:
    kms = FakeKms()
    keyring, materials = keyring_class(kms.create_key(), kms_client=kms), to_encrypt(data_key=data_key)
    kms.fail(error="denied")
    with pytest.raises(KeyUnavailable, match="AccessDenied"):
        keyring.on_encrypt(materials)

    assert (materials.plaintext_data_key, materials.encrypted_data_keys) == (data_key, ())


# spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 0ea1 f2b7 6cf1 d2eb
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt 0015 3b8e
@BOTH
def test_the_encrypted_data_key_names_provider_and_key_arn(keyring_class: Any) -> None:
    kms = FakeKms()
    key = kms.create_key()
    (wrapped,) = keyring_class(key, kms_client=kms).on_encrypt(to_encrypt()).encrypted_data_keys

    assert (wrapped.key_provider_id, wrapped.key_provider_info) == ("aws-kms", key.encode())


@pytest.mark.parametrize("name", ["alias", "alias ARN", "key ID"])
def test_an_alias_or_key_id_encrypts_under_the_key_arn_that_kms_names(name: str) -> None:
    kms = FakeKms()
    key = kms.create_key()
    alias_arn = kms.create_alias("alias/orders", key)
    identifier = {"alias": "alias/orders", "alias ARN": alias_arn, "key ID": key.rpartition("/")[2]}[name]
    keyring = AwsKmsKeyring(identifier, kms_client=kms)
    encrypted = keyring.on_encrypt(to_encrypt())

    assert encrypted.encrypted_data_keys[0].key_provider_info == key.encode()
    with pytest.raises(KeyUnavailable):
        keyring.on_decrypt(to_decrypt(), encrypted.encrypted_data_keys)
    assert kms.count("Decrypt") == 0


# spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt 3b21 5057 ef62 6593 520c 7a89 2234
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt 3b21 c994
@BOTH
def test_it_asks_kms_to_decrypt_with_the_configured_key_context_and_grant_tokens(keyring_class: Any) -> None:
    kms = FakeKms()
    key = kms.create_key()
    token = kms.create_grant(key, "Decrypt")
    keyring = keyring_class(key, kms_client=kms, grant_tokens=(token,))
    keyring.on_decrypt(to_decrypt(), keyring.on_encrypt(to_encrypt()).encrypted_data_keys)
    call = kms.calls[-1]

    assert (call.operation, call.key_id, dict(call.encryption_context)) == ("Decrypt", key, CONTEXT)
    assert call.grant_tokens == (token,)


# spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt a3ad 5de2
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt a3ad 1f12
@BOTH
def test_it_asks_for_no_key_but_its_own(keyring_class: Any) -> None:
    kms = FakeKms()
    mine, theirs = kms.create_key(), kms.create_key()
    encrypted = keyring_class(theirs, kms_client=kms).on_encrypt(to_encrypt())
    kms.clear_calls()
    with pytest.raises(KeyUnavailable) as caught:
        keyring_class(mine, kms_client=kms).on_decrypt(to_decrypt(), encrypted.encrypted_data_keys)

    assert (kms.count(), caught.value.attempts) == (0, ())


def test_an_encrypted_data_key_that_claims_its_arn_and_is_another_keys_is_refused() -> None:
    kms = FakeKms()
    mine, theirs = kms.create_key(), kms.create_key()
    (wrapped,) = AwsKmsKeyring(theirs, kms_client=kms).on_encrypt(to_encrypt()).encrypted_data_keys
    with pytest.raises(KeyUnavailable, match="IncorrectKeyException"):
        AwsKmsKeyring(mine, kms_client=kms).on_decrypt(
            to_decrypt(), [replace(wrapped, key_provider_info=mine.encode())]
        )


# spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt c3ad
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt c3ad
@pytest.mark.parametrize(
    "info",
    [b"", b"not an arn", b"\xff\xfe", b"alias/orders", b"arn:aws:kms:us-east-1:111122223333:alias/orders"],
)
@BOTH
def test_an_encrypted_data_key_of_kms_that_names_no_key_arn_fails(keyring_class: Any, info: bytes) -> None:
    key = EncryptedDataKey(key_provider_id="aws-kms", key_provider_info=info, ciphertext=b"x")
    kms = FakeKms()
    with pytest.raises(KeyUnavailable, match="not an AWS KMS key ARN"):
        keyring_class(KEY, kms_client=kms).on_decrypt(to_decrypt(), [key])

    assert kms.count() == 0


WRONG_ANSWERS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "nothing": ({}, {"GenerateDataKey", "Encrypt", "Decrypt"}),
    "a short key": ({"Plaintext": bytes(31)}, {"GenerateDataKey", "Decrypt"}),
    "a long key": ({"Plaintext": bytes(33)}, {"GenerateDataKey", "Decrypt"}),
    "an empty key": ({"Plaintext": b""}, {"GenerateDataKey", "Decrypt"}),
    "no ARN": ({"KeyId": "not an ARN"}, {"GenerateDataKey", "Encrypt", "Decrypt"}),
    "no key": ({"KeyId": None}, {"GenerateDataKey", "Encrypt", "Decrypt"}),
    "another key": ({"KeyId": KEY.replace("5555", "6666")}, {"GenerateDataKey", "Encrypt", "Decrypt"}),
    "another Region": ({"KeyId": KEY.replace("us-", "eu-")}, {"GenerateDataKey", "Encrypt", "Decrypt"}),
    "an alias": ({"KeyId": KEY.replace("key/", "alias/")}, {"GenerateDataKey", "Encrypt", "Decrypt"}),
    "no ciphertext": ({"CiphertextBlob": None}, {"GenerateDataKey", "Encrypt"}),
    "an empty ciphertext": ({"CiphertextBlob": b""}, {"GenerateDataKey", "Encrypt"}),
}


# spec: framework/aws-kms/aws-kms-keyring.md#onencrypt db7f 1f59 f9c3
# spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt e745 ae56
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt db7f dcfa f9c3
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt e745 ae56
@pytest.mark.parametrize(
    ("answer", "operation"),
    [
        pytest.param(answer, operation, id=f"{operation}: {name}")
        for name, (answer, operations) in WRONG_ANSWERS.items()
        for operation in sorted(operations)
    ],
)
# spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt bc46
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt bc46
@BOTH
def test_an_answer_that_is_not_what_was_asked_for_is_refused(
    keyring_class: Any, answer: dict[str, Any], operation: str
) -> None:
    whole = {"KeyId": KEY, "Plaintext": bytes(32), "CiphertextBlob": b"blob"}
    kms = Answering(**{name: value for name, value in {**whole, **answer}.items() if value is not None and answer})
    keyring = keyring_class(KEY, kms_client=kms)
    wrapped = EncryptedDataKey(key_provider_id="aws-kms", key_provider_info=KEY.encode(), ciphertext=b"blob")
    ask = {
        "GenerateDataKey": lambda: keyring.on_encrypt(to_encrypt()),
        "Encrypt": lambda: keyring.on_encrypt(to_encrypt(data_key=bytes(32))),
        "Decrypt": lambda: keyring.on_decrypt(to_decrypt(), [wrapped]),
    }
    with pytest.raises(KeyUnavailable) as caught:
        ask[operation]()

    assert [(attempt.operation, attempt.key) for attempt in caught.value.attempts] == [(operation, KEY)]
    assert caught.value.attempts[0].remedy


# spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 1f59 f9c3
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt dcfa f9c3
@pytest.mark.parametrize("answered", [None, "", "alias/name", "arn:aws:kms:us-east-1:111122223333:alias/name"])
@pytest.mark.parametrize("data_key", [None, bytes(32)], ids=["GenerateDataKey", "Encrypt"])
@BOTH
def test_the_answer_to_an_alias_names_a_key_arn(
    keyring_class: Any, data_key: bytes | None, answered: str | None
) -> None:
    kms = Answering(KeyId=answered, Plaintext=bytes(32), CiphertextBlob=b"blob")

    with pytest.raises(KeyUnavailable, match="without a key ARN"):
        keyring_class("alias/name", kms_client=kms).on_encrypt(to_encrypt(data_key=data_key))


# spec: framework/aws-kms/aws-kms-keyring.md#onencrypt 5405 26b4 673b 0ea1 f2b7 2cb8
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#onencrypt 0015 afa6
@BOTH
def test_a_whole_answer_is_taken(keyring_class: Any) -> None:
    kms = Answering(KeyId=KEY, Plaintext=bytearray(32), CiphertextBlob=b"blob")
    materials = keyring_class(KEY, kms_client=kms).on_encrypt(to_encrypt())

    assert materials.plaintext_data_key == bytes(32)
    assert isinstance(materials.plaintext_data_key, bytes)
    assert materials.encrypted_data_keys == (
        EncryptedDataKey(key_provider_id="aws-kms", key_provider_info=KEY.encode(), ciphertext=b"blob"),
    )


def test_kms_is_told_a_context_of_its_own() -> None:
    kms = Answering(KeyId=KEY, Plaintext=bytes(32), CiphertextBlob=b"blob")
    materials = to_encrypt()
    AwsKmsKeyring(KEY, kms_client=kms).on_encrypt(materials)
    kms.requests[0]["EncryptionContext"]["tenant"] = "changed by the client's event hooks"

    assert dict(materials.encryption_context) == CONTEXT


# spec: framework/aws-kms/aws-kms-keyring.md#ondecrypt 9453 9e2b 13f1
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#ondecrypt 9453 9e2b 13f1
@BOTH
def test_the_reasons_of_all_tries_are_reported(keyring_class: Any) -> None:
    kms = FakeKms()
    key = kms.create_key()
    keyring = keyring_class(key, kms_client=kms)
    keys = [keyring.on_encrypt(to_encrypt()).encrypted_data_keys[0] for _ in range(3)]
    kms.fail("Decrypt", error="throttled")
    kms.fail("Decrypt", error="timeout")
    kms.fail("Decrypt", error="denied")
    with pytest.raises(KeyUnavailable) as caught:
        keyring.on_decrypt(to_decrypt(), keys)

    assert [attempt.outcome for attempt in caught.value.attempts] == [
        KmsOutcome.THROTTLED,
        KmsOutcome.UNREACHABLE,
        KmsOutcome.DENIED,
    ]
    assert caught.value.__cause__ is caught.value.attempts[0].cause is not None


def test_requests_are_told_to_a_subscriber() -> None:
    kms, seen = FakeKms(), Recorder()
    key = kms.create_key()
    keyring = AwsKmsKeyring(key, kms_client=kms, emit=seen)
    keyring.on_encrypt(to_encrypt())
    kms.fail(error="denied")
    with pytest.raises(KeyUnavailable):
        keyring.on_encrypt(to_encrypt(data_key=bytes(32)))

    assert [(one.kms_operation, one.key_arn, one.outcome, one.attempts) for one in seen.of(KmsRequest)] == [
        ("GenerateDataKey", key, KmsOutcome.OK, 1),
        ("Encrypt", key, KmsOutcome.DENIED, 1),
    ]
    assert all(one.duration_seconds >= 0 for one in seen.of(KmsRequest))


# spec: framework/aws-kms/aws-kms-keyring.md#initialization d7fb b0a3 e4e4
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#initialization b0a3 e4e4
@pytest.mark.parametrize(
    "identifier", ["", " ", None, 5, b"x", "arn:aws:kms:us-east-1:1:key/", "arn:aws:s3:::x", "alias/"]
)
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#initialization c4c8
# spec: framework/aws-kms/aws-kms-keyring.md#initialization ab2e
@BOTH
def test_an_identifier_that_can_not_be_one_is_refused(keyring_class: Any, identifier: Any) -> None:
    with pytest.raises(ConfigurationError, match="kms_key_id"):
        keyring_class(identifier, kms_client=FakeKms())


# spec: framework/aws-kms/aws-kms-keyring.md#initialization ab2e 8e50
# spec: framework/aws-kms/aws-kms-mrk-keyring.md#initialization c4c8 8e50
@BOTH
def test_it_needs_a_client(keyring_class: Any) -> None:
    with pytest.raises(ConfigurationError, match="kms_client"):
        keyring_class(KEY, kms_client=None)


def test_grant_tokens_are_no_string() -> None:
    with pytest.raises(ConfigurationError, match="grant_tokens"):
        AwsKmsKeyring(KEY, kms_client=FakeKms(), grant_tokens="token")


def test_a_denied_caller_with_a_grant_token_gets_through() -> None:
    kms = FakeKms()
    key = kms.create_key()
    token = kms.create_grant(key, "GenerateDataKey", "Decrypt")
    for operation in ("GenerateDataKey", "Decrypt"):
        kms.deny(operation)
    with_token = AwsKmsKeyring(key, kms_client=kms, grant_tokens=[token])
    message = Client().encrypt(b"x", keyring=with_token).ciphertext

    assert Client().decrypt(message, keyring=with_token).plaintext == b"x"
    with pytest.raises(KeyUnavailable, match="AccessDenied"):
        Client().decrypt(message, keyring=AwsKmsKeyring(key, kms_client=kms))

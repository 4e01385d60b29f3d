from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.keyrings.line_up import CONTEXT, EAST, UNSIGNED, WEST, encrypted, public_pem, rsa_kms, to_decrypt
from warmkey import (
    AlgorithmSuite,
    Client,
    ConfigurationError,
    DecryptionMaterials,
    EncryptedDataKey,
    EncryptionContext,
    KeyUnavailable,
    MultiKeyring,
    PolicyRefused,
)
from warmkey.events import KmsOutcome, KmsRequest
from warmkey.keyrings import AwsKmsRsaKeyring, RawAesKeyring
from warmkey.testing import FakeKms, Recorder

SHA_256 = "RSAES_OAEP_SHA_256"
SIGNED = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384
ARN = "arn:aws:kms:us-east-1:111122223333:key/1"


@pytest.fixture
def kms() -> FakeKms:
    client, _, _ = rsa_kms()
    client.clear_calls()
    client.heal()
    return client


def keyring(**changed: Any) -> AwsKmsRsaKeyring:
    client, arn, pem = rsa_kms()
    arguments = {"encryption_algorithm": SHA_256, "public_key": pem, "kms_client": client, **changed}
    return AwsKmsRsaKeyring(arguments.pop("kms_key_id", arn), **arguments)


# spec: framework/aws-kms/aws-kms-rsa-keyring.md#onencrypt f65c 6217 3ee2 fb22 f56e c81d 5548 b407 1579
@pytest.mark.parametrize("algorithm", ["RSAES_OAEP_SHA_1", SHA_256])
@pytest.mark.parametrize("context", [CONTEXT, {}], ids=["context", "no context"])
def test_kms_opens_the_digest_of_the_context_and_the_data_key(
    kms: FakeKms, algorithm: str, context: dict[str, str]
) -> None:
    """The encrypted data key names the key ARN, and encrypting asks KMS nothing."""
    made = encrypted(keyring(encryption_algorithm=algorithm), context=context)
    requests = kms.counts()
    (key,) = made.encrypted_data_keys
    arn = key.key_provider_info.decode()
    opened = kms.decrypt(KeyId=arn, CiphertextBlob=key.ciphertext, EncryptionAlgorithm=algorithm)["Plaintext"]

    assert requests == {}
    assert (key.key_provider_id, arn) == ("aws-kms-rsa", rsa_kms()[1])
    assert opened[:48] == hashlib.sha384(EncryptionContext.of(context).serialized).digest()
    assert opened[48:] == made.plaintext_data_key


def test_the_digest_of_no_context_is_that_of_nothing() -> None:
    assert EncryptionContext.of({}).serialized == b""


# spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt 3b21 5057 ef62 6593 fd1a b778
def test_decrypt_asks_for_the_configured_key_with_the_algorithm_and_no_context(kms: FakeKms) -> None:
    recorder = Recorder()
    ours = keyring(emit=recorder)
    made = encrypted(ours)

    unwrapped = ours.on_decrypt(to_decrypt(), made.encrypted_data_keys)

    assert made.plaintext_data_key == unwrapped.plaintext_data_key
    assert [(call.operation, call.key_id, call.encryption_context) for call in kms.calls] == [
        ("Decrypt", rsa_kms()[1], {})
    ]
    assert [(event.kms_operation, event.outcome) for event in recorder.of(KmsRequest)] == [("Decrypt", KmsOutcome.OK)]


# spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt ef79 be5f 2982
def test_another_encryption_context_is_refused_although_kms_decrypts(kms: FakeKms) -> None:
    made = encrypted(keyring())

    with pytest.raises(KeyUnavailable, match="belongs to another encryption context"):
        keyring().on_decrypt(to_decrypt(context={"tenant": "b"}), made.encrypted_data_keys)
    assert kms.count("Decrypt") == 1


# spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt 9453 e745
@pytest.mark.parametrize("fault", ["another-key", "not-an-arn", "short-plaintext", "long-plaintext", "denied"])
def test_a_wrong_answer_is_an_attempt_and_the_next_key_is_tried(kms: FakeKms, fault: str) -> None:
    made = encrypted(keyring())
    kms.fail("Decrypt", error=fault)

    unwrapped = keyring().on_decrypt(to_decrypt(), [*made.encrypted_data_keys, *made.encrypted_data_keys])

    assert made.plaintext_data_key == unwrapped.plaintext_data_key
    assert kms.count("Decrypt") == 2


# spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt 50f4
@pytest.mark.parametrize("plaintext", [b"", bytes(47), bytes(48), bytes(80)], ids=len)
def test_an_answer_without_the_digest_is_refused(plaintext: bytes) -> None:
    class Answers:
        def decrypt(self, **parameters: Any) -> dict[str, Any]:
            return {"KeyId": parameters["KeyId"], "Plaintext": plaintext}

    key = EncryptedDataKey(key_provider_id="aws-kms-rsa", key_provider_info=ARN.encode(), ciphertext=b"")

    with pytest.raises(KeyUnavailable, match="another encryption context"):
        keyring(kms_key_id=ARN, kms_client=Answers()).on_decrypt(to_decrypt(), [key])


# spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt 9e2b
def test_a_damaged_encrypted_data_key_names_key_and_answer(kms: FakeKms) -> None:
    (key,) = encrypted(keyring()).encrypted_data_keys

    with pytest.raises(KeyUnavailable) as failure:
        keyring().on_decrypt(to_decrypt(), [replace(key, ciphertext=bytes(256))])
    (attempt,) = failure.value.attempts
    assert (attempt.keyring, attempt.operation, attempt.key) == ("AwsKmsRsaKeyring", "Decrypt", rsa_kms()[1])
    assert attempt.reason == "KMS answered InvalidCiphertextException"


# spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt a3ad 3c1d
def test_the_keys_of_a_symmetric_keyring_are_not_its_own(kms: FakeKms) -> None:
    (key,) = encrypted(keyring()).encrypted_data_keys

    with pytest.raises(KeyUnavailable) as failure:
        keyring().on_decrypt(to_decrypt(), [replace(key, key_provider_id="aws-kms")])
    assert (failure.value.attempts, kms.calls) == ((), [])


# spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt c3ad
def test_a_provider_info_that_is_no_key_arn_fails(kms: FakeKms) -> None:
    (key,) = encrypted(keyring()).encrypted_data_keys

    with pytest.raises(KeyUnavailable, match="not an AWS KMS key ARN"):
        keyring().on_decrypt(to_decrypt(), [replace(key, key_provider_info=b"alias/name"), key])
    assert kms.calls == []


# spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt af27 ef62
def test_a_replica_decrypts_for_its_own_region() -> None:
    """As for symmetric keys, the configured replica is asked."""
    east = FakeKms(EAST)
    west = FakeKms(WEST, world=east.world)
    primary = east.create_key(key_spec="RSA_2048", multi_region=True)
    replica = east.replicate_key(primary, WEST)
    made = encrypted(keyring(kms_key_id=primary, public_key=pem_in(east, primary), kms_client=None))

    unwrapped = keyring(kms_key_id=replica, public_key=None, kms_client=west).on_decrypt(
        to_decrypt(), made.encrypted_data_keys
    )

    assert made.plaintext_data_key == unwrapped.plaintext_data_key
    assert [call.key_id for call in west.calls] == [replica]


def pem_in(kms: FakeKms, arn: str) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key  # noqa: PLC0415

    public_key = load_der_public_key(kms.get_public_key(KeyId=arn)["PublicKey"])
    return public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class TestSignatures:
    """Everybody may have the public key, so a signature would prove nothing."""

    # Source: framework/aws-kms/aws-kms-rsa-keyring.md#security-considerations

    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#onencrypt e415
    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt e9ae
    @pytest.mark.parametrize("suite", [suite for suite in AlgorithmSuite if suite.signature])
    def test_suites_with_a_signature_are_refused(self, kms: FakeKms, suite: AlgorithmSuite) -> None:
        made = encrypted(keyring())

        with pytest.raises(PolicyRefused, match=f"{suite.name}; encrypt with AES_256_GCM_HKDF_SHA512_COMMIT_KEY"):
            encrypted(keyring(), suite=suite)
        with pytest.raises(PolicyRefused, match="refuses suites with a signature"):
            keyring().on_decrypt(to_decrypt(suite=suite), made.encrypted_data_keys)
        assert kms.calls == []

    def test_the_clients_default_suite_says_what_to_use(self) -> None:
        with pytest.raises(PolicyRefused, match="encrypt with AES_256_GCM_HKDF_SHA512_COMMIT_KEY"):
            Client().encrypt(b"text", keyring=keyring())

    def test_a_multi_keyring_reads_signed_messages_with_another_keyring(self) -> None:
        aes = RawAesKeyring("ns", "aes", bytes(32))
        made = encrypted(aes, suite=SIGNED)
        materials = DecryptionMaterials(algorithm_suite=SIGNED, encryption_context=CONTEXT)

        unwrapped = MultiKeyring(children=[keyring(), aes]).on_decrypt(materials, made.encrypted_data_keys)

        assert made.plaintext_data_key == unwrapped.plaintext_data_key


class TestConstructor:
    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#initialization d7fb b0a3 e4e4 f1b4
    @pytest.mark.parametrize(
        "kms_key_id", ["", None, "1234", "alias/name", "arn:aws:kms:us-east-1:111122223333:alias/name"]
    )
    def test_the_key_is_named_by_its_arn(self, kms_key_id: Any) -> None:
        """Messages name what is configured, and only a key ARN can be decrypted."""
        with pytest.raises(ConfigurationError, match=r"kms_key_id must be a key ARN"):
            keyring(kms_key_id=kms_key_id)

    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#initialization 9d7e
    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#aws-kms-encryption-algorithm 809f
    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#supported-padding-schemes 8e17
    @pytest.mark.parametrize(
        "algorithm", ["", None, "SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_512", ["RSAES_OAEP_SHA_1"]], ids=repr
    )
    def test_the_algorithm_is_one_of_kms(self, algorithm: Any) -> None:
        with pytest.raises(ConfigurationError, match="must be one of RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256"):
            keyring(encryption_algorithm=algorithm)

    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#initialization c123
    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#encryption-context-digest e08e
    def test_the_public_key_has_2048_bits_or_more(self) -> None:
        short = rsa.generate_private_key(public_exponent=65537, key_size=1024)

        with pytest.raises(ConfigurationError, match="public_key must have 2048 bits or more, not 1024"):
            keyring(public_key=public_pem(short))

    def test_the_public_key_is_pem(self) -> None:
        with pytest.raises(ConfigurationError, match="public_key is not a PEM public key"):
            keyring(public_key=b"no key")

    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#initialization 8028 1617
    def test_public_key_or_client_is_needed(self) -> None:
        with pytest.raises(ConfigurationError, match="public_key to encrypt, kms_client to decrypt"):
            keyring(public_key=None, kms_client=None)

    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#onencrypt 1c86
    def test_no_public_key_no_encryption(self) -> None:
        with pytest.raises(ConfigurationError, match="has no public_key, so it can't encrypt"):
            encrypted(keyring(public_key=None))

    # spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt 01e0
    def test_no_client_no_decryption(self) -> None:
        with pytest.raises(ConfigurationError, match="has no kms_client, so it can't decrypt"):
            keyring(kms_client=None).on_decrypt(to_decrypt(), encrypted(keyring()).encrypted_data_keys)


# spec: framework/aws-kms/aws-kms-rsa-keyring.md#initialization ac5b
# spec: framework/aws-kms/aws-kms-rsa-keyring.md#ondecrypt 7a89
def test_grant_tokens_go_with_the_request() -> None:
    kms = FakeKms(EAST)
    arn = kms.create_key(key_spec="RSA_2048")
    token = kms.create_grant(arn, "Decrypt")
    kms.deny("Decrypt")
    ours = keyring(kms_key_id=arn, public_key=pem_in(kms, arn), kms_client=kms, grant_tokens=[token])
    client = Client()
    message = client.encrypt(b"text", keyring=ours, algorithm_suite=UNSIGNED).ciphertext

    assert client.decrypt(message, keyring=ours).plaintext == b"text"
    assert kms.calls[-1].grant_tokens == (token,)


def test_repr_names_the_key() -> None:
    assert repr(keyring(kms_key_id=ARN)) == f"AwsKmsRsaKeyring({ARN!r})"

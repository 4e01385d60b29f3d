from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

from tests.keyrings.line_up import (
    CONTEXT,
    EAST,
    UNSIGNED,
    ec_key,
    encrypted,
    private_pem,
    public_der,
    public_pem,
    to_decrypt,
)
from warmkey import CachingCMM, Client, ConfigurationError, KeyUnavailable, LocalCMC
from warmkey.events import KmsOutcome, KmsRequest
from warmkey.keyrings import (
    AwsKmsEcdhKeyring,
    EcdhCurveSpec,
    KmsPrivateKeyToStaticPublicKey,
    KmsPublicKeyDiscovery,
    PublicKeyDiscovery,
    RawEcdhKeyring,
    RawPrivateKeyToStaticPublicKey,
)
from warmkey.testing import FakeKms, Recorder

P256, P384, _ = EcdhCurveSpec


@pytest.fixture
def kms() -> FakeKms:
    return FakeKms(EAST)


@pytest.fixture
def alice(kms: FakeKms) -> str:
    """Her key is in KMS; bob's is not."""
    return kms.create_key(key_spec="ECC_NIST_P256")


def to_bob(kms: FakeKms, sender: str, **more: Any) -> AwsKmsEcdhKeyring:
    schema = KmsPrivateKeyToStaticPublicKey(
        sender_kms_identifier=sender,
        recipient_public_key=public_der(ec_key(P256, "bob")),
        sender_public_key=more.pop("sender_public_key", None),
    )
    return AwsKmsEcdhKeyring(schema, curve_spec=P256, kms_client=kms, **more)


def from_anybody(kms: FakeKms, recipient: str) -> AwsKmsEcdhKeyring:
    return AwsKmsEcdhKeyring(KmsPublicKeyDiscovery(recipient_kms_identifier=recipient), curve_spec=P256, kms_client=kms)


def bob_to(kms: FakeKms, recipient: str) -> RawEcdhKeyring:
    schema = RawPrivateKeyToStaticPublicKey(
        sender_static_private_key=private_pem(ec_key(P256, "bob")), recipient_public_key=public_key_of(kms, recipient)
    )
    return RawEcdhKeyring(schema, curve_spec=P256)


def public_key_of(kms: FakeKms, arn: str) -> bytes:
    der = kms.get_public_key(KeyId=arn)["PublicKey"]
    assert isinstance(der, bytes)
    return der


class TestWhoDecryptsWhat:
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt 3341 67f7
    # spec: framework/key-agreement-schemas.md#kmsprivatekeytostaticpublickey 6f4d
    def test_kms_encrypts_and_the_recipient_decrypts_without_kms(self, kms: FakeKms, alice: str) -> None:
        made = encrypted(to_bob(kms, alice))
        schema = PublicKeyDiscovery(recipient_static_private_key=private_pem(ec_key(P256, "bob")))

        unwrapped = RawEcdhKeyring(schema, curve_spec=P256).on_decrypt(to_decrypt(), made.encrypted_data_keys)

        assert made.plaintext_data_key == unwrapped.plaintext_data_key
        assert [key.key_provider_id for key in made.encrypted_data_keys] == ["aws-kms-ecdh"]

    # spec: framework/key-agreement-schemas.md#kmsprivatekeytostaticpublickey 6abd
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 2f33
    @pytest.mark.parametrize("by", ["discovery", "static"])
    def test_bob_encrypts_and_kms_decrypts(self, kms: FakeKms, alice: str, by: str) -> None:
        keyring = from_anybody(kms, alice) if by == "discovery" else to_bob(kms, alice)
        made = encrypted(bob_to(kms, alice))

        unwrapped = keyring.on_decrypt(to_decrypt(), made.encrypted_data_keys)

        assert made.plaintext_data_key == unwrapped.plaintext_data_key

    def test_the_sender_reads_what_it_wrote(self, kms: FakeKms, alice: str) -> None:
        keyring = to_bob(kms, alice)
        made = encrypted(keyring)

        assert made.plaintext_data_key == keyring.on_decrypt(to_decrypt(), made.encrypted_data_keys).plaintext_data_key

    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt a3ad 2f33
    # spec: framework/key-agreement-schemas.md#kmspublickeydiscovery c3a7
    # spec: framework/key-agreement-schemas.md#kmsprivatekeytostaticpublickey db46
    def test_somebody_elses_encrypted_data_keys_cost_no_request(self, kms: FakeKms, alice: str) -> None:
        carol = kms.create_key(key_spec="ECC_NIST_P256")
        made = encrypted(to_bob(kms, carol))
        readers = [to_bob(kms, alice), from_anybody(kms, alice)]
        kms.clear_calls()

        for reader in readers:
            with pytest.raises(KeyUnavailable) as failure:
                reader.on_decrypt(to_decrypt(), made.encrypted_data_keys)
            assert failure.value.attempts == ()
        assert kms.calls == []

    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt 54eb
    # spec: framework/key-agreement-schemas.md#kmspublickeydiscovery 61c6
    def test_a_discovery_keyring_never_encrypts(self, kms: FakeKms, alice: str) -> None:
        with pytest.raises(ConfigurationError, match="can only decrypt"):
            encrypted(from_anybody(kms, alice))


class TestRequests:
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt 7fc6 df39
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 1fef df39
    def test_every_data_key_is_one_request_for_the_configured_key(self, kms: FakeKms, alice: str) -> None:
        recorder = Recorder()
        keyring = to_bob(kms, alice, emit=recorder)
        kms.clear_calls()

        keyring.on_decrypt(to_decrypt(), encrypted(keyring).encrypted_data_keys)

        assert [(call.operation, call.key_id) for call in kms.calls] == [("DeriveSharedSecret", alice)] * 2
        assert [event.kms_operation for event in recorder.of(KmsRequest)] == [
            "GetPublicKey",
            "DeriveSharedSecret",
            "DeriveSharedSecret",
        ]

    # spec: framework/key-agreement-schemas.md#kmspublickeydiscovery e19c 4bac
    # spec: framework/key-agreement-schemas.md#kmsprivatekeytostaticpublickey 49ff 8124
    def test_the_public_key_is_asked_for_at_once_and_only_where_it_is_missing(self, kms: FakeKms, alice: str) -> None:
        # Source: framework/key-agreement-schemas.md#aws-kms-ecdh-key-agreement-schemas
        der = public_key_of(kms, alice)
        kms.clear_calls()

        to_bob(kms, alice, sender_public_key=der)
        schema = KmsPublicKeyDiscovery(recipient_kms_identifier=alice, recipient_public_key=der)
        AwsKmsEcdhKeyring(schema, curve_spec=P256, kms_client=kms)
        assert kms.calls == []

        to_bob(kms, alice)
        from_anybody(kms, alice)
        assert [(call.operation, call.key_id) for call in kms.calls] == [("GetPublicKey", alice)] * 2

    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#initialization ac5b
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt 7a89
    def test_grant_tokens_go_with_every_request(self, kms: FakeKms, alice: str) -> None:
        token = kms.create_grant(alice, "GetPublicKey", "DeriveSharedSecret")
        kms.deny("GetPublicKey")
        kms.deny("DeriveSharedSecret")

        encrypted(to_bob(kms, alice, grant_tokens=[token]))

        assert [call.grant_tokens for call in kms.calls] == [(token,)] * 2

    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 7a89
    def test_grant_tokens_go_with_decrypts_too(self, kms: FakeKms, alice: str) -> None:
        made = encrypted(to_bob(kms, alice))
        token = kms.create_grant(alice, "GetPublicKey", "DeriveSharedSecret")
        kms.deny("DeriveSharedSecret")

        to_bob(kms, alice, grant_tokens=[token]).on_decrypt(to_decrypt(), made.encrypted_data_keys)

        assert kms.calls[-1].grant_tokens == (token,)

    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt 7fc6 df39 a9ee 2c7f
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 1fef df39 2c7f
    def test_the_request_names_key_algorithm_and_the_other_partys_public_key(self, kms: FakeKms, alice: str) -> None:
        class Listening:
            """Hands on what it is asked."""

            def get_public_key(self, **parameters: Any) -> Any:
                return kms.get_public_key(**parameters)

            def derive_shared_secret(self, **parameters: Any) -> Any:
                asked.append(parameters)
                return kms.derive_shared_secret(**parameters)

        asked: list[dict[str, Any]] = []
        keyring = to_bob(Listening(), alice)  # type: ignore[arg-type]
        keyring.on_decrypt(to_decrypt(), encrypted(keyring).encrypted_data_keys)

        assert asked == [
            {"KeyId": alice, "KeyAgreementAlgorithm": "ECDH", "PublicKey": public_der(ec_key(P256, "bob"))}
        ] * 2  # fmt: skip

    def test_an_alias_can_stand_for_the_key(self, kms: FakeKms, alice: str) -> None:
        """Messages name public keys, so nothing stands in the way of decrypting."""
        keyring = to_bob(kms, kms.create_alias("alias/alice", alice))
        made = encrypted(keyring)

        assert made.plaintext_data_key == keyring.on_decrypt(to_decrypt(), made.encrypted_data_keys).plaintext_data_key


class TestBadDays:
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#onencrypt 74b8 c3d8
    # spec: framework/raw-ecdh-keyring.md#onencrypt 2e99
    @pytest.mark.parametrize("fault", ["another-key", "not-an-arn", "short-plaintext", "long-plaintext", "denied"])
    def test_a_wrong_answer_fails_an_encrypt(self, kms: FakeKms, alice: str, fault: str) -> None:
        keyring = to_bob(kms, alice)
        kms.fail("DeriveSharedSecret", error=fault)

        with pytest.raises(KeyUnavailable, match="KMS answered") as failure:
            encrypted(keyring)
        assert [(attempt.operation, attempt.key) for attempt in failure.value.attempts] == [
            ("DeriveSharedSecret", alice)
        ]

    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ondecrypt 9453 9e2b 9d9e 449c
    @pytest.mark.parametrize("fault", ["another-key", "short-plaintext", "another-plaintext", "throttled", "timeout"])
    def test_a_wrong_answer_is_an_attempt_and_the_next_key_is_tried(self, kms: FakeKms, alice: str, fault: str) -> None:
        keyring = to_bob(kms, alice)
        made = encrypted(keyring)
        kms.fail("DeriveSharedSecret", error=fault)

        unwrapped = keyring.on_decrypt(to_decrypt(), [*made.encrypted_data_keys, *made.encrypted_data_keys])

        assert made.plaintext_data_key == unwrapped.plaintext_data_key
        kms.fail("DeriveSharedSecret", error=fault)
        with pytest.raises(KeyUnavailable) as failure:
            keyring.on_decrypt(to_decrypt(), made.encrypted_data_keys)
        assert len(failure.value.attempts) == 1

    def test_a_damaged_encrypted_data_key_of_the_wrong_length_costs_no_request(self, kms: FakeKms, alice: str) -> None:
        keyring = to_bob(kms, alice)
        (key,) = encrypted(keyring).encrypted_data_keys
        kms.clear_calls()

        with pytest.raises(KeyUnavailable, match=r"AwsKmsEcdhKeyring unwrap .*wrong length"):
            keyring.on_decrypt(to_decrypt(), [replace(key, ciphertext=b"")])
        assert kms.calls == []

    @pytest.mark.parametrize(
        ("outcome", "context", "evicted"),
        [
            (KmsOutcome.DENIED, CONTEXT, 2),
            (KmsOutcome.DENIED, {"tenant": "another"}, 0),
            (KmsOutcome.DISABLED, {"tenant": "another"}, 2),
        ],
    )
    def test_what_kms_refuses_leaves_the_cache(
        self, kms: FakeKms, alice: str, outcome: KmsOutcome, context: dict[str, str], evicted: int
    ) -> None:
        """A message names public keys and no key of KMS; what KMS was asked for when an entry was filled decides."""
        client, keyring = Client(), to_bob(kms, alice)
        cmm = CachingCMM(cache=LocalCMC(10), max_age=60, keyring=keyring)
        first = client.encrypt(b"text", cmm=cmm, encryption_context=CONTEXT).ciphertext
        client.decrypt(first, cmm=cmm)
        kms.fail("DeriveSharedSecret", error=str(outcome))

        with pytest.raises(KeyUnavailable) as failure:
            client.encrypt(b"text", cmm=cmm, encryption_context=context, algorithm_suite=UNSIGNED)
        requests = kms.count("DeriveSharedSecret")
        client.decrypt(first, cmm=cmm)
        client.encrypt(b"text", cmm=cmm, encryption_context=CONTEXT)

        assert [attempt.outcome for attempt in failure.value.attempts] == [outcome]
        assert kms.count("DeriveSharedSecret") == requests + evicted


class TestConstructor:
    # spec: framework/key-agreement-schemas.md#kmspublickeydiscovery 1b98
    # spec: framework/key-agreement-schemas.md#kmsprivatekeytostaticpublickey 1b98
    def test_a_key_that_kms_does_not_give_the_public_half_of_fails(self, kms: FakeKms, alice: str) -> None:
        kms.deny("GetPublicKey")

        for construct in (to_bob, from_anybody):
            with pytest.raises(KeyUnavailable) as failure:
                construct(kms, alice)
            assert [(attempt.operation, attempt.outcome) for attempt in failure.value.attempts] == [
                ("GetPublicKey", KmsOutcome.DENIED)
            ]

    # spec: framework/key-agreement-schemas.md#kmspublickeydiscovery 1932
    # spec: framework/key-agreement-schemas.md#kmsprivatekeytostaticpublickey 57df
    def test_the_key_is_for_key_agreement(self, kms: FakeKms) -> None:
        signing = kms.create_key(key_spec="ECC_NIST_P256", key_usage="SIGN_VERIFY")

        with pytest.raises(ConfigurationError, match="is for SIGN_VERIFY, not for KEY_AGREEMENT"):
            to_bob(kms, signing)

    # spec: framework/key-agreement-schemas.md#kmspublickeydiscovery 1932
    # spec: framework/key-agreement-schemas.md#kmsprivatekeytostaticpublickey 57df
    def test_the_key_is_of_the_curve(self, kms: FakeKms) -> None:
        with pytest.raises(ConfigurationError, match="is ECC_NIST_P384, not ECC_NIST_P256"):
            to_bob(kms, kms.create_key(key_spec="ECC_NIST_P384"))

    def test_another_key_does_not_answer(self, kms: FakeKms, alice: str) -> None:
        kms.fail("GetPublicKey", error="another-key")

        with pytest.raises(KeyUnavailable, match="KMS answered for another key"):
            to_bob(kms, alice)

    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#ecc-keys 5d15
    # spec: framework/key-agreement-schemas.md#kmspublickeydiscovery 1240
    # spec: framework/key-agreement-schemas.md#kmsprivatekeytostaticpublickey 7854 1240 00ef
    def test_given_public_keys_are_der_keys_of_the_curve(self, kms: FakeKms, alice: str) -> None:
        good = public_der(ec_key(P256, "bob"))
        for bad in (public_pem(ec_key(P256, "bob")), public_der(ec_key(P384, "bob")), b"", "text"):
            schemas: list[tuple[Any, str]] = [
                (
                    KmsPrivateKeyToStaticPublicKey(
                        sender_kms_identifier=alice,
                        recipient_public_key=bad,  # type: ignore[arg-type]
                    ),
                    "recipient_public_key",
                ),
                (
                    KmsPrivateKeyToStaticPublicKey(
                        sender_kms_identifier=alice,
                        recipient_public_key=good,
                        sender_public_key=bad,  # type: ignore[arg-type]
                    ),
                    "sender_public_key",
                ),
                (
                    KmsPublicKeyDiscovery(recipient_kms_identifier=alice, recipient_public_key=bad),  # type: ignore[arg-type]
                    "recipient_public_key",
                ),
            ]
            for schema, name in schemas:
                with pytest.raises(ConfigurationError, match=f"^{name} "):
                    AwsKmsEcdhKeyring(schema, curve_spec=P256, kms_client=kms)

    # spec: framework/key-agreement-schemas.md#kmspublickeydiscovery cdbe
    # spec: framework/key-agreement-schemas.md#kmsprivatekeytostaticpublickey bb20
    @pytest.mark.parametrize("identifier", ["", None, "arn:aws:kms:us-east-1::key/1"])
    def test_the_identifier_is_one_of_kms(self, kms: FakeKms, identifier: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"^sender_kms_identifier must be"):
            to_bob(kms, identifier)
        with pytest.raises(ConfigurationError, match=r"^recipient_kms_identifier must be"):
            from_anybody(kms, identifier)

    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#initialization 0d4b
    def test_the_schema_is_one_of_two(self, kms: FakeKms) -> None:
        raw: Any = PublicKeyDiscovery(recipient_static_private_key=private_pem(ec_key(P256, "bob")))

        with pytest.raises(ConfigurationError, match="allowed: KmsPrivateKeyToStaticPublicKey, KmsPublicKeyDiscovery"):
            AwsKmsEcdhKeyring(raw, curve_spec=P256, kms_client=kms)

    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#initialization eca8 ab2e
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#curve-specification df6b
    # spec: framework/aws-kms/aws-kms-ecdh-keyring.md#supported-curve-specifications 263f
    def test_curve_and_client_are_needed(self, kms: FakeKms, alice: str) -> None:
        schema = KmsPublicKeyDiscovery(recipient_kms_identifier=alice)

        with pytest.raises(ConfigurationError, match=r"curve_spec must be one of .* not str of length 4"):
            AwsKmsEcdhKeyring(schema, curve_spec="p256", kms_client=kms)  # type: ignore[arg-type]
        with pytest.raises(ConfigurationError, match="AwsKmsEcdhKeyring needs kms_client"):
            AwsKmsEcdhKeyring(schema, curve_spec=P256, kms_client=None)


# spec: framework/aws-kms/aws-kms-ecdh-keyring.md#initialization 2272
def test_repr_shows_public_keys_only(kms: FakeKms, alice: str) -> None:
    loaded = serialization.load_der_public_key(public_key_of(kms, alice))
    point = loaded.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.CompressedPoint).hex()

    assert repr(from_anybody(kms, alice)) == (
        f"AwsKmsEcdhKeyring(ECC_NIST_P256, own=<EcdhPublicKey {point}>, peer=None)"
    )

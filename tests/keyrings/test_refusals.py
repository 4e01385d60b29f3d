"""A refusal by KMS revokes what it is about and nothing else: the key asked for, the operation, the context."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.keyrings.line_up import EAST, UNSIGNED, WEST, ec_key, public_der, replicas, rsa_kms
from warmkey.events import DynamoDbOutcome, KmsOutcome, Operation
from warmkey.exceptions import KeyAttempt, KeyUnavailable
from warmkey.keyrings.aws_kms import AwsKmsKeyring
from warmkey.keyrings.aws_kms_discovery import AwsKmsDiscoveryKeyring
from warmkey.keyrings.aws_kms_ecdh import AwsKmsEcdhKeyring
from warmkey.keyrings.aws_kms_mrk import AwsKmsMrkKeyring
from warmkey.keyrings.aws_kms_mrk_discovery import AwsKmsMrkDiscoveryKeyring
from warmkey.keyrings.aws_kms_rsa import AwsKmsRsaKeyring
from warmkey.keyrings.key_agreement_schemas import EcdhCurveSpec, KmsPrivateKeyToStaticPublicKey
from warmkey.keyrings.multi import MultiKeyring
from warmkey.keyrings.refusals import KmsWatch, concerns, ends_key, is_refusal
from warmkey.structures import DecryptionMaterials, EncryptedDataKey, EncryptionMaterials
from warmkey.testing import FakeKms

if TYPE_CHECKING:
    from collections.abc import Callable

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
A, B = {"tenant": "a"}, {"tenant": "b"}
ARN = "arn:aws:kms:us-east-1:111122223333:key/one"
OTHER = "arn:aws:kms:us-east-1:111122223333:key/two"


class Entry:
    """What a cache keeps of a data key, filled by *fill*."""

    def __init__(self, operation: Operation, context: dict[str, str], fill: Callable[[], Any]) -> None:
        watch = KmsWatch()
        materials = watch.over(fill)
        self.facts: dict[str, Any] = {
            "operation": operation,
            "encryption_context": context,
            "kms_keys": frozenset(watch.keys),
            "encrypted_data_keys": getattr(materials, "encrypted_data_keys", ()),
        }

    def is_revoked_by(self, attempt: KeyAttempt, context: dict[str, str]) -> bool:
        return concerns(attempt, context, **self.facts)


def encrypted(keyring: Any, context: dict[str, str]) -> EncryptionMaterials:
    materials = EncryptionMaterials(algorithm_suite=UNSIGNED, encryption_context=context)
    return keyring.on_encrypt(materials)  # type: ignore[no-any-return]


def decrypted(keyring: Any, keys: Any, context: dict[str, str]) -> DecryptionMaterials:
    materials = DecryptionMaterials(algorithm_suite=UNSIGNED, encryption_context=context)
    return keyring.on_decrypt(materials, keys)  # type: ignore[no-any-return]


def encrypt_entry(keyring: Any, context: dict[str, str]) -> Entry:
    return Entry(ENCRYPT, context, lambda: encrypted(keyring, context))


def decrypt_entry(keyring: Any, keys: Any, context: dict[str, str]) -> Entry:
    return Entry(DECRYPT, context, lambda: decrypted(keyring, keys, context))


def refused(kms: FakeKms, fault: str, ask: Callable[[], Any]) -> KeyAttempt:
    watch = KmsWatch()
    with kms.fail(error=fault, times=None), pytest.raises(KeyUnavailable) as caught:
        watch.over(ask)
    (attempt,) = caught.value.attempts

    assert watch.refusals == ([attempt] if is_refusal(attempt) else [])
    return attempt


def attempt_of(**changes: Any) -> KeyAttempt:
    facts = {"keyring": "K", "operation": "Decrypt", "key": ARN, "reason": "no", "outcome": KmsOutcome.DENIED}
    return KeyAttempt(**{**facts, **changes})


def test_a_denial_revokes_the_same_key_operation_and_context_only() -> None:
    kms = FakeKms()
    one, two = (AwsKmsKeyring(kms.create_key(), kms_client=kms) for _ in range(2))
    wrapped = encrypted(one, A).encrypted_data_keys
    denial = refused(kms, "denied", lambda: encrypted(one, A))

    assert encrypt_entry(one, A).is_revoked_by(denial, A)
    assert not encrypt_entry(one, B).is_revoked_by(denial, A)
    assert not encrypt_entry(two, A).is_revoked_by(denial, A)
    assert not decrypt_entry(one, wrapped, A).is_revoked_by(denial, A)


@pytest.mark.parametrize("fault", ["disabled", "pending-deletion", "not-found"])
def test_a_disabled_or_deleted_key_revokes_all_that_is_under_it(fault: str) -> None:
    kms = FakeKms()
    one, two = (AwsKmsKeyring(kms.create_key(), kms_client=kms) for _ in range(2))
    wrapped = encrypted(one, A).encrypted_data_keys
    refusal = refused(kms, fault, lambda: encrypted(one, A))

    assert encrypt_entry(one, A).is_revoked_by(refusal, A)
    assert encrypt_entry(one, B).is_revoked_by(refusal, A)
    assert decrypt_entry(one, wrapped, A).is_revoked_by(refusal, B)
    assert not encrypt_entry(two, A).is_revoked_by(refusal, A)


@pytest.mark.parametrize("fault", ["throttled", "internal", "timeout", "invalid-ciphertext", "incorrect-key"])
def test_an_answer_that_is_not_a_refusal_revokes_nothing(fault: str) -> None:
    kms = FakeKms()
    keyring = AwsKmsKeyring(kms.create_key(), kms_client=kms)

    assert not encrypt_entry(keyring, A).is_revoked_by(refused(kms, fault, lambda: encrypted(keyring, A)), A)


def test_a_denial_by_dynamodb_is_not_one_by_kms_and_revokes_nothing() -> None:
    denial = attempt_of(keyring="BranchKeyStore", operation="GetItem", outcome=DynamoDbOutcome.DENIED, key="an item")
    entry = Entry(ENCRYPT, A, lambda: None)  # of a keyring of the user's own: nobody knows which keys it asked for
    entry.facts["encrypted_data_keys"] = [
        EncryptedDataKey(key_provider_id="aws-kms", key_provider_info=ARN.encode(), ciphertext=b"")
    ]

    assert not is_refusal(denial)
    assert not ends_key(denial)
    assert not entry.is_revoked_by(denial, A)
    assert not entry.is_revoked_by(denial, B)


@pytest.mark.parametrize(
    ("outcome", "error_code", "ends"),
    [
        (KmsOutcome.DENIED, "AccessDeniedException", False),
        (KmsOutcome.DISABLED, "DisabledException", True),
        (KmsOutcome.OTHER, "NotFoundException", True),
        (KmsOutcome.THROTTLED, "ThrottlingException", False),
        (None, "", False),
    ],
)
def test_a_key_ends_when_nobody_can_use_it(outcome: KmsOutcome | None, error_code: str, ends: bool) -> None:
    assert ends_key(attempt_of(outcome=outcome, error_code=error_code)) == ends


@pytest.mark.parametrize("operation", [ENCRYPT, DECRYPT])
def test_a_branch_key_that_may_not_be_decrypted_revokes_data_keys_of_both_operations(operation: Operation) -> None:
    entry = Entry(operation, A, lambda: None)
    entry.facts["kms_keys"] = {ARN}
    denial = attempt_of(keyring="BranchKeyStore", operation="Decrypt")

    assert entry.is_revoked_by(denial, A)
    assert not entry.is_revoked_by(denial, B)


@pytest.mark.parametrize("named", ["alias/orders", "alias ARN", "key ID"])
@pytest.mark.parametrize("fault", ["denied", "disabled"])
def test_an_alias_or_key_id_revokes_what_was_filled_by_asking_for_it(fault: str, named: str) -> None:
    kms = FakeKms()
    key, other = kms.create_key(), kms.create_key()
    alias = kms.create_alias("alias/orders", key)
    name = {"alias ARN": alias, "key ID": key.rpartition("/")[2]}.get(named, named)
    by_name, by_arn = AwsKmsKeyring(name, kms_client=kms), AwsKmsKeyring(key, kms_client=kms)
    earlier = encrypt_entry(by_name, A)
    refusal = refused(kms, fault, lambda: encrypted(by_name, A))
    kms.create_alias("alias/orders", other)

    assert earlier.is_revoked_by(refusal, A)
    assert encrypt_entry(by_name, A).is_revoked_by(refusal, A), "whatever key the name means by now"
    assert not encrypt_entry(by_arn, A).is_revoked_by(refusal, A)


def test_a_refusal_of_the_key_itself_revokes_what_was_filled_by_asking_for_its_alias() -> None:
    kms = FakeKms()
    key = kms.create_key()
    kms.create_alias("alias/orders", key)
    entry = encrypt_entry(AwsKmsKeyring("alias/orders", kms_client=kms), A)
    by_arn = AwsKmsKeyring(key, kms_client=kms)

    assert entry.is_revoked_by(refused(kms, "disabled", lambda: encrypted(by_arn, B)), B)


def test_equal_aliases_of_two_regions_are_two_keys() -> None:
    east = FakeKms(EAST)
    west = FakeKms(WEST, world=east.world)
    for kms in (east, west):
        kms.create_alias("alias/orders", kms.create_key())
    in_east, in_west = (AwsKmsKeyring("alias/orders", kms_client=kms) for kms in (east, west))
    denial = refused(east, "denied", lambda: encrypted(in_east, A))

    assert encrypt_entry(in_east, A).is_revoked_by(denial, A)
    assert not encrypt_entry(in_west, A).is_revoked_by(denial, A)


def test_a_replica_is_asked_in_its_region_and_refused_in_its_region() -> None:
    east, primary, west, replica = replicas()
    wrapped = encrypted(AwsKmsMrkKeyring(primary, kms_client=east), A).encrypted_data_keys
    for in_west in (
        AwsKmsMrkKeyring(replica, kms_client=west),
        AwsKmsMrkDiscoveryKeyring(kms_client=west, region=WEST),
    ):
        in_east = AwsKmsMrkKeyring(primary, kms_client=east)
        denial = refused(west, "denied", lambda keyring=in_west: decrypted(keyring, wrapped, A))  # type: ignore[misc]

        assert denial.key == replica
        assert decrypt_entry(in_west, wrapped, A).is_revoked_by(denial, A)
        assert not decrypt_entry(in_west, wrapped, A).is_revoked_by(denial, B)
        assert not decrypt_entry(in_east, wrapped, A).is_revoked_by(denial, A)


def test_discovery_revokes_under_the_key_that_the_message_named() -> None:
    kms = FakeKms()
    one, two = (AwsKmsKeyring(kms.create_key(), kms_client=kms) for _ in range(2))
    under_one, under_two = (encrypted(keyring, A).encrypted_data_keys for keyring in (one, two))
    discovery = AwsKmsDiscoveryKeyring(kms_client=kms)
    denial = refused(kms, "denied", lambda: decrypted(discovery, under_one, A))

    assert decrypt_entry(discovery, under_one, A).is_revoked_by(denial, A)
    assert not decrypt_entry(discovery, under_two, A).is_revoked_by(denial, A)


def test_another_encrypted_data_key_of_the_message_does_not_make_its_key_revocable() -> None:
    """Whoever wrote the message chose which keys it names; the one that unwrapped it decides."""
    kms = FakeKms()
    one, two = (AwsKmsKeyring(kms.create_key(), kms_client=kms) for _ in range(2))
    wrapped = encrypted(MultiKeyring(one, [two]), A).encrypted_data_keys
    denial = refused(kms, "denied", lambda: decrypted(two, wrapped, A))

    assert not decrypt_entry(one, wrapped, A).is_revoked_by(denial, A)
    assert decrypt_entry(two, wrapped, A).is_revoked_by(denial, A)


def test_what_the_encryption_sdk_adds_to_a_context_does_not_make_it_another() -> None:
    kms = FakeKms()
    keyring = AwsKmsKeyring(kms.create_key(), kms_client=kms)
    entry = encrypt_entry(keyring, {**A, "aws-crypto-public-key": "one"})
    denial = refused(kms, "denied", lambda: encrypted(keyring, A))

    assert entry.is_revoked_by(denial, {**A, "aws-crypto-public-key": "two"})
    assert not entry.is_revoked_by(denial, {**B, "aws-crypto-public-key": "one"})


def test_a_disabled_rsa_key_revokes_what_was_wrapped_without_asking_kms() -> None:
    kms, arn, pem = rsa_kms()
    keyring = AwsKmsRsaKeyring(arn, encryption_algorithm="RSAES_OAEP_SHA_256", public_key=pem, kms_client=kms)
    wrapped = encrypted(keyring, A).encrypted_data_keys
    disabled = refused(kms, "disabled", lambda: decrypted(keyring, wrapped, A))

    assert encrypt_entry(keyring, B).is_revoked_by(disabled, A)
    assert not encrypt_entry(AwsKmsKeyring(kms.create_key(), kms_client=kms), A).is_revoked_by(disabled, A)


def test_a_denied_key_agreement_revokes_both_operations_under_the_same_key() -> None:
    spec = EcdhCurveSpec.ECC_NIST_P256
    kms = FakeKms()

    def keyring() -> AwsKmsEcdhKeyring:
        key, peer = kms.create_key(key_spec=spec.name), public_der(ec_key(spec, "bob"))
        schema = KmsPrivateKeyToStaticPublicKey(sender_kms_identifier=key, recipient_public_key=peer)
        return AwsKmsEcdhKeyring(schema, curve_spec=spec, kms_client=kms)

    one, two = keyring(), keyring()
    wrapped = encrypted(one, A).encrypted_data_keys
    denial = refused(kms, "denied", lambda: encrypted(one, A))

    assert encrypt_entry(one, A).is_revoked_by(denial, A)
    assert decrypt_entry(one, wrapped, A).is_revoked_by(denial, A)
    assert not encrypt_entry(one, B).is_revoked_by(denial, A)
    assert not encrypt_entry(two, A).is_revoked_by(denial, A)


def test_a_refusal_is_seen_though_another_key_helped() -> None:
    kms = FakeKms()
    one, two = (kms.create_key() for _ in range(2))
    keyring = MultiKeyring(AwsKmsKeyring(one, kms_client=kms), [AwsKmsKeyring(two, kms_client=kms)])
    wrapped = encrypted(keyring, A).encrypted_data_keys
    kms.deny("Decrypt", one)
    watch = KmsWatch()
    watch.over(decrypted, keyring, wrapped, A)

    assert [attempt.key for attempt in watch.refusals] == [one]
    assert watch.keys == {two}


def test_watches_may_be_nested_and_end_with_their_call() -> None:
    kms = FakeKms()
    keyring = AwsKmsKeyring(kms.create_key(), kms_client=kms)
    outer, inner = KmsWatch(), KmsWatch()

    def ask_twice() -> None:
        encrypted(keyring, A)
        with kms.fail(error="denied"), pytest.raises(KeyUnavailable):
            inner.over(encrypted, keyring, A)

    outer.over(ask_twice)
    encrypted(keyring, A)

    assert (len(outer.keys), len(outer.refusals)) == (1, 1)
    assert (len(inner.keys), len(inner.refusals)) == (0, 1)
    assert KmsWatch().keys == set()


@pytest.mark.parametrize(
    ("info", "changes", "revoked"),
    [
        (ARN, {}, True),
        (OTHER, {}, False),
        ("not an ARN \udcff", {}, False),
        (ARN.replace("one", "mrk-1"), {"key": ARN.replace("one", "mrk-1").replace("east", "west")}, True),
        (ARN, {"key": ARN.replace("east", "west")}, False),
        (OTHER, {"key": "alias/orders"}, True),
        (OTHER, {"operation": "DeriveSharedSecret"}, False),
        (ARN, {"outcome": KmsOutcome.THROTTLED}, False),
        (ARN, {"operation": "Encrypt"}, False),
    ],
)
def test_where_nothing_was_noted_the_encrypted_data_keys_decide(
    info: str, changes: dict[str, Any], *, revoked: bool
) -> None:
    """A keyring of the user's own raises attempts as ours do, and tells nobody what it asked for."""
    key = EncryptedDataKey(
        key_provider_id="aws-kms", key_provider_info=info.encode(errors="surrogateescape"), ciphertext=b""
    )
    facts: dict[str, Any] = {"operation": DECRYPT, "encryption_context": A, "encrypted_data_keys": [key]}

    assert concerns(attempt_of(**changes), A, **facts) is revoked


@pytest.mark.parametrize(
    ("infos", "revoked"),
    [([ARN, OTHER], True), ([OTHER, ARN], True), ([OTHER, OTHER], False), ([], False)],
    ids=["first", "last", "neither", "none"],
)
def test_where_nothing_was_noted_one_encrypted_data_key_under_the_refused_key_is_enough(
    infos: list[str], *, revoked: bool
) -> None:
    keys = [
        EncryptedDataKey(key_provider_id="aws-kms", key_provider_info=info.encode(), ciphertext=b"") for info in infos
    ]

    assert concerns(attempt_of(), A, operation=DECRYPT, encryption_context=A, encrypted_data_keys=keys) is revoked


@pytest.mark.parametrize(
    ("changes", "revoked"),
    [
        ({}, True),
        ({"key": "alias/orders"}, True),
        ({"key": "not an ARN \udcff"}, True),
        ({"operation": "DeriveSharedSecret"}, True),
        ({"operation": "Encrypt"}, False),
        ({"outcome": KmsOutcome.THROTTLED}, False),
    ],
    ids=str,
)
def test_where_not_even_the_encrypted_data_keys_are_known_a_refusal_may_be_about_any_key(
    changes: dict[str, Any], *, revoked: bool
) -> None:
    facts: dict[str, Any] = {"operation": DECRYPT, "encryption_context": A, "encrypted_data_keys": None}

    assert concerns(attempt_of(**changes), A, **facts) is revoked
    assert not concerns(attempt_of(**changes), A, **facts, kms_keys={OTHER})


@pytest.mark.parametrize("provider_id", ["raw-ecdh", "aws-kms-ecdh"])
def test_where_nothing_was_noted_a_refused_key_agreement_may_be_about_any(provider_id: str) -> None:
    key = EncryptedDataKey(key_provider_id=provider_id, key_provider_info=b"two points", ciphertext=b"")
    attempt = attempt_of(operation="DeriveSharedSecret")

    assert concerns(attempt, A, operation=ENCRYPT, encryption_context=A, encrypted_data_keys=[key])

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.keyrings.line_up import CONTEXT, EAST, WEST, encrypted, to_decrypt
from warmkey import AwsKmsKeyring, ConfigurationError, EncryptedDataKey, KeyUnavailable
from warmkey.events import KmsOutcome, KmsRequest
from warmkey.keyrings import AwsKmsDiscoveryKeyring, DiscoveryFilter
from warmkey.testing import FakeKms, Recorder

ACCOUNT, OTHER_ACCOUNT = "111122223333", "444455556666"


@pytest.fixture
def kms() -> FakeKms:
    return FakeKms(EAST)


def wrapped(kms: FakeKms, **key: Any) -> tuple[bytes | None, EncryptedDataKey]:
    """A data key, plain and under a new KMS key."""
    made = encrypted(AwsKmsKeyring(kms.create_key(**key), kms_client=kms))
    return made.plaintext_data_key, made.encrypted_data_keys[0]


# spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt 3b21 6d70
def test_asks_for_the_key_that_the_message_names(kms: FakeKms) -> None:
    data_key, key = wrapped(kms)
    kms.clear_calls()

    unwrapped = AwsKmsDiscoveryKeyring(kms_client=kms).on_decrypt(to_decrypt(), [key])

    assert data_key == unwrapped.plaintext_data_key
    assert [(call.operation, call.key_id, call.encryption_context) for call in kms.calls] == [
        ("Decrypt", key.key_provider_info.decode(), CONTEXT)
    ]


def test_never_encrypts(kms: FakeKms) -> None:
    # spec: framework/aws-kms/aws-kms-discovery-keyring.md#onencrypt 1130
    with pytest.raises(ConfigurationError, match="AwsKmsDiscoveryKeyring can only decrypt"):
        encrypted(AwsKmsDiscoveryKeyring(kms_client=kms))
    assert kms.calls == []


# spec: framework/aws-kms/aws-kms-discovery-keyring.md#initialization 8a85
# spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt a3ad 5e80 a229
@pytest.mark.parametrize(
    ("partition", "accounts", "permitted"),
    [
        ("aws", [ACCOUNT], True),
        ("aws", [OTHER_ACCOUNT, ACCOUNT], True),
        ("aws", [OTHER_ACCOUNT], False),
        ("aws-cn", [ACCOUNT], False),
        ("aw", [ACCOUNT], False),
    ],
)
def test_the_filter_decides_before_kms_is_asked(
    kms: FakeKms, partition: str, accounts: list[str], *, permitted: bool
) -> None:
    data_key, key = wrapped(kms)
    keyring = AwsKmsDiscoveryKeyring(kms_client=kms, discovery_filter=DiscoveryFilter(partition, accounts))

    if permitted:
        assert keyring.on_decrypt(to_decrypt(), [key]).plaintext_data_key == data_key
    else:
        with pytest.raises(KeyUnavailable) as failure:
            keyring.on_decrypt(to_decrypt(), [key])
        assert failure.value.attempts == ()
    assert kms.count("Decrypt") == permitted


# spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt 9453 9170
def test_tries_in_order_and_collects_every_failure(kms: FakeKms) -> None:
    _, denied = wrapped(kms)
    data_key, good = wrapped(kms)
    kms.deny("Decrypt", denied.key_provider_info.decode())
    keyring = AwsKmsDiscoveryKeyring(kms_client=kms)

    assert keyring.on_decrypt(to_decrypt(), [denied, good]).plaintext_data_key == data_key

    damaged = replace(good, ciphertext=good.ciphertext[:-1])
    with pytest.raises(KeyUnavailable) as failure:
        keyring.on_decrypt(to_decrypt(), [denied, damaged])
    assert [(attempt.key.encode(), attempt.outcome) for attempt in failure.value.attempts] == [
        (denied.key_provider_info, KmsOutcome.DENIED),
        (damaged.key_provider_info, KmsOutcome.OTHER),
    ]


# spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt c3ad
@pytest.mark.parametrize(
    "info",
    [b"", b"alias/name", b"arn:aws:kms:us-east-1:111122223333:alias/name", b"arn:aws:kms:us-east-1::key/1", b"\xff"],
    ids=repr,
)
def test_a_provider_info_that_is_no_key_arn_fails(kms: FakeKms, info: bytes) -> None:
    _, key = wrapped(kms)

    with pytest.raises(KeyUnavailable, match="not an AWS KMS key ARN"):
        AwsKmsDiscoveryKeyring(kms_client=kms).on_decrypt(to_decrypt(), [replace(key, key_provider_info=info), key])
    assert kms.count("Decrypt") == 0


# spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt 795b ae56 60fe b700
@pytest.mark.parametrize("fault", ["another-key", "not-an-arn", "short-plaintext", "long-plaintext"])
def test_a_wrong_answer_is_an_attempt_and_the_next_key_is_tried(kms: FakeKms, fault: str) -> None:
    _, first = wrapped(kms)
    data_key, second = wrapped(kms)
    kms.fail("Decrypt", error=fault)
    keyring = AwsKmsDiscoveryKeyring(kms_client=kms)

    assert keyring.on_decrypt(to_decrypt(), [first, second]).plaintext_data_key == data_key

    kms.fail("Decrypt", error=fault)
    with pytest.raises(KeyUnavailable, match="KMS answered"):
        keyring.on_decrypt(to_decrypt(), [first])


def test_a_key_of_another_region_is_asked_for_and_refused_by_kms(kms: FakeKms) -> None:
    """Only the multi-Region aware keyring knows what Region it is in."""
    _, key = wrapped(kms)

    with pytest.raises(KeyUnavailable) as failure:
        AwsKmsDiscoveryKeyring(kms_client=FakeKms(WEST, world=kms.world)).on_decrypt(to_decrypt(), [key])
    assert len(failure.value.attempts) == 1


# spec: framework/aws-kms/aws-kms-discovery-keyring.md#initialization 8a85
# spec: framework/aws-kms/aws-kms-discovery-keyring.md#ondecrypt 6d70
def test_grant_tokens_go_with_every_request_and_subscribers_hear_of_it(kms: FakeKms) -> None:
    _, key = wrapped(kms)
    arn = key.key_provider_info.decode()
    token = kms.create_grant(arn, "Decrypt")
    kms.deny("Decrypt")
    recorder = Recorder()

    AwsKmsDiscoveryKeyring(kms_client=kms, grant_tokens=[token], emit=recorder).on_decrypt(to_decrypt(), [key])

    assert kms.calls[-1].grant_tokens == (token,)
    assert [(event.kms_operation, event.key_arn, event.outcome) for event in recorder.of(KmsRequest)] == [
        ("Decrypt", arn, KmsOutcome.OK)
    ]


class TestConstructor:
    # spec: framework/aws-kms/aws-kms-discovery-keyring.md#initialization 8a85 8e50
    def test_a_client_is_needed(self) -> None:
        with pytest.raises(ConfigurationError, match="AwsKmsDiscoveryKeyring needs kms_client"):
            AwsKmsDiscoveryKeyring(kms_client=None)

    def test_the_filter_is_a_filter(self, kms: FakeKms) -> None:
        with pytest.raises(ConfigurationError, match="discovery_filter must be a DiscoveryFilter"):
            AwsKmsDiscoveryKeyring(kms_client=kms, discovery_filter=[ACCOUNT])  # type: ignore[arg-type]


class TestDiscoveryFilter:
    def test_accounts_are_a_set(self) -> None:
        assert DiscoveryFilter("aws", [ACCOUNT, OTHER_ACCOUNT]) == DiscoveryFilter("aws", (OTHER_ACCOUNT, ACCOUNT))

    @pytest.mark.parametrize("partition", ["", None, 1])
    def test_the_partition_is_a_text(self, partition: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"^partition must be a str that is not empty, not"):
            DiscoveryFilter(partition, [ACCOUNT])

    @pytest.mark.parametrize("accounts", [[], None, ACCOUNT, [111122223333], [ACCOUNT, ""], 111122223333], ids=repr)
    def test_the_accounts_are_several_texts(self, accounts: Any) -> None:
        """An account ID may begin with a zero, so a number is not one."""
        with pytest.raises(ConfigurationError, match="account_ids must"):
            DiscoveryFilter("aws", accounts)


@pytest.mark.parametrize("account", ["1", ACCOUNT[:-1], f"{ACCOUNT}0", "hunter2", "१" * 12])
def test_an_account_id_has_twelve_digits_as_in_the_settings(account: str) -> None:
    with pytest.raises(ConfigurationError, match="one of account_ids must be 12 digits, not ") as caught:
        DiscoveryFilter("aws", [ACCOUNT, account])

    assert "hunter2" not in str(caught.value)

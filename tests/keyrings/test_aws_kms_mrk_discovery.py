from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.keyrings.line_up import CONTEXT, EAST, WEST, encrypted, replicas, to_decrypt
from warmkey import AwsKmsKeyring, ConfigurationError, KeyUnavailable
from warmkey.keyrings import AwsKmsMrkDiscoveryKeyring, DiscoveryFilter
from warmkey.testing import FakeKms


# spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt 3b21 7329 0fd4
def test_asks_for_the_replica_in_its_own_region() -> None:
    east, primary, west, replica = replicas()
    made = encrypted(AwsKmsKeyring(primary, kms_client=east))

    unwrapped = AwsKmsMrkDiscoveryKeyring(kms_client=west, region=WEST).on_decrypt(
        to_decrypt(), made.encrypted_data_keys
    )

    assert made.plaintext_data_key == unwrapped.plaintext_data_key
    assert [(call.operation, call.key_id, call.encryption_context) for call in west.calls] == [
        ("Decrypt", replica, CONTEXT)
    ]


def test_without_a_replica_here_kms_refuses() -> None:
    east = FakeKms(EAST)
    west = FakeKms(WEST, world=east.world)
    primary = east.create_key(multi_region=True)
    made = encrypted(AwsKmsKeyring(primary, kms_client=east))

    with pytest.raises(KeyUnavailable) as failure:
        AwsKmsMrkDiscoveryKeyring(kms_client=west, region=WEST).on_decrypt(to_decrypt(), made.encrypted_data_keys)
    assert [attempt.key for attempt in failure.value.attempts] == [primary.replace(EAST, WEST)]


# spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt 85ef 6f36
@pytest.mark.parametrize("region", [EAST, WEST])
def test_a_single_region_key_has_to_be_of_this_region(region: str) -> None:
    east = FakeKms(EAST)
    client = FakeKms(region, world=east.world)
    made = encrypted(AwsKmsKeyring(east.create_key(), kms_client=east))
    keyring = AwsKmsMrkDiscoveryKeyring(kms_client=client, region=region)

    if region == EAST:
        assert keyring.on_decrypt(to_decrypt(), made.encrypted_data_keys).plaintext_data_key == made.plaintext_data_key
    else:
        with pytest.raises(KeyUnavailable) as failure:
            keyring.on_decrypt(to_decrypt(), made.encrypted_data_keys)
        assert (failure.value.attempts, client.calls) == ((), [])


# spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#initialization 8104
# spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt 5e80 a229
@pytest.mark.parametrize(("partition", "account"), [("aws", "444455556666"), ("aws-cn", "111122223333")])
def test_the_filter_holds_for_multi_region_keys_too(partition: str, account: str) -> None:
    east, primary, west, _ = replicas()
    made = encrypted(AwsKmsKeyring(primary, kms_client=east))
    keyring = AwsKmsMrkDiscoveryKeyring(
        kms_client=west, region=WEST, discovery_filter=DiscoveryFilter(partition, [account])
    )

    with pytest.raises(KeyUnavailable) as failure:
        keyring.on_decrypt(to_decrypt(), made.encrypted_data_keys)
    assert (failure.value.attempts, west.calls) == ((), [])


# spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt 9016 ae56
@pytest.mark.parametrize("fault", ["another-key", "not-an-arn", "short-plaintext"])
def test_a_wrong_answer_is_refused(fault: str) -> None:
    east, primary, west, _ = replicas()
    made = encrypted(AwsKmsKeyring(primary, kms_client=east))
    west.fail("Decrypt", error=fault)

    with pytest.raises(KeyUnavailable, match="KMS answered"):
        AwsKmsMrkDiscoveryKeyring(kms_client=west, region=WEST).on_decrypt(to_decrypt(), made.encrypted_data_keys)


# spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt 9453 5090 7083 9170
def test_tries_in_order_and_collects_every_failure() -> None:
    kms = FakeKms(EAST)
    denied, good = (encrypted(AwsKmsKeyring(kms.create_key(), kms_client=kms)) for _ in range(2))
    kms.deny("Decrypt", denied.encrypted_data_keys[0].key_provider_info.decode())
    keyring = AwsKmsMrkDiscoveryKeyring(kms_client=kms, region=EAST)
    both = [*denied.encrypted_data_keys, *good.encrypted_data_keys]

    assert keyring.on_decrypt(to_decrypt(), both).plaintext_data_key == good.plaintext_data_key
    kms.fail("Decrypt", error="denied")
    kms.fail("Decrypt", error="short-plaintext")
    with pytest.raises(KeyUnavailable) as failure:
        keyring.on_decrypt(to_decrypt(), both)
    assert [attempt.key.encode() for attempt in failure.value.attempts] == [key.key_provider_info for key in both]


# spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#initialization 8104
# spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt 7329
def test_grant_tokens_go_with_every_request() -> None:
    kms = FakeKms(EAST)
    key = kms.create_key()
    made = encrypted(AwsKmsKeyring(key, kms_client=kms))
    token = kms.create_grant(key, "Decrypt")
    kms.deny("Decrypt")

    AwsKmsMrkDiscoveryKeyring(kms_client=kms, region=EAST, grant_tokens=[token]).on_decrypt(
        to_decrypt(), made.encrypted_data_keys
    )

    assert kms.calls[-1].grant_tokens == (token,)


# spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#ondecrypt c3ad
@pytest.mark.parametrize("info", [b"", b"alias/name", b"arn:aws:kms:us-east-1:111122223333:alias/name"], ids=repr)
def test_a_provider_info_that_is_no_key_arn_fails(info: bytes) -> None:
    kms = FakeKms(EAST)
    (key,) = encrypted(AwsKmsKeyring(kms.create_key(), kms_client=kms)).encrypted_data_keys

    with pytest.raises(KeyUnavailable, match="not an AWS KMS key ARN"):
        AwsKmsMrkDiscoveryKeyring(kms_client=kms, region=EAST).on_decrypt(
            to_decrypt(), [replace(key, key_provider_info=info), key]
        )
    assert kms.count("Decrypt") == 0


def test_never_encrypts() -> None:
    # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#onencrypt 1130
    with pytest.raises(ConfigurationError, match="AwsKmsMrkDiscoveryKeyring can only decrypt"):
        encrypted(AwsKmsMrkDiscoveryKeyring(kms_client=FakeKms(WEST), region=WEST))


class TestConstructor:
    # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#initialization 8104 1692
    @pytest.mark.parametrize("region", ["", None, 1])
    def test_the_region_is_a_text(self, region: Any) -> None:
        with pytest.raises(ConfigurationError, match=r"^region must be"):
            AwsKmsMrkDiscoveryKeyring(kms_client=FakeKms(WEST), region=region)

    # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#initialization 26dc
    def test_the_region_is_the_clients(self) -> None:
        with pytest.raises(ConfigurationError, match="must be the Region of kms_client, 'us-west-2', not"):
            AwsKmsMrkDiscoveryKeyring(kms_client=FakeKms(WEST), region=EAST)

    def test_a_client_that_does_not_tell_its_region_is_believed(self) -> None:
        class Client:
            pass

        assert repr(AwsKmsMrkDiscoveryKeyring(kms_client=Client(), region=EAST)) == "AwsKmsMrkDiscoveryKeyring(None)"

    # spec: framework/aws-kms/aws-kms-mrk-discovery-keyring.md#initialization 1692
    def test_a_client_is_needed(self) -> None:
        with pytest.raises(ConfigurationError, match="needs kms_client"):
            AwsKmsMrkDiscoveryKeyring(kms_client=None, region=EAST)

"""Which keys encrypt, which decrypt, in which Region each is asked, and which never are."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from warmkey import AwsKmsKeyring, Client, ConfigurationError, KeyUnavailable
from warmkey.events import ignore
from warmkey.lambda_runtime.kms_keys import keyring_of
from warmkey.lambda_runtime.settings import Settings, check_keywords
from warmkey.testing import FakeKms, FakeKmsWorld

HOME, FAR = "eu-west-1", "us-east-1"
CONTEXT = {"tenant": "a"}
OTHERS = "444455556666"


class Account:
    """A KMS client for each Region, over one world."""

    def __init__(self) -> None:
        self.world = FakeKmsWorld()
        self.made: dict[str | None, FakeKms] = {}

    def client(self, region: str | None) -> FakeKms:
        return self.made.setdefault(region, FakeKms(region or HOME, world=self.world))

    def keyring(self, *, only_region: str | None = None, **settings: Any) -> Any:
        return keyring_of(Settings(**check_keywords(settings)), self.client, only_region=only_region, emit=ignore)

    def counts(self) -> dict[str | None, dict[str, int]]:
        return {region: client.counts() for region, client in self.made.items() if client.counts()}

    def clear(self) -> None:
        for client in self.made.values():
            client.clear_calls()


@pytest.fixture
def account() -> Account:
    return Account()


def encrypted(keyring: Any) -> bytes:
    return Client().encrypt(b"order", keyring=keyring, encryption_context=CONTEXT).ciphertext


def decrypted(message: bytes, keyring: Any) -> bytes:
    return Client().decrypt(message, keyring=keyring, encryption_context=CONTEXT).plaintext


def test_the_first_key_generates_the_others_wrap_each_in_its_own_region(account: Account) -> None:
    keys = [account.client(FAR).create_key(), account.client(HOME).create_key(), account.client(HOME).create_key()]

    message = encrypted(account.keyring(kms_key_arns=keys))

    assert account.counts() == {FAR: {"GenerateDataKey": 1}, HOME: {"Encrypt": 2}}
    assert all(decrypted(message, account.keyring(kms_key_arns=[key])) == b"order" for key in keys)


def test_a_decrypt_key_decrypts_and_is_never_wrapped_under(account: Account) -> None:
    old, new = (account.client(HOME).create_key() for _ in range(2))
    before = encrypted(account.keyring(kms_key_arns=[old]))
    moving = account.keyring(kms_key_arns=[new], decrypt_key_arns=[old])
    account.clear()

    after = encrypted(moving)

    assert [call.key_arn for call in account.client(HOME).calls] == [new]
    assert decrypted(before, moving) == decrypted(after, moving) == b"order"
    with pytest.raises(KeyUnavailable):
        decrypted(after, account.keyring(kms_key_arns=[old]))


def test_a_key_in_both_lists_is_asked_once(account: Account) -> None:
    key = account.client(HOME).create_key()
    keyring = account.keyring(kms_key_arns=[key], decrypt_key_arns=[key])
    message = encrypted(keyring)
    account.client(HOME).deny("Decrypt")
    account.clear()

    with pytest.raises(KeyUnavailable) as caught:
        decrypted(message, keyring)

    assert len(caught.value.attempts) == account.client(HOME).count("Decrypt") == 1


def test_strict_asks_nobody_about_a_key_that_was_not_named(account: Account) -> None:
    named, other = (account.client(HOME).create_key() for _ in range(2))
    message = encrypted(account.keyring(kms_key_arns=[other]))
    account.clear()

    with pytest.raises(KeyUnavailable):
        decrypted(message, account.keyring(kms_key_arns=[named]))
    assert account.counts() == {}


def test_an_alias_encrypts_and_the_key_behind_it_decrypts(account: Account) -> None:
    key = account.client(HOME).create_key()
    alias = account.client(HOME).create_alias("alias/orders", key)
    keyring = account.keyring(kms_key_arns=[alias], decrypt_key_arns=[key])

    assert decrypted(encrypted(keyring), keyring) == b"order"


@pytest.mark.parametrize("name", ["alias/orders", "key ID"])
def test_an_identifier_without_a_region_is_looked_up_at_home(account: Account, name: str) -> None:
    key = account.client(HOME).create_key()
    account.client(HOME).create_alias("alias/orders", key)
    identifier = key.rpartition("/")[2] if name == "key ID" else name

    encrypted(account.keyring(kms_key_arns=[identifier], decrypt_key_arns=[key]))

    assert account.counts() == {HOME: {"GenerateDataKey": 1}}


# --- multi-Region keys


def test_mrk_decrypts_what_a_replica_encrypted_by_asking_the_named_one(account: Account) -> None:
    primary = account.client(FAR).create_key(multi_region=True)
    replica = account.client(FAR).replicate_key(primary, HOME)
    message = encrypted(account.keyring(kms_key_arns=[primary]))
    account.clear()

    assert decrypted(message, account.keyring(kms_key_arns=[replica], kms_mode="mrk")) == b"order"
    assert account.counts() == {HOME: {"Decrypt": 1}}
    with pytest.raises(KeyUnavailable):
        decrypted(message, account.keyring(kms_key_arns=[replica]))


def test_mrk_refuses_two_replicas_of_one_key(account: Account) -> None:
    primary = account.client(FAR).create_key(multi_region=True)
    replica = account.client(FAR).replicate_key(primary, HOME)

    with pytest.raises(ConfigurationError, match="same multi-Region key"):
        account.keyring(kms_key_arns=[primary], decrypt_key_arns=[replica], kms_mode="mrk")


# --- discovery


def test_discovery_decrypts_under_a_key_that_nobody_named(account: Account) -> None:
    named, other = (account.client(HOME).create_key() for _ in range(2))
    message = encrypted(account.keyring(kms_key_arns=[other]))

    assert decrypted(message, account.keyring(kms_key_arns=[named], kms_mode="discovery")) == b"order"


def test_discovery_looks_at_home_and_in_the_regions_of_the_named_keys_once_each(account: Account) -> None:
    far = account.client(FAR).create_key()
    messages = [encrypted(account.keyring(kms_key_arns=[account.client(at).create_key()])) for at in (HOME, FAR)]
    elsewhere = encrypted(account.keyring(kms_key_arns=[account.client("ap-south-1").create_key()]))
    keyring = account.keyring(kms_key_arns=[far], kms_mode="discovery")
    account.clear()

    assert [decrypted(message, keyring) for message in messages] == [b"order", b"order"]
    with pytest.raises(KeyUnavailable):
        decrypted(elsewhere, keyring)
    assert account.counts() == {HOME: {"Decrypt": 1}, FAR: {"Decrypt": 1}}


def test_discovery_asks_the_replica_at_home(account: Account) -> None:
    primary = account.client("ap-south-1").create_key(multi_region=True)
    account.client("ap-south-1").replicate_key(primary, HOME)
    message = encrypted(account.keyring(kms_key_arns=[primary]))
    account.clear()

    assert decrypted(message, account.keyring(kms_mode="discovery")) == b"order"
    assert account.counts() == {HOME: {"Decrypt": 1}}


def test_discovery_keeps_to_the_accounts(account: Account) -> None:
    keys = [account.client(HOME).create_key(account=owner) for owner in (OTHERS, None)]
    messages = [encrypted(account.keyring(kms_key_arns=[key])) for key in keys]
    keyring = account.keyring(kms_mode="discovery", discovery_accounts=[OTHERS])
    account.clear()

    assert decrypted(messages[0], keyring) == b"order"
    with pytest.raises(KeyUnavailable):
        decrypted(messages[1], keyring)
    assert account.counts() == {HOME: {"Decrypt": 1}}


def test_a_named_key_decrypts_whatever_the_accounts_are_and_is_asked_once(account: Account) -> None:
    own = account.client(HOME).create_key()
    keyring = account.keyring(kms_key_arns=[own], kms_mode="discovery", discovery_accounts=[OTHERS])

    assert decrypted(encrypted(keyring), keyring) == b"order"
    assert account.counts() == {HOME: {"GenerateDataKey": 1, "Decrypt": 1}}


PARTITIONS = {
    "cn-north-1": "aws-cn",
    "us-gov-west-1": "aws-us-gov",
    "eusc-de-east-1": "aws-eusc",
    "us-iso-east-1": "aws-iso",
    "us-isob-east-1": "aws-iso-b",
    "eu-isoe-west-1": "aws-iso-e",
    "us-isof-south-1": "aws-iso-f",
    "moon-1": "aws-of-tomorrow",
}


@pytest.mark.parametrize(("region", "partition"), PARTITIONS.items())
def test_the_partition_of_the_accounts_is_that_of_the_region(
    monkeypatch: pytest.MonkeyPatch, region: str, partition: str
) -> None:
    monkeypatch.setenv("AWS_REGION", region)
    account = Account()
    account.world = FakeKmsWorld(partition=partition)
    key = account.client(region).create_key(account=OTHERS)
    message = encrypted(account.keyring(kms_key_arns=[key]))

    assert decrypted(message, account.keyring(kms_mode="discovery", discovery_accounts=[OTHERS])) == b"order"


class Silent:
    """A client that does not say its partition."""

    def __init__(self, kms: FakeKms) -> None:
        self.decrypt = kms.decrypt
        self.generate_data_key = kms.generate_data_key


@pytest.mark.parametrize(("region", "partition"), PARTITIONS.items())
def test_where_the_client_does_not_say_its_partition_a_key_arn_does(region: str, partition: str) -> None:
    kms = FakeKms(region, world=FakeKmsWorld(partition=partition))
    own, theirs = kms.create_key(), kms.create_key(account=OTHERS)
    settings: dict[str, Any] = {"kms_key_arns": [own], "kms_mode": "discovery", "discovery_accounts": [OTHERS]}
    keyring = keyring_of(Settings(**check_keywords(settings)), lambda _: Silent(kms), only_region=region, emit=ignore)
    message = encrypted(AwsKmsKeyring(theirs, kms_client=kms))

    assert decrypted(message, keyring) == b"order"


def test_where_nobody_says_the_partition_it_is_asked_for() -> None:
    settings: dict[str, Any] = {"kms_mode": "discovery", "discovery_accounts": [OTHERS]}

    with pytest.raises(ConfigurationError, match="WARMKEY_DISCOVERY_ACCOUNTS needs to know the AWS partition"):
        keyring_of(Settings(**check_keywords(settings)), lambda _: Silent(FakeKms()), only_region=HOME, emit=ignore)


@pytest.mark.parametrize("region", list(PARTITIONS)[:-1])
def test_boto3_knows_the_partition_of_a_client_without_our_asking(region: str) -> None:
    client = boto3.client("kms", region_name=region, aws_access_key_id="testing", aws_secret_access_key="testing")

    assert client.meta.partition == PARTITIONS[region]


def test_discovery_alone_can_not_encrypt_and_says_what_is_missing(account: Account) -> None:
    with pytest.raises(ConfigurationError, match="WARMKEY_KMS_KEY_ARNS is missing"):
        encrypted(account.keyring(kms_mode="discovery"))


def test_discovery_needs_to_know_a_region(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION")

    with pytest.raises(ConfigurationError, match="WARMKEY_KMS_MODE=discovery needs a Region to ask in: set AWS_REGION"):
        account.keyring(kms_mode="discovery")


def test_one_client_for_all_discovers_in_its_region(account: Account) -> None:
    message = encrypted(account.keyring(kms_key_arns=[account.client(FAR).create_key()]))
    account.clear()

    assert decrypted(message, account.keyring(kms_mode="discovery", only_region=FAR)) == b"order"
    assert account.counts() == {FAR: {"Decrypt": 1}}


def test_neither_repr_nor_error_names_more_than_keys(account: Account) -> None:
    key = account.client(HOME).create_key()
    keyring = account.keyring(kms_key_arns=[key])

    assert key in repr(keyring)
    assert "tenant" not in repr(keyring)

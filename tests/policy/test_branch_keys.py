"""Branch keys under the printed policies: functions read them, administrators make them, and neither does more."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from tests.policy.printed import answer
from warmkey.branch_keys import AwsKmsHierarchicalKeyring, BranchKeyStore
from warmkey.cli.main import main
from warmkey.exceptions import KeyUnavailable
from warmkey.testing import FakeDynamoDb, FakeKms

if TYPE_CHECKING:
    from tests.policy.printed import Shell

TABLE = "branch-keys"


class Account:
    """A KMS key, a table with the branch keys of two tenants, and clients of a role."""

    def __init__(self) -> None:
        self.kms, self.dynamodb = FakeKms(), FakeDynamoDb()
        self.key_arn = self.kms.create_key()
        self.store = BranchKeyStore(TABLE, kms_key_arn=self.key_arn, kms_client=self.kms, dynamodb_client=self.dynamodb)
        self.store.create_table()
        for tenant in ("acme", "globex"):
            self.store.create_key(tenant, {"tenant": tenant})

    def attach(self, policy: Any) -> None:
        for client in (self.kms, self.dynamodb):
            client.detach_policies()
            client.attach_policy(policy)

    def encrypt(self, tenant: str) -> bytes:
        keyring = AwsKmsHierarchicalKeyring(self.store, branch_key_id=tenant, ttl_seconds=60)
        return warmkey.Client().encrypt(b"a note", keyring=keyring).ciphertext

    def decrypt(self, message: bytes, tenant: str) -> bytes:
        keyring = AwsKmsHierarchicalKeyring(self.store, branch_key_id=tenant, ttl_seconds=60)
        return warmkey.Client().decrypt(message, keyring=keyring).plaintext

    def keystore(self, action: str, *arguments: str) -> int:
        return main(
            ["keystore", action, "--table", TABLE, *arguments],
            kms_clients=lambda _region: self.kms,
            dynamodb_clients=lambda _region: self.dynamodb,
        )


@pytest.fixture
def account() -> Account:
    return Account()


def printed(shell: Shell, account: Account, *arguments: str, **settings: str) -> Any:
    chosen = {"branch_key_context_key": "tenant"} if "branch_key_id" not in settings else {}
    return shell.json(*arguments, kms_key_arns=account.key_arn, branch_key_store_table=TABLE, **chosen, **settings)


@pytest.mark.parametrize("arguments", [(), ("--split",)])
def test_a_function_encrypts_and_decrypts_and_writes_nothing(
    shell: Shell, account: Account, arguments: tuple[str, ...]
) -> None:
    roles = printed(shell, account, *arguments)
    message = account.encrypt("acme")
    for role in set(roles) - {"branch-key-administrator"}:
        account.attach(roles[role])

        assert account.encrypt("globex")
        assert account.decrypt(message, "acme") == b"a note"
        with pytest.raises(KeyUnavailable, match="AccessDeniedException"):
            account.store.create_key("initech", {"tenant": "initech"})
        with pytest.raises(KeyUnavailable, match="AccessDeniedException"):
            account.store.version_key("acme")


def test_a_function_of_one_branch_key_reads_no_other(shell: Shell, account: Account) -> None:
    account.attach(printed(shell, account, branch_key_id="acme")["function"])

    assert account.encrypt("acme")
    with pytest.raises(KeyUnavailable, match="DynamoDB answered AccessDeniedException"):
        account.encrypt("globex")
    account.dynamodb.detach_policies()
    with pytest.raises(KeyUnavailable, match="kms:Decrypt"):
        account.encrypt("globex")


def test_branch_keys_may_be_restricted_to_some(shell: Shell, account: Account) -> None:
    account.attach(printed(shell, account, "--branch-keys", "acme,initech")["function"])

    assert account.encrypt("acme")
    with pytest.raises(KeyUnavailable):
        account.encrypt("globex")


def test_a_function_reads_no_beacon_key_and_no_key_of_another_store(shell: Shell, account: Account) -> None:
    account.attach(printed(shell, account)["function"])
    for item in account.dynamodb.items(TABLE):
        context = {name: next(iter(value.values())) for name, value in item.items() if name != "enc"}
        beacon = context["type"].startswith("beacon")
        for table in (TABLE, "another"):
            parameters = {"KeyId": account.key_arn, "CiphertextBlob": item["enc"]["B"]}
            code = answer(account.kms.decrypt, EncryptionContext={**context, "tablename": table}, **parameters)

            assert (code == "AccessDeniedException") is (beacon or table != TABLE)


def test_older_messages_stay_readable(shell: Shell, account: Account) -> None:
    keyring = warmkey.AwsKmsKeyring(account.key_arn, kms_client=account.kms)
    message = warmkey.Client().encrypt(b"a note", keyring=keyring, encryption_context={"tenant": "acme"}).ciphertext
    account.attach(printed(shell, account, required_context_keys="tenant")["function"])

    assert warmkey.Client().decrypt(message, keyring=keyring).plaintext == b"a note"
    with pytest.raises(KeyUnavailable, match="kms:GenerateDataKey"):
        warmkey.Client().encrypt(b"", keyring=keyring, encryption_context={"tenant": "acme"})


def test_who_encrypts_without_branch_keys_still_needs_no_table_for_it(shell: Shell, account: Account) -> None:
    roles = printed(shell, account, "--split", branch_key_encrypt="off")

    assert "dynamodb" not in json.dumps(roles["encrypt"])
    assert roles["encrypt"]["Statement"][0]["Action"] == "kms:GenerateDataKey"
    assert "dynamodb:GetItem" in json.dumps(roles["decrypt"])


def test_an_administrator_creates_rotates_lists_and_shows_and_reads_no_branch_key(
    shell: Shell, account: Account
) -> None:
    account.attach(printed(shell, account)["branch-key-administrator"])

    key = ("--kms-key-arn", account.key_arn)
    assert account.keystore("create", *key, "--id", "initech", "--context", "tenant=initech") == 0
    assert account.keystore("rotate", *key, "acme") == 0
    assert account.keystore("list") == 0
    assert account.keystore("show", "acme") == 0
    with pytest.raises(KeyUnavailable, match="kms:Decrypt"):
        account.encrypt("acme")
    with pytest.raises(KeyUnavailable, match="DescribeTable"):
        account.store.create_table()


def test_an_administrator_of_some_branch_keys_makes_no_others(shell: Shell, account: Account) -> None:
    account.attach(printed(shell, account, "--branch-keys", "acme")["branch-key-administrator"])

    account.store.version_key("acme")
    for failing in (
        lambda: account.store.version_key("globex"),
        lambda: account.store.create_key("initech", {"tenant": "initech"}),
    ):
        with pytest.raises(KeyUnavailable, match="AccessDeniedException"):
            failing()
    assert account.keystore("list") == 1


def test_the_logical_name_is_what_branch_keys_are_bound_to(shell: Shell, account: Account) -> None:
    account.attach(printed(shell, account, logical_key_store_name="the-original")["function"])

    with pytest.raises(KeyUnavailable, match="kms:Decrypt"):
        account.encrypt("acme")


def test_discovery_reads_branch_keys_of_its_region_and_has_no_administrator_without_a_key(
    shell: Shell, account: Account
) -> None:
    policy = shell.json(
        "--region", "us-east-1", "--account", "111122223333",
        branch_key_store_table=TABLE, branch_key_context_key="tenant", kms_mode="discovery",
        discovery_accounts="111122223333",
    )  # fmt: skip
    account.attach(policy)

    assert account.encrypt("acme")
    assert "branch-key-administrator" not in policy


def test_the_doctor_may_describe_the_table_when_asked_for(shell: Shell, account: Account) -> None:
    account.attach(printed(shell, account, "--for-doctor")["function"])

    assert account.dynamodb.describe_table(TableName=TABLE)

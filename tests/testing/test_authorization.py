"""Who may use a key: the key policy decides first, then the role's policies; across accounts both must allow."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from warmkey.branch_keys import BranchKeyStore
from warmkey.testing import FakeDynamoDb, FakeKms, UnsupportedPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

ACCOUNT, OTHER = "111122223333", "444455556666"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/fake-role"
DRY = {"NumberOfBytes": 32, "DryRun": True}


def policy(*actions: str, effect: str = "Allow", principal: Any = None, **condition: Any) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": effect, "Action": [*actions], "Resource": "*", **condition}
    if principal is not None:
        statement["Principal"] = {"AWS": principal}
    return {"Version": "2012-10-17", "Statement": [statement]}


def refusal(method: Callable[..., object], **parameters: Any) -> str:
    """The message of a denial; an empty text if the request would work."""
    with pytest.raises(ClientError) as error:
        method(**parameters)
    code, message = (error.value.response["Error"][name] for name in ("Code", "Message"))
    if code == "DryRunOperationException":
        return ""
    assert code == "AccessDeniedException"
    return str(message)


def root(account: str) -> str:
    return f"arn:aws:iam::{account}:root"


# key policy, identity policy, account of the key, what AWS's error says
CASES: list[tuple[dict[str, Any] | None, dict[str, Any] | None, str, str]] = [
    (None, None, ACCOUNT, ""),
    (None, None, OTHER, ""),  # nobody has set a policy, so the fake lets all do all
    (None, policy("kms:*"), ACCOUNT, ""),
    (None, policy("kms:Decrypt"), ACCOUNT, "because no identity-based policy allows the kms:GenerateDataKey action"),
    (None, policy("kms:*"), OTHER, "because no resource-based policy allows the kms:GenerateDataKey action"),
    (policy("kms:*", principal=ROLE), policy("logs:*"), ACCOUNT, ""),
    (policy("kms:*", principal=ROLE), policy("logs:*"), OTHER, "because no identity-based policy allows"),
    (policy("kms:*", principal=ROLE), policy("kms:*"), OTHER, ""),
    (policy("kms:*", principal=root(ACCOUNT)), policy("kms:*"), OTHER, ""),
    (policy("kms:*", principal=[ACCOUNT]), policy("kms:*"), ACCOUNT, ""),
    (policy("kms:*", principal="*"), policy("logs:*"), ACCOUNT, ""),
    (policy("kms:*", principal=f"{ROLE}-2"), policy("kms:*"), ACCOUNT, "because no resource-based policy allows"),
    (policy("kms:*", principal=f"{ROLE}-2"), None, ACCOUNT, "because no resource-based policy allows"),
    (policy("kms:*", principal=root(ACCOUNT)), None, ACCOUNT, ""),
    (None, policy("kms:*", effect="Deny"), ACCOUNT, "with an explicit deny in an identity-based policy"),
    (
        policy("kms:*", effect="Deny", principal=root(ACCOUNT)),
        policy("kms:*"),
        ACCOUNT,
        "with an explicit deny in a resource-based policy",
    ),
]


@pytest.mark.parametrize(("key_policy", "identity", "account", "expected"), CASES)
def test_who_may_use_a_key(
    key_policy: dict[str, Any] | None, identity: dict[str, Any] | None, account: str, expected: str
) -> None:
    kms = FakeKms()
    key = kms.create_key(account=account)
    if key_policy is not None:
        kms.set_key_policy(key, key_policy)
    if identity is not None:
        kms.attach_policy(identity)

    found = refusal(kms.generate_data_key, KeyId=key, **DRY)
    assert expected in found
    assert bool(found) is bool(expected)
    assert not found or f"User: arn:aws:sts::{ACCOUNT}:assumed-role/fake-role/fake-session is not authorized" in found


def test_several_policies_add_up_and_go_together() -> None:
    kms = FakeKms()
    key = kms.create_key()
    kms.attach_policy(policy("kms:Decrypt"))
    kms.attach_policy(json.dumps(policy("kms:GenerateDataKey")))

    assert refusal(kms.generate_data_key, KeyId=key, **DRY) == ""
    assert "kms:Encrypt" in refusal(kms.encrypt, KeyId=key, Plaintext=b"x")
    kms.detach_policies()
    assert kms.encrypt(KeyId=key, Plaintext=b"x")


def test_a_grant_permits_what_no_policy_does_but_not_what_one_denies() -> None:
    kms = FakeKms()
    key = kms.create_key()
    token = kms.create_grant(key, "GenerateDataKey")
    kms.attach_policy(policy("kms:Decrypt"))

    assert refusal(kms.generate_data_key, KeyId=key, GrantTokens=[token], **DRY) == ""
    kms.attach_policy(policy("kms:*", effect="Deny"))
    assert "explicit deny" in refusal(kms.generate_data_key, KeyId=key, GrantTokens=[token], **DRY)


def test_roles_of_one_world_have_policies_of_their_own() -> None:
    kms = FakeKms()
    other = FakeKms(world=kms.world, role_arn=f"{ROLE}-2")
    key = kms.create_key()
    kms.set_key_policy(key, policy("kms:*", principal=f"{ROLE}-2"))

    assert refusal(other.generate_data_key, KeyId=key, **DRY) == ""
    assert refusal(kms.generate_data_key, KeyId=key, **DRY)


def test_a_role_that_was_recreated_is_not_the_one_that_the_key_policy_names() -> None:
    kms = FakeKms()
    key, default = kms.create_key(), kms.create_key()
    kms.set_key_policy(key, policy("kms:*", principal=ROLE))
    assert refusal(kms.generate_data_key, KeyId=key, **DRY) == ""

    kms.recreate_role()

    assert "no resource-based policy" in refusal(kms.generate_data_key, KeyId=key, **DRY)
    assert refusal(kms.generate_data_key, KeyId=default, **DRY) == ""
    owner = FakeKms(world=kms.world, role_arn=f"{ROLE}-owner")
    kms.attach_policy(policy("kms:GetKeyPolicy"))
    assert "GetKeyPolicy" in refusal(owner.get_key_policy, KeyId=key)
    found = kms.world.find(key, region="us-east-1")
    assert found is not None
    assert found.policy is not None
    (statement,) = found.policy.document["Statement"]
    assert statement["Principal"]["AWS"].startswith("AROA")


def test_a_key_policy_can_be_read_by_whoever_may() -> None:
    kms = FakeKms()
    key = kms.create_key()

    default = json.loads(kms.get_key_policy(KeyId=key)["Policy"])
    assert default["Statement"][0]["Principal"] == {"AWS": root(ACCOUNT)}
    kms.set_key_policy(key, policy("kms:*", principal=ROLE))
    assert json.loads(kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]) == policy("kms:*", principal=ROLE)
    kms.set_key_policy(key, None)
    assert json.loads(kms.get_key_policy(KeyId=key)["Policy"]) == default
    with pytest.raises(ClientError, match="NotFoundException"):
        kms.get_key_policy(KeyId=key, PolicyName="other")


def test_a_policy_with_something_unknown_is_not_attached() -> None:
    kms, dynamodb = FakeKms(), FakeDynamoDb()
    for attach in (kms.attach_policy, dynamodb.attach_policy):
        with pytest.raises(UnsupportedPolicy):
            attach(policy("kms:*", Condition={"StringNotEquals": {"kms:EncryptionContext:a": "b"}}))
    with pytest.raises(UnsupportedPolicy):
        kms.set_key_policy(kms.create_key(), policy("kms:*"))


def test_re_encrypt_takes_a_permission_on_each_side_with_its_own_context() -> None:
    kms = FakeKms()
    source, destination = kms.create_key(), kms.create_key()
    blob = kms.encrypt(KeyId=source, Plaintext=b"x", EncryptionContext={"a": "from"})["CiphertextBlob"]
    both = policy("kms:ReEncryptFrom", Condition={"StringEquals": {"kms:EncryptionContext:a": "from"}})
    both["Statement"] += policy("kms:ReEncryptTo", Condition={"StringEquals": {"kms:EncryptionContext:a": "to"}})[
        "Statement"
    ]
    kms.attach_policy(both)
    request = {"CiphertextBlob": blob, "SourceEncryptionContext": {"a": "from"}, "DestinationKeyId": destination}

    assert kms.re_encrypt(DestinationEncryptionContext={"a": "to"}, **request)
    assert "ReEncryptTo" in refusal(kms.re_encrypt, DestinationEncryptionContext={"a": "from"}, **request)


def test_a_permission_shows_no_value_of_the_context() -> None:
    kms = FakeKms()
    key = kms.create_key()
    kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext={"tenant": "secret"})

    (permission,) = kms.calls[0].permissions
    assert repr(permission) == f"<Permission Encrypt on {key}>"


# --------------------------------------------------------------------------------------------------------- DynamoDB


@pytest.fixture
def table() -> FakeDynamoDb:
    kms, dynamodb = FakeKms(), FakeDynamoDb()
    store = BranchKeyStore("keys", kms_key_arn=kms.create_key(), kms_client=kms, dynamodb_client=dynamodb)
    store.create_table()
    store.create_key("acme", {"tenant": "acme"})
    return dynamodb


def key(branch_key_id: str) -> dict[str, Any]:
    return {"branch-key-id": {"S": branch_key_id}, "type": {"S": "branch:ACTIVE"}}


def only(*ids: str) -> dict[str, Any]:
    return {
        "Condition": {
            "ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [*ids]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        }
    }


def test_leading_keys_are_those_of_items_queries_and_puts(table: FakeDynamoDb) -> None:
    table.attach_policy(
        policy("dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:Scan", **only("acme"))
    )
    item = {**table.items("keys")[0]}

    def query(of: str) -> dict[str, Any]:
        return {
            "TableName": "keys",
            "KeyConditionExpression": "#id = :id",
            "ExpressionAttributeNames": {"#id": "branch-key-id"},
            "ExpressionAttributeValues": {":id": {"S": of}},
        }

    def put(of: str) -> dict[str, Any]:
        return {"TransactItems": [{"Put": {"TableName": "keys", "Item": {**item, "branch-key-id": {"S": of}}}}]}

    assert table.get_item(TableName="keys", Key=key("acme"))["Item"]
    assert table.query(**query("acme"))["Items"]
    assert table.transact_write_items(**put("acme"))
    assert "dynamodb:GetItem" in refusal(table.get_item, TableName="keys", Key=key("globex"))
    assert "dynamodb:Query" in refusal(table.query, **query("globex"))
    assert "dynamodb:PutItem" in refusal(table.transact_write_items, **put("globex"))
    assert "dynamodb:Scan" in refusal(table.scan, TableName="keys")


def test_a_table_is_named_by_its_arn(table: FakeDynamoDb) -> None:
    allowed = policy("dynamodb:*")
    allowed["Statement"][0]["Resource"] = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/other*"
    table.attach_policy(allowed)

    assert "table/keys" in refusal(table.describe_table, TableName="keys")
    assert table.create_table(
        TableName="other-keys",
        KeySchema=[{"AttributeName": "a", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "a", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )

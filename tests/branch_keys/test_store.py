"""The branch key store, over a KMS and a DynamoDB that are as strict as AWS's."""

from __future__ import annotations

import copy
import pickle
import re
import threading
import traceback
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.branch_keys.key_store import ACTIVE, BEACON, CONTEXT, ID, TABLE, KeyStore, version_type
from warmkey import ConfigurationError, InvalidRequest, KeyUnavailable
from warmkey.branch_keys import BranchKeyConflict, BranchKeyStore, KmsConfiguration
from warmkey.events import DynamoDbOutcome, DynamoDbRequest, KmsOutcome, KmsRequest
from warmkey.testing import FakeDynamoDb, FakeKms

if TYPE_CHECKING:
    from collections.abc import Callable

READS: dict[str, Callable[[BranchKeyStore], object]] = {
    "active": lambda store: store.get_active_branch_key(ID),
    "version": lambda store: store.get_branch_key_version(ID, str(uuid.uuid4())),
    "beacon": lambda store: store.get_beacon_key(ID),
}


@pytest.fixture
def keys() -> KeyStore:
    return KeyStore()


# --- the key store itself


# spec: framework/branch-key-store.md#initialization 8d1a
# spec: framework/branch-key-store.md#getkeystoreinfo 1205 3654
def test_it_tells_what_it_is_and_asks_nobody(keys: KeyStore) -> None:
    keys.clear()
    store = keys.another(
        logical_key_store_name="keys of production", grant_tokens=["token"], key_store_id="mine", table_name="a-table"
    )

    info = store.get_key_store_info()

    assert (info.key_store_id, info.table_name, info.logical_key_store_name, info.grant_tokens) == (
        "mine",
        "a-table",
        "keys of production",
        ("token",),
    )
    assert info.kms_configuration == KmsConfiguration(kms_key_arn=keys.key_arn)
    assert keys.requests() == {}
    assert repr(store) == "BranchKeyStore('a-table')"


# spec: framework/branch-key-store.md#keystore-id e952
def test_its_id_is_a_random_uuid_unless_given(keys: KeyStore) -> None:
    ids = {keys.another().get_key_store_info().key_store_id for _ in range(3)}

    assert {uuid.UUID(key_store_id).version for key_store_id in ids} == {4}
    assert len(ids) == 3


# spec: framework/branch-key-store.md#operations 1a81
def test_it_has_the_operations_of_the_specification() -> None:
    """CreateKeyStore is called create_table here, because a table is what it creates."""
    assert {name for name in dir(BranchKeyStore) if not name.startswith("_")} == {
        "get_key_store_info",
        "create_table",
        "create_key",
        "version_key",
        "get_active_branch_key",
        "get_branch_key_version",
        "get_beacon_key",
    }


# spec: framework/branch-key-store.md#writing-branch-key-and-beacon-key-to-keystore 1ef4
# spec: framework/branch-key-store.md#versionkey 1ef4
# spec: framework/branch-key-store.md#branch-key-and-beacon-key-creation db9a
# spec: framework/branch-key-store.md#wrapped-branch-key-creation db9a
# spec: framework/branch-key-store.md#authenticating-a-keystore-item a56b
# spec: framework/branch-key-store.md#aws-kms-branch-key-decryption 8b95
def test_the_clients_that_were_given_are_used(keys: KeyStore) -> None:
    others = KeyStore()
    ours = keys.another(kms_client=others.kms, dynamodb_client=others.dynamodb, kms_key_arn=others.key_arn)
    keys.clear()
    others.clear()

    ours.create_key(ID, CONTEXT)
    ours.version_key(ID)
    ours.get_active_branch_key(ID)

    assert keys.requests() == {}
    assert others.requests() == {
        "GenerateDataKeyWithoutPlaintext": 3,
        "ReEncrypt": 3,
        "Decrypt": 1,
        "TransactWriteItems": 2,
        "GetItem": 2,
    }


def test_its_logical_name_is_the_tables_unless_given(keys: KeyStore) -> None:
    assert keys.store.get_key_store_info().logical_key_store_name == TABLE


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"table_name": ""}, "table_name must be the name of a DynamoDB table"),
        ({"table_name": "ab"}, "table_name must be the name of a DynamoDB table, 3 to 255"),
        ({"table_name": None}, "table_name must be"),
        ({"table_name": "arn:aws:dynamodb:us-east-1:111122223333:table/keys"}, "table_name must be"),
        ({"logical_key_store_name": ""}, "logical_key_store_name must be a str that is not empty and has no NUL"),
        ({"logical_key_store_name": "a\0b"}, "logical_key_store_name must be a str that is not empty and has no NUL"),
        ({"logical_key_store_name": 7}, "logical_key_store_name must be a str, not int"),
        ({"logical_key_store_name": "\ud800"}, "logical_key_store_name must be a str that UTF-8 can encode"),
        ({"key_store_id": ""}, "key_store_id must be a str that is not empty"),
        ({"grant_tokens": "token"}, "grant_tokens"),
        ({"grant_tokens": [7]}, "grant_tokens"),
        ({"emit": []}, "emit"),
        ({"dynamodb_client": object()}, "dynamodb_client must be a client as boto3"),
    ],
)
def test_an_argument_that_cannot_be_used_is_an_error_at_once(keys: KeyStore, arguments: Any, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(problem)):
        keys.another(**arguments)


# --- the table


# spec: framework/branch-key-store.md#createkeystore cdc2 a599 42c3
# spec: framework/branch-key-store.md#keyschema 6af9
def test_the_table_is_created_once() -> None:
    dynamodb = FakeDynamoDb()
    store = BranchKeyStore(TABLE, kms_key_arn=FakeKms().create_key(), kms_client=FakeKms(), dynamodb_client=dynamodb)

    first, second = store.create_table(), store.create_table()

    assert first == second == f"arn:aws:dynamodb:us-east-1:111122223333:table/{TABLE}"
    assert dynamodb.counts() == {"DescribeTable": 2, "CreateTable": 1}
    table = dynamodb.describe_table(TableName=TABLE)["Table"]
    assert table["KeySchema"] == [
        {"AttributeName": "branch-key-id", "KeyType": "HASH"},
        {"AttributeName": "type", "KeyType": "RANGE"},
    ]


def test_two_that_create_the_table_at_once_both_have_it() -> None:
    keys = KeyStore()
    store = keys.another(table_name="another-table")

    def race(call: Any) -> None:
        if call.operation == "CreateTable" and keys.dynamodb.count("CreateTable") == 2:  # the first made TABLE
            store.create_table()

    keys.dynamodb.latency = race

    assert store.create_table().endswith("table/another-table")


# spec: framework/branch-key-store.md#createkeystore d681
@pytest.mark.parametrize(
    "schema",
    [
        [("branch-key-id", "HASH", "S")],
        [("branch-key-id", "HASH", "S"), ("sort", "RANGE", "S")],
        [("branch-key-id", "HASH", "S"), ("type", "RANGE", "N")],
        [("type", "HASH", "S"), ("branch-key-id", "RANGE", "S")],
    ],
)
def test_a_table_of_another_schema_is_not_a_key_store(schema: list[tuple[str, str, str]]) -> None:
    keys = KeyStore()
    keys.dynamodb.create_table(
        TableName="another-table",
        KeySchema=[{"AttributeName": name, "KeyType": role} for name, role, _ in schema],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, _, kind in schema],
        BillingMode="PAY_PER_REQUEST",
    )

    with pytest.raises(ConfigurationError, match="table 'another-table' exists and is not a key store"):
        keys.another(table_name="another-table").create_table()


# spec: framework/branch-key-store.md#createkeystore e4bd 29c8
def test_a_table_may_have_more_than_its_key() -> None:
    keys = KeyStore()
    attributes = [("branch-key-id", "S"), ("type", "S"), ("create-time", "S")]
    keys.dynamodb.create_table(
        TableName="another-table",
        KeySchema=[
            {"AttributeName": "branch-key-id", "KeyType": "HASH"},
            {"AttributeName": "type", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": kind} for name, kind in attributes],
        BillingMode="PAY_PER_REQUEST",
    )

    assert keys.another(table_name="another-table").create_table().endswith("table/another-table")


# spec: framework/branch-key-store.md#createkeystore e4bd
@pytest.mark.parametrize("operation", ["DescribeTable", "CreateTable"])
def test_what_dynamodb_refuses_is_said(operation: str) -> None:
    keys = KeyStore()

    with keys.dynamodb.fail(operation, error="denied"), pytest.raises(KeyUnavailable, match="AccessDenied") as caught:
        keys.another(table_name="another-table").create_table()

    assert caught.value.attempts[0].outcome is DynamoDbOutcome.DENIED


@pytest.mark.parametrize("read", READS)
def test_no_table_is_an_error_that_names_it(keys: KeyStore, read: str) -> None:
    with pytest.raises(KeyUnavailable, match=r"'no-such-table'.*ResourceNotFoundException.*create the table"):
        READS[read](keys.another(table_name="no-such-table"))


def test_a_table_that_is_being_created_cannot_be_used_yet() -> None:
    keys = KeyStore()
    keys.dynamodb = FakeDynamoDb(tables_become_active=False)
    store = keys.another()
    store.create_table()

    with pytest.raises(KeyUnavailable, match="wait until it is ACTIVE"):
        store.create_key()
    keys.dynamodb.activate(TABLE)

    store.create_key()


# --- creating


# spec: framework/branch-key-store.md#createkey d0a5 6a84 f8a6
# spec: framework/branch-key-store.md#branch-key-and-beacon-key-creation 774a db44 a50b b20b 17ec 26c1
# spec: framework/branch-key-store.md#record-format ed38 94e1
# spec: framework/branch-key-store.md#writing-branch-key-and-beacon-key-to-keystore 6be9 f5bc c9a4
# spec: framework/branch-key-store.md#custom-encryption-context 2a01
# spec: framework/structures.md#branch-key 7fb7
# spec: framework/branch-key-store.md#wrapped-branch-key-creation 17ec 0d73 d712
def test_creating_writes_three_items_in_one_transaction(keys: KeyStore) -> None:
    keys.clear()
    before = datetime.now(UTC).replace(tzinfo=None)

    branch_key_id = keys.store.create_key(ID, CONTEXT)

    after = datetime.now(UTC).replace(tzinfo=None)
    assert branch_key_id == ID
    assert keys.requests() == {"GenerateDataKeyWithoutPlaintext": 2, "ReEncrypt": 1, "TransactWriteItems": 1}
    beacon, active, version = keys.dynamodb.items(TABLE)
    assert active["version"] == version["type"]
    assert uuid.UUID(version["type"]["S"].removeprefix("branch:version:")).version == 4
    assert len({item["enc"]["B"] for item in (active, version, beacon)}) == 3
    for item in (active, version, beacon):
        del item["enc"]
    common = {
        "branch-key-id": {"S": ID},
        "kms-arn": {"S": keys.key_arn},
        "create-time": active["create-time"],
        "hierarchy-version": {"N": "1"},
        "aws-crypto-ec:tenant": {"S": "a"},
        "aws-crypto-ec:purpose": {"S": "tests é"},
    }
    assert active == {**common, "type": {"S": ACTIVE}, "version": version["type"]}
    assert version == {**common, "type": version["type"]}
    assert beacon == {**common, "type": {"S": BEACON}}
    created = datetime.strptime(active["create-time"]["S"], "%Y-%m-%dT%H:%M:%S.%fZ")  # noqa: DTZ007 - it says Z
    assert before <= created <= after
    assert len(active["create-time"]["S"]) == len("2025-01-16T12:34:56.123456Z")


# spec: framework/branch-key-store.md#wrapped-branch-key-creation db9a daf8 37d4 baaf 8dd2 018d 64d2 ba57 ce90 59e1
# spec: framework/branch-key-store.md#encryption-context bb70 d7a2 a6a3 6fa6 5942 6efb 543c
# spec: framework/branch-key-store.md#active-encryption-context 0a04 afae 5ca6
# spec: framework/branch-key-store.md#decrypt_only-encryption-context d268 202f
# spec: framework/branch-key-store.md#beacon-key-encryption-context 2819 d04c
# spec: framework/branch-key-store.md#logical-keystore-name 357d
# spec: framework/branch-key-store.md#branch-key-and-beacon-key-creation db9a daf8 37d4 baaf 5c04
# spec: framework/branch-key-store.md#custom-encryption-context 737f
def test_every_attribute_and_the_logical_name_are_bound_to_the_key(keys: KeyStore) -> None:
    store = keys.another(logical_key_store_name="logical", grant_tokens=[])
    keys.clear()

    store.create_key(ID, CONTEXT)

    generate, re_encrypt, beacon = keys.kms.calls
    items = {item["type"]["S"]: item for item in keys.dynamodb.items(TABLE)}
    contexts = {
        item_type: {name: next(iter(value.values())) for name, value in item.items() if name != "enc"}
        | {"tablename": "logical"}
        for item_type, item in items.items()
    }
    version = items[ACTIVE]["version"]["S"]
    assert dict(generate.encryption_context) == contexts[version]
    assert dict(re_encrypt.encryption_context) == contexts[version]
    assert dict(re_encrypt.destination_encryption_context) == contexts[ACTIVE]
    assert dict(beacon.encryption_context) == contexts[BEACON]
    assert {call.key_id for call in keys.kms.calls} == {keys.key_arn}
    assert re_encrypt.destination_key_arn == keys.key_arn
    assert (generate.number_of_bytes, beacon.number_of_bytes) == (32, 32)


# spec: framework/branch-key-store.md#branch-key-and-beacon-key-creation 98de
# spec: framework/branch-key-store.md#wrapped-branch-key-creation 623e 3945
# spec: framework/branch-key-store.md#authenticating-a-keystore-item ad3a
# spec: framework/branch-key-store.md#aws-kms-branch-key-decryption 98de
def test_every_kms_request_has_the_grant_tokens(keys: KeyStore) -> None:
    token = keys.kms.create_grant(
        keys.key_arn, "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo", "Decrypt"
    )
    for action in ("GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo", "Decrypt"):
        keys.kms.deny(action)
    store = keys.another(grant_tokens=[token])

    store.create_key(ID, CONTEXT)
    store.version_key(ID)
    store.get_active_branch_key(ID)

    assert {call.grant_tokens for call in keys.kms.calls} == {(token,)}


# spec: framework/branch-key-store.md#createkey b55b 0e31 f8a6
def test_an_id_is_made_up_where_none_is_given(keys: KeyStore) -> None:
    with_context, without = keys.store.create_key(encryption_context=CONTEXT), keys.store.create_key()

    assert {uuid.UUID(branch_key_id).version for branch_key_id in (with_context, without)} == {4}
    assert keys.store.get_active_branch_key(with_context).encryption_context == CONTEXT
    assert keys.store.get_active_branch_key(without).encryption_context == {}


# spec: framework/branch-key-store.md#createkey d002
@pytest.mark.parametrize("context", [None, {}])
def test_an_id_of_ones_own_needs_a_context(keys: KeyStore, context: dict[str, str] | None) -> None:
    keys.clear()

    with pytest.raises(InvalidRequest, match="a branch_key_id of your own needs an encryption_context"):
        keys.store.create_key(ID, context)

    assert keys.requests() == {}


# spec: framework/branch-key-store.md#versionkey 3289
# spec: framework/branch-key-store.md#getactivebranchkey 3289
# spec: framework/branch-key-store.md#getbranchkeyversion 3289
# spec: framework/branch-key-store.md#getbeaconkey 3289
@pytest.mark.parametrize("branch_key_id", ["", "a\0b", "\ud800", 7, "x" * 2049, "é" * 1025])
def test_what_cannot_be_an_id_is_refused_before_any_request(keys: KeyStore, branch_key_id: Any) -> None:
    keys.clear()

    for call in (
        lambda: keys.store.create_key(branch_key_id, CONTEXT),
        lambda: keys.store.version_key(branch_key_id),
        lambda: keys.store.get_active_branch_key(branch_key_id),
        lambda: keys.store.get_branch_key_version(branch_key_id, str(uuid.uuid4())),
        lambda: keys.store.get_beacon_key(branch_key_id),
    ):
        with pytest.raises(InvalidRequest, match="branch_key_id must"):
            call()

    assert keys.requests() == {}


def test_the_longest_id_that_dynamodb_takes(keys: KeyStore) -> None:
    longest = "é" * 1024

    keys.store.create_key(longest, CONTEXT)

    assert keys.store.get_active_branch_key(longest).branch_key_id == longest


@pytest.mark.parametrize("context", [{"tenant": 7}, {"tenant": "\ud800"}, [("tenant", "a")], "tenant"])
def test_a_context_that_is_not_one_is_refused_before_any_request(keys: KeyStore, context: Any) -> None:
    keys.clear()

    with pytest.raises(InvalidRequest, match="encryption context"):
        keys.store.create_key(ID, context)

    assert keys.requests() == {}


# spec: framework/branch-key-store.md#createkey 2278
# spec: framework/branch-key-store.md#writing-branch-key-and-beacon-key-to-keystore 2278
def test_an_existing_id_is_a_conflict_and_nothing_is_written(keys: KeyStore) -> None:
    keys.create()
    before = keys.dynamodb.items(TABLE)

    with pytest.raises(BranchKeyConflict, match=f"branch key '{ID}' in table '{TABLE}' exists already"):
        keys.create()

    assert keys.dynamodb.items(TABLE) == before


def test_one_item_that_is_there_keeps_all_three_from_being_written(keys: KeyStore) -> None:
    keys.create()
    beacon = keys.item(BEACON)
    for item in keys.dynamodb.items(TABLE):
        keys.dynamodb.remove(TABLE, ID, item["type"]["S"])
    keys.dynamodb.put(TABLE, beacon)

    with pytest.raises(BranchKeyConflict):
        keys.create()

    assert keys.dynamodb.items(TABLE) == [beacon]


# --- rotating


# spec: framework/branch-key-store.md#versionkey 382d b20b b9cb f4ab c9a4
# spec: framework/branch-key-store.md#authenticating-a-keystore-item a56b 018d 63c7 b252 9831
# spec: framework/branch-key-store.md#custom-encryption-context 9104
def test_rotating_adds_a_version_and_replaces_the_active_item(keys: KeyStore) -> None:
    keys.create()
    old, old_version = keys.item(ACTIVE), keys.item(keys.item(ACTIVE)["version"]["S"])
    beacon = keys.item(BEACON)
    keys.clear()

    keys.store.version_key(ID)

    assert keys.requests() == {
        "ReEncrypt": 2,
        "GenerateDataKeyWithoutPlaintext": 1,
        "GetItem": 1,
        "TransactWriteItems": 1,
    }
    authenticate, generate, re_encrypt = keys.kms.calls
    assert authenticate.encryption_context == authenticate.destination_encryption_context
    assert authenticate.encryption_context["type"] == ACTIVE
    active = keys.item(ACTIVE)
    assert active["version"] != old["version"]
    assert active["enc"] != old["enc"]
    assert active["create-time"]["S"] > old["create-time"]["S"]
    assert generate.encryption_context["type"] == active["version"]["S"]
    assert re_encrypt.destination_encryption_context["version"] == active["version"]["S"]
    assert keys.item(old["version"]["S"]) == old_version
    assert keys.item(BEACON) == beacon
    same = ("branch-key-id", "kms-arn", "hierarchy-version", "aws-crypto-ec:tenant", "aws-crypto-ec:purpose")
    assert {name: active[name] for name in same} == {name: old[name] for name in same}
    assert len(keys.dynamodb.items(TABLE)) == 4


# spec: framework/branch-key-store.md#authenticating-a-keystore-item 6f92 1436 82db 63c7 b252 9831
def test_rotating_authenticates_the_items_own_context(keys: KeyStore) -> None:
    class Listening:
        """Hands on what it is asked."""

        def __getattr__(self, name: str) -> Any:
            return getattr(keys.kms, name)

        def re_encrypt(self, **parameters: Any) -> Any:
            asked.append(parameters)
            return keys.kms.re_encrypt(**parameters)

    keys.create()
    item = keys.item(ACTIVE)
    asked: list[dict[str, Any]] = []
    keys.another(kms_client=Listening()).version_key(ID)
    context = {
        **{name: next(iter(value.values())) for name, value in item.items() if name != "enc"},
        "tablename": TABLE,
    }

    assert asked[0] == {
        "SourceKeyId": keys.key_arn,
        "SourceEncryptionContext": context,
        "CiphertextBlob": item["enc"]["B"],
        "DestinationKeyId": keys.key_arn,
        "DestinationEncryptionContext": context,
    }


# spec: framework/branch-key-store.md#writing-branch-key-and-beacon-key-to-keystore 2f3e
# spec: framework/branch-key-store.md#versionkey 2f3e
def test_writing_returns_nothing_more_than_an_id(keys: KeyStore) -> None:
    assert keys.create() == ID
    first = keys.item(ACTIVE)

    assert keys.store.version_key(ID) is None  # type: ignore[func-returns-value]
    assert keys.item(ACTIVE)["version"] != first["version"]


def test_old_versions_stay_readable(keys: KeyStore) -> None:
    keys.create()
    old = keys.store.get_active_branch_key(ID)

    keys.store.version_key(ID)

    new = keys.store.get_active_branch_key(ID)
    assert new.branch_key != old.branch_key
    assert keys.store.get_branch_key_version(ID, old.branch_key_version).branch_key == old.branch_key
    assert keys.store.get_branch_key_version(ID, new.branch_key_version).branch_key == new.branch_key


# spec: framework/branch-key-store.md#versionkey f4ab 2278
def test_of_two_rotations_at_once_one_fails_and_leaves_nothing_behind(keys: KeyStore) -> None:
    keys.create()
    rival = keys.another()

    def rotate_first(call: Any) -> None:
        if call.operation == "TransactWriteItems":
            keys.dynamodb.latency = None
            rival.version_key(ID)

    keys.dynamodb.latency = rotate_first

    with pytest.raises(BranchKeyConflict, match="was changed since it was read, so nothing was written") as caught:
        keys.store.version_key(ID)

    assert ID in str(caught.value)
    versions = [item for item in keys.dynamodb.items(TABLE) if item["type"]["S"].startswith("branch:version:")]
    assert len(versions) == 2
    assert keys.item(ACTIVE)["version"] in [version["type"] for version in versions]
    keys.store.get_active_branch_key(ID)


def test_rotating_reads_the_active_item_consistently(keys: KeyStore) -> None:
    """A stale one would lose the optimistic lock for no reason."""
    keys.create()

    with keys.dynamodb.lag():
        keys.store.version_key(ID)
        keys.store.version_key(ID)

    assert len(keys.dynamodb.items(TABLE)) == 5
    assert {call.consistent for call in keys.dynamodb.calls if call.operation == "GetItem"} == {True}


# spec: framework/branch-key-store.md#versionkey ba2a ab3e
def test_an_item_that_does_not_authenticate_is_not_rotated(keys: KeyStore) -> None:
    keys.create()
    keys.change(ACTIVE, extra={"S": "added"})
    before = keys.dynamodb.items(TABLE)
    keys.clear()

    with pytest.raises(KeyUnavailable, match=r"InvalidCiphertextException.*the item was changed"):
        keys.store.version_key(ID)

    assert keys.dynamodb.items(TABLE) == before
    assert keys.kms.counts() == {"ReEncrypt": 1}


def test_a_rotation_that_conflicts_says_so_and_can_be_tried_again(keys: KeyStore) -> None:
    keys.create()
    before = keys.dynamodb.items(TABLE)

    with (
        keys.dynamodb.fail("TransactWriteItems", error="conflict"),
        pytest.raises(KeyUnavailable, match=r"TransactionConflict.*try again") as caught,
    ):
        keys.store.version_key(ID)

    assert caught.value.attempts[0].outcome is DynamoDbOutcome.CONFLICT
    assert keys.dynamodb.items(TABLE) == before
    keys.store.version_key(ID)


# spec: framework/branch-key-store.md#createkey 0782
# spec: framework/branch-key-store.md#versionkey 257b
@pytest.mark.parametrize("configuration", [{"discovery": True}, {"mrk_discovery_region": "us-east-1"}])
def test_discovery_only_reads(keys: KeyStore, configuration: dict[str, Any]) -> None:
    keys.create()
    reader = keys.another(**configuration)
    keys.clear()

    for write in (reader.create_key, lambda: reader.version_key(ID)):
        with pytest.raises(ConfigurationError, match="a key store that uses discovery can only read"):
            write()

    assert keys.requests() == {}
    reader.get_active_branch_key(ID)


@pytest.mark.parametrize("operation", ["ReEncrypt", "GenerateDataKeyWithoutPlaintext"])
@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("throttled", KmsOutcome.THROTTLED),
        ("denied", KmsOutcome.DENIED),
        ("disabled", KmsOutcome.DISABLED),
        ("timeout", KmsOutcome.UNREACHABLE),
        ("invalid-grant-token", KmsOutcome.OTHER),
    ],
)
def test_nothing_is_written_when_kms_refuses(keys: KeyStore, operation: str, error: str, outcome: KmsOutcome) -> None:
    keys.create()
    before = keys.dynamodb.items(TABLE)

    for write in (lambda: keys.store.version_key(ID), keys.store.create_key):
        with keys.kms.fail(operation, error=error), pytest.raises(KeyUnavailable) as caught:
            write()
        assert caught.value.attempts[0].outcome is outcome
        assert keys.key_arn in str(caught.value)

    assert keys.dynamodb.items(TABLE) == before


@pytest.mark.parametrize("operation", ["ReEncrypt", "GenerateDataKeyWithoutPlaintext"])
def test_an_answer_for_another_key_is_not_believed(keys: KeyStore, operation: str) -> None:
    with keys.kms.fail(operation, error="another-key"), pytest.raises(KeyUnavailable, match="answered for another key"):
        keys.create()

    assert keys.dynamodb.items(TABLE) == []


class _BlobLess(FakeKms):
    """Answers without a ciphertext."""

    def generate_data_key_without_plaintext(self, **parameters: Any) -> dict[str, Any]:
        return {**super().generate_data_key_without_plaintext(**parameters), "CiphertextBlob": b""}


def test_an_answer_without_a_ciphertext_is_not_believed(keys: KeyStore) -> None:
    store = keys.another(kms_client=_BlobLess(world=keys.kms.world))

    with pytest.raises(KeyUnavailable, match="answered without a ciphertext"):
        store.create_key()


# --- reading


# spec: framework/branch-key-store.md#getactivebranchkey 8c30 d5cd c5c6 0ca0
# spec: framework/branch-key-store.md#custom-encryption-context-from-authenticated-encryption-context 86c1 95aa
# Source: framework/structures.md#branch-key-materials
# spec: framework/structures.md#structure-3 a530
# spec: framework/branch-key-store.md#branch-key-materials-from-authenticated-encryption-context d601 4279
# spec: framework/branch-key-store.md#branch-key-materials-from-authenticated-encryption-context 8af1 6c68 dcfe 9df4
# spec: framework/structures.md#branch-key cd93
def test_the_active_branch_key(keys: KeyStore) -> None:
    keys.create()
    keys.clear()

    materials = keys.store.get_active_branch_key(ID)

    assert keys.requests() == {"GetItem": 1, "Decrypt": 1}
    assert materials.branch_key_id == ID
    assert version_type(materials.branch_key_version) == keys.item(ACTIVE)["version"]["S"]
    assert len(materials.branch_key) == 32
    assert materials.encryption_context == CONTEXT
    assert materials.kms_key_arn == keys.key_arn


# spec: framework/branch-key-store.md#getbranchkeyversion ecd6 d5cd 81ea 0ca0
# spec: framework/branch-key-store.md#wrapped-branch-key-creation cada d712
# spec: framework/branch-key-store.md#branch-key-materials-from-authenticated-encryption-context a3bf
def test_a_version_holds_the_same_key(keys: KeyStore) -> None:
    keys.create()
    active = keys.store.get_active_branch_key(ID)
    keys.clear()

    version = keys.store.get_branch_key_version(ID, active.branch_key_version)

    assert keys.requests() == {"GetItem": 1, "Decrypt": 1}
    assert version == active


# spec: framework/branch-key-store.md#getbeaconkey 0c54 36a0 4857 a408
# Source: framework/structures.md#beacon-key-materials
# spec: framework/structures.md#structure-4 16a4
def test_the_beacon_key_is_another_key(keys: KeyStore) -> None:
    keys.create()

    beacon = keys.store.get_beacon_key(ID)

    assert beacon.beacon_key_id == ID
    assert len(beacon.beacon_key) == 32
    assert beacon.beacon_key != keys.store.get_active_branch_key(ID).branch_key
    assert beacon.encryption_context == CONTEXT


# spec: framework/branch-key-store.md#aws-kms-branch-key-decryption 24b1 6f92 1436 82db fc69 36ba 9831 bef6 8b95
# spec: framework/branch-key-store.md#encryption-context 543c 6fa6
def test_decrypting_asks_for_the_items_own_context(keys: KeyStore) -> None:
    keys.create()
    keys.clear()

    keys.store.get_active_branch_key(ID)

    [call] = keys.kms.calls
    item = keys.item(ACTIVE)
    assert call.key_id == keys.key_arn
    assert dict(call.encryption_context) == {
        **{name: next(iter(value.values())) for name, value in item.items() if name != "enc"},
        "tablename": TABLE,
    }


def test_an_item_that_is_not_there_yet_is_asked_for_once_more_consistently(keys: KeyStore) -> None:
    with keys.dynamodb.lag():
        keys.create()
        keys.clear()

        keys.store.get_active_branch_key(ID)

    assert [call.consistent for call in keys.dynamodb.calls] == [False, True]


@pytest.mark.parametrize("read", READS)
def test_what_is_not_there_is_named(keys: KeyStore, read: str) -> None:
    keys.clear()

    with pytest.raises(KeyUnavailable, match=f"of branch key '{ID}' in table '{TABLE}': it is not there") as caught:
        READS[read](keys.store)

    assert "check the branch key ID" in str(caught.value)
    assert keys.requests() == {"GetItem": 2}


def test_a_missing_version_names_the_version(keys: KeyStore) -> None:
    keys.create()
    version = str(uuid.uuid4())

    with pytest.raises(KeyUnavailable, match=f"branch:version:{version} of branch key"):
        keys.store.get_branch_key_version(ID, version)


# spec: framework/branch-key-store.md#getbranchkeyversion 43b4
@pytest.mark.parametrize(
    "version",
    ["", "1", "0C4C1A6D-8F1E-4B57-9A3C-5D2E7F60A1B4", "0c4c1a6d8f1e4b579a3c5d2e7f60a1b4", 7, None],
)
def test_what_cannot_be_a_version_is_refused_before_any_request(keys: KeyStore, version: Any) -> None:
    keys.clear()

    with pytest.raises(InvalidRequest, match="branch_key_version must be the text of a UUID"):
        keys.store.get_branch_key_version(ID, version)

    assert keys.requests() == {}


def test_another_logical_name_does_not_open_it(keys: KeyStore) -> None:
    keys.create()
    stranger = keys.another(logical_key_store_name="another")

    with pytest.raises(KeyUnavailable, match=r"InvalidCiphertextException.*give the logical_key_store_name"):
        stranger.get_active_branch_key(ID)
    with pytest.raises(KeyUnavailable, match="InvalidCiphertextException"):
        stranger.version_key(ID)


def test_a_table_restored_under_another_name_goes_on_working(keys: KeyStore) -> None:
    keys.create()
    restored = keys.another(table_name="restored", logical_key_store_name=TABLE)
    restored.create_table()
    for item in keys.dynamodb.items(TABLE):
        keys.dynamodb.put("restored", item)

    assert restored.get_active_branch_key(ID) == keys.store.get_active_branch_key(ID)


TAMPERINGS: dict[str, dict[str, Any]] = {
    "a custom value": {"aws_crypto_ec:tenant": {"S": "b"}},
    "an attribute more": {"extra": {"S": "added"}},
    "an attribute less": {"aws_crypto_ec:tenant": None},
    "another time": {"create_time": {"S": "2025-01-01T00:00:00.000000Z"}},
    "another version": {"version": {"S": version_type("00000000-0000-4000-8000-000000000000")}},
    "another ciphertext": {"enc": {"B": b"nobody made this"}},
}


# spec: framework/branch-key-store.md#encryption-context d26f
# spec: framework/branch-key-store.md#aws-kms-branch-key-decryption 24b1
@pytest.mark.parametrize("tampering", TAMPERINGS)
def test_kms_refuses_an_item_that_was_changed(keys: KeyStore, tampering: str) -> None:
    keys.create()
    changes = {name.replace("aws_crypto_ec", "aws-crypto-ec"): value for name, value in TAMPERINGS[tampering].items()}
    keys.change(ACTIVE, **changes)
    keys.clear()

    with pytest.raises(KeyUnavailable, match="InvalidCiphertextException"):
        keys.store.get_active_branch_key(ID)

    assert keys.kms.counts() == {"Decrypt": 1}


MISFITS: dict[str, tuple[dict[str, Any], str]] = {
    "no ciphertext": ({"enc": None}, "attribute 'enc' must be bytes"),
    "an empty ciphertext": ({"enc": {"B": b""}}, "attribute 'enc' must be bytes"),
    "a ciphertext as text": ({"enc": {"S": "x"}}, "attribute 'enc' must be bytes"),
    "no ARN": ({"kms_arn": None}, "attribute 'kms-arn' must be a text"),
    "an empty ARN": ({"kms_arn": {"S": ""}}, "attribute 'kms-arn' must be a text that is not empty"),
    "no time": ({"create_time": None}, "attribute 'create-time' must be a text"),
    "no hierarchy version": ({"hierarchy_version": None}, "'hierarchy-version' must be a number"),
    "a hierarchy version as text": ({"hierarchy_version": {"S": "1"}}, "'hierarchy-version' must be a number"),
    "hierarchy version 2": (
        {"hierarchy_version": {"N": "2"}},
        "hierarchy-version is 2; this version of warmkey reads 1",
    ),
    "no version": ({"version": None}, "attribute 'version' must be there"),
    "a version that is not one": (
        {"version": {"S": "branch:version:1"}},
        "'version' must be branch:version: and",
    ),
    "a version without its prefix": ({"version": {"S": str(uuid.uuid4())}}, "'version' must be branch:version:"),
    "a number as a custom value": ({"aws-crypto-ec:n": {"N": "1"}}, "'aws-crypto-ec:n' must be a text"),
    "a table name": ({"tablename": {"S": TABLE}}, "it must not have an attribute 'tablename'"),
}


# spec: framework/branch-key-store.md#getactivebranchkey 8aad 1702
# spec: framework/branch-key-store.md#branch-key-materials-from-authenticated-encryption-context d601 6c68
# spec: framework/branch-key-store.md#encryption-context a6a3 5942 6efb
# spec: framework/branch-key-store.md#active-encryption-context afae
@pytest.mark.parametrize("misfit", MISFITS)
def test_an_item_is_judged_before_kms_is_asked(keys: KeyStore, misfit: str) -> None:
    changes, problem = MISFITS[misfit]
    keys.create()
    keys.change(ACTIVE, **changes)
    keys.clear()

    for operation in (keys.store.get_active_branch_key, keys.store.version_key):
        with pytest.raises(KeyUnavailable, match=re.escape(problem)) as caught:
            operation(ID)
        assert f"active version of branch key '{ID}' in table '{TABLE}'" in str(caught.value)

    assert keys.kms.counts() == {}


# spec: framework/branch-key-store.md#decrypt_only-encryption-context d268
# spec: framework/branch-key-store.md#beacon-key-encryption-context d04c
# spec: framework/branch-key-store.md#getbranchkeyversion 8aad 1702
# spec: framework/branch-key-store.md#getbeaconkey 8aad 1702
@pytest.mark.parametrize("changes", [{"enc": None}, {"kms_arn": None}, {"create_time": None}], ids=str)
def test_a_version_and_a_beacon_key_are_judged_too(keys: KeyStore, changes: dict[str, Any]) -> None:
    keys.create()
    version = keys.item(ACTIVE)["version"]["S"]
    for item_type in (version, BEACON):
        keys.change(item_type, **changes)
    keys.clear()

    for read in (
        lambda: keys.store.get_branch_key_version(ID, version.removeprefix("branch:version:")),
        lambda: keys.store.get_beacon_key(ID),
    ):
        with pytest.raises(KeyUnavailable, match="its attribute"):
            read()

    assert keys.kms.counts() == {}


# spec: framework/branch-key-store.md#getbranchkeyversion 186f
# spec: framework/branch-key-store.md#getbeaconkey fb9b
def test_a_version_or_beacon_key_that_kms_does_not_decrypt_fails(keys: KeyStore) -> None:
    keys.create()
    version = keys.store.get_active_branch_key(ID).branch_key_version

    for read in (
        lambda: keys.store.get_branch_key_version(ID, version),
        lambda: keys.store.get_beacon_key(ID),
    ):
        with keys.kms.fail("Decrypt", error="denied"), pytest.raises(KeyUnavailable, match="AccessDenied"):
            read()


# spec: framework/branch-key-store.md#decrypt_only-encryption-context d268
# spec: framework/branch-key-store.md#beacon-key-encryption-context d04c
@pytest.mark.parametrize("item_type", [BEACON, "version"])
def test_only_the_active_item_has_a_version(keys: KeyStore, item_type: str) -> None:
    keys.create()
    version = keys.item(ACTIVE)["version"]["S"]
    keys.change(version if item_type == "version" else BEACON, version={"S": version})
    keys.clear()

    reads = {
        BEACON: lambda: keys.store.get_beacon_key(ID),
        "version": lambda: keys.store.get_branch_key_version(ID, version.removeprefix("branch:version:")),
    }

    with pytest.raises(KeyUnavailable, match="'version' must be in the active item only"):
        reads[item_type]()

    assert keys.kms.counts() == {}


class _Confused(FakeDynamoDb):
    """Answers with whatever item there is."""

    def get_item(self, **parameters: Any) -> dict[str, Any]:
        return {"Item": self.items(parameters["TableName"])[0]}


# spec: framework/branch-key-store.md#branch-key-materials-from-authenticated-encryption-context 02f3
def test_an_item_that_was_not_asked_for_is_not_taken(keys: KeyStore) -> None:
    keys.create()
    confused = _Confused()
    confused.create_table(
        TableName=TABLE,
        KeySchema=[
            {"AttributeName": "branch-key-id", "KeyType": "HASH"},
            {"AttributeName": "type", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[],
    )
    confused.put(TABLE, keys.item(ACTIVE))
    keys.clear()

    for read, problem in (
        (lambda store: store.get_active_branch_key("another"), "'branch-key-id' must be 'another', as asked for"),
        (lambda store: store.get_beacon_key(ID), "'type' must be 'beacon:ACTIVE', as asked for"),
    ):
        with pytest.raises(KeyUnavailable, match=problem):
            read(keys.another(dynamodb_client=confused))

    assert keys.kms.counts() == {}


@pytest.mark.parametrize("text", ["2024-02-29T12:00:00.123Z", "yesterday"])
def test_a_time_may_be_any_text(keys: KeyStore, text: str) -> None:
    """JavaScript writes milliseconds, and the specification's example does."""
    keys.create()
    keys.change(ACTIVE, create_time={"S": text})

    with pytest.raises(KeyUnavailable, match="InvalidCiphertextException"):  # it got as far as KMS
        keys.store.get_active_branch_key(ID)


# --- which KMS key


# Source: framework/branch-key-store.md#aws-key-arn-compatibility
# spec: framework/branch-key-store.md#versionkey f625
# spec: framework/branch-key-store.md#aws-kms-branch-key-decryption 7ff7
@pytest.mark.parametrize("arn", ["another key", "an alias", "nonsense"])
@pytest.mark.parametrize("kind", ["kms_key_arn", "kms_mrk_key_arn"])
def test_another_key_than_configured_is_refused_before_kms_is_asked(keys: KeyStore, kind: str, arn: str) -> None:
    keys.create()
    another = keys.kms.create_key()
    arns = {"another key": another, "an alias": keys.kms.create_alias("alias/a", keys.key_arn), "nonsense": "nonsense"}
    keys.change(ACTIVE, kms_arn={"S": arns[arn]})
    store = keys.another(**{kind: keys.key_arn})
    keys.clear()

    for operation in (store.get_active_branch_key, store.version_key):
        with pytest.raises(KeyUnavailable, match="its kms-arn"):
            operation(ID)

    assert keys.kms.counts() == {}


# spec: framework/branch-key-store.md#aws-kms-branch-key-decryption 1b8a
@pytest.mark.parametrize("arn", ["alias", "nonsense"])
@pytest.mark.parametrize("configuration", [{"discovery": True}, {"mrk_discovery_region": "us-east-1"}])
def test_discovery_takes_key_arns_only(keys: KeyStore, configuration: dict[str, Any], arn: str) -> None:
    keys.create()
    arns = {"alias": keys.kms.create_alias("alias/a", keys.key_arn), "nonsense": "nonsense"}
    keys.change(ACTIVE, kms_arn={"S": arns[arn]})
    keys.clear()

    with pytest.raises(KeyUnavailable, match="its kms-arn must be a KMS key ARN"):
        keys.another(**configuration).get_active_branch_key(ID)

    assert keys.kms.counts() == {}


# spec: framework/branch-key-store.md#discovery e057
# spec: framework/branch-key-store.md#aws-kms-branch-key-decryption 3e99
def test_discovery_asks_for_the_key_that_the_item_names(keys: KeyStore) -> None:
    keys.create()
    keys.clear()

    materials = keys.another(discovery=True).get_active_branch_key(ID)

    assert materials == keys.store.get_active_branch_key(ID)
    assert keys.kms.calls[0].key_id == keys.key_arn


class TestMultiRegionKeys:
    """A key in Virginia with a replica in Ireland; one table that both can read."""

    @pytest.fixture
    def keys(self) -> KeyStore:
        return KeyStore(multi_region=True)

    @pytest.fixture
    def ireland(self, keys: KeyStore) -> FakeKms:
        return FakeKms("eu-west-1", world=keys.kms.world)

    @pytest.fixture
    def replica(self, keys: KeyStore, ireland: FakeKms) -> str:
        return keys.kms.replicate_key(keys.key_arn, "eu-west-1")

    # spec: framework/branch-key-store.md#versionkey b56b
    # spec: framework/branch-key-store.md#authenticating-a-keystore-item 5c0c 31d1
    def test_a_replica_reads_and_rotates_and_the_stored_arn_stays(
        self, keys: KeyStore, ireland: FakeKms, replica: str
    ) -> None:
        keys.create()
        store = keys.another(kms_mrk_key_arn=replica, kms_client=ireland)

        first = store.get_active_branch_key(ID)
        store.version_key(ID)
        second = store.get_active_branch_key(ID)

        assert {call.key_id for call in ireland.calls} == {replica}
        assert {item["kms-arn"]["S"] for item in keys.dynamodb.items(TABLE)} == {keys.key_arn}
        at_home = keys.another(kms_mrk_key_arn=keys.key_arn)
        assert at_home.get_active_branch_key(ID).branch_key == second.branch_key
        assert keys.store.get_branch_key_version(ID, first.branch_key_version).branch_key == first.branch_key

    def test_strict_does_not_take_a_replica(self, keys: KeyStore, ireland: FakeKms, replica: str) -> None:
        keys.create()

        with pytest.raises(KeyUnavailable, match=f"kms_key_arn allows {replica} only"):
            keys.another(kms_key_arn=replica, kms_client=ireland).get_active_branch_key(ID)

    # spec: framework/branch-key-store.md#mrdiscovery e057
    # spec: framework/branch-key-store.md#aws-kms-branch-key-decryption c7b5
    def test_discovery_in_a_region_asks_for_the_replica_there(
        self, keys: KeyStore, ireland: FakeKms, replica: str
    ) -> None:
        keys.create()

        store = keys.another(mrk_discovery_region="eu-west-1", kms_client=ireland)

        assert store.get_active_branch_key(ID).branch_key == keys.store.get_active_branch_key(ID).branch_key
        assert [call.key_id for call in ireland.calls] == [replica]

    def test_plain_discovery_asks_for_the_key_where_it_is(self, keys: KeyStore, ireland: FakeKms, replica: str) -> None:
        keys.create()

        with pytest.raises(KeyUnavailable, match="NotFoundException"):
            keys.another(discovery=True, kms_client=ireland).get_active_branch_key(ID)

    def test_a_single_region_key_is_never_moved(self, ireland: FakeKms) -> None:
        keys = KeyStore()
        keys.create()

        with pytest.raises(KeyUnavailable, match="NotFoundException"):
            keys.another(mrk_discovery_region="eu-west-1", kms_client=ireland).get_active_branch_key(ID)

        assert [call.key_id for call in ireland.calls] == [keys.key_arn]


# --- what AWS refuses


# spec: framework/branch-key-store.md#getactivebranchkey 61d5
@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("throttled", KmsOutcome.THROTTLED),
        ("denied", KmsOutcome.DENIED),
        ("disabled", KmsOutcome.DISABLED),
        ("pending-deletion", KmsOutcome.DISABLED),
        ("timeout", KmsOutcome.UNREACHABLE),
        ("incorrect-key", KmsOutcome.OTHER),
    ],
)
def test_a_decryption_that_kms_refuses(keys: KeyStore, error: str, outcome: KmsOutcome) -> None:
    keys.create()

    with keys.kms.fail("Decrypt", error=error), pytest.raises(KeyUnavailable) as caught:
        keys.store.get_active_branch_key(ID)

    [attempt] = caught.value.attempts
    assert (attempt.operation, attempt.key, attempt.outcome) == ("Decrypt", keys.key_arn, outcome)


# spec: framework/structures.md#branch-key cd93
@pytest.mark.parametrize("length", ["short-plaintext", "long-plaintext"])
def test_a_branch_key_of_another_length_is_not_taken(keys: KeyStore, length: str) -> None:
    keys.create()

    with keys.kms.fail("Decrypt", error=length), pytest.raises(KeyUnavailable, match="must have 32 bytes"):
        keys.store.get_active_branch_key(ID)


def test_a_decryption_with_another_key_is_not_believed(keys: KeyStore) -> None:
    keys.create()

    with keys.kms.fail("Decrypt", error="another-key"), pytest.raises(KeyUnavailable, match="for another key"):
        keys.store.get_active_branch_key(ID)


@pytest.mark.parametrize(
    ("error", "outcome", "remedy"),
    [
        ("throttled", DynamoDbOutcome.THROTTLED, "cache branch keys for longer"),
        ("account-throttled", DynamoDbOutcome.THROTTLED, "cache branch keys for longer"),
        ("denied", DynamoDbOutcome.DENIED, "allow the operation on this table"),
        ("internal", DynamoDbOutcome.UNREACHABLE, "check the Region"),
        ("timeout", DynamoDbOutcome.UNREACHABLE, "check the Region"),
        ("unreachable", DynamoDbOutcome.UNREACHABLE, "check the Region"),
        ("no-credentials", DynamoDbOutcome.OTHER, "give the client credentials"),
        ("expired-credentials", DynamoDbOutcome.OTHER, "refresh the credentials"),
    ],
)
def test_a_read_that_dynamodb_refuses(keys: KeyStore, error: str, outcome: DynamoDbOutcome, remedy: str) -> None:
    keys.create()
    keys.clear()

    with keys.dynamodb.fail("GetItem", error=error), pytest.raises(KeyUnavailable, match=remedy) as caught:
        keys.store.get_active_branch_key(ID)

    [attempt] = caught.value.attempts
    assert (attempt.keyring, attempt.operation, attempt.outcome) == ("BranchKeyStore", "GetItem", outcome)
    assert f"branch key '{ID}' in table '{TABLE}'" in attempt.key
    assert keys.facts.of(DynamoDbRequest)[0].outcome is outcome
    assert keys.kms.counts() == {}


# spec: framework/branch-key-store.md#createkey 2278
# spec: framework/branch-key-store.md#writing-branch-key-and-beacon-key-to-keystore 2278
@pytest.mark.parametrize("error", ["throttled", "denied", "in-progress", "internal", "timeout"])
def test_a_write_that_dynamodb_refuses_leaves_nothing_behind(keys: KeyStore, error: str) -> None:
    with keys.dynamodb.fail("TransactWriteItems", error=error), pytest.raises(KeyUnavailable):
        keys.create()

    assert keys.dynamodb.items(TABLE) == []


# --- what is told, and what never


def test_every_request_is_an_event(keys: KeyStore) -> None:
    keys.create()
    keys.clear()

    keys.store.get_active_branch_key(ID)

    read, decrypt = keys.facts.events
    assert isinstance(read, DynamoDbRequest)
    assert (read.dynamodb_operation, read.attempts, read.outcome) == ("GetItem", 1, DynamoDbOutcome.OK)
    assert read.duration_seconds >= 0
    assert isinstance(decrypt, KmsRequest)
    assert (decrypt.kms_operation, decrypt.key_arn) == ("Decrypt", keys.key_arn)


def test_retries_are_told(keys: KeyStore) -> None:
    keys.create()
    keys.clear()

    with keys.dynamodb.fail("GetItem", error="retried", retries=2):
        keys.store.get_active_branch_key(ID)

    assert keys.facts.of(DynamoDbRequest)[0].attempts == 3


def test_no_event_names_a_branch_key_or_a_table(keys: KeyStore) -> None:
    keys.create()
    keys.store.version_key(ID)
    with pytest.raises(KeyUnavailable):
        keys.store.get_active_branch_key("tenant-x")

    said = repr(keys.facts.of(DynamoDbRequest))

    assert ID not in said
    assert "tenant-x" not in said
    assert TABLE not in said


def test_materials_show_no_key_and_go_nowhere(keys: KeyStore) -> None:
    keys.create()
    for materials, secret in (
        ((active := keys.store.get_active_branch_key(ID)), active.branch_key),
        ((beacon := keys.store.get_beacon_key(ID)), beacon.beacon_key),
    ):
        assert repr(secret)[2:-1] not in repr(materials)
        assert "tests é" not in repr(materials)
        for leave in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="holds key material and can't be pickled or copied"):
                leave(materials)


class _Interrupted(FakeKms):
    """Fails after it has answered, as an interruption does."""

    answer: dict[str, Any]

    def decrypt(self, **parameters: Any) -> dict[str, Any]:
        _Interrupted.answer = super().decrypt(**parameters)
        return {**_Interrupted.answer, "KeyId": "another"}


def test_no_traceback_holds_a_branch_key(keys: KeyStore) -> None:
    keys.create()
    store = keys.another(kms_client=_Interrupted(world=keys.kms.world))

    with pytest.raises(KeyUnavailable) as caught:
        store.get_active_branch_key(ID)

    secret = _Interrupted.answer["Plaintext"]
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    ours = [frame for frame in frames if frame.f_globals["__name__"].startswith("warmkey")]
    assert all(secret not in frame.f_locals.values() for frame in ours)
    assert [frame.f_code.co_name for frame in ours] == ["call"]


def test_errors_hold_no_custom_value(keys: KeyStore) -> None:
    keys.create()
    keys.change(ACTIVE, extra={"N": "1"})

    with pytest.raises(KeyUnavailable) as caught:
        keys.store.get_active_branch_key(ID)

    assert "tests é" not in "".join(traceback.format_exception(caught.value))


def test_many_threads_may_use_one_store(keys: KeyStore) -> None:
    keys.create()
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(keys.store.get_active_branch_key(ID).branch_key)) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 8
    assert len(set(found)) == 1

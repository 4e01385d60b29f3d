"""The table of branch keys, which is only read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.doctor.patient import SECRET
from tests.policy.printed import Shell, clean_environment
from warmkey.branch_keys import BranchKeyStore
from warmkey.cli.main import main
from warmkey.exceptions import ConfigurationError
from warmkey.policy.statements import document
from warmkey.testing.api_model import service_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.doctor.patient import Patient

TABLE = "branch-keys"


@pytest.fixture
def owner(patient: Patient) -> Patient:
    """A function with branch keys of one tenant."""
    store = BranchKeyStore(TABLE, kms_key_arn=patient.key_arn, kms_client=patient.kms, dynamodb_client=patient.dynamodb)
    store.create_table()
    store.create_key("acme", {"tenant": SECRET})
    patient.settings |= {"branch_key_store_table": TABLE, "branch_key_id": "acme"}
    patient.kms.clear_calls()
    patient.dynamodb.clear_calls()
    return patient


def test_a_healthy_one_is_read_twice_and_written_never(owner: Patient) -> None:
    assert owner.codes() == set()

    assert owner.dynamodb.counts() == {"DescribeTable": 1, "GetItem": 1}
    assert owner.json["planned_requests"]["dynamodb"] == owner.json["requests"]["dynamodb"] == 2
    assert "GenerateDataKey" not in owner.kms.counts()
    answers = owner.answers()
    assert answers["kms:Decrypt", "a branch key's"] == answers["dynamodb:GetItem", "none"] == "allowed"
    assert answers["dynamodb:PutItem", "none"] == "not checked"
    assert "table-writes-not-checked" in owner.json["codes"]


def test_it_is_healthy_under_the_printed_policy(owner: Patient) -> None:
    shell = Shell(owner._capture)
    policy = shell.json("--part", "function", **owner.settings)
    for client in (owner.kms, owner.dynamodb):
        client.attach_policy(policy)

    assert owner.codes() == {"table-not-described"}
    assert owner.json["status"] == 0
    owner.settings |= {"branch_key_context_key": "tenant"}
    del owner.settings["branch_key_id"]
    assert owner.codes("--context", "tenant=acme") == {"table-not-described"}


def remove_item(owner: Patient) -> None:
    owner.dynamodb.remove(TABLE, "acme", "branch:ACTIVE")


def change_item(**changes: Any) -> Callable[[Patient], None]:
    def provoke(owner: Patient) -> None:
        (item,) = [each for each in owner.dynamodb.items(TABLE) if each["type"]["S"] == "branch:ACTIVE"]
        owner.dynamodb.put(TABLE, {**item, **{name.replace("_", "-"): value for name, value in changes.items()}})

    return provoke


def another_schema(owner: Patient) -> None:
    owner.settings["branch_key_store_table"] = "orders"
    owner.dynamodb.create_table(
        TableName="orders",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def setting(name: str, value: str) -> Callable[[Patient], None]:
    return lambda owner: owner.settings.update({name: value})


def failing(error: str, operation: str | None = None) -> Callable[[Patient], None]:
    def provoke(owner: Patient) -> None:
        owner.dynamodb.fail(operation, error=error, times=None)

    return provoke


def answering(code: str, operation: str | None = None, message: str = "") -> Callable[[Patient], None]:
    def provoke(owner: Patient) -> None:
        error = service_error("dynamodb", code, operation or "DescribeTable", message)
        owner.dynamodb.fail(operation, error=error, times=None)

    return provoke


@pytest.mark.parametrize(
    ("provoke", "expected"),
    [
        (setting("branch_key_store_table", "another-table"), {"table-not-found"}),
        (another_schema, {"table-not-a-key-store"}),
        (failing("denied", "GetItem"), {"table-denied"}),
        (failing("denied", "DescribeTable"), {"table-not-described"}),
        (failing("connect-timeout"), {"table-unreachable"}),
        (failing("throttled"), {"throttled"}),
        (failing("no-credentials"), {"no-credentials"}),
        (failing("expired-credentials"), {"credentials-not-accepted"}),
        (failing("internal", "GetItem"), {"service-failing"}),
        (answering("ValidationException", "DescribeTable"), {"table-not-found"}),
        (answering("ValidationException", "GetItem"), {"table-not-a-key-store"}),
        (answering("ResourceNotFoundException", "GetItem"), {"table-not-found"}),
        (answering("InvalidSignatureException", message="Signature expired: 2026"), {"clock-skew"}),
        (answering("InvalidSignatureException", message="does not match"), {"credentials-not-accepted"}),
        (answering("IncompleteSignatureException"), {"credentials-not-accepted"}),
        (answering("OptInRequired"), {"credentials-not-accepted"}),
        (answering("SomethingNew"), {"unexpected-answer"}),
        (remove_item, {"branch-key-missing"}),
        (setting("branch_key_id", "globex"), {"branch-key-missing"}),
        (change_item(hierarchy_version={"N": "2"}), {"branch-key-unusable"}),
        (change_item(create_time={"S": "another time"}), {"branch-key-unusable"}),
        (setting("logical_key_store_name", "another-name"), {"branch-key-unusable"}),
    ],
)
def test_each_gives_its_own_finding(owner: Patient, provoke: Callable[[Patient], None], expected: set[str]) -> None:
    provoke(owner)

    assert owner.codes() == expected
    assert "TransactWriteItems" not in owner.dynamodb.counts()


@pytest.mark.parametrize("provoke", [setting("branch_key_store_table", "another-table"), another_schema])
def test_a_table_that_cannot_be_the_key_store_is_not_read(owner: Patient, provoke: Callable[[Patient], None]) -> None:
    provoke(owner)
    owner.dynamodb.clear_calls()
    owner.codes()

    assert owner.dynamodb.counts() == {"DescribeTable": 1}
    assert ("dynamodb:GetItem", "none") not in owner.answers()


@pytest.mark.parametrize(("error", "answer"), [("denied", "denied"), ("internal", "unknown")])
def test_a_permission_to_read_is_denied_only_if_dynamodb_says_so(owner: Patient, error: str, answer: str) -> None:
    failing(error, "GetItem")(owner)
    owner.codes()

    assert owner.answers()["dynamodb:GetItem", "none"] == answer


@pytest.mark.parametrize(("branch_key_id", "answer"), [("acme", "allowed"), ("globex", "denied")])
def test_of_a_branch_key_that_cannot_be_read_kms_is_asked_by_its_name(
    owner: Patient, branch_key_id: str, answer: str
) -> None:
    owner.settings["branch_key_id"] = branch_key_id
    failing("denied", "GetItem")(owner)
    own_branch_key = {"StringEquals": {"kms:EncryptionContext:branch-key-id": "acme"}}
    messages = {"Null": {"kms:EncryptionContext:branch-key-id": "true"}}
    allowed = [
        {"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Condition": condition}
        for condition in (own_branch_key, messages)
    ]
    owner.kms.attach_policy(document(allowed))
    owner.codes()

    assert owner.answers()["kms:Decrypt", "a branch key's"] == answer


def test_a_branch_key_under_another_kms_key(owner: Patient) -> None:
    owner.settings["kms_key_arns"] = owner.kms.create_key()

    assert owner.codes() == {"branch-key-under-another-key"}
    assert owner.key_arn in owner.finding("branch-key-under-another-key")["found"]


def test_without_a_name_one_that_cannot_exist_is_read(owner: Patient) -> None:
    del owner.settings["branch_key_id"]
    owner.settings["branch_key_context_key"] = "tenant"

    assert owner.codes() == {"branch-key-not-named"}
    assert owner.answers()["kms:Decrypt", "a branch key's"] == "allowed"
    (call,) = [call for call in owner.dynamodb.calls if call.operation == "GetItem"]
    assert call.keys == (("warmkey-doctor:no-such-branch-key", "branch:ACTIVE"),)


def test_a_role_for_some_branch_keys_is_not_failing_because_of_the_made_up_one(owner: Patient) -> None:
    del owner.settings["branch_key_id"]
    owner.settings["branch_key_context_key"] = "tenant"
    policy = Shell(owner._capture).json("--part", "function", "--branch-keys", "acme", **owner.settings)
    for client in (owner.kms, owner.dynamodb):
        client.attach_policy(policy)

    assert owner.codes() == {"branch-key-not-named", "table-not-described", "table-denied", "denied-by-role"}
    assert owner.json["status"] == 1
    assert owner.codes("--context", "tenant=acme") == {"table-not-described"}


def test_kms_that_denies_the_branch_key(owner: Patient) -> None:
    only_messages = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "kms:Decrypt",
                "Resource": "*",
                "Condition": {"Null": {"kms:EncryptionContext:branch-key-id": "true"}},
            }
        ],
    }
    owner.kms.attach_policy(only_messages)

    assert owner.codes() == {"denied-by-role"}
    assert owner.answers()["kms:Decrypt", "none"] == "allowed"
    assert owner.answers()["kms:Decrypt", "a branch key's"] == "denied"


@pytest.mark.parametrize("mode", ["mrk", "discovery", "mrk-discovery"])
def test_every_mode_knows_which_key_to_ask(owner: Patient, mode: str) -> None:
    owner.settings["kms_mode"] = mode

    assert owner.codes() == set()
    assert owner.answers()["kms:Decrypt", "a branch key's"] == "allowed"


def test_discovery_without_a_key_asks_for_that_of_the_item(owner: Patient) -> None:
    del owner.settings["kms_key_arns"]
    owner.settings["kms_mode"] = "discovery"

    assert owner.codes() == {"no-key-to-check"}
    assert owner.answers()["kms:Decrypt", "a branch key's"] == "allowed"
    remove_item(owner)
    assert owner.codes() == {"no-key-to-check", "branch-key-missing"}
    assert "kms:Decrypt" not in [action for action, _ in owner.answers()]


def test_without_a_client_of_dynamodb_that_is_the_finding(owner: Patient) -> None:
    def refuse(_region: str | None) -> Any:
        raise ConfigurationError("boto3 can't make a DynamoDB client")

    settings = {f"WARMKEY_{name.upper()}": value for name, value in owner.settings.items()}
    with clean_environment(**settings):
        code = main(["doctor", "--json"], kms_clients=lambda _region: owner.kms, dynamodb_clients=refuse)

    assert code == 2
    assert json.loads(owner._capture.readouterr().out)["codes"]["boto3-unusable"] == 1


def test_settings_that_limit_nothing_are_told(owner: Patient) -> None:
    owner.settings["max_messages_encrypted"] = "5"

    assert owner.codes() == {"setting-without-effect"}
    assert "WARMKEY_MAX_MESSAGES_ENCRYPTED" in owner.finding("setting-without-effect")["found"]


def test_what_the_table_says_is_not_asked_once_credentials_are_refused(owner: Patient) -> None:
    owner.kms.fail(error="expired-credentials", times=None)

    assert owner.codes() == {"credentials-not-accepted"}
    assert owner.dynamodb.calls == []

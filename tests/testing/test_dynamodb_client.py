"""The fake DynamoDB: as strict as AWS, with bad days on demand. Where moto is faithful, both are held to the same."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError, ParamValidationError, ReadTimeoutError
from moto import mock_aws

from warmkey.testing import DYNAMODB_FAULTS, FakeDynamoDb, dynamodb_client

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = "a-table"
IS_NEW = {"ConditionExpression": "attribute_not_exists(#id)", "ExpressionAttributeNames": {"#id": "id"}}


def create(client: Any, name: str = TABLE) -> dict[str, Any]:
    answer: dict[str, Any] = client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "sort", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "id", "AttributeType": "S"},
            {"AttributeName": "sort", "AttributeType": "S"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return answer


def item(partition: str, sort: str, **more: str) -> dict[str, dict[str, Any]]:
    return {"id": {"S": partition}, "sort": {"S": sort}, **{name: {"S": value} for name, value in more.items()}}


def put(what: dict[str, Any], table: str = TABLE, **more: Any) -> dict[str, Any]:
    return {"Put": {"TableName": table, "Item": what, **more}}


def get(client: Any, partition: str, sort: str, **more: Any) -> Any:
    return client.get_item(TableName=TABLE, Key=item(partition, sort), **more).get("Item")


def code_of(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


@pytest.fixture(params=["fake", "moto"])
def dynamodb(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "fake":
        fake = FakeDynamoDb()
        create(fake)
        yield fake
        return
    with mock_aws():
        client = boto3.Session().client("dynamodb", region_name="us-east-1")
        create(client)
        yield client


@pytest.fixture
def fake() -> FakeDynamoDb:
    client = FakeDynamoDb()
    create(client)
    return client


# --- as moto


def test_a_table_is_described_as_it_was_created(dynamodb: Any) -> None:
    table = dynamodb.describe_table(TableName=TABLE)["Table"]

    assert table["TableStatus"] == "ACTIVE"
    assert table["TableArn"].endswith(f":table/{TABLE}")
    assert [part["AttributeName"] for part in table["KeySchema"]] == ["id", "sort"]


def test_a_table_is_created_once(dynamodb: Any) -> None:
    with pytest.raises(ClientError) as error:
        create(dynamodb)

    assert code_of(error) == "ResourceInUseException"
    assert isinstance(error.value, dynamodb.exceptions.ResourceInUseException)


def test_what_is_not_there(dynamodb: Any) -> None:
    assert get(dynamodb, "a", "b") is None
    for ask in (
        lambda: dynamodb.describe_table(TableName="nothing"),
        lambda: dynamodb.get_item(TableName="nothing", Key=item("a", "b")),
        lambda: dynamodb.transact_write_items(TransactItems=[put(item("a", "b"), "nothing")]),
    ):
        with pytest.raises(dynamodb.exceptions.ResourceNotFoundException):
            ask()


def test_a_transaction_writes_all(dynamodb: Any) -> None:
    dynamodb.transact_write_items(TransactItems=[put(item("a", "1", x="y")), put(item("a", "2"), **IS_NEW)])

    assert get(dynamodb, "a", "1", ConsistentRead=True) == item("a", "1", x="y")
    assert get(dynamodb, "a", "2") == item("a", "2")


def test_a_transaction_writes_nothing_where_one_condition_fails(dynamodb: Any) -> None:
    dynamodb.transact_write_items(TransactItems=[put(item("a", "2", x="old"))])

    with pytest.raises(ClientError) as error:
        dynamodb.transact_write_items(TransactItems=[put(item("a", "1")), put(item("a", "2"), **IS_NEW)])

    assert code_of(error) == "TransactionCanceledException"
    reasons = error.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed"]
    assert get(dynamodb, "a", "1") is None
    assert get(dynamodb, "a", "2") == item("a", "2", x="old")


def test_a_condition_compares_bytes(dynamodb: Any) -> None:
    old = {**item("a", "1"), "enc": {"B": b"old"}}
    dynamodb.transact_write_items(TransactItems=[put(old)])
    conditional = {
        "ConditionExpression": "attribute_exists(#id) AND #enc = :old",
        "ExpressionAttributeNames": {"#id": "id", "#enc": "enc"},
    }

    with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
        dynamodb.transact_write_items(
            TransactItems=[put(old, **conditional, ExpressionAttributeValues={":old": {"B": b"new"}})]
        )
    dynamodb.transact_write_items(
        TransactItems=[put(item("a", "1"), **conditional, ExpressionAttributeValues={":old": {"B": b"old"}})]
    )

    assert get(dynamodb, "a", "1") == item("a", "1")


def test_a_transaction_may_have_a_hundred_items(dynamodb: Any) -> None:
    dynamodb.transact_write_items(TransactItems=[put(item("a", str(number))) for number in range(100)])

    assert get(dynamodb, "a", "99") == item("a", "99")


@pytest.mark.parametrize(
    "transaction",
    [
        [put(item("a", "1")), put(item("a", "1"))],
        [put(item("a", str(number))) for number in range(101)],
        [put(item("", "1"))],
    ],
    ids=["one item twice", "101 items", "an empty key"],
)
def test_a_transaction_that_is_none(dynamodb: Any, transaction: list[Any]) -> None:
    with pytest.raises((ClientError, ParamValidationError)) as error:
        dynamodb.transact_write_items(TransactItems=transaction)

    if isinstance(error.value, ClientError):
        assert error.value.response["Error"]["Code"] == "ValidationException"


def test_an_item_without_its_key_cancels_the_transaction(dynamodb: Any) -> None:
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException) as error:
        dynamodb.transact_write_items(TransactItems=[put(item("a", "1")), put({"id": {"S": "a"}})])

    assert len(error.value.response["CancellationReasons"]) == 2


def test_a_query_and_a_scan_come_in_pages(dynamodb: Any) -> None:
    for partition in ("a", "b"):
        dynamodb.transact_write_items(TransactItems=[put(item(partition, str(number))) for number in range(5)])
    query = {
        "TableName": TABLE,
        "KeyConditionExpression": "#id = :id",
        "ExpressionAttributeNames": {"#id": "id"},
        "ExpressionAttributeValues": {":id": {"S": "a"}},
        "Limit": 3,
    }

    first = dynamodb.query(**query)
    second = dynamodb.query(**query, ExclusiveStartKey=first["LastEvaluatedKey"])
    scanned = dynamodb.scan(
        TableName=TABLE,
        FilterExpression="sort = :one",
        ExpressionAttributeValues={":one": {"S": "1"}},
    )

    assert [each["sort"]["S"] for each in first["Items"]] == ["0", "1", "2"]
    assert [each["sort"]["S"] for each in second["Items"]] == ["3", "4"]
    assert "LastEvaluatedKey" not in second
    assert scanned["Items"] == [item("a", "1"), item("b", "1")]
    assert (scanned["Count"], scanned["ScannedCount"]) == (2, 10)


def test_unknown_parameters_never_leave(dynamodb: Any) -> None:
    with pytest.raises(ParamValidationError):
        dynamodb.get_item(TableName=TABLE, Keys={})


# --- as AWS, and not as moto


def test_a_hyphen_is_no_part_of_a_name_in_an_expression(fake: FakeDynamoDb) -> None:
    with pytest.raises(ClientError) as error:
        fake.transact_write_items(
            TransactItems=[put(item("a", "1"), ConditionExpression="attribute_not_exists(branch-key-id)")]
        )

    assert code_of(error) == "ValidationException"
    assert 'token: "-"' in str(error.value)


@pytest.mark.parametrize("name", ["ab", "a b", "x" * 256])
def test_names_of_tables_have_three_characters_or_more(name: str) -> None:
    with pytest.raises(ClientError) as error:
        create(FakeDynamoDb(), name)

    assert code_of(error) == "ValidationException"


def test_a_table_may_take_its_time() -> None:
    fake = FakeDynamoDb(tables_become_active=False)
    create(fake)

    assert fake.describe_table(TableName=TABLE)["Table"]["TableStatus"] == "CREATING"
    with pytest.raises(fake.exceptions.ResourceNotFoundException):
        get(fake, "a", "1")
    fake.activate(TABLE)

    assert get(fake, "a", "1") is None


@pytest.mark.parametrize(
    "key", [{"id": {"S": "a"}}, item("x" * 2049, "1"), item("", "1")], ids=["half", "long", "empty"]
)
def test_a_key_that_is_none(fake: FakeDynamoDb, key: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as error:
        fake.get_item(TableName=TABLE, Key=key)

    assert code_of(error) == "ValidationException"


def test_of_two_transactions_at_once_the_second_sees_what_the_first_wrote(
    fake: FakeDynamoDb, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or two rotations of one branch key could both succeed."""
    rivals: list[Future[Any]] = []
    judge = dynamodb_client.condition

    def judge_slowly(action: dict[str, Any]) -> Any:
        if action["Item"] == item("a", "1", by="first"):
            rivals.append(pool.submit(write, "second"))
            wait(rivals, timeout=0.2)  # it can't end, if all is well
        return judge(action)

    def write(name: str) -> Any:
        return fake.transact_write_items(TransactItems=[put(item("a", "1", by=name), **IS_NEW)])

    monkeypatch.setattr(dynamodb_client, "condition", judge_slowly)
    with ThreadPoolExecutor() as pool:
        write("first")

    assert get(fake, "a", "1") == item("a", "1", by="first")
    assert [code_of_cancellation(rival) for rival in rivals] == ["TransactionCanceledException"] * len(rivals)


def code_of_cancellation(rival: Future[Any]) -> str:
    error = rival.exception()
    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else "it succeeded"


def test_eventually_consistent_reads_may_lag(fake: FakeDynamoDb) -> None:
    fake.put(TABLE, item("a", "1", x="old"))

    with fake.lag():
        fake.put(TABLE, item("a", "1", x="new"))
        lagging, current = get(fake, "a", "1"), get(fake, "a", "1", ConsistentRead=True)
        scanned = fake.scan(TableName=TABLE)["Items"]

    assert lagging == item("a", "1", x="old")
    assert current == get(fake, "a", "1") == item("a", "1", x="new")
    assert scanned == [lagging]


def test_a_request_with_a_token_is_idempotent(fake: FakeDynamoDb) -> None:
    actions = [put(item("a", "1"), **IS_NEW)]
    for _ in range(2):
        fake.transact_write_items(TransactItems=actions, ClientRequestToken="token")

    with pytest.raises(ClientError) as error:
        fake.transact_write_items(TransactItems=[put(item("a", "2"))], ClientRequestToken="token")

    assert code_of(error) == "IdempotentParameterMismatchException"


def test_an_empty_transaction(fake: FakeDynamoDb) -> None:
    with pytest.raises((ClientError, ParamValidationError)):
        fake.transact_write_items(TransactItems=[])


def test_it_knows_put_alone(fake: FakeDynamoDb) -> None:
    with pytest.raises(NotImplementedError, match="Put alone"):
        fake.transact_write_items(TransactItems=[{"Delete": {"TableName": TABLE, "Key": item("a", "1")}}])


# --- what tests do


def test_items_are_copies(fake: FakeDynamoDb) -> None:
    mine = item("a", "1")
    fake.put(TABLE, mine)
    mine["x"] = {"S": "y"}
    fake.items(TABLE)[0]["x"] = {"S": "y"}
    get(fake, "a", "1")["x"] = {"S": "y"}

    assert fake.items(TABLE) == [item("a", "1")]
    fake.remove(TABLE, "a", "1")
    assert fake.items(TABLE) == []


def test_calls_say_what_they_were_about(fake: FakeDynamoDb) -> None:
    fake.clear_calls()
    get(fake, "a", "1", ConsistentRead=True)
    fake.transact_write_items(TransactItems=[put(item("a", "1")), put(item("a", "2"))])

    read, write = fake.calls
    assert (read.operation, read.tables, read.keys, read.consistent) == ("GetItem", (TABLE,), (("a", "1"),), True)
    assert (write.operation, write.tables, write.keys) == (
        "TransactWriteItems",
        (TABLE,),
        (("a", "1"), ("a", "2")),
    )
    assert fake.counts() == {"GetItem": 1, "TransactWriteItems": 1}
    assert (fake.count(), fake.count("GetItem")) == (2, 1)


REFUSALS = {
    "throttled": ("ProvisionedThroughputExceededException", 400),
    "account-throttled": ("RequestLimitExceeded", 400),
    "denied": ("AccessDeniedException", 400),
    "conflict": ("TransactionCanceledException", 400),
    "in-progress": ("TransactionInProgressException", 400),
    "internal": ("InternalServerError", 500),
    "expired-credentials": ("ExpiredTokenException", 400),
    "unrecognized-credentials": ("UnrecognizedClientException", 400),
}


def test_every_fault_has_a_test_here() -> None:
    others = {"no-credentials", "timeout", "connect-timeout", "unreachable", "reset", "retried"}

    assert set(DYNAMODB_FAULTS) == {*REFUSALS, *others}


@pytest.mark.parametrize("error", REFUSALS)
def test_a_refusal_is_the_exception_that_boto3_raises(fake: FakeDynamoDb, error: str) -> None:
    with fake.fail(error=error), pytest.raises(ClientError) as caught:
        get(fake, "a", "1")

    response = caught.value.response
    assert (response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]) == REFUSALS[error]
    assert type(caught.value) is fake.exceptions.from_code(response["Error"]["Code"])


def test_a_conflict_is_told_in_the_cancellation_reasons(fake: FakeDynamoDb) -> None:
    with fake.fail(error="conflict"), pytest.raises(ClientError) as caught:
        fake.transact_write_items(TransactItems=[put(item("a", "1"))])

    assert caught.value.response["CancellationReasons"] == [{"Code": "TransactionConflict"}]  # type: ignore[typeddict-item]
    assert fake.items(TABLE) == []


@pytest.mark.parametrize(("error", "kind"), [("timeout", ReadTimeoutError), ("no-credentials", NoCredentialsError)])
def test_a_connection_failure(fake: FakeDynamoDb, error: str, kind: type[Exception]) -> None:
    with fake.fail(error=error), pytest.raises(kind):
        get(fake, "a", "1")


def test_an_answer_may_come_after_retries(fake: FakeDynamoDb) -> None:
    with fake.fail(error="retried", retries=2):
        answer = fake.get_item(TableName=TABLE, Key=item("a", "1"))

    assert answer["ResponseMetadata"]["RetryAttempts"] == 2


@pytest.mark.parametrize("mistake", [{"error": "disabled"}, {"error": "throttled", "operation": "PutItem"}], ids=str)
def test_a_mistake_in_the_test_is_told(fake: FakeDynamoDb, mistake: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="is none of"):
        fake.fail(mistake.pop("operation", None), **mistake)


def test_requests_can_be_held(fake: FakeDynamoDb) -> None:
    with ThreadPoolExecutor(1) as pool, fake.hold("GetItem") as gate:
        waiting = pool.submit(get, fake, "a", "1")
        gate.wait_for(1)
        fake.put(TABLE, item("a", "1"))
        gate.open()

        assert waiting.result(30) == item("a", "1")


def test_close_is_remembered_and_forbids_nothing(fake: FakeDynamoDb) -> None:
    assert not fake.closed
    fake.close()

    assert fake.closed
    assert get(fake, "a", "1") is None
    assert repr(fake) == "<FakeDynamoDb region=us-east-1 tables=1 calls=2>"

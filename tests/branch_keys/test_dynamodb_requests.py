"""One request to DynamoDB: its failures sorted, its facts told, its client never used as a fork left it."""

from __future__ import annotations

import copy
import logging
from typing import Any, NoReturn

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.forks import become_another_process
from warmkey import ConfigurationError, KeyUnavailable
from warmkey.branch_keys import BranchKeyStore
from warmkey.branch_keys.dynamodb_requests import DynamoDbRequests, cancellation_codes
from warmkey.events import DynamoDbOutcome, DynamoDbRequest, EvictionReason
from warmkey.keyrings import service_requests
from warmkey.testing import Recorder


class Client:
    """Answers, or raises, what it was told to."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.closed = 0

    def get_item(self, **parameters: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    transact_write_items = get_item

    def close(self) -> None:
        self.closed += 1


def error_of(code: str, status: int = 400, **more: Any) -> ClientError:
    response = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}, **more}
    return ClientError(response, "GetItem")  # type: ignore[arg-type]


def refusal_of(error: Exception) -> KeyUnavailable:
    seen = Recorder()
    with pytest.raises(KeyUnavailable) as caught:
        DynamoDbRequests(Client(error), emit=seen)("GetItem", about="an item")
    (attempt,), (fact,) = caught.value.attempts, seen.of(DynamoDbRequest)

    assert caught.value.__cause__ is attempt.cause is error
    assert fact.outcome is attempt.outcome
    assert (attempt.keyring, attempt.operation, attempt.key) == ("BranchKeyStore", "GetItem", "an item")
    assert type(caught.value) is KeyUnavailable  # what the page on errors knows
    return caught.value


@pytest.mark.parametrize(
    ("code", "status", "outcome", "remedy"),
    [
        ("ProvisionedThroughputExceededException", 400, DynamoDbOutcome.THROTTLED, "3,000 reads a second"),
        ("ThrottlingException", 400, DynamoDbOutcome.THROTTLED, "3,000 reads a second"),
        ("RequestLimitExceeded", 400, DynamoDbOutcome.THROTTLED, "3,000 reads a second"),
        ("AccessDeniedException", 400, DynamoDbOutcome.DENIED, "the function's role"),
        ("TransactionConflictException", 400, DynamoDbOutcome.CONFLICT, "another request writes"),
        ("TransactionInProgressException", 400, DynamoDbOutcome.CONFLICT, "another request writes"),
        ("ResourceInUseException", 400, DynamoDbOutcome.CONFLICT, "another request writes"),
        ("InternalServerError", 500, DynamoDbOutcome.UNREACHABLE, "check the Region"),
        ("SomethingNew", 503, DynamoDbOutcome.UNREACHABLE, "check the Region"),
        ("SomethingNew", 400, DynamoDbOutcome.OTHER, ""),
        ("ResourceNotFoundException", 400, DynamoDbOutcome.OTHER, "create the table"),
        ("ExpiredTokenException", 400, DynamoDbOutcome.OTHER, "refresh the credentials"),
    ],
)
def test_answers_are_sorted_by_what_to_do(code: str, status: int, outcome: DynamoDbOutcome, remedy: str) -> None:
    refusal = refusal_of(error_of(code, status))

    [attempt] = refusal.attempts
    assert (attempt.error_code, attempt.outcome) == (code, outcome)
    assert remedy in attempt.remedy
    assert attempt.reason.startswith(f"DynamoDB answered {code}")


@pytest.mark.parametrize(
    ("codes", "outcome"),
    [
        (["None", "ConditionalCheckFailed"], DynamoDbOutcome.CONFLICT),
        (["TransactionConflict", "None"], DynamoDbOutcome.CONFLICT),
        (["ThrottlingError"], DynamoDbOutcome.THROTTLED),
        (["ProvisionedThroughputExceeded"], DynamoDbOutcome.THROTTLED),
        (["ValidationError"], DynamoDbOutcome.OTHER),
    ],
)
def test_a_cancelled_transaction_says_why(codes: list[str], outcome: DynamoDbOutcome) -> None:
    error = error_of("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])

    refusal = refusal_of(error)

    assert cancellation_codes(refusal.__cause__) == tuple(codes)
    assert refusal.attempts[0].outcome is outcome
    assert refusal.attempts[0].reason == f"DynamoDB answered {next(code for code in codes if code != 'None')}"


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError()], ids=repr)
def test_no_answer_is_unreachable(error: Exception) -> None:
    refusal = refusal_of(error)

    assert refusal.attempts[0].outcome is DynamoDbOutcome.UNREACHABLE
    assert refusal.attempts[0].reason == type(error).__name__
    assert refusal.attempts[0].error_code == ""


UNANSWERED, REFUSED = TimeoutError(), ValueError("x")


@pytest.mark.parametrize(
    ("operation", "error", "may_have_happened"),
    [
        ("TransactWriteItems", UNANSWERED, True),
        ("TransactWriteItems", REFUSED, False),
        ("GetItem", UNANSWERED, False),
    ],
    ids=str,
)
def test_only_of_a_write_without_an_answer_nobody_knows_what_became_of_it(
    operation: str, error: Exception, *, may_have_happened: bool
) -> None:
    with pytest.raises(KeyUnavailable) as caught:
        DynamoDbRequests(Client(error))(operation, about="an item")

    assert ("look whether it was written before you try again" in caught.value.attempts[0].remedy) is may_have_happened


def test_a_request_that_fails_before_it_is_sent_is_told_as_one_that_took_no_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def without_debug_lines() -> NoReturn:
        raise MemoryError

    monkeypatch.setattr(service_requests, "without_debug_lines", without_debug_lines)
    seen = Recorder()

    with pytest.raises(KeyUnavailable, match="DynamoDB GetItem failed"):
        DynamoDbRequests(Client({}), emit=seen)("GetItem", about="an item")
    (fact,) = seen.of(DynamoDbRequest)
    assert (fact.outcome, fact.duration_seconds, fact.attempts) == (DynamoDbOutcome.OTHER, 0.0, 1)


def test_an_error_of_a_client_of_ones_own_is_something_else() -> None:
    assert refusal_of(ValueError("x")).attempts[0].outcome is DynamoDbOutcome.OTHER


def test_a_refusal_can_be_copied_for_another_thread() -> None:
    refusal = refusal_of(error_of("TransactionCanceledException", CancellationReasons=[{"Code": "None"}]))

    for twin in (copy.copy(refusal), refusal.for_another_caller()):
        assert (type(twin), str(twin)) == (KeyUnavailable, str(refusal))


def test_an_answer_that_is_none_is_told() -> None:
    seen = Recorder()

    with pytest.raises(KeyUnavailable, match="the DynamoDB client answered with str, not with a dict"):
        DynamoDbRequests(Client("text"), emit=seen)("GetItem", about="an item")

    assert seen.of(DynamoDbRequest)[0].attempts == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"Item": []},
        {"Item": "text"},
        {"Item": {"enc": b"not as a client gives it"}},
        {"Item": {"enc": {}}},
        {"Item": {1: {"S": "a"}}},
        {"Item": {"type": {"S": "a", "N": "1"}}},
        {"Items": {}},
        {"Items": [{"type": {"S": "a"}}, {"type": "a"}]},
    ],
    ids=str,
)
def test_an_item_that_no_client_of_boto3_gives_is_told(answer: dict[str, Any]) -> None:
    with pytest.raises(KeyUnavailable, match="answered with an item that is not a dict of attributes"):
        DynamoDbRequests(Client(answer))("GetItem", about="an item")


@pytest.mark.parametrize("answer", [{}, {"Item": None}, {"Item": {"type": {"S": "a"}}}, {"Items": [{}]}], ids=str)
def test_what_a_client_gives_is_returned(answer: dict[str, Any]) -> None:
    assert DynamoDbRequests(Client(answer))("GetItem", about="an item") == answer


@pytest.mark.parametrize("client", [None, object(), "dynamodb"])
def test_a_client_is_needed(client: Any) -> None:
    with pytest.raises(ConfigurationError, match="dynamodb_client must be a client as"):
        DynamoDbRequests(client)


def test_a_forked_child_connects_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    client = Client({})
    requests = DynamoDbRequests(client)
    requests("GetItem", about="x")
    assert client.closed == 0
    become_another_process(monkeypatch)

    requests("GetItem", about="x")
    requests("GetItem", about="x")

    assert client.closed == 1


def test_connections_are_closed_before_a_snapshot_and_not_while_forking() -> None:
    client = Client({})
    requests = DynamoDbRequests(client)

    requests.reset()
    assert client.closed == 0
    requests.reset(EvictionReason.SNAPSHOT)

    assert client.closed == 1


def test_a_client_without_close_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Bare:
        @staticmethod
        def get_item() -> dict[str, Any]:
            return {"Item": {}}

    requests = DynamoDbRequests(Bare())
    become_another_process(monkeypatch)

    assert requests("GetItem", about="x") == {"Item": {}}


def test_attempts_without_an_answer_are_counted() -> None:
    client = boto3.Session().client(
        "dynamodb",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"mode": "standard", "total_max_attempts": 2}, connect_timeout=1),
    )
    seen = Recorder()

    with pytest.raises(KeyUnavailable, match="EndpointConnectionError"):
        DynamoDbRequests(client, emit=seen)("GetItem", about="x", TableName="abc", Key={"id": {"S": "a"}})

    assert seen.of(DynamoDbRequest)[0].attempts == 2


@mock_aws
def test_botocore_logs_nothing_of_an_item(caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG it logs the body of every request: values of the custom encryption context, and branch keys."""
    caplog.set_level(logging.DEBUG)
    kms, dynamodb = (boto3.Session().client(service, region_name="us-east-1") for service in ("kms", "dynamodb"))
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    store = BranchKeyStore("branch-keys", kms_key_arn=arn, kms_client=kms, dynamodb_client=dynamodb)
    store.create_table()
    caplog.clear()

    branch_key_id = store.create_key(encryption_context={"tenant": "the value of a context"})
    store.version_key(branch_key_id)
    store.get_active_branch_key(branch_key_id)

    assert "the value of a context" not in caplog.text
    assert branch_key_id not in caplog.text

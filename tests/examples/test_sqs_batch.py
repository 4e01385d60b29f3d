"""examples/sqs_batch.py, on moto's SQS."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

import warmkey
from examples import sqs_batch
from examples.sqs_batch import handler, send

if TYPE_CHECKING:
    from warmkey.testing import KmsSession

ORDERS = [{"id": f"order-{number}", "card": "4929 1234 5678 9123"} for number in range(5)]
CONTEXT: Any = SimpleNamespace(aws_request_id="1", function_name="orders", invoked_function_arn="arn")


@pytest.fixture
def queue(session: KmsSession) -> Any:
    del session  # moto is on
    return boto3.resource("sqs").create_queue(QueueName="orders")


@pytest.fixture
def charged(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(sqs_batch, "charge", lambda tenant, order: found.append((tenant, order)))
    return found


def batch(queue: Any) -> dict[str, Any]:
    """The event that Lambda makes of the messages in the queue."""
    records = [
        {
            "messageId": message.message_id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": {},
            "messageAttributes": {
                name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
                for name, value in (message.message_attributes or {}).items()
            },
            "eventSource": "aws:sqs",
            "eventSourceARN": queue.attributes["QueueArn"],
            "awsRegion": "us-east-1",
        }
        for message in queue.receive_messages(MaxNumberOfMessages=10, MessageAttributeNames=["All"])
    ]
    return {"Records": records}


def failed(event: dict[str, Any], answer: dict[str, Any]) -> list[int]:
    """Which of the batch the function says failed, by position."""
    ids = [record["messageId"] for record in event["Records"]]
    return [ids.index(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]


def test_a_batch_is_handled_and_the_queue_does_not_know_its_secrets(
    queue: Any, session: KmsSession, charged: list[Any]
) -> None:
    send(queue, "acme", ORDERS)
    event = batch(queue)

    assert handler(event, CONTEXT) == {"batchItemFailures": []}
    assert charged == [("acme", order) for order in ORDERS]
    assert "4929" not in str(event)
    session.assert_kms_calls(1, "GenerateDataKey")
    session.assert_kms_calls(1, "Decrypt")


def test_only_the_messages_that_are_not_genuine_come_back(queue: Any, charged: list[Any]) -> None:
    send(queue, "acme", ORDERS)
    event = batch(queue)
    records = event["Records"]
    records[1]["body"] = "junk"
    records[2]["messageAttributes"]["tenant"]["stringValue"] = "other"
    del records[4]["messageAttributes"]["tenant"]

    assert failed(event, handler(event, CONTEXT)) == [1, 2, 4]
    assert [order["id"] for _, order in charged] == ["order-0", "order-3"]


def test_a_message_for_which_kms_did_not_answer_works_the_next_time(
    queue: Any, session: KmsSession, charged: list[Any]
) -> None:
    send(queue, "acme", ORDERS[:2])
    event = batch(queue)
    trouble = RuntimeError("KMS is away")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(warmkey, "decrypt_text", lambda *_: (_ for _ in ()).throw(trouble))
        with pytest.raises(Exception, match="All records failed processing"):  # so Lambda sends all of them again
            handler(event, CONTEXT)

    assert handler(event, CONTEXT) == {"batchItemFailures": []}
    assert len(charged) == 2


def test_a_message_that_was_not_sent_is_told(session: KmsSession) -> None:
    queue = SimpleNamespace(send_messages=lambda **given: {"Failed": given["Entries"][:2]})

    with pytest.raises(RuntimeError, match="2 of 5 messages were not sent"):
        send(queue, "acme", ORDERS)


def test_the_example_prints_no_card(queue: Any, capsys: pytest.CaptureFixture[str]) -> None:
    send(queue, "acme", ORDERS[:1])
    handler(batch(queue), CONTEXT)

    output = capsys.readouterr().out
    assert "charged order order-0 of acme" in output
    assert "4929" not in output

"""examples/eventbridge_events.py, on moto's EventBridge, with a rule that sends to a queue."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

import warmkey
from examples.eventbridge_events import RULE, SECRET, handler, publish

if TYPE_CHECKING:
    from warmkey.testing import KmsSession

ORDER = {"id": "order-1", "status": "paid", "card": "4929 1234 5678 9123", "name": "Erika"}


@pytest.fixture
def queue(session: KmsSession) -> Any:
    """What the rule sends to."""
    del session  # moto is on
    queue = boto3.resource("sqs").create_queue(QueueName="matched")
    events = boto3.client("events")
    events.put_rule(Name="paid", EventBusName="default", EventPattern=json.dumps(RULE))
    events.put_targets(Rule="paid", EventBusName="default", Targets=[{"Id": "1", "Arn": queue.attributes["QueueArn"]}])
    return queue


def published(*orders: dict[str, Any], queue: Any, tenant: str = "acme") -> list[dict[str, Any]]:
    """Publish *orders*; what the rule let through."""
    for order in orders:
        publish(boto3.client("events"), "default", tenant, order)
    return [json.loads(message.body) for message in queue.receive_messages(MaxNumberOfMessages=10)]


def test_a_rule_matches_what_is_readable_and_the_function_reads_the_rest(queue: Any) -> None:
    (event,) = published(ORDER, {**ORDER, "status": "new"}, queue=queue)

    assert handler(event, None) == "order order-1: receipt for Erika, card ending in 9123"
    assert event["detail"].keys() == {"id", "status", "tenant", "_sealed"}
    assert not any(ORDER[name] in json.dumps(event) for name in SECRET)


def test_events_of_a_tenant_cost_one_request_each_way(queue: Any, session: KmsSession) -> None:
    for event in published(*({**ORDER, "id": f"order-{number}"} for number in range(10)), queue=queue):
        handler(event, None)

    session.assert_kms_calls(1, "GenerateDataKey")
    session.assert_kms_calls(1, "Decrypt")


@pytest.mark.parametrize("change", [{"id": "2"}, {"tenant": "other"}, {"_sealed": "junk"}, {"name": "Max"}], ids=str)
def test_an_event_that_was_made_up_is_refused(queue: Any, change: dict[str, str]) -> None:
    (event,) = published(ORDER, queue=queue)
    event["detail"].update(change)

    with pytest.raises(warmkey.WarmkeyError):
        handler(event, None)


def test_secrets_cant_be_moved_to_another_order(queue: Any) -> None:
    first, second = published(ORDER, {**ORDER, "id": "order-2", "name": "Max"}, queue=queue)
    first["detail"]["_sealed"] = second["detail"]["_sealed"]

    with pytest.raises(warmkey.PolicyRefused, match="the record's id is not the one"):
        handler(first, None)


def test_an_event_that_was_not_published_is_told(session: KmsSession) -> None:
    bus = SimpleNamespace(put_events=lambda **_: {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "Throttled"}]})

    with pytest.raises(RuntimeError, match="the event was not published: Throttled"):
        publish(bus, "default", "acme", ORDER)

"""examples/kinesis_stream.py, on moto's Kinesis."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from examples import kinesis_stream
from examples.kinesis_stream import handler, put

if TYPE_CHECKING:
    from warmkey.testing import KmsSession

READINGS = [{"device": f"meter-{number}", "value": 4929 + number} for number in range(5)]


@pytest.fixture
def kinesis(session: KmsSession) -> Any:
    del session  # moto is on
    client = boto3.client("kinesis")
    client.create_stream(StreamName="readings", ShardCount=1)
    return client


@pytest.fixture
def stored(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    found: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(kinesis_stream, "store", lambda tenant, reading: found.append((tenant, reading)))
    return found


def batch(kinesis: Any) -> dict[str, Any]:
    """The event that Lambda makes of the stream's only shard: bytes are base64 in it."""
    (shard,) = kinesis.describe_stream(StreamName="readings")["StreamDescription"]["Shards"]
    start = kinesis.get_shard_iterator(
        StreamName="readings", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )
    return {
        "Records": [
            {
                "eventSource": "aws:kinesis",
                "kinesis": {
                    "partitionKey": record["PartitionKey"],
                    "sequenceNumber": record["SequenceNumber"],
                    "data": base64.b64encode(record["Data"]).decode(),
                },
            }
            for record in kinesis.get_records(ShardIterator=start["ShardIterator"])["Records"]
        ]
    }


def test_readings_come_back_in_their_order(kinesis: Any, session: KmsSession, stored: list[Any]) -> None:
    put(kinesis, "readings", "acme", READINGS)
    event = batch(kinesis)

    assert handler(event, None) == {"batchItemFailures": []}
    assert stored == [("acme", reading) for reading in READINGS]
    assert all(b"4929" not in base64.b64decode(record["kinesis"]["data"]) for record in event["Records"])
    session.assert_kms_calls(1, "GenerateDataKey")
    session.assert_kms_calls(1, "Decrypt")


@pytest.mark.parametrize("change", [{"data": "junk"}, {"data": ""}, {"partitionKey": "other/meter-2"}], ids=str)
def test_a_record_that_fails_holds_up_those_behind_it(kinesis: Any, stored: list[Any], change: dict[str, str]) -> None:
    put(kinesis, "readings", "acme", READINGS)
    event = batch(kinesis)
    event["Records"][2]["kinesis"].update(change)

    answer = handler(event, None)

    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][2]["kinesis"]["sequenceNumber"]}]}
    assert [reading["device"] for _, reading in stored] == ["meter-0", "meter-1"]


def test_the_device_is_the_one_that_was_encrypted(kinesis: Any, stored: list[Any]) -> None:
    put(kinesis, "readings", "acme", READINGS[:1])
    event = batch(kinesis)
    event["Records"][0]["kinesis"]["partitionKey"] = "acme/meter-of-somebody-else"
    handler(event, None)

    assert stored == [("acme", READINGS[0])]


def test_a_record_that_was_not_written_is_told(session: KmsSession) -> None:
    kinesis = SimpleNamespace(put_records=lambda **_: {"FailedRecordCount": 2})

    with pytest.raises(RuntimeError, match="2 of 5 records were not written"):
        put(kinesis, "readings", "acme", READINGS)


def test_the_example_prints_what_it_stores_and_why_a_record_failed(
    kinesis: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    put(kinesis, "readings", "acme", READINGS[:2])
    event = batch(kinesis)
    event["Records"][1]["kinesis"]["partitionKey"] = "other/meter"
    handler(event, None)

    output = capsys.readouterr().out
    assert "acme meter-0: 4929" in output
    assert "failed: PolicyRefused: the message's encryption context has another value for 'tenant'" in output

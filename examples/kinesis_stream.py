"""Records in a Kinesis stream that only this program can read, and a function behind the stream.

A shard keeps its order: if a record fails, Lambda sends it again with all that follow it. So the function returns the
first one that failed, and handles none behind it.

Needs ``WARMKEY_KMS_KEY_ARNS`` and a stream; its event source mapping needs ``FunctionResponseTypes:
[ReportBatchItemFailures]``. ``tests/examples/test_kinesis_stream.py`` runs it on moto.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import warmkey

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["handler", "put"]


def put(kinesis: Any, stream: str, tenant: str, readings: Sequence[dict[str, Any]]) -> None:  # noqa: ANN401 - boto3 has no types
    """Write *readings*. Their partition key is the device, and is not encrypted."""
    answer = kinesis.put_records(
        StreamName=stream,
        Records=[
            {
                "Data": warmkey.encrypt(json.dumps(reading).encode(), {"tenant": tenant}),
                "PartitionKey": f"{tenant}/{reading['device']}",
            }
            for reading in readings
        ],
    )
    if answer["FailedRecordCount"]:
        raise RuntimeError(f"{answer['FailedRecordCount']} of {len(readings)} records were not written")


@warmkey.instrument
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Handle a batch in its order; return the first record that failed, if any did."""
    for record in event["Records"]:
        kinesis = record["kinesis"]
        try:
            handle(kinesis)
        except Exception as error:  # noqa: BLE001 - whatever it is, this record and those behind it come again
            print(f"record {kinesis['sequenceNumber']} failed: {type(error).__name__}: {error}")
            return {"batchItemFailures": [{"itemIdentifier": kinesis["sequenceNumber"]}]}
    return {"batchItemFailures": []}


def handle(kinesis: dict[str, Any]) -> None:
    """Handle one record. In the event its data are base64, even though bytes were written.

    The partition key says whose record it claims to be. If it is another tenant's, decrypting is refused. The device is
    the one that was encrypted, and not the one of the key, which whoever can write to the stream may choose.
    """
    tenant = kinesis["partitionKey"].partition("/")[0]
    plaintext = warmkey.decrypt(base64.b64decode(kinesis["data"]), {"tenant": tenant})
    store(tenant, json.loads(plaintext))


def store(tenant: str, reading: dict[str, Any]) -> None:
    """Stand for what the program does with a reading."""
    print(f"{tenant} {reading['device']}: {reading['value']}")

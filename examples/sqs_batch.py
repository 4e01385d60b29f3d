"""Messages in an SQS queue that only this program can read, and a function that handles them in batches.

The function tells Lambda which messages of a batch failed, so that only these come back. One for which KMS did not
answer works the next time; one that is not genuine ends in the dead-letter queue.

Needs ``WARMKEY_KMS_KEY_ARNS`` and a queue; its event source mapping needs ``FunctionResponseTypes:
[ReportBatchItemFailures]``. ``tests/examples/test_sqs_batch.py`` runs it on moto.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response

import warmkey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["handler", "send"]

processor = BatchProcessor(event_type=EventType.SQS)


def send(queue: Any, tenant: str, orders: Sequence[dict[str, Any]]) -> None:  # noqa: ANN401 - boto3 has no types
    """Send up to ten *orders* in one request, of 1 MiB in all.

    A queue's filters see the attributes only. For a FIFO queue add a ``MessageDeduplicationId``: two messages of the
    same order differ, so deduplication by content never finds one.
    """
    answer = queue.send_messages(
        Entries=[
            {
                "Id": str(number),
                "MessageBody": warmkey.encrypt_text(json.dumps(order), {"tenant": tenant}),
                "MessageAttributes": {"tenant": {"DataType": "String", "StringValue": tenant}},
            }
            for number, order in enumerate(orders)
        ]
    )
    if answer.get("Failed"):
        raise RuntimeError(f"{len(answer['Failed'])} of {len(orders)} messages were not sent")


@warmkey.instrument
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Handle a batch; return the messages that failed."""
    answer = process_partial_response(event=event, record_handler=handle, processor=processor, context=context)
    return dict(answer)


def handle(record: SQSRecord) -> None:
    """Handle one message. Whatever it raises, Lambda sends this message again, and no other one.

    The attribute says whose message it claims to be. If it is another tenant's, decrypting is refused.
    """
    tenant = record["messageAttributes"]["tenant"]["stringValue"]
    order = json.loads(warmkey.decrypt_text(record.body, {"tenant": tenant}))
    charge(tenant, order)


def charge(tenant: str, order: dict[str, Any]) -> None:
    """Stand for what the program does with an order."""
    print(f"charged order {order['id']} of {tenant}")

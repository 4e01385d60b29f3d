"""An order in a Step Functions execution whose secret fields its history does not show.

The state between two steps is JSON that everybody who may look at the execution can read. So it is a sealed record: the
secret fields are text in it, and the others stay readable, for a Choice state too. The message is tied to the
execution. Each step is told by Step Functions which one it is in, so a state that was copied from another is refused.

Needs ``WARMKEY_KMS_KEY_ARNS`` and a state machine like ``DEFINITION``. ``tests/examples/test_step_functions_state.py``
runs its steps.
"""

from __future__ import annotations

import json
from typing import Any

import warmkey

__all__ = ["DEFINITION", "charge", "ship", "start"]

SECRET = ("card", "address")
BOUND = ("execution", "id", "status")


def _step(function: str) -> dict[str, Any]:
    arn = f"arn:aws:lambda:us-west-2:111122223333:function:{function}"
    return {"Type": "Task", "Resource": arn, "Parameters": {"execution.$": "$$.Execution.Name", "state.$": "$"}}


DEFINITION: dict[str, Any] = {
    "StartAt": "Charge",
    "States": {
        "Charge": {**_step("charge"), "Next": "Is it paid?"},
        "Is it paid?": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.status", "StringEquals": "paid", "Next": "Ship"}],
            "Default": "Give up",
        },
        "Ship": {**_step("ship"), "End": True},
        "Give up": {"Type": "Fail"},
    },
}


def start(step_functions: Any, machine_arn: str, order: dict[str, Any]) -> str:  # noqa: ANN401 - boto3 has no types
    """Start an execution for *order*, named after it; return its ARN."""
    state = _sealed({**order, "execution": order["id"], "status": "new"})
    answer = step_functions.start_execution(stateMachineArn=machine_arn, name=order["id"], input=json.dumps(state))
    arn: str = answer["executionArn"]
    return arn


def charge(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Take the money: the first step."""
    order = _opened(event)
    accepted = order["card"].startswith("4")
    return _sealed({**order, "status": "paid" if accepted else "declined"})


def ship(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Send the goods: the last step. What it returns is in the history too, so it tells no address."""
    order = _opened(event)
    print(f"label printed for order {order['id']}, {len(order['address'])} characters of address")
    return {"id": order["id"], "status": "shipped"}


def _sealed(order: dict[str, Any]) -> dict[str, Any]:
    return warmkey.seal_record(order, SECRET, {"tenant": order["tenant"]}, bound_to=BOUND, text=True)


def _opened(event: dict[str, Any]) -> dict[str, Any]:
    state, expected = event["state"], {"execution": event["execution"]}
    return warmkey.unseal_record(state, {"tenant": state["tenant"]}, bound_to=expected)

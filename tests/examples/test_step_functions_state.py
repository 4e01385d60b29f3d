"""examples/step_functions_state.py: moto keeps the execution, and its steps run here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

import warmkey
from examples.step_functions_state import DEFINITION, SECRET, charge, ship, start

if TYPE_CHECKING:
    from warmkey.testing import KmsSession

ORDER = {"id": "order-1", "tenant": "acme", "total": 12, "card": "4929 1234", "address": "Heidestrasse 17"}
ROLE = "arn:aws:iam::123456789012:role/steps"


@pytest.fixture
def machine(session: KmsSession) -> tuple[Any, str]:
    del session  # moto is on
    client = boto3.client("stepfunctions")
    answer = client.create_state_machine(name="orders", definition=json.dumps(DEFINITION), roleArn=ROLE)
    return client, answer["stateMachineArn"]


def begun(machine: tuple[Any, str], order: dict[str, Any] = ORDER) -> dict[str, Any]:
    """The state that an execution for *order* begins with, and the execution's name."""
    client, machine_arn = machine
    execution = client.describe_execution(executionArn=start(client, machine_arn, order))
    return told(execution["name"], json.loads(execution["input"]))


def told(execution: str, state: dict[str, Any]) -> dict[str, Any]:
    """What ``Parameters`` of a step make of the state: JSON, as between all steps."""
    assert DEFINITION["States"]["Charge"]["Parameters"] == {"execution.$": "$$.Execution.Name", "state.$": "$"}
    event: dict[str, Any] = json.loads(json.dumps({"execution": execution, "state": state}))
    return event


def shows_a_secret(*events: object) -> bool:
    return any(ORDER[name] in json.dumps(event) for event in events for name in SECRET)  # type: ignore[operator]


def test_an_order_goes_through_and_no_state_shows_its_secrets(
    machine: tuple[Any, str], session: KmsSession, capsys: pytest.CaptureFixture[str]
) -> None:
    first = begun(machine)
    second = told(first["execution"], charge(first, None))
    last = ship(second, None)

    assert (first["state"]["status"], second["state"]["status"]) == ("new", "paid")
    assert last == {"id": "order-1", "status": "shipped"}
    assert not shows_a_secret(first, second, last)
    assert capsys.readouterr().out.endswith("label printed for order order-1, 15 characters of address\n")
    session.assert_kms_calls(1, "GenerateDataKey")
    session.assert_kms_calls(1, "Decrypt")


def test_a_choice_can_look_at_what_is_readable(machine: tuple[Any, str]) -> None:
    (choice,) = DEFINITION["States"]["Is it paid?"]["Choices"]
    event = begun(machine, {**ORDER, "card": "3000"})

    assert choice["Variable"] == "$.status"
    assert charge(event, None)["status"] == "declined" != choice["StringEquals"]


def test_the_state_of_another_execution_is_refused(machine: tuple[Any, str]) -> None:
    first, second = begun(machine), begun(machine, {**ORDER, "id": "order-2"})

    with pytest.raises(warmkey.PolicyRefused, match="another execution than bound_to expects"):
        charge(told(first["execution"], second["state"]), None)
    copied = {**second["state"], "execution": "order-1", "id": "order-1"}
    with pytest.raises(warmkey.PolicyRefused):
        charge(told(first["execution"], copied), None)


@pytest.mark.parametrize("change", [{"status": "paid"}, {"tenant": "other"}, {"id": "order-2"}, {"card": "4"}], ids=str)
def test_a_state_that_was_changed_is_refused(machine: tuple[Any, str], change: dict[str, str]) -> None:
    event = begun(machine)

    with pytest.raises(warmkey.PolicyRefused):
        charge(told(event["execution"], {**event["state"], **change}), None)

"""A second opinion on actions and resources, from a simulator that is not ours.

It knows which actions AWS has and which resources they take. It does not decide conditions on an encryption context, so
conditions are left out here; the fake KMS decides them in the other tests.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from layer.project import ROOT
from tests.policy.printed import REGION

if TYPE_CHECKING:
    from tests.policy.printed import Shell

NODE = ROOT / "tests" / "policy" / "node"
ACCOUNT = "111122223333"
FIRST, SECOND, OLD, FOREIGN = (
    f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{number}234abcd-12ab-34cd-56ef-1234567890ab" for number in range(4)
)
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/keys"
KMS = ("GenerateDataKey", "Encrypt", "Decrypt", "GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo")
DYNAMODB = ("GetItem", "PutItem", "Query", "Scan", "DescribeTable", "DeleteItem", "UpdateItem")
READER = {("kms:Decrypt", FIRST), ("dynamodb:GetItem", TABLE)}
ADMINISTRATOR = {
    *((f"kms:{action}", FIRST) for action in KMS[3:]),
    *((f"dynamodb:{action}", TABLE) for action in DYNAMODB[:4]),
}
DECRYPTS = {("kms:Decrypt", key) for key in (FIRST, SECOND, OLD)}

pytestmark = pytest.mark.simulate


def simulated(policy: dict[str, Any], requests: list[tuple[str, str]]) -> list[str]:
    node = shutil.which("node")
    if not node or not (NODE / "node_modules").exists():
        pytest.skip("the simulator is not here; `make simulate` installs it, and needs node and npm")
    given = [
        {
            "policy": policy,
            "action": action,
            "resource": resource,
            "account": ACCOUNT,
            "principal": f"arn:aws:iam::{ACCOUNT}:role/fake-role",
        }
        for action, resource in requests
    ]
    done = subprocess.run(
        [node, NODE / "simulate.mjs"],
        input=json.dumps(given), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout)
    return found


def without_conditions(policy: dict[str, Any]) -> dict[str, Any]:
    statements = [{name: value for name, value in each.items() if name != "Condition"} for each in policy["Statement"]]
    return {**policy, "Statement": statements}


BRANCH_KEYS = {"kms_key_arns": FIRST, "branch_key_store_table": "keys", "branch_key_context_key": "tenant"}
CASES: list[tuple[tuple[str, ...], dict[str, str], set[tuple[str, str]]]] = [
    (
        (),
        {"kms_key_arns": f"{FIRST},{SECOND}", "decrypt_key_arns": OLD, "required_context_keys": "tenant"},
        {("kms:GenerateDataKey", FIRST), ("kms:Encrypt", SECOND), *DECRYPTS},
    ),
    (
        ("--split", "--part", "encrypt", "--context-keys", "tenant"),
        {"kms_key_arns": FIRST},
        {("kms:GenerateDataKey", FIRST)},
    ),
    (("--split", "--part", "decrypt", "--kinds", "record"), {"kms_key_arns": FIRST}, {("kms:Decrypt", FIRST)}),
    (("--part", "function"), BRANCH_KEYS, READER),
    (("--part", "branch-key-administrator"), BRANCH_KEYS, ADMINISTRATOR),
    (
        ("--region", REGION),
        {"kms_mode": "discovery", "discovery_accounts": ACCOUNT},
        {*DECRYPTS, ("kms:Decrypt", FOREIGN)},
    ),
]


@pytest.mark.parametrize(("arguments", "settings", "allowed"), CASES)
def test_it_allows_the_same_actions_on_the_same_resources(
    shell: Shell, arguments: tuple[str, ...], settings: dict[str, str], allowed: set[tuple[str, str]]
) -> None:
    policy = without_conditions(shell.json(*arguments, **settings))
    requests = [(f"kms:{action}", key) for action in KMS for key in (FIRST, SECOND, OLD, FOREIGN)]
    requests += [(f"dynamodb:{action}", table) for action in DYNAMODB for table in (TABLE, f"{TABLE}-2")]

    decisions = dict(zip(requests, simulated(policy, requests), strict=True))
    assert {request for request, decision in decisions.items() if decision == "Allowed"} == allowed

"""What a deployment changes reaches what is invoked: SAM's own translator, and then CloudFormation's rules.

An alias goes on serving a version until another one is published. CloudFormation publishes one when the version's
logical ID is another, which is SAM's doing, or when a property of it that can't be updated has another value.
"""

from __future__ import annotations

import json
import re
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from layer.project import ROOT
from tests.layer.test_template import TEMPLATE, run

pytestmark = pytest.mark.sam

PYTHON = ROOT / ".venv-sam" / "bin" / "python"
KEY = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
OTHER_KEY = "arn:aws:kms:us-east-1:444455556666:key/mrk-1234abcd12ab34cd56ef1234567890ab"
ALIASES = {"EncryptFunctionAliaslive", "DecryptFunctionAliaslive", "CanaryFunctionAliaslive"}
NETWORK = {"SubnetIds": "subnet-0123456789abcdef0,subnet-0123456789abcdef1", "SecurityGroupId": "sg-0123456789abcdef0"}

BASE: dict[str, Any] = {"parameters": {}, "layer": "layer-1", "code": "code-1"}
CHANGES: dict[str, dict[str, Any]] = {
    "another layer": {"layer": "layer-2"},
    "other code": {"code": "code-2"},
    **{
        f"{name}={value}": {"parameters": {name: value}}
        for name, value in {
            "Architecture": "x86_64",
            "Runtime": "python3.14",
            "SnapStart": "on",
            "KeyArn": KEY,
            "DecryptKeyArns": KEY,
            "MaxAgeSeconds": "60",
            "MaxMessagesEncrypted": "10",
            "Metrics": "detailed",
            "MetricsNamespace": "orders",
            "Tracing": "on",
            "SelfCheck": "on",
            "BranchKeyTable": "tenants",
            "LogicalKeyStoreName": "original",
        }.items()
    },
    "branch keys encrypt": {"parameters": {"BranchKeyTable": "tenants", "BranchKeysEncrypt": "on"}},
    "a second key to decrypt with": {"parameters": {"DecryptKeyArns": f"{KEY},{OTHER_KEY}"}},
    "a network": {"parameters": NETWORK},
    "another subnet": {"parameters": NETWORK | {"SubnetIds": "subnet-0123456789abcdef0"}},
    "another security group": {"parameters": NETWORK | {"SecurityGroupId": "sg-0123456789abcdef1"}},
}
LONGEST = {
    "Architecture": "x86_64",
    "Runtime": "python3.14",
    "SnapStart": "off",
    "KeyArn": KEY,
    "DecryptKeyArns": f"{KEY},{OTHER_KEY}",
    "MaxAgeSeconds": "86400",
    "MaxMessagesEncrypted": "4294967296",
    "Metrics": "detailed",
    "MetricsNamespace": 16 * "n",
    "Tracing": "off",
    "SelfCheck": "on",
    "SubnetIds": ",".join(3 * ["subnet-0123456789abcdef0"]),
    "SecurityGroupId": "sg-0123456789abcdef0",
}
# Changes of a stack that is not as it is by default.
BEFORE = {
    "a second key to decrypt with": f"DecryptKeyArns={KEY}",
    "another subnet": "a network",
    "another security group": "a network",
    "branch keys encrypt": "BranchKeyTable=tenants",
}
# What is no part of a function's configuration: nothing has to be published for it.
ELSEWHERE = {
    "PermissionsBoundaryArn": "arn:aws:iam::111122223333:policy/boundary",
    "AlarmTopicArn": "arn:aws:sns:eu-west-1:111122223333:alarms",
    "CanaryMinutes": "10",
    "MakeBranchKeyTable": "off",
    "LogRetentionDays": "3653",
}


def translated(*cases: dict[str, Any]) -> list[dict[str, Any]]:
    if not PYTHON.exists():
        pytest.skip("the SAM tools are not here; `make sam` installs them")
    done = subprocess.run(
        [PYTHON, ROOT / "tests" / "layer" / "translated.py", TEMPLATE],
        input=json.dumps([BASE | case for case in cases]),
        env={"AWS_DEFAULT_REGION": "eu-west-1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def stacks() -> dict[str, dict[str, Any]]:
    cases = {"as it is": {}, **CHANGES} | {name: {"parameters": {name: value}} for name, value in ELSEWHERE.items()}
    return dict(zip(cases, translated(*cases.values()), strict=True))


def of_type(stack: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: row["Properties"] for name, row in stack.items() if row["Type"] == kind}


def published(stack: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """By alias, the logical ID of the version that it serves, with the property of it that can't be updated."""
    versions, aliases = of_type(stack, "AWS::Lambda::Version"), of_type(stack, "AWS::Lambda::Alias")
    served = {name: re.sub(r"<(\w+)\.Version>", r"\1", alias["FunctionVersion"]) for name, alias in aliases.items()}
    return {name: (version, versions[version]["Description"]) for name, version in served.items()}


def test_a_version_whose_description_changes_is_replaced() -> None:
    """cfn-lint carries CloudFormation's own schemas."""
    schemas = Path(sysconfig.get_path("purelib")) / "cfnlint" / "data" / "schemas" / "resources"
    (schema,) = (
        found
        for path in schemas.glob("*.json")
        if '"AWS::Lambda::Version"' in (text := path.read_text())
        and (found := json.loads(text))["typeName"] == "AWS::Lambda::Version"
    )

    assert "/properties/Description" in schema["createOnlyProperties"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_reaches_every_alias(stacks: dict[str, dict[str, Any]], change: str) -> None:
    before = published(stacks[BEFORE.get(change, "as it is")])
    after = published(stacks[change])

    assert before.keys() == after.keys() == ALIASES
    assert [name for name in ALIASES if before[name] == after[name]] == []


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_is_no_part_of_a_function_publishes_nothing(stacks: dict[str, dict[str, Any]], name: str) -> None:
    assert published(stacks["as it is"]) == published(stacks[name])


def test_every_parameter_has_been_tried(stacks: dict[str, dict[str, Any]]) -> None:
    named = re.findall(r"^  (\w+):\n    Type: (?:String|Number)$", TEMPLATE.read_text(), re.MULTILINE)
    tried = {name for change in CHANGES.values() for name in change.get("parameters", {})} | ELSEWHERE.keys()

    assert set(named) == tried
    assert stacks


def test_the_longest_description_without_a_key_store_fits() -> None:
    """Lambda allows 256 characters."""
    (stack,) = translated({"parameters": LONGEST})
    described = {description for _, description in published(stack).values()}

    assert len(described) == 1
    layer, *rest = described.pop().split(" ")
    assert layer.startswith("x86-64:")
    assert len(" ".join(["x86-64:1000000", *rest])) <= 256


def test_the_parameters_tried_here_are_allowed() -> None:
    """CloudFormation holds an AllowedPattern against the whole value."""
    text = TEMPLATE.read_text().partition("\nConditions:")[0]
    tried = [(name, value) for change in CHANGES.values() for name, value in change.get("parameters", {}).items()]
    for name, value in [*tried, *ELSEWHERE.items(), *LONGEST.items()]:
        (row,) = re.findall(rf"^  {name}:\n((?:    .*\n)+)", text, re.MULTILINE)
        for pattern in re.findall(r'AllowedPattern: "(.*)"', row):
            assert re.fullmatch(pattern, value), (name, value)
            assert not re.fullmatch(pattern, f"{value} ")


def test_a_key_of_ones_own_takes_the_place_of_the_stacks(stacks: dict[str, dict[str, Any]]) -> None:
    own = stacks[f"KeyArn={KEY}"]

    assert of_type(stacks["as it is"], "AWS::KMS::Key")
    assert not of_type(own, "AWS::KMS::Key")
    assert not of_type(own, "AWS::KMS::Alias")
    assert {
        variables(function)["WARMKEY_KMS_KEY_ARNS"] for function in of_type(own, "AWS::Lambda::Function").values()
    } == {KEY}
    assert {resource for statement in kms_statements(own) for resource in listed(statement["Resource"])} == {KEY}


def variables(function: dict[str, Any]) -> dict[str, str]:
    found: dict[str, str] = function["Environment"]["Variables"]
    return found


def kms_statements(stack: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        statement
        for role in of_type(stack, "AWS::IAM::Role").values()
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        if any(action.startswith("kms:") for action in listed(statement["Action"]))
    ]


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def test_keys_to_decrypt_with_are_set_and_permitted_to_decrypt_only(stacks: dict[str, dict[str, Any]]) -> None:
    stack = stacks["a second key to decrypt with"]
    functions = of_type(stack, "AWS::Lambda::Function").values()
    allowed = [statement for statement in kms_statements(stack) if KEY in listed(statement["Resource"])]

    assert {variables(function)["WARMKEY_DECRYPT_KEY_ARNS"] for function in functions} == {f"{KEY},{OTHER_KEY}"}
    assert [(statement["Action"], statement["Resource"]) for statement in allowed] == [
        ("kms:Decrypt", [KEY, OTHER_KEY])
    ]
    assert not any(
        "WARMKEY_DECRYPT_KEY_ARNS" in variables(f)
        for f in of_type(stacks["as it is"], "AWS::Lambda::Function").values()
    )


def test_every_role_has_the_boundary_if_one_is_given(stacks: dict[str, dict[str, Any]]) -> None:
    bounded = of_type(stacks["PermissionsBoundaryArn"], "AWS::IAM::Role")
    free = of_type(stacks["as it is"], "AWS::IAM::Role")

    assert bounded.keys() == free.keys() == {"EncryptRole", "DecryptRole", "CanaryRole"}
    assert {role["PermissionsBoundary"] for role in bounded.values()} == {ELSEWHERE["PermissionsBoundaryArn"]}
    assert not any("PermissionsBoundary" in role for role in free.values())


def test_network_and_its_permission_come_together(stacks: dict[str, dict[str, Any]]) -> None:
    inside, outside = stacks["a network"], stacks["as it is"]
    networks = [function["VpcConfig"] for function in of_type(inside, "AWS::Lambda::Function").values()]

    assert networks == 3 * [
        {"SubnetIds": NETWORK["SubnetIds"].split(","), "SecurityGroupIds": [NETWORK["SecurityGroupId"]]}
    ]
    assert all("ENIManagement" in str(role["ManagedPolicyArns"]) for role in of_type(inside, "AWS::IAM::Role").values())
    assert not any(role.get("ManagedPolicyArns") for role in of_type(outside, "AWS::IAM::Role").values())
    assert not any("VpcConfig" in function for function in of_type(outside, "AWS::Lambda::Function").values())


def test_tracing_and_its_permission_come_together(stacks: dict[str, dict[str, Any]]) -> None:
    modes = {
        name: {
            function["TracingConfig"]["Mode"] for function in of_type(stacks[name], "AWS::Lambda::Function").values()
        }
        for name in ("Tracing=on", "as it is")
    }

    assert modes == {"Tracing=on": {"Active"}, "as it is": {"PassThrough"}}
    assert json.dumps(stacks["Tracing=on"]).count("xray:PutTraceSegments") == 3
    assert "xray:" not in json.dumps(stacks["as it is"])


def test_the_schedule_invokes_the_canary_through_its_alias(stacks: dict[str, dict[str, Any]]) -> None:
    (rule,) = of_type(stacks["as it is"], "AWS::Events::Rule").values()
    (permission,) = of_type(stacks["as it is"], "AWS::Lambda::Permission").values()

    assert rule["ScheduleExpression"] == "rate(5 minutes)"
    assert [target["Arn"] for target in rule["Targets"]] == ["CanaryFunctionAliaslive"]
    assert permission["FunctionName"] == "CanaryFunctionAliaslive"


def test_logs_can_be_kept_for_ten_years(stacks: dict[str, dict[str, Any]]) -> None:
    groups = of_type(stacks["LogRetentionDays"], "AWS::Logs::LogGroup").values()

    assert {str(group["RetentionInDays"]) for group in groups} == {"3653"}


def test_other_stacks_find_layer_and_aliases_by_name(stacks: dict[str, dict[str, Any]]) -> None:
    found = {row["Name"]: row["Value"] for row in of_type(stacks["as it is"], "AWS::SSM::Parameter").values()}

    assert found.keys() == {
        f"/warmkey/stack/{name}"
        for name in ("configuration", "layer-arn", "encrypt-alias-arn", "decrypt-alias-arn", "canary-alias-arn")
    }
    assert found["/warmkey/stack/canary-alias-arn"] == "CanaryFunctionAliaslive"
    assert ":layer:warmkey-arm64:" in found["/warmkey/stack/layer-arn"]


def test_alarms_watch_what_is_invoked(stacks: dict[str, dict[str, Any]]) -> None:
    alarms = of_type(stacks["AlarmTopicArn"], "AWS::CloudWatch::Alarm")
    watched = {
        (name, part["MetricStat"]["Metric"]["MetricName"], dimension["Value"])
        for name, alarm in alarms.items()
        for part in alarm["Metrics"]
        if "MetricStat" in part
        for dimension in part["MetricStat"]["Metric"].get("Dimensions", [])
        if dimension["Name"] == "Resource"
    }

    assert watched == {
        ("FunctionErrors", "Errors", "EncryptFunction:live"),
        ("FunctionErrors", "Errors", "DecryptFunction:live"),
        ("CanaryFailed", "Invocations", "CanaryFunction:live"),
        ("CanaryFailed", "Errors", "CanaryFunction:live"),
    }
    assert all(alarm["AlarmActions"] == [ELSEWHERE["AlarmTopicArn"]] for alarm in alarms.values())


def test_the_alarm_on_verification_reads_what_the_decrypting_function_writes(stacks: dict[str, dict[str, Any]]) -> None:
    (part,) = of_type(stacks["as it is"], "AWS::CloudWatch::Alarm")["VerificationFailed"]["Metrics"]
    metric = part["MetricStat"]["Metric"]

    assert metric["MetricName"] == "MessagesRefusedAuthentication"
    assert "DecryptFunction" in str(metric["Dimensions"])


def test_both_stacks_of_samconfig_are_valid() -> None:
    sam = ROOT / ".venv-sam" / "bin" / "sam"
    if not sam.exists():
        pytest.skip("the SAM tools are not here; `make sam` installs them")
    for config in ("default", "layer"):
        done = run(sam, "validate", "--lint", "--config-env", config)

        assert done.returncode == 0, done.stdout + done.stderr

"""The SAM template deploys what it says, and no permission more."""

from __future__ import annotations

import os
import re
import subprocess
import sysconfig
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from layer.project import ROOT
from tools.publish_layer.plan import Impossible, make_plan
from warmkey.branch_keys import BranchKeyStore
from warmkey.lambda_runtime.settings import VARIABLES
from warmkey.testing import FakeDynamoDb, FakeKms

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = ROOT / "template.yaml"
SAM_TOOLS = ROOT / ".venv-sam" / "bin"
REGION = "eu-west-1"
KEY_ARN = f"arn:aws:kms:{REGION}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
USERS, ADMINISTRATORS = "BranchKeyUsers", "BranchKeyAdministrators"


class _CloudFormationLoader(yaml.SafeLoader):
    """Reads ``!Ref`` and its relatives as plain values."""


def _plain(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else loader.construct_mapping(node)  # type: ignore[arg-type]


_CloudFormationLoader.add_multi_constructor("!", _plain)


@pytest.fixture
def template() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(TEMPLATE.read_text(), _CloudFormationLoader)
    return loaded


def resources(template: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: found for name, found in template["Resources"].items() if found["Type"] == kind}


def statements(template: dict[str, Any], function: str) -> list[dict[str, Any]]:
    """What a function may do with keys; a statement under a condition is the second of three items."""
    role = template["Resources"][function]["Properties"]["Role"].removesuffix(".Arn")
    policies = template["Resources"][role]["Properties"]["Policies"]
    found = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
    plain = [statement if isinstance(statement, dict) else statement[1] for statement in found]
    return [statement for statement in plain if "kms:" in str(statement["Action"])]


def actions(template: dict[str, Any], function: str) -> list[str]:
    found = [statement["Action"] for statement in statements(template, function)]
    return sorted(action for entry in found for action in ([entry] if isinstance(entry, str) else entry))


def test_the_encrypting_function_may_generate_data_keys_and_nothing_else(template: dict[str, Any]) -> None:
    assert actions(template, "EncryptFunction") == ["kms:GenerateDataKey"]


def test_the_decrypting_function_may_decrypt_and_nothing_else(template: dict[str, Any]) -> None:
    assert set(actions(template, "DecryptFunction")) == {"kms:Decrypt"}


def test_every_permission_is_for_configured_keys_and_a_stated_context(template: dict[str, Any]) -> None:
    found = [
        statement
        for function in resources(template, "AWS::Serverless::Function")
        for statement in statements(template, function)
    ]

    assert {str(statement["Resource"]) for statement in found} == {
        "['MakesKey', 'Key.Arn', 'KeyArn']",
        "[',', 'DecryptKeyArns']",
    }
    assert all("kms:EncryptionContext:" in str(statement["Condition"]) for statement in found)


def test_every_layer_is_built_by_a_target_of_its_own(template: dict[str, Any]) -> None:
    makefile = (ROOT / "layer" / "Makefile").read_text()
    layers = resources(template, "AWS::Serverless::LayerVersion")

    assert {layer["Metadata"]["BuildMethod"] for layer in layers.values()} == {"makefile"}
    assert all(f"\nbuild-{name}:" in makefile for name in layers)


def test_a_function_writes_its_own_log_and_has_no_other_permission_than_that_and_keys_and_traces(
    template: dict[str, Any],
) -> None:
    services = set()
    for role in [role for name, role in resources(template, "AWS::IAM::Role").items() if name != ADMINISTRATORS]:
        (policy,) = role["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]:
            action = (statement if isinstance(statement, dict) else statement[1])["Action"]
            services |= {name.partition(":")[0] for name in ([action] if isinstance(action, str) else action)}

    assert services == {"kms", "logs", "xray"}


def test_the_table_of_branch_keys_is_one_that_the_key_store_would_make(template: dict[str, Any]) -> None:
    (table,) = resources(template, "AWS::DynamoDB::Table").values()
    client = FakeDynamoDb()
    BranchKeyStore(
        "branch-keys", dynamodb_client=client, kms_client=FakeKms(REGION), kms_key_arn=KEY_ARN
    ).create_table()
    described = client.describe_table(TableName="branch-keys")["Table"]

    assert {name: table["Properties"][name] for name in ("KeySchema", "AttributeDefinitions")} == {
        name: described[name] for name in ("KeySchema", "AttributeDefinitions")
    }


def test_the_table_of_branch_keys_outlives_the_stack_and_accidents(template: dict[str, Any]) -> None:
    (table,) = resources(template, "AWS::DynamoDB::Table").values()

    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    assert table["Properties"]["DeletionProtectionEnabled"] is True
    assert table["Properties"]["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["Properties"]["BillingMode"] == "PAY_PER_REQUEST"


def statements_of_branch_keys(template: dict[str, Any], name: str) -> list[dict[str, Any]]:
    properties = template["Resources"][name]["Properties"]
    (document,) = [properties[found] for found in ("PolicyDocument",) if found in properties] or [
        policy["PolicyDocument"] for policy in properties["Policies"]
    ]
    found: list[dict[str, Any]] = document["Statement"]
    return found


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        (USERS, {"dynamodb:GetItem", "kms:Decrypt"}),
        (
            ADMINISTRATORS,
            {
                *(f"dynamodb:{action}" for action in ("GetItem", "PutItem", "Query", "Scan")),
                *(f"kms:{action}" for action in ("GenerateDataKeyWithoutPlaintext", "ReEncryptFrom", "ReEncryptTo")),
            },
        ),
    ],
)
def test_each_role_of_branch_keys_may_do_what_it_needs_with_one_store_and_a_stated_tenant(
    template: dict[str, Any], name: str, allowed: set[str]
) -> None:
    table, kms = statements_of_branch_keys(template, name)
    found = [[row["Action"]] if isinstance(row["Action"], str) else row["Action"] for row in (table, kms)]

    assert set().union(*found) == allowed
    assert table["Resource"].endswith(":table/${BranchKeyTable}")
    assert kms["Resource"] == ["MakesKey", "Key.Arn", "KeyArn"]
    assert kms["Condition"] == {
        "StringEquals": {
            "kms:EncryptionContext:tablename": ["WithLogicalName", "LogicalKeyStoreName", "BranchKeyTable"]
        },
        "Null": {"kms:EncryptionContext:aws-crypto-ec:tenant": "false"},
    }


def test_both_functions_of_tenants_use_branch_keys_and_the_canary_tries_the_key_alone(template: dict[str, Any]) -> None:
    using = {
        name
        for name, function in resources(template, "AWS::Serverless::Function").items()
        if "WARMKEY_BRANCH_KEY_STORE_TABLE" in function["Properties"].get("Environment", {}).get("Variables", {})
    }
    roles = {name for name, role in resources(template, "AWS::IAM::Role").items() if USERS in str(role["Properties"])}

    assert using == {"EncryptFunction", "DecryptFunction"}
    assert roles == {"EncryptRole", "DecryptRole"}


def test_every_variable_is_one_of_a_setting(template: dict[str, Any]) -> None:
    environments = [
        template["Globals"]["Function"]["Environment"],
        *(
            function["Properties"].get("Environment", {"Variables": {}})
            for function in resources(template, "AWS::Serverless::Function").values()
        ),
    ]
    variables = {name for environment in environments for name in environment["Variables"]}

    assert {name for name in variables if name.startswith("WARMKEY_")} <= set(VARIABLES)


def test_metrics_have_one_default_everywhere(template: dict[str, Any]) -> None:
    (documented,) = re.findall(r"^\| `WARMKEY_METRICS` \| (\w+) \|", (ROOT / "README.md").read_text(), re.MULTILINE)

    assert template["Parameters"]["Metrics"]["Default"] == VARIABLES["WARMKEY_METRICS"].default == documented


def test_the_stack_of_the_layer_alone_has_the_same_layers(template: dict[str, Any]) -> None:
    alone: dict[str, Any] = yaml.load((ROOT / "layer" / "template.yaml").read_text(), _CloudFormationLoader)
    layers = resources(template, "AWS::Serverless::LayerVersion")
    for layer in layers.values():
        assert layer.pop("Condition")
        layer["Properties"]["ContentUri"] = "."

    assert resources(alone, "AWS::Serverless::LayerVersion") == layers
    assert {row["Type"] for row in alone["Resources"].values()} == {
        "AWS::Serverless::LayerVersion",
        "AWS::SSM::Parameter",
    }
    assert {row["Value"] for row in alone["Outputs"].values()} == set(layers)


@pytest.mark.parametrize(
    ("prefix", "is_taken"),
    [
        ("/warmkey/layer", True),
        ("/a", True),
        ("/layer/aws", True),
        ("/aws/layer", False),
        ("/AWSlayers", False),
        ("/Ssm/layer", False),
        ("/SSM", False),
        ("//aws", False),
        ("warmkey", False),
        ("/warmkey/", False),
        ("/", False),
    ],
)
def test_the_stack_of_the_layer_takes_the_names_that_parameter_store_and_publishing_take(
    prefix: str, *, is_taken: bool
) -> None:
    """Parameter Store keeps names that begin with aws or ssm, in upper and lower case."""
    alone: dict[str, Any] = yaml.load((ROOT / "layer" / "template.yaml").read_text(), _CloudFormationLoader)
    pattern = alone["Parameters"]["ParameterPrefix"]["AllowedPattern"]

    assert (re.fullmatch(pattern, prefix) is not None) == is_taken
    if is_taken:
        plan_of(prefix)
    else:
        with pytest.raises(Impossible):
            plan_of(prefix)


def plan_of(prefix: str) -> None:
    make_plan(
        regions=[REGION],
        layers=[],
        accounts=["111122223333"],
        organization="",
        public=False,
        prefix=prefix,
        profiles={},
        partition_of=lambda _: "aws",
    )


def test_every_function_has_its_code_in_the_clone(template: dict[str, Any]) -> None:
    functions = resources(template, "AWS::Serverless::Function").values()

    assert all((ROOT / function["Properties"]["CodeUri"] / "app.py").is_file() for function in functions)


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"SAM_CLI_TELEMETRY": "0", "AWS_DEFAULT_REGION": "eu-west-1"}
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, capture_output=True, text=True, timeout=300)


def assert_succeeded(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


@pytest.mark.sam
def test_cfn_lint_has_nothing_to_say() -> None:
    assert_succeeded(run(sysconfig.get_path("scripts") + "/cfn-lint", TEMPLATE, ROOT / "layer" / "template.yaml"))


def test_the_canary_runs_in_each_period_of_its_alarm_even_if_it_is_late(template: dict[str, Any]) -> None:
    """A run in the last second of a period may be counted in the next one, so as long as a period is too long."""
    metrics = template["Resources"]["CanaryFailed"]["Properties"]["Metrics"]
    periods = {metric["MetricStat"]["Period"] for metric in metrics if "MetricStat" in metric}

    assert template["Parameters"]["CanaryMinutes"]["MaxValue"] * 60 < min(periods)


@pytest.fixture
def sam() -> Path:
    if not SAM_TOOLS.exists():
        pytest.skip("the SAM tools are not here; `make sam` installs them")
    return SAM_TOOLS / "sam"


@pytest.mark.sam
def test_sam_validates_it(sam: Path) -> None:
    assert_succeeded(run(sam, "validate", "--lint", "--template", TEMPLATE))


@pytest.mark.sam
@pytest.mark.parametrize("source", ["template.yaml", "layer/template.yaml"])
def test_sam_builds_both_layers(sam: Path, tmp_path: Path, source: str) -> None:
    assert_succeeded(run(sam, "build", "--template", ROOT / source, "--build-dir", tmp_path))

    built = {path.parent.parent.name for path in tmp_path.glob("*/python/warmkey_layer.json")}
    assert built == {"WarmkeyLayerArm64", "WarmkeyLayerX86"}

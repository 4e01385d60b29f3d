"""The SAM template deploys what it says, and no permission more."""

from __future__ import annotations

import os
import subprocess
import sysconfig
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from layer.build import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = ROOT / "template.yaml"
SAM_TOOLS = ROOT / ".venv-sam" / "bin"


class _CloudFormationLoader(yaml.SafeLoader):
    """Reads ``!Ref`` and its relatives as plain values."""


def _plain(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else loader.construct_mapping(node)  # type: ignore[arg-type]


_CloudFormationLoader.add_multi_constructor("!", _plain)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load(TEMPLATE.read_text(), _CloudFormationLoader)
    return loaded


def resources(template: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: found for name, found in template["Resources"].items() if found["Type"] == kind}


def statements(template: dict[str, Any], function: str) -> list[dict[str, Any]]:
    policies = template["Resources"][function]["Properties"]["Policies"]
    return [statement for policy in policies for statement in policy["Statement"]]


def actions(template: dict[str, Any], function: str) -> list[str]:
    found = [statement["Action"] for statement in statements(template, function)]
    return sorted(action for entry in found for action in ([entry] if isinstance(entry, str) else entry))


def test_the_encrypting_function_may_generate_data_keys_and_nothing_else(template: dict[str, Any]) -> None:
    assert actions(template, "EncryptFunction") == ["kms:GenerateDataKey"]


def test_the_decrypting_function_may_decrypt_and_nothing_else(template: dict[str, Any]) -> None:
    assert actions(template, "DecryptFunction") == ["kms:Decrypt"]


def test_every_permission_is_for_the_one_key_and_a_stated_context(template: dict[str, Any]) -> None:
    found = [
        statement
        for function in resources(template, "AWS::Serverless::Function")
        for statement in statements(template, function)
    ]

    assert {str(statement["Resource"]) for statement in found} == {"Key.Arn"}
    assert all("kms:EncryptionContext:" in str(statement["Condition"]) for statement in found)


def test_every_layer_is_built_by_a_target_of_its_own(template: dict[str, Any]) -> None:
    makefile = (ROOT / "layer" / "Makefile").read_text()
    layers = resources(template, "AWS::Serverless::LayerVersion")

    assert {layer["Metadata"]["BuildMethod"] for layer in layers.values()} == {"makefile"}
    assert all(f"\nbuild-{name}:" in makefile for name in layers)


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
    assert_succeeded(run(sysconfig.get_path("scripts") + "/cfn-lint", TEMPLATE))


@pytest.fixture
def sam() -> Path:
    if not SAM_TOOLS.exists():
        pytest.skip("the SAM tools are not here; `make sam` installs them")
    return SAM_TOOLS / "sam"


@pytest.mark.sam
def test_sam_validates_it(sam: Path) -> None:
    assert_succeeded(run(sam, "validate", "--lint", "--template", TEMPLATE))


@pytest.mark.sam
def test_sam_builds_both_layers(sam: Path, tmp_path: Path) -> None:
    assert_succeeded(run(sam, "build", "--template", TEMPLATE, "--build-dir", tmp_path))

    built = {path.parent.parent.name for path in tmp_path.glob("*/python/warmkey_layer.json")}
    assert built == {"WarmkeyLayerArm64", "WarmkeyLayerX86"}

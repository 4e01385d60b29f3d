"""What the page on publishing shows of other tools: it makes the same things as the template, with the same names."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from layer.project import ROOT
from layer.runtimes import ARCHITECTURES, RUNTIMES, lambda_name
from tests.layer.test_template import _CloudFormationLoader

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs" / "publishing.md").read_text()
PYTHON = ROOT / ".venv-cdk" / "bin" / "python"


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.load((ROOT / "template.yaml").read_text(), _CloudFormationLoader)
    return loaded


def encrypting_statement(template: dict[str, Any]) -> dict[str, Any]:
    (policy,) = template["Resources"]["EncryptRole"]["Properties"]["Policies"]
    found = [row for row in policy["PolicyDocument"]["Statement"] if "kms:" in str(row)]
    return {name: found[0][name] for name in ("Effect", "Action", "Condition")}


# ------------------------------------------------------------------------------------------------------------ CDK


@pytest.fixture(scope="module")
def synthesized(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if not PYTHON.exists():
        pytest.skip("aws-cdk-lib is not here; `make cdk` installs it")
    out = tmp_path_factory.mktemp("cdk")
    environment = os.environ | {"CDK_OUTDIR": str(out), "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1"}
    done = subprocess.run(
        [PYTHON, "-c", block("python")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads((out / "orders.template.json").read_text())
    return found


def of_type(stack: dict[str, Any], kind: str) -> dict[str, Any]:
    (found,) = [row["Properties"] for row in stack["Resources"].values() if row["Type"] == kind]
    properties: dict[str, Any] = found
    return properties


@pytest.mark.cdk
def test_cdk_attaches_the_layer_by_its_parameter(synthesized: dict[str, Any]) -> None:
    function = of_type(synthesized, "AWS::Lambda::Function")
    ((reference,),) = [layer.values() for layer in function["Layers"]]

    assert synthesized["Parameters"][reference]["Default"] == "/warmkey/layer/full/arm64/latest"
    assert function["Architectures"] == ["arm64"]
    assert function["Runtime"] in map(lambda_name, RUNTIMES)
    assert function["Environment"]["Variables"].keys() == {"WARMKEY_KMS_KEY_ARNS"}


@pytest.mark.cdk
def test_cdk_permits_what_the_template_permits(synthesized: dict[str, Any], template: dict[str, Any]) -> None:
    (statement,) = of_type(synthesized, "AWS::IAM::Policy")["PolicyDocument"]["Statement"]

    assert {name: statement[name] for name in ("Effect", "Action", "Condition")} == encrypting_statement(template)


# ------------------------------------------------------------------------------------------------------ Terraform

# The argument of Terraform's AWS provider for a property of CloudFormation's function.
ARGUMENTS = {
    "Architectures": "architectures",
    "Environment": "environment",
    "Handler": "handler",
    "Layers": "layers",
    "Role": "role",
    "Runtime": "runtime",
}


@pytest.fixture(scope="module")
def terraform() -> dict[str, Any]:
    hcl2 = pytest.importorskip("hcl2", reason="it is in the environment of `make test`")
    loaded: dict[str, Any] = hcl2.load(io.StringIO(block("hcl")))
    return loaded


def resource(terraform: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    (found,) = [
        by_name[key]
        for row in terraform["resource"]
        for by_kind, by_name in row.items()
        for key in by_name
        if (plain(by_kind), plain(key)) == (kind, name)
    ]
    properties: dict[str, Any] = found
    return properties


def plain(value: Any) -> str:
    """Without the quotes that the parser keeps."""
    return str(value).strip('"')


def test_terraform_gives_the_function_what_the_template_gives_it(
    terraform: dict[str, Any], template: dict[str, Any]
) -> None:
    function = resource(terraform, "aws_lambda_function", "encrypt")
    shared, own = template["Globals"]["Function"], template["Resources"]["EncryptFunction"]["Properties"]
    in_template = shared | own
    variables = {**shared["Environment"]["Variables"], **own.get("Environment", {}).get("Variables", {})}

    assert ARGUMENTS.keys() <= in_template.keys()
    assert set(ARGUMENTS.values()) <= function.keys()
    assert plain(function["handler"]) == in_template["Handler"]
    assert plain(function["runtime"]) in map(lambda_name, RUNTIMES)
    assert {plain(name) for name in function["architectures"]} <= set(ARCHITECTURES)
    (environment,) = function["environment"]
    names = {plain(name) for name in environment["variables"]}
    assert {"WARMKEY_KMS_KEY_ARNS"} == names & variables.keys() == names


def test_terraform_reads_the_parameter_that_publishing_writes(terraform: dict[str, Any]) -> None:
    function = resource(terraform, "aws_lambda_function", "encrypt")
    ((_, by_name),) = terraform["data"][0].items()

    assert plain(next(iter(by_name.values()))["name"]) == "/warmkey/layer/full/arm64/latest"
    assert "data.aws_ssm_parameter.layer.value" in str(function["layers"])


def test_terraform_permits_what_the_template_permits(template: dict[str, Any]) -> None:
    statement = encrypting_statement(template)
    ((operator, condition),) = statement["Condition"].items()
    ((key, value),) = condition.items()

    assert f'Action    = "{statement["Action"]}"' in block("hcl")
    assert f'Condition = {{ {operator} = {{ "{key}" = "{value}" }} }}' in block("hcl")


# ------------------------------------------------------------------------------------------------------ container


def test_the_image_is_for_a_runtime_and_the_architecture_of_the_zip(tmp_path: Path) -> None:
    dockerfile_parse = pytest.importorskip("dockerfile_parse", reason="it is in the environment of `make test`")
    (tmp_path / "Dockerfile").write_text(block("dockerfile"))
    parsed = dockerfile_parse.DockerfileParser(path=str(tmp_path))
    runtime, architecture = parsed.baseimage.rpartition(":")[2].split("-")
    copied = [row["value"].split()[0] for row in parsed.structure if row["instruction"] == "COPY"]

    assert parsed.baseimage.startswith("public.ecr.aws/lambda/python:")
    assert runtime in RUNTIMES
    assert copied[0] == f"layer/warmkey-full-{architecture}.zip"
    assert (ROOT / copied[1]).is_file()
    assert json.loads(parsed.cmd) == ["app.handler"]


def test_the_image_unpacks_the_layer_to_where_its_bytecode_is_for(tmp_path: Path) -> None:
    (command,) = re.findall(r"^RUN (python -m zipfile -e \S+ \S+)", block("dockerfile"), re.MULTILINE)
    zipped = ROOT / "layer" / "warmkey-full-arm64.zip"
    if not zipped.exists():
        pytest.skip("there is no layer here; `make layer` makes it")
    assert command.endswith(" /opt")
    shown = command.replace("/tmp/layer.zip", str(zipped)).replace(" /opt", f" {tmp_path}")

    subprocess.run(shown.split(), check=True, timeout=60)

    assert (tmp_path / "python" / "warmkey" / "__init__.py").is_file()

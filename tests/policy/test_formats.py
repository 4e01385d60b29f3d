"""All formats say the same: what a YAML parser and a Terraform parser read is what the JSON says."""

from __future__ import annotations

import json
import subprocess
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hcl2
import pytest
import yaml

from tests.policy.printed import REGION
from warmkey.policy.notation import hcl
from warmkey.policy.notation import yaml as yaml_lines

if TYPE_CHECKING:
    from tests.policy.printed import Shell

KEY = f"arn:aws:kms:{REGION}:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
SETTINGS: list[dict[str, str]] = [
    {"kms_key_arns": KEY, "required_context_keys": "tenant,on,no"},
    {"kms_key_arns": KEY, "branch_key_store_table": "keys", "branch_key_id": 'a "${b}" %{c} \\ ü'},
    {"kms_key_arns": "alias/orders", "kms_mode": "discovery"},
]
ARGUMENTS = ["--region", REGION, "--account", "111122223333", "--split", "--context-keys", "tenant,a key: # of"]


def documents(printed: Any) -> list[Any]:
    return [printed] if "Statement" in printed else [*printed.values()]


@pytest.mark.parametrize("settings", SETTINGS)
def test_yaml_and_json_are_the_same(shell: Shell, settings: dict[str, str]) -> None:
    policies = documents(shell.json(*ARGUMENTS, **settings))
    assert shell("--format", "sam", *ARGUMENTS, **settings) == 0

    resources = yaml.safe_load(shell.out)["Resources"]
    assert [each["Properties"]["PolicyDocument"] for each in resources.values()] == policies
    assert {each["Type"] for each in resources.values()} == {"AWS::IAM::ManagedPolicy"}
    assert shell.out.startswith("# ")
    assert shell.err == ""


@pytest.mark.parametrize("settings", SETTINGS)
def test_terraform_and_json_are_the_same(shell: Shell, settings: dict[str, str]) -> None:
    policies = documents(shell.json(*ARGUMENTS, **settings))
    assert shell("--format", "terraform", *ARGUMENTS, **settings) == 0

    assert shell.out.count("jsonencode({") == shell.out.count("\n  })\n") == len(policies)
    parsed = hcl2.loads(shell.out.replace("jsonencode({", "{").replace("\n  })\n", "\n  }\n"))
    assert [meant(body["policy"]) for each in parsed["resource"] for body in next(iter(each.values())).values()] == (
        policies
    )


def test_json_is_indented_by_two_spaces_as_aws_shows_policies(shell: Shell) -> None:
    policy = shell.json(*ARGUMENTS, **SETTINGS[0])

    assert shell.out == json.dumps(policy, indent=2) + "\n"


def meant(value: Any) -> Any:
    """What Terraform makes of a value: the parser leaves texts as they are written."""
    if isinstance(value, dict):
        return {meant(key): meant(item) for key, item in value.items()}
    if isinstance(value, list):
        return [meant(item) for item in value]
    text: str = json.loads(value) if value.startswith('"') else value
    return text.replace("$${", "${").replace("%%{", "%{")


@pytest.mark.parametrize(
    "text", ["plain", "with space", 'a "quote"', "back\\slash", "${a}", "%{b}", "$${c}", "ü", "yes", "Null", "", "1"]
)
def test_every_text_comes_through_yaml_and_hcl_as_it_is(text: str) -> None:
    value = {"Statement": [{text or "key": text, "list": [text, text]}], "text": text}
    assert yaml.safe_load("\n".join(yaml_lines(value))) == value

    parsed = hcl2.loads("locals {\n" + "\n".join(["a = " + hcl(value)[0], *hcl(value)[1:]]) + "\n}\n")
    assert meant(parsed["locals"][0]["a"]) == value


def test_cfn_lint_has_nothing_to_say_of_the_template(shell: Shell, tmp_path: Path) -> None:
    lint = Path(sysconfig.get_path("scripts"), "cfn-lint")
    if not lint.exists():
        pytest.skip("cfn-lint is not in this environment; it is in that of `make test`")
    assert shell("--format", "sam", *ARGUMENTS, **SETTINGS[1]) == 0
    template = tmp_path / "template.yaml"
    template.write_text(shell.out)

    done = subprocess.run(
        [lint, "--regions", REGION, "--", template], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.stdout, done.returncode) == ("", 0)

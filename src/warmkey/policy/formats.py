"""Write policies for the tools that deploy them: as JSON, for AWS SAM and CloudFormation, and for Terraform.

The notes go above them as comments, where the notation has any.
"""

from __future__ import annotations

import json
import textwrap
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from warmkey.policy.notation import hcl, indented, yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    Documents = Mapping[str, Mapping[str, Any]]

__all__ = ["FORMATS", "Format"]

_COMMENT_WIDTH = 110


class Format(NamedTuple):
    """Writes policy documents.

    :ivar identity_policies: takes policies by the names of their roles, and the notes
    :ivar key_policies: takes what to add to key policies, by the ARNs of the keys, and the notes
    """

    identity_policies: Callable[[Documents, Sequence[str]], str]
    key_policies: Callable[[Documents, Sequence[str]], str]


def _json(policies: Documents, notes: Sequence[str]) -> str:
    """Return one document as it is, or several by their names."""
    del notes  # JSON has no comments
    whole = next(iter(policies.values())) if len(policies) == 1 else policies
    return json.dumps(whole, indent=2)


def _sam(policies: Documents, notes: Sequence[str]) -> str:
    resources = {
        f"Warmkey{name.title().replace('-', '')}": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"Description": f"What warmkey needs: {name}", "PolicyDocument": policy},
        }
        for name, policy in policies.items()
    }
    return _text([*_comments(notes), *yaml({"Resources": resources})])


def _sam_keys(policies: Documents, notes: Sequence[str]) -> str:
    lines = [*_comments(notes)]
    for number, (key, policy) in enumerate(policies.items()):
        lines += ["---"] if number else []
        lines += [*_comments([f"To add to the key policy of {key}."]), *yaml({"KeyPolicy": policy})]
    return _text(lines)


def _terraform(policies: Documents, notes: Sequence[str]) -> str:
    lines = [*_comments(notes)]
    for name, policy in policies.items():
        first, *others = hcl(policy)
        lines += [f'resource "aws_iam_policy" "warmkey_{name.replace("-", "_")}" {{', f'  name   = "warmkey-{name}"']
        lines += indented([f"policy = jsonencode({first}", *others[:-1], f"{others[-1]})"])
        lines += ["}"]
    return _text(lines)


def _terraform_keys(policies: Documents, notes: Sequence[str]) -> str:
    lines = [*_comments(notes), "locals {"]
    for number, (key, policy) in enumerate(policies.items(), 1):
        lines += indented(_comments([f"To add to the statements of the key policy of {key}."]))
        first, *others = hcl(policy["Statement"])
        lines += indented([f"warmkey_key_policy_statements_{number} = {first}", *others])
    return _text([*lines, "}"])


FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "json": Format(_json, _json),
        "sam": Format(_sam, _sam_keys),
        "terraform": Format(_terraform, _terraform_keys),
    }
)


def _comments(notes: Iterable[str]) -> Iterator[str]:
    return (f"# {line}" for note in notes for line in textwrap.wrap(note, _COMMENT_WIDTH, break_on_hyphens=False))


def _text(lines: Iterable[str]) -> str:
    return "\n".join(lines)

"""Translate the template as CloudFormation does, and resolve what its functions' published versions are made of.

usage: python translated.py TEMPLATE < JSON     with the Python of the SAM tools

Reads a list of ``{"parameters": {...}, "layer": KEY, "code": KEY}``; KEY is where `sam package` put something, which
changes with its contents. Writes, for each, what there is by logical ID, resolved as far as the parameters tell.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from samtranslator.parser.parser import Parser  # type: ignore[import-not-found,unused-ignore]
from samtranslator.translator.translator import Translator  # type: ignore[import-not-found,unused-ignore]
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-not-found,unused-ignore]

PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": "111122223333",
    "AWS::StackName": "stack",
}
NO_VALUE = object()


class Resolver:
    """Resolves intrinsic functions; a resource's attributes are made up of its logical ID."""

    def __init__(self, template: dict[str, Any], parameters: dict[str, str]) -> None:
        self.template = template
        defaults = {name: str(row["Default"]) for name, row in template["Parameters"].items() if "Default" in row}
        self.parameters = defaults | parameters | PSEUDO

    def resolve(self, value: Any) -> Any:
        if isinstance(value, list):
            return [found for item in value if (found := self.resolve(item)) is not NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((name, argument),) = value.items()
            method = getattr(self, "_" + name.removeprefix("Fn::").lower(), None)
            if method and (name == "Ref" or name.startswith("Fn::")):
                return method(argument)
        return {key: found for key, item in value.items() if (found := self.resolve(item)) is not NO_VALUE}

    def condition(self, name: str) -> bool:
        return self._holds(self.template["Conditions"][name])

    def _holds(self, condition: dict[str, Any]) -> bool:
        ((name, arguments),) = condition.items()
        if name == "Condition":
            return self.condition(arguments)
        if name == "Fn::Equals":
            first, second = map(self.resolve, arguments)
            return bool(first == second)
        if name == "Fn::Not":
            return not self._holds(arguments[0])
        if name == "Fn::And":
            return all(map(self._holds, arguments))
        raise NotImplementedError(name)

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.parameters:
            return self.parameters[name]
        if self.template["Resources"][name]["Type"] == "AWS::Lambda::LayerVersion":
            layer = self.resolve(self.template["Resources"][name]["Properties"]["LayerName"])
            return f"arn:aws:lambda:eu-west-1:111122223333:layer:{layer}:{name}"
        return name

    def _getatt(self, path: str | list[str]) -> Any:
        name, attribute = path.split(".", 1) if isinstance(path, str) else path
        resource = self.template["Resources"][name]
        if (resource["Type"], attribute) == ("AWS::SSM::Parameter", "Value"):
            return self.resolve(resource["Properties"]["Value"])
        if (resource["Type"], attribute) == ("AWS::KMS::Key", "Arn"):
            return "arn:aws:kms:eu-west-1:111122223333:key/00000000-0000-0000-0000-000000000000"
        return f"<{name}.{attribute}>"

    def _if(self, arguments: list[Any]) -> Any:
        name, yes, no = arguments
        return self.resolve(yes if self.condition(name) else no)

    def _sub(self, text: str) -> str:
        return re.sub(r"\$\{([\w:.]+)\}", lambda match: str(self._name(match[1])), text)

    def _name(self, name: str) -> Any:
        return self._getatt(name) if "." in name else self._ref(name)

    def _join(self, arguments: list[Any]) -> str:
        return str(arguments[0]).join(self.resolve(arguments[1]))

    def _split(self, arguments: list[Any]) -> list[str]:
        return str(self.resolve(arguments[1])).split(str(arguments[0]))

    def _select(self, arguments: list[Any]) -> Any:
        return self.resolve(arguments[1])[int(arguments[0])]


def translate(template: str, *, parameters: dict[str, str], layer: str, code: str) -> dict[str, Any]:
    """The resources of *template* that these parameters make."""
    packaged = yaml_parse(template)
    for resource in packaged["Resources"].values():
        if resource["Type"] == "AWS::Serverless::LayerVersion":
            resource["Properties"]["ContentUri"] = f"s3://bucket/{layer}"
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = f"s3://bucket/{code}"
    translated = Translator({}, Parser()).translate(packaged, parameters)
    resolver = Resolver(translated, parameters)
    return {
        name: resolver.resolve({"Type": resource["Type"], "Properties": resource.get("Properties", {})})
        for name, resource in translated["Resources"].items()
        if "Condition" not in resource or resolver.condition(resource["Condition"])
    }


if __name__ == "__main__":
    source = Path(sys.argv[1]).read_text(encoding="utf-8")
    json.dump([translate(source, **case) for case in json.load(sys.stdin)], sys.stdout)

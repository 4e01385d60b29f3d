"""Write what JSON describes in the notations of YAML and of HCL, Terraform's language, line by line.

Every text is in quotation marks, which both languages read as JSON does, so that none of them is taken for something
else: YAML 1.1 reads ``Null`` as nothing and ``on`` as true.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["hcl", "indented", "yaml"]

# What no version of YAML takes for anything but text.
_PLAIN_YAML = re.compile(r"(?!(?:null|true|false|yes|no|on|off|y|n)\Z)[A-Za-z]\w*(?:::\w+)*", re.IGNORECASE | re.ASCII)
_PLAIN_HCL = re.compile(r"[A-Za-z_][\w-]*", re.ASCII)


def indented(lines: Iterable[str], by: str = "  ") -> Iterator[str]:
    """Give *lines*, each further to the right."""
    return (by + line for line in lines)


def yaml(value: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """Give the lines of *value*, an object or a list."""
    if isinstance(value, dict):
        for key, item in value.items():
            head = f"{_yaml_text(key)}:"
            if isinstance(item, str):
                yield f"{head} {_yaml_text(item)}"
            else:
                yield head
                yield from indented(yaml(item))
        return
    for item in value:
        first, *others = yaml(item) if isinstance(item, dict) else [_yaml_text(item)]
        yield f"- {first}"
        yield from indented(others)


def _yaml_text(text: str) -> str:
    return text if _PLAIN_YAML.fullmatch(text) else json.dumps(text)


def hcl(value: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Return the lines of *value*."""
    if isinstance(value, str):
        return [_hcl_text(value)]
    if isinstance(value, list):
        items = [hcl(item) for item in value]
        return ["[", *indented(line for item in items for line in [*item[:-1], f"{item[-1]},"]), "]"]
    lines: list[str] = []
    for key, item in value.items():
        first, *others = hcl(item)
        lines += [f"{key if _PLAIN_HCL.fullmatch(key) else _hcl_text(key)} = {first}", *others]
    return ["{", *indented(lines), "}"]


def _hcl_text(text: str) -> str:
    """Return *text* in quotation marks; in HCL, ``${`` and ``%{`` begin a template unless they are doubled."""
    return json.dumps(text).replace("${", "$${").replace("%{", "%%{")

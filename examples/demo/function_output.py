"""Parse the output of a function: structured log lines, and metrics in CloudWatch's embedded format."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

__all__ = ["FunctionOutput", "parse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionOutput:
    """Hold the JSON lines in a function's output."""

    logs: list[dict[str, Any]] = field(default_factory=list)
    metrics: list[dict[str, Any]] = field(default_factory=list)


def parse(output: str) -> FunctionOutput:
    """Sort the lines of *output*, ignoring Lambda's own lines and everything else that is not a JSON object."""
    found = FunctionOutput()
    for line in output.splitlines():
        entry = _json_object(line)
        if "_aws" in entry:
            found.metrics.append(entry)
        elif "level" in entry:
            found.logs.append(entry)
    return found


def _json_object(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}

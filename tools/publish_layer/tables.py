"""What was published, for people and for programs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tools.publish_layer.publishing import Outcome

__all__ = ["to_json", "to_markdown"]


def _row(outcome: Outcome) -> dict[str, str]:
    manifest = outcome.target.layer.manifest
    return {
        "partition": outcome.target.partition,
        "region": outcome.target.region,
        "variant": manifest["variant"],
        "architecture": manifest["architecture"],
        "version": manifest["version"],
        "commit": manifest["commit"],
        "content_sha256": manifest["content_sha256"],
        "arn": outcome.arn,
        "error": outcome.error,
    }


def to_json(outcomes: Sequence[Outcome]) -> str:
    """Return a list with an object for each layer and Region."""
    return json.dumps([*map(_row, outcomes)], indent=2) + "\n"


def to_markdown(outcomes: Sequence[Outcome]) -> str:
    """Return a table of ARNs, sorted; one that is missing says so."""
    columns = ("region", "variant", "architecture", "arn")
    lines = ["| Region | variant | architecture | ARN |", "|---|---|---|---|"]
    for row in sorted(map(_row, outcomes), key=lambda row: [row[column] for column in columns]):
        arn = f"`{row['arn']}`" if row["arn"] and not row["error"] else "not published"
        lines.append(f"| {row['region']} | {row['variant']} | {row['architecture']} | {arn} |")
    return "\n".join(lines) + "\n"

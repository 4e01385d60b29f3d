"""Draw what a fleet asks, from the file that ``python -m examples.fleet --json`` writes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["draw"]

# Okabe and Ito's colours, which colour-blind people can tell apart.
_STYLES: dict[str, dict[str, Any]] = {
    "data key cache": {"color": "#D55E00", "marker": "o"},
    "branch keys": {"color": "#0072B2", "marker": "s", "linewidth": 4, "markersize": 9},
    "both": {"color": "#009E73", "marker": "^", "linestyle": "--"},
}
_PANELS = {"kms": "KMS requests", "dynamodb": "DynamoDB reads"}


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write a panel for each service and number of tenants."""
    tenants = sorted({row["tenants"] for row in rows})
    picture, axes = plt.subplots(
        len(_PANELS), len(tenants), figsize=(9, 7), layout="constrained", squeeze=False, sharex=True, sharey="row"
    )
    for line, (service, title) in zip(axes, _PANELS.items(), strict=True):
        for axis, number in zip(line, tenants, strict=True):
            for design, style in _STYLES.items():
                found = [row for row in rows if row["design"] == design and row["tenants"] == number]
                points = sorted((row["containers"], row[service] / 60) for row in found)
                axis.plot(*zip(*points, strict=True), label=design, **style)
            axis.set_xscale("log")
            axis.set_yscale("symlog", linthresh=0.01)
            for along in (axis.xaxis, axis.yaxis):
                along.set_major_formatter("{x:,g}")
            axis.set_title(f"{title} per second, {number:,} tenant{'s' if number > 1 else ''}", fontsize=10)
            axis.grid(visible=True, color="#dddddd")
    for axis in axes[-1]:
        axis.set_xlabel("containers")
    picture.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    picture.suptitle("The first minute of a fleet")
    picture.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(picture)


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(prog="python -m examples.fleet.picture", description=__doc__)
    parser.add_argument("found", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    draw(json.loads(options.found.read_text(encoding="utf-8")), options.picture)


if __name__ == "__main__":
    main()

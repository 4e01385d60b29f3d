"""Draw what a fleet asks, from the file that ``python -m examples.fleet --json`` writes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

from examples.fleet import model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from matplotlib.axes import Axes

__all__ = ["draw"]

# Okabe and Ito's colours, which colour-blind people can tell apart.
_STYLES: dict[str, dict[str, Any]] = {
    "data key cache": {"color": "#D55E00", "marker": "o"},
    "branch keys": {"color": "#0072B2", "marker": "s", "linewidth": 4, "markersize": 9},
    "both": {"color": "#009E73", "marker": "^", "linestyle": "--"},
}
_SERVICES = {"kms": "KMS requests", "dynamodb": "DynamoDB reads"}
_MEASURES: dict[str, Callable[[dict[str, Any], str], float]] = {
    "per second": lambda row, service: row[service] / 60,
    "per 10⁶ messages": lambda row, service: row[service] / row["messages"] * 1e6,
}
_LARGE = 10_000
# Design and TTL of each line of the last panel; a data key's age is always 300 s.
_STEADY: dict[str, tuple[str, int, dict[str, Any]]] = {
    "data key cache, 300 s": ("data key cache", 3600, {"color": "#D55E00"}),
    "branch keys, TTL 300 s": ("branch keys", 300, {"color": "#0072B2", "linestyle": ":"}),
    "branch keys, TTL 3,600 s": ("branch keys", 3600, {"color": "#0072B2"}),
}


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Write a panel for each service, measure and number of tenants, and one that says where branch keys stop paying.

    :param rows: what was counted in the first minute
    """
    tenants = sorted({row["tenants"] for row in rows})
    panels = [(service, measure) for measure in _MEASURES for service in _SERVICES]
    picture = plt.figure(figsize=(9, 15), layout="constrained")
    parts: Any = picture.subfigures(2, 1, height_ratios=(3, 1))
    counted, paper = parts
    axes = counted.subplots(len(panels), len(tenants), squeeze=False, sharex=True, sharey="row")
    for line, (service, measure) in zip(axes, panels, strict=True):
        for axis, number in zip(line, tenants, strict=True):
            _draw_counted(axis, [row for row in rows if row["tenants"] == number], service, measure)
            axis.set_title(f"{_SERVICES[service]} {measure}, {number:,} tenant{'s' if number > 1 else ''}", fontsize=10)
    for axis in axes.flat:
        axis.set_ylim(bottom=0)  # at the end, because the panels of a row share it
    for axis in axes[-1]:
        axis.set_xlabel("containers")
    counted.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    counted.suptitle("The first minute of a fleet, counted at the server")
    _draw_where_it_pays(paper.subplots())
    paper.suptitle(f"The hours after it, {_LARGE:,} containers, on paper")
    picture.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(picture)


def _draw_counted(axis: Axes, rows: Sequence[dict[str, Any]], service: str, measure: str) -> None:
    for design, style in _STYLES.items():
        found = [row for row in rows if row["design"] == design]
        points = sorted((row["containers"], _MEASURES[measure](row, service)) for row in found)
        axis.plot(*zip(*points, strict=True), label=design, **style)
    axis.set_xscale("log")
    if measure == "per second":
        axis.set_yscale("symlog", linthresh=0.01)
    _finish(axis)


def _draw_where_it_pays(axis: Axes) -> None:
    tenants = [round(10 ** (step / 20)) for step in range(101)]
    for label, (design, ttl, style) in _STEADY.items():
        rates = [model.steady(model.Fleet(design, _LARGE, number, ttl_seconds=ttl)) for number in tenants]
        axis.plot(tenants, [rate.kms + rate.dynamodb for rate in rates], label=label, linewidth=2, **style)
    half = model.most_tenants(0.5, containers=_LARGE)
    axis.axvline(half, color="#555555", linewidth=1, linestyle="--", label=f"half the requests: {half:,} tenants")
    axis.set_xscale("log")
    axis.set_ylim(bottom=0)
    axis.set_xlabel("tenants that every container serves")
    axis.set_title("KMS requests and DynamoDB reads per second, together", fontsize=10)
    axis.legend(frameon=False)
    _finish(axis)


def _finish(axis: Axes) -> None:
    for along in (axis.xaxis, axis.yaxis):
        along.set_major_formatter("{x:,.10g}")
    axis.grid(visible=True, color="#dddddd")


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(prog="python -m examples.fleet.picture", description=__doc__)
    parser.add_argument("found", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    draw(json.loads(options.found.read_text(encoding="utf-8")), options.picture)


if __name__ == "__main__":
    main()

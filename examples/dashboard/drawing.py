"""Draws panels with matplotlib, without a display."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

from examples.dashboard.panels import PANELS, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from examples.dashboard.panels import Panel
    from examples.dashboard.points import Curve, Metrics

__all__ = ["picture", "svg"]

# Okabe and Ito's colours, which colour-blind people can tell apart; the first two are enough for most panels.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#F0E442", "#999999", "#000000")
_STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "warmkey",
}
_COLUMNS = 2


def picture(metrics: Metrics, path: Path) -> None:
    """Write all panels into one PNG."""
    rows = -(-len(PANELS) // _COLUMNS)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(12, 2.7 * rows), layout="constrained")
        for axes, panel in zip(figure.subplots(rows, _COLUMNS).flat, PANELS, strict=True):
            _draw(axes, panel, metrics)
        figure.savefig(path, dpi=100, metadata={"Software": None})


def svg(panel: Panel, metrics: Metrics) -> str:
    """One panel as an SVG element."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(6, 2.7), layout="constrained")
        _draw(figure.subplots(), panel, metrics)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


def _draw(axes: Any, panel: Panel, metrics: Metrics) -> None:  # noqa: ANN401 - matplotlib's types are as vague
    curves = metrics.curves(panel)
    width = metrics.invocations_per_period
    starts = [period * width for period in range(metrics.periods)]
    axes.set_title(panel.title)
    axes.set_ylabel(panel.unit)
    axes.set_xlabel("invocations, in their order")
    axes.set_xlim(0, metrics.periods * width)
    axes.set_prop_cycle(color=_COLOURS)
    if not curves:
        axes.text(0.5, 0.5, "none", transform=axes.transAxes, ha="center", va="center", color="#777777")
        axes.set_yticks([])
        return
    if panel.kind is Kind.STACKED_SUMS:
        _stack(axes, curves, starts, width)
    else:
        for curve in curves:
            points = [
                (at + width / 2, value) for at, value in zip(starts, curve.values, strict=True) if value is not None
            ]
            axes.plot(*zip(*points, strict=True), label=curve.label, marker=".", markersize=4)
    axes.set_ylim(bottom=0, top=105 if panel.kind is Kind.RATIO_BY_FUNCTION else None)
    axes.yaxis.get_major_locator().set_params(integer=panel.kind is Kind.STACKED_SUMS)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)


def _stack(axes: Any, curves: Sequence[Curve], starts: Sequence[int], width: int) -> None:  # noqa: ANN401 - as above
    bottom = [0.0] * len(starts)
    for curve in curves:
        heights = [value or 0.0 for value in curve.values]
        axes.bar(starts, heights, 0.9 * width, bottom, label=curve.label, align="edge")
        bottom = [below + height for below, height in zip(bottom, heights, strict=True)]

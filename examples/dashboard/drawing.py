"""Draw panels with matplotlib, without a display."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

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
    "font.size": 10.5,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "warmkey",
}
_COLUMNS = 2
_PANEL_INCHES = (4.5, 2.9)
_LINE_WIDTH, _WIDER_BY = 1.4, 1.3
_ROOM_ABOVE = 1.1


def picture(metrics: Metrics, path: Path) -> None:
    """Write all panels into one PNG."""
    rows = -(-len(PANELS) // _COLUMNS)
    with mpl.rc_context(_STYLE):
        width, height = _PANEL_INCHES
        layout = ConstrainedLayoutEngine(h_pad=0.1, w_pad=0.1)
        figure = Figure(figsize=(_COLUMNS * width, rows * height), layout=layout)
        places = list(figure.subplots(rows, _COLUMNS).flat)
        for axes, panel in zip(places, PANELS, strict=False):
            _draw(axes, panel, metrics)
        for axes in places[len(PANELS) :]:
            axes.set_visible(False)
        figure.savefig(path, dpi=133, metadata={"Software": None})


def svg(panel: Panel, metrics: Metrics) -> str:
    """Return one panel as an SVG element."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=_PANEL_INCHES, layout="constrained")
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
    mark = "bar" if panel.kind is Kind.STACKED_SUMS else "point"
    axes.set_xlabel(f"invocations in order, {width} per {mark}")
    axes.set_xlim(0, metrics.periods * width)
    axes.set_prop_cycle(color=_COLOURS)
    if not curves:
        axes.text(0.5, 0.5, "none in this run", transform=axes.transAxes, ha="center", va="center", color="#777777")
        axes.set_yticks([])
        return
    if panel.kind is Kind.STACKED_SUMS:
        _stack(axes, curves, starts, width)
    else:
        # Percentiles of few values lie on each other, so the lines below are wider than those above them.
        wider_by = _WIDER_BY if panel.kind is Kind.STATISTICS else 0
        _plot(axes, curves, [start + width / 2 for start in starts], wider_by)
    axes.set_ylim(bottom=0, top=105 if panel.kind is Kind.RATIO_BY_FUNCTION else _ROOM_ABOVE * axes.dataLim.y1)
    axes.yaxis.get_major_locator().set_params(integer=panel.kind is Kind.STACKED_SUMS)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=3)


def _plot(axes: Any, curves: Sequence[Curve], positions: Sequence[float], wider_by: float) -> None:  # noqa: ANN401 - as above
    for number, curve in enumerate(curves):
        points = [(at, value) for at, value in zip(positions, curve.values, strict=True) if value is not None]
        line_width = _LINE_WIDTH + wider_by * number
        order = 2 + 1 / (1 + number)  # the first line is on top
        x, y = zip(*points, strict=True)
        axes.plot(x, y, label=curve.label, linewidth=line_width, marker=".", markersize=5 + number, zorder=order)


def _stack(axes: Any, curves: Sequence[Curve], starts: Sequence[int], width: int) -> None:  # noqa: ANN401 - as above
    bottom = [0.0] * len(starts)
    for curve in curves:
        heights = [value or 0.0 for value in curve.values]
        axes.bar(starts, heights, 0.9 * width, bottom, label=curve.label, align="edge")
        bottom = [below + height for below, height in zip(bottom, heights, strict=True)]

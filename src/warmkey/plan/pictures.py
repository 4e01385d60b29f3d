"""Draw a plan with matplotlib, as SVG."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from warmkey.plan.labels import ITEMS, STRATEGIES
from warmkey.plan.tables import short

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes

    from warmkey.plan.grid import Cell
    from warmkey.plan.limits import Limits
    from warmkey.plan.outcome import Counts, PerSecond, Reals
    from warmkey.plan.plan import Plan, Planned

__all__ = ["pictures", "svg_of"]

# Okabe and Ito's colours, which colour-blind people can tell apart.
_COLOURS = {"caching": "#D55E00", "hierarchical": "#0072B2"}
_STACK = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999")
_GRID = "#dddddd"
_BINS = 240
_WIDTH = 9.0


def pictures(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Yield the pictures of *plan*: a title, what it shows in words, and the SVG."""
    if any(planned.outcome.kms_per_second.peak for planned in plan.strategies.values()):
        text = "KMS requests over the time of the trace, one line for each strategy"
        yield "KMS requests over time", text, svg_of(_over_time(plan))
    text = "Messages by how they were served, one bar for each strategy and operation"
    yield "How messages are served", text, svg_of(_served(plan))
    text = "Dollars per month, one bar for each strategy, by item"
    yield "What it costs", text, svg_of(_dollars(plan))
    for name, planned in plan.strategies.items():
        if planned.cells:
            text = "KMS requests per month for each lifetime and limit, as the table below has them"
            yield f"Limits of the {STRATEGIES[name]}", text, svg_of(_heat(name, planned, plan.request.limits))


def svg_of(figure: Figure) -> str:
    """Return the SVG of *figure*; the same figure gives the same text."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "warmkey", "svg.fonttype": "path"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()


def _figure(height: float) -> Figure:
    return Figure(figsize=(_WIDTH, height), layout="constrained")


# --- over time


def _over_time(plan: Plan) -> Figure:
    figure = _figure(3.4)
    axis = figure.subplots()
    for name, planned in plan.strategies.items():
        times, rates = _binned(planned.outcome.kms_per_second, planned.outcome.seconds)
        axis.step(times, rates, where="post", color=_COLOURS[name], label=STRATEGIES[name], linewidth=1.5)
    axis.set_xlabel("seconds from the start of the trace")
    axis.set_ylabel("KMS requests per second")
    axis.set_ylim(bottom=0)
    axis.grid(visible=True, color=_GRID)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def _binned(found: PerSecond, whole: float) -> tuple[Reals, Reals]:
    """Return the mean requests per second of spans that are wide enough to be seen, and where each begins."""
    width = max(1, math.ceil((whole + 1) / _BINS))
    edges = np.arange(0, whole + 1 + width, width, dtype=np.float64)
    sums, _ = np.histogram(found.seconds, bins=edges, weights=found.counts)
    means = sums / width
    return edges, np.append(means, means[-1])


# --- bars


def _served(plan: Plan) -> Figure:
    bars = [
        (f"{STRATEGIES[name]}, {operation}", _ends(getattr(planned.outcome, operation)))
        for name, planned in plan.strategies.items()
        for operation in ("encrypt", "decrypt")
        if getattr(planned.outcome, operation).messages
    ]
    return _stacked(bars, "share of messages", as_shares=True)


def _ends(counts: Counts) -> dict[str, float]:
    return {
        "hit": counts.hits,
        **{f"miss: {reason}": count for reason, count in counts.misses.items()},
        **{f"bypass: {reason}": count for reason, count in counts.bypasses.items()},
    }


def _dollars(plan: Plan) -> Figure:
    bars = [
        (STRATEGIES[name], {title: planned.bill.dollars_per_month[item] for item, title in ITEMS.items()})
        for name, planned in plan.strategies.items()
    ]
    plain = plan.request.around.dollars_without_cache(plan.first.outcome)
    return _stacked([*bars, ("no cache", {ITEMS["kms"]: plain})], "dollars per month", as_shares=False)


def _stacked(bars: Sequence[tuple[str, dict[str, float]]], label: str, *, as_shares: bool) -> Figure:
    figure = _figure(1.3 + 0.5 * len(bars))
    axis = figure.subplots()
    parts = list(dict.fromkeys(part for _, values in bars for part, value in values.items() if value > 0))
    left = np.zeros(len(bars))
    wholes = [sum(values.values()) or 1.0 for _, values in bars]
    for part, colour in zip(parts, _STACK * 3, strict=False):
        lengths = np.array([values.get(part, 0.0) for _, values in bars])
        lengths = lengths / wholes if as_shares else lengths
        axis.barh(range(len(bars)), lengths, left=left, color=colour, label=part, height=0.6)
        left += lengths
    axis.set_yticks(range(len(bars)), [name for name, _ in bars])
    axis.invert_yaxis()
    axis.set_xlabel(label)
    if as_shares:
        axis.set_xlim(0, 1)
    else:
        axis.set_xlim(0, float(left.max()) * 1.02 or 1.0)
        axis.xaxis.set_major_formatter("{x:,g}")
    axis.grid(visible=True, axis="x", color=_GRID)
    axis.set_axisbelow(True)
    figure.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False, fontsize=9)
    return figure


# --- the grid


def _heat(strategy: str, planned: Planned, limits: Limits) -> Figure:
    """Draw a panel for each capacity: lifetimes downwards, limits on messages across."""
    cells = planned.cells
    capacities = sorted({cell.limits.capacity for cell in cells})
    lifetimes = sorted({cell.lifetime for cell in cells})
    messages = sorted({cell.limits.max_messages for cell in cells})
    largest = max(cell.requests_per_month for cell in cells)
    norm = LogNorm(
        vmin=max(min(cell.requests_per_month for cell in cells), largest / 1e6, 1e-3), vmax=max(largest, 1e-2)
    )
    across = 1 if strategy == "caching" else 3
    down = -(-len(capacities) // across)
    figure = _figure(0.7 + down * (0.75 + 0.3 * len(lifetimes)))
    panels = figure.subplots(down, across, squeeze=False)
    for axis in panels.ravel()[len(capacities) :]:
        axis.set_axis_off()
    for axis, capacity in zip(panels.ravel(), capacities, strict=False):
        there = {(cell.lifetime, cell.limits.max_messages): cell for cell in cells if cell.limits.capacity == capacity}
        rows = [[there[lifetime, number] for number in messages] for lifetime in lifetimes]
        _panel(axis, rows, norm, planned, limits)
        axis.set_title(f"capacity {capacity:,}", fontsize=10)
        axis.set_yticks(range(len(lifetimes)), [f"{lifetime:g} s" for lifetime in lifetimes])
        axis.set_xticks(range(len(messages)), [f"{number:,} messages" for number in messages])
        if strategy == "hierarchical":
            axis.set_xticks([])
    figure.supylabel("lifetime of a key", fontsize=10)
    return figure


def _panel(axis: Axes, rows: Sequence[Sequence[Cell]], norm: Any, planned: Planned, limits: Limits) -> None:  # noqa: ANN401 - matplotlib's
    values = np.array([[max(cell.requests_per_month, 1e-3) for cell in row] for row in rows])
    axis.imshow(values, cmap="viridis_r", norm=norm, aspect="auto")
    for line, row in enumerate(rows):
        for column, cell in enumerate(row):
            is_knee, is_plan = cell is planned.knee, cell.limits == limits
            text = short(cell.requests_per_month) + (" ★" if is_knee else "") + (" (plan)" if is_plan else "")
            dark = norm(values[line, column]) > 0.5  # noqa: PLR2004 - half of the scale
            axis.text(
                column,
                line,
                text,
                ha="center",
                va="center",
                fontsize=8,
                color="white" if dark else "black",
                weight="bold" if is_knee or is_plan else "normal",
            )
    axis.tick_params(labelsize=8, length=0)

"""Draw the pictures of docs/performance.md from the file that ``python -m benchmarks --full --json`` writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

# Okabe and Ito's colours, which colour-blind people can tell apart.
_BLACK, _ORANGE, _SKY, _GREEN, _YELLOW, _BLUE, _VERMILION, _PURPLE = (
    "#000000",
    "#E69F00",
    "#56B4E9",
    "#009E73",
    "#F0E442",
    "#0072B2",
    "#D55E00",
    "#CC79A7",
)
_GRID = "#dddddd"
_UNITS = {"B": 1, "KB": 2**10, "MB": 2**20}
_SUITES = {"0x0478": "0x0478, unsigned", "0x0578": "0x0578, signed (default)"}
_PEER = "aws-encryption-sdk"
_CONTESTANTS = {
    "peer": (_VERMILION, f"{_PEER} with its own caching CMM"),
    "ours": (_BLUE, "warmkey"),
    "floor": (_BLACK, "the floor: cryptographic primitives only"),
}


def draw(found: dict[str, Any], directory: Path) -> list[Path]:
    """Write the pictures into *directory*, and return their paths."""
    directory.mkdir(parents=True, exist_ok=True)
    pictures = {
        "latency.png": _latency(found["rows"]),
        "kms-calls.png": _kms_calls(found["kms_calls"]),
        "cold-start.png": _cold_start(found["steps"]),
    }
    for name, picture in pictures.items():
        # No software version or date in the file, so that the same figures give the same bytes.
        picture.savefig(directory / name, dpi=110, metadata={"Software": None})
        plt.close(picture)
    return [directory / name for name in pictures]


# ---------------------------------------------------------------------------------------------------------- latency

_SIZE_TICKS = {"100 B": 100, "1 KB": 2**10, "16 KB": 2**14, "256 KB": 2**18, "1 MB": 2**20, "6 MB": 6 * 2**20}
# A logarithmic axis can't show 0, and 4097 lies on 4096; the table has both.
_SIZES_NOT_DRAWN = (0, 4097)


def _latency(rows: Iterable[dict[str, Any]]) -> Figure:
    points = _latency_points(rows)
    picture, axes = plt.subplots(2, 2, figsize=(9, 7.4), sharex=True, sharey="row", layout="constrained")
    for row, (suite, title) in zip(axes, _SUITES.items(), strict=True):
        for axis, operation in zip(row, ("encrypt", "decrypt"), strict=True):
            _draw_latency(axis, points[suite, operation])
            axis.set_title(f"{title}: {operation}", fontsize=10)
    for axis in axes[-1]:
        axis.set_xlabel("bytes of plaintext")
    picture.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    picture.suptitle("Time of one message with a cached data key")
    return picture


def _latency_points(rows: Iterable[dict[str, Any]]) -> dict[tuple[str, str], list[tuple[int, dict[str, float]]]]:
    points: dict[tuple[str, str], list[tuple[int, dict[str, float]]]] = {}
    for row in rows:
        if row["group"] == "warm":
            suite, operation, number, unit = row["name"].split()
            taken = {figure["label"]: figure["value"] for figure in row["figures"]}
            points.setdefault((suite, operation), []).append((int(number) * _UNITS[unit], taken))
    return points


def _draw_latency(axis: Axes, points: list[tuple[int, dict[str, float]]]) -> None:
    points = [point for point in sorted(points, key=lambda point: point[0]) if point[0] not in _SIZES_NOT_DRAWN]
    for contestant, (colour, label) in _CONTESTANTS.items():
        is_floor = contestant == "floor"
        axis.plot(
            [size for size, _ in points],
            [taken[contestant] for _, taken in points],
            color=colour,
            label=label,
            marker=None if is_floor else ".",
            linestyle=":" if is_floor else "-",
        )
    axis.set_xscale("log", base=2)
    axis.set_yscale("log")
    axis.set_xticks([*_SIZE_TICKS.values()], [*_SIZE_TICKS])
    axis.set_yticks([10, 100, 1_000, 10_000, 100_000], ["10 µs", "100 µs", "1 ms", "10 ms", "100 ms"])
    # The row shares this axis, and the panel on the right has no labels of its own otherwise.
    axis.tick_params(labelsize=8, labelbottom=True, labelleft=True)
    axis.minorticks_off()
    axis.grid(visible=True, color=_GRID)


# -------------------------------------------------------------------------------------------------------- KMS calls

# Curves that lie on each other are drawn so that both can be seen: dashes on a solid line.
_DASHES = (0, (4, 3))
_CURVES: list[dict[str, Any]] = [
    {"color": _BLACK, "linestyle": ":"},
    {"color": _VERMILION, "linestyle": _DASHES, "zorder": 3},
    {"color": _SKY, "linestyle": "-"},
    {"color": _PURPLE, "linestyle": (3.5, (4, 3)), "zorder": 3},
    {"color": _BLUE, "linestyle": "-", "linewidth": 3.5},
    {"color": _GREEN, "linestyle": "-"},
]


def _kms_calls(calls: dict[str, dict[str, int]]) -> Figure:
    picture, axis = plt.subplots(figsize=(9, 5), layout="constrained")
    for (name, by_messages), style in zip(calls.items(), _CURVES, strict=True):
        messages = [int(number) for number in by_messages]
        axis.plot(messages, list(by_messages.values()), label=name, marker=".", **{"linewidth": 1.8, **style})
    axis.set_xscale("log")
    axis.set_yscale("log")
    for along in (axis.xaxis, axis.yaxis):
        along.set_major_formatter("{x:,.0f}")
    axis.minorticks_off()
    axis.set_xlabel("messages per hour in one container, evenly spread, with one encryption context")
    axis.set_ylabel("KMS calls per hour")
    axis.grid(visible=True, color=_GRID)
    axis.legend(title="maximum age, messages per data key", frameon=False, handlelength=4)
    axis.set_title("KMS calls against traffic")
    return picture


# ------------------------------------------------------------------------------------------------------- cold start

_STEP_COLOURS = [_BLACK, _PURPLE, _BLUE, _ORANGE, _YELLOW, _GREEN]
_ON_DARK = (_BLACK, _BLUE)
_WHOLE = "all"
_BAR_HEIGHT = 0.6
# Numbers of narrower parts are written above the bar; as a share of the axis.
_WIDE_ENOUGH = 0.026


def _cold_start(steps: dict[str, dict[str, float]]) -> Figure:
    picture, axis = plt.subplots(figsize=(9, 4.2), layout="constrained")
    ours = next(iter(steps.values()))
    # The second message is too short to be seen.
    colours = dict(zip(ours, _STEP_COLOURS, strict=False)) | {_WHOLE: "#cccccc"}
    axis.set_xlim(0, 1.15 * max(sum(taken.values()) for taken in steps.values()))
    for line, taken in enumerate(steps.values()):
        left = 0.0
        for step in filter(colours.__contains__, taken):
            bar = axis.barh(line, taken[step], _BAR_HEIGHT, left, color=colours[step], edgecolor="white", linewidth=0.5)
            if taken is ours:
                bar.set_label(step)
            if step != _WHOLE:
                _write_number(axis, line, left, taken[step], "white" if colours[step] in _ON_DARK else "black")
            left += taken[step]
        axis.annotate(f"{left:.0f} ms", (left, line), (6, 0), textcoords="offset points", va="center", weight="bold")
    axis.set_yticks(range(len(steps)), [name.replace("peer", _PEER) for name in steps])
    axis.invert_yaxis()
    axis.set_xlabel("milliseconds from the start of a process; KMS on the loopback interface without TLS")
    picture.suptitle("Cold start: the steps that the first message waits for")
    picture.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return picture


def _write_number(axis: Axes, line: int, left: float, length: float, ink: str) -> None:
    centre, text = left + length / 2, f"{length:.0f}"
    if length >= _WIDE_ENOUGH * axis.get_xlim()[1]:
        axis.text(centre, line, text, ha="center", va="center", color=ink, fontsize=8)
    else:
        axis.text(centre, line - _BAR_HEIGHT / 2, text, ha="center", va="bottom", fontsize=8)

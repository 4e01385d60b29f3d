"""Draws the pictures of docs/performance.md out of the file that ``python -m benchmarks --full --json`` writes."""

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

# Okabe and Ito's colours, which colour-blind people tell apart.
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
_UNITS = {"B": 1, "KB": 2**10, "MB": 2**20}
_SUITES = {"0x0478": "0x0478, unsigned", "0x0578": "0x0578, signed (default)"}
_CONTESTANTS = {"peer": (_VERMILION, "aws-encryption-sdk"), "ours": (_BLUE, "warmkey"), "floor": (_BLACK, "the floor")}


def draw(found: dict[str, Any], directory: Path) -> list[Path]:
    """Write the pictures into *directory*."""
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


def _latency(rows: Iterable[dict[str, Any]]) -> Figure:
    points = _latency_points(rows)
    picture, axes = plt.subplots(2, 2, figsize=(9, 7), sharex=True, sharey="row", layout="constrained")
    for row, (suite, title) in zip(axes, _SUITES.items(), strict=True):
        for axis, operation in zip(row, ("encrypt", "decrypt"), strict=True):
            _draw_latency(axis, points[suite, operation])
            axis.set_title(f"{title}: {operation}", fontsize=10)
    for axis in axes[-1]:
        axis.set_xlabel("bytes of plaintext")
    axes[0, 0].legend(frameon=False)
    picture.suptitle("One message with a cached data key")
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
    points = [point for point in sorted(points, key=lambda point: point[0]) if point[0] not in (0, 4097)]
    for contestant, (colour, label) in _CONTESTANTS.items():
        axis.plot(
            [size for size, _ in points],
            [taken[contestant] for _, taken in points],
            color=colour,
            label=label,
            marker="." if contestant != "floor" else None,
            linestyle="-" if contestant != "floor" else ":",
        )
    axis.set_xscale("log", base=2)
    axis.set_yscale("log")
    axis.set_xticks([2**7, 2**10, 2**14, 2**18, 2**20, 6 * 2**20], ["128", "1 KB", "16 KB", "256 KB", "1 MB", "6 MB"])
    axis.set_yticks([10, 100, 1_000, 10_000, 100_000], ["10 µs", "100 µs", "1 ms", "10 ms", "100 ms"])
    axis.tick_params(labelsize=8)
    axis.minorticks_off()
    axis.grid(visible=True, color="#dddddd")


# -------------------------------------------------------------------------------------------------------- KMS calls


def _kms_calls(calls: dict[str, dict[str, int]]) -> Figure:
    picture, axis = plt.subplots(figsize=(9, 5), layout="constrained")
    colours = [_BLACK, _VERMILION, _ORANGE, _PURPLE, _BLUE, _GREEN]
    for (name, by_messages), colour in zip(calls.items(), colours, strict=True):
        is_default = "default" in name
        messages = [int(number) for number in by_messages]
        axis.plot(
            messages,
            list(by_messages.values()),
            color=colour,
            label=name,
            linewidth=2.5 if is_default else 1.3,
            linestyle=":" if name == "no cache" else "-",
            marker=".",
        )
    axis.set_xscale("log")
    axis.set_yscale("log")
    for along in (axis.xaxis, axis.yaxis):
        along.set_major_formatter("{x:,.0f}")
    axis.minorticks_off()
    axis.set_xlabel("messages an hour in one container, evenly spread, one encryption context")
    axis.set_ylabel("KMS calls an hour")
    axis.grid(visible=True, color="#dddddd")
    axis.legend(title="max age, messages under one key", frameon=False)
    axis.set_title("KMS calls against traffic")
    return picture


# ------------------------------------------------------------------------------------------------------- cold start


def _cold_start(steps: dict[str, dict[str, float]]) -> Figure:
    picture, axis = plt.subplots(figsize=(9, 3.6), layout="constrained")
    ours = next(iter(steps.values()))
    # The second message is too short to be seen.
    colours = dict(zip(ours, [_BLACK, _PURPLE, _BLUE, _ORANGE, _YELLOW, _GREEN], strict=False)) | {"all": "#cccccc"}
    for line, taken in enumerate(steps.values()):
        left = 0.0
        for step, milliseconds in taken.items():
            if step not in colours:
                continue
            label = step if taken is ours else None
            axis.barh(line, milliseconds, left=left, color=colours[step], label=label, edgecolor="white", linewidth=0.5)
            if step != "all":
                ink = "white" if colours[step] in (_BLACK, _BLUE) else "black"
                axis.text(left + milliseconds / 2, line, f"{milliseconds:.0f}", ha="center", va="center", color=ink)
            left += milliseconds
        axis.text(left, line, f" {left:.0f}", va="center", weight="bold")
    axis.margins(x=0.08)
    axis.set_yticks(range(len(steps)), [name.replace("peer", "aws-encryption-sdk") for name in steps])
    axis.invert_yaxis()
    axis.set_xlabel("milliseconds from the start of a process, KMS on the loopback interface without TLS")
    picture.suptitle("Cold start: what the first message waits for")
    picture.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=8)
    return picture

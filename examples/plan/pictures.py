"""Draw the pictures of docs/choosing-limits.md, all by the planner's own models."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

from warmkey.plan.containers import WarmContainers
from warmkey.plan.limits import Limits
from warmkey.plan.prices import TABLE
from warmkey.plan.rates import Contexts, Rates, sampled
from warmkey.plan.rates_model import model_of_rates
from warmkey.plan.trace import make_trace
from warmkey.plan.trace_model import model

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

# Okabe and Ito's colours, which colour-blind people can tell apart.
_ORANGE, _SKY, _GREEN, _BLUE, _VERMILION, _BLACK = "#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#000000"
_GRID = "#dddddd"
_AGES = (10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600)
_READERS = (1, 2, 3, 5, 10, 20, 30, 50, 100)
_TENANTS = Contexts(count=20, exponent=0.8)
_WRITERS = Rates(writes_per_second=4, containers=20, contexts=_TENANTS)
_SECONDS_SHOWN = 30


def draw(folder: Path) -> list[Path]:
    """Write the pictures into *folder* and return their paths."""
    pictures = {
        "plan-writers.png": _writers(),
        "plan-readers.png": _readers(),
        "plan-cold-start.png": _cold_start(),
    }
    for name, picture in pictures.items():
        picture.savefig(folder / name, dpi=110, metadata={"Software": None})
        plt.close(picture)
    return [folder / name for name in pictures]


def _picture(title: str) -> tuple[Figure, Axes]:
    picture, axis = plt.subplots(figsize=(9, 4.6), layout="constrained")
    axis.grid(visible=True, color=_GRID)
    axis.set_title(title)
    return picture, axis


def _per_hour(strategy: str, rates: Rates, limits: Limits) -> float:
    return model_of_rates(strategy, rates, limits).kms_requests / rates.period * 3600


def _writers() -> Figure:
    picture, axis = _picture("20 writers, 20 tenants, 4 messages per second in all")
    busy = replace(_WRITERS, writes_per_second=400)
    for rates, style, name in ((_WRITERS, "-", "4"), (busy, "--", "400")):
        for messages, colour in ((10, _VERMILION), (100, _ORANGE), (1000, _BLUE)):
            shares = [
                _per_hour("caching", rates, Limits(max_age=age, max_messages=messages))
                / (rates.writes_per_second * 3600)
                for age in _AGES
            ]
            label = f"{name} messages per second, {messages:,} per data key"
            axis.plot(_AGES, shares, style, color=colour, marker=".", label=label)
    axis.axvline(300, color=_BLACK, linewidth=0.8, linestyle=":")
    axis.annotate("default", (300, 1), (4, -2), textcoords="offset points", va="top", fontsize=9)
    axis.set_title("20 writers, 20 tenants")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_ylim(top=1)
    axis.set_xticks(_AGES, [str(age) for age in _AGES])
    axis.minorticks_off()
    axis.set_yticks([1, 0.1, 0.01, 0.001], ["1", "1 / 10", "1 / 100", "1 / 1,000"])
    axis.set_xlabel("maximum age, seconds")
    axis.set_ylabel("KMS requests per message")
    picture.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return picture


def _readers() -> Figure:
    picture, axis = _picture("20 writers encrypt 4 messages per second; each reader reads 0.2 per second")
    lines = (
        ("no cache", None, _BLACK, ":"),
        ("caching CMM, 300 s", ("caching", Limits()), _VERMILION, "-"),
        ("caching CMM, 3,600 s in writers and readers", ("caching", Limits(max_age=3600)), _ORANGE, "-"),
        ("branch keys, 300 s", ("hierarchical", Limits(branch_key_ttl=300)), _SKY, "-"),
        ("branch keys, 3,600 s", ("hierarchical", Limits()), _BLUE, "-"),
    )
    for label, choice, colour, style in lines:
        values = []
        for readers in _READERS:
            rates = replace(_WRITERS, readers=readers, reads_per_second=0.2 * readers, read_window=1800)
            plain = (rates.writes_per_second + rates.reads_per_second) * 3600
            values.append(plain if choice is None else _per_hour(choice[0], rates, choice[1]))
        axis.plot(_READERS, values, style, color=colour, marker=".", label=label)
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xticks(_READERS, [str(readers) for readers in _READERS])
    axis.minorticks_off()
    axis.yaxis.set_major_formatter("{x:,.0f}")
    axis.set_xlabel("readers")
    axis.set_ylabel("KMS requests per hour")
    picture.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    return picture


def _cold_start() -> Figure:
    picture, axis = _picture("2,000 containers start cold; 10,000 messages are written and 10,000 read per second")
    for tenants, colour in ((20, _GREEN), (1000, _VERMILION)):
        rates = Rates(
            writes_per_second=10_000,
            reads_per_second=10_000,
            containers=2000,
            contexts=Contexts(count=tenants),
            period=_SECONDS_SHOWN,
        )
        trace = make_trace(sampled(rates, seed=1, progress=lambda _done: None), WarmContainers())
        for strategy, style, name in (("caching", "-", "caching CMM"), ("hierarchical", "--", "branch keys")):
            requests = model(strategy, trace, Limits()).kms_per_second
            by_second = dict(zip(requests.seconds, requests.counts, strict=True))
            found = [int(by_second.get(second, 0)) for second in range(_SECONDS_SHOWN)]
            label = f"{name}, {tenants:,} tenants"
            axis.plot(range(1, len(found) + 1), found, style, color=colour, label=label)
    quotas = sorted(set(TABLE.kms_requests_per_second.values()))[:2]
    for quota, above in zip(quotas, (-5, 4), strict=True):
        axis.axhline(quota, color=_BLACK, linewidth=0.8, linestyle=":")
        label, place = f"quota of some Regions: {quota:,}", (_SECONDS_SHOWN - 0.3, quota)
        va = "bottom" if above > 0 else "top"
        axis.annotate(label, place, (0, above), textcoords="offset points", ha="right", va=va, fontsize=9)
    axis.set_ylim(0, quotas[-1] * 1.15)
    axis.set_xlim(1, _SECONDS_SHOWN)
    axis.yaxis.set_major_formatter("{x:,.0f}")
    axis.set_xlabel("seconds after the start")
    axis.set_ylabel("KMS requests per second")
    picture.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=9)
    return picture

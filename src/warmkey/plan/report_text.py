"""A plan as text: the strategies side by side, the grid with its knee, and what follows from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.plan.advice import advice
from warmkey.plan.labels import STRATEGIES
from warmkey.plan.tables import grid_rows, side_by_side
from warmkey.plan.variables import variables

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from warmkey.plan.grid import Cell
    from warmkey.plan.plan import Plan, Planned

__all__ = ["as_text"]


def as_text(plan: Plan) -> str:
    """Return the plan in lines of text; no context label is in it."""
    return "\n".join(_lines(plan)) + "\n"


def _lines(plan: Plan) -> Iterator[str]:
    yield from heading(plan)
    yield ""
    yield from _table([("", *map(STRATEGIES.__getitem__, plan.strategies), "no cache"), *side_by_side(plan)])
    for name, planned in plan.strategies.items():
        if planned.modelled is not None:
            difference = planned.modelled.hit_ratio - planned.outcome.hit_ratio
            yield f"{STRATEGIES[name]}: the model's hit ratio differs by {difference:+.4f}"
        if planned.cells:
            yield ""
            yield from _grid(name, planned, plan)
        if planned.choice is not None:
            yield ""
            yield from _choice(name, planned.choice)
    yield ""
    yield from advice(plan)
    if plan.traffic.notes:
        yield ""
        yield from (f"note: {note}" for note in plan.traffic.notes)


def heading(plan: Plan) -> Iterator[str]:
    """Yield what the plan is made of."""
    traffic, request = plan.traffic, plan.request
    ignored = ", ".join(f"{count:,} {reason}" for reason, count in traffic.ignored.items()) or "none"
    yield traffic.about
    if traffic.rows:
        yield f"rows used: {traffic.rows:,}; rows ignored: {ignored}"
    limits = request.limits
    yield (
        f"method: {request.method}; max age {limits.max_age:g} s, jitter {limits.jitter:g}, {limits.max_messages:,} "
        f"messages, {limits.max_bytes:,} bytes, capacity {limits.capacity:,}; branch keys {limits.branch_key_ttl:g} s"
    )
    around = request.around
    yield f"prices and quotas of {around.prices.date}; KMS in {around.region}: {around.quota:,.0f} requests a second"
    if plan.observed is not None:
        yield from plan.observed.lines_of_text()


def _grid(name: str, planned: Planned, plan: Plan) -> Iterator[str]:
    title = STRATEGIES[name]
    yield f"{title}: KMS requests a month by limits (* knee: nine tenths of the possible savings; = this plan)"
    yield from _table(list(grid_rows(name, planned, plan.request.limits)))


def _choice(name: str, choice: Cell) -> Iterator[str]:
    yield (
        f"{STRATEGIES[name]} within the bounds: {choice.dollars:,.2f} dollars a month, hit ratio {choice.hit_ratio:.3f}"
    )
    yield from (f"{variable}={value}" for variable, value in variables(name, choice.limits).items())


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for first, *others in rows:
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()

"""The tables that the text and the page have in common, as rows of texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.plan.labels import ITEMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from warmkey.plan.grid import Cell
    from warmkey.plan.limits import Limits
    from warmkey.plan.plan import Plan, Planned

__all__ = ["grid_rows", "short", "side_by_side"]


# Rates count in fractions; what rounds to nothing is not shown.
_SHOWN = 0.01


def side_by_side(plan: Plan) -> Iterator[tuple[str, ...]]:
    """Yield a row for each figure: its name, its value for each strategy, and without a cache."""
    planned = list(plan.strategies.values())
    around = plan.request.around
    first = plan.first.outcome
    months = around.months_in(first.seconds)
    dollars = around.dollars_without_cache(first)

    def row(name: str, value: Callable[[Planned], str], without: str = "") -> tuple[str, ...]:
        return name, *map(value, planned), without

    if first.encrypt.messages:
        yield row("hit ratio, encrypt", lambda each: _ratio(each.outcome.encrypt.hit_ratio), "0.000")
    if first.decrypt.messages:
        yield row("hit ratio, decrypt", lambda each: _ratio(each.outcome.decrypt.hit_ratio), "0.000")
    yield row("KMS requests", lambda each: short(each.outcome.kms_requests), short(first.messages))
    for operation in ("encrypt", "decrypt"):
        yield from _reasons(plan, operation, row)
    yield row(
        "KMS requests a month", lambda each: short(each.outcome.kms_requests * months), short(first.messages * months)
    )
    yield row("DynamoDB reads a month", lambda each: short(each.outcome.dynamodb_requests * months), "0")
    for item in plan.first.bill.dollars_per_month:
        yield row(
            f"dollars a month, {ITEMS.get(item, item)}",
            lambda each, item=item: _dollars(each.bill.dollars_per_month[item]),  # type: ignore[misc]
            {"kms": _dollars(dollars), "total": _dollars(dollars)}.get(item, ""),
        )
    yield row("KMS requests, busiest second", lambda each: short(each.outcome.peak))
    yield row("  share of the quota", lambda each: _share(each.bill.quota_share_peak))
    yield row("KMS requests, busiest second if all start cold", lambda each: short(each.outcome.cold_start))
    yield row("  share of the quota", lambda each: _share(each.bill.quota_share_cold_start))
    yield row("messages under one data key", lambda each: short(each.outcome.max_messages_per_data_key), "1")
    yield row("bytes under one data key", lambda each: short(each.outcome.max_bytes_per_data_key))
    yield row("revocation takes effect after, seconds", lambda each: f"{each.bill.revocation_lag_seconds:g}", "0")
    yield row("entries in the fullest cache", lambda each: short(each.outcome.max_entries), "0")
    yield row("  memory, MB", lambda each: f"{each.bill.cache_bytes / 1e6:.1f}")


def _reasons(plan: Plan, operation: str, row: Callable[..., tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each reason of misses, bypasses and evictions that any strategy has."""
    for kind in ("misses", "bypasses", "evictions"):
        names = {
            reason: None
            for planned in plan.strategies.values()
            for reason, count in getattr(getattr(planned.outcome, operation), kind).items()
            if count >= _SHOWN
        }
        for reason in names:
            yield row(
                f"  {operation}, {kind}: {reason}",
                lambda each, reason=reason, kind=kind: short(
                    getattr(getattr(each.outcome, operation), kind).get(reason, 0)
                ),
            )


def grid_rows(strategy: str, planned: Planned, limits: Limits) -> Iterator[tuple[str, ...]]:
    """Yield the grid: a row for each lifetime and capacity, a column for each limit on messages."""
    cells = {(cell.lifetime, cell.limits.capacity, cell.limits.max_messages): cell for cell in planned.cells}
    messages = sorted({key[2] for key in cells})
    columns = [f"{number:,} messages" for number in messages] if strategy == "caching" else ["KMS requests"]
    yield "lifetime, s", "capacity", *columns
    for lifetime in sorted({key[0] for key in cells}):
        yield from _of_lifetime(lifetime, cells, messages, planned, limits)


def _of_lifetime(
    lifetime: float,
    cells: Mapping[tuple[float, int, int], Cell],
    messages: Sequence[int],
    planned: Planned,
    limits: Limits,
) -> Iterator[tuple[str, ...]]:
    """Yield a row for each capacity; one row for all from which on a larger capacity changes nothing."""
    capacities = sorted({capacity for age, capacity, _ in cells if age == lifetime})
    rows = {capacity: [cells[lifetime, capacity, number] for number in messages] for capacity in capacities}
    figures = {capacity: [cell.requests_per_month for cell in row] for capacity, row in rows.items()}
    last = next(capacity for capacity in capacities if figures[capacity] == figures[capacities[-1]])
    for capacity in capacities[: capacities.index(last) + 1]:
        same = capacities[capacities.index(last) :] if capacity == last else [capacity]
        texts = [
            f"{short(cell.requests_per_month)} {_marks([rows[other][number] for other in same], planned, limits)}"
            for number, cell in enumerate(rows[capacity])
        ]
        yield f"{lifetime:g}", f"{capacity:,}" + (" or more" if len(same) > 1 else ""), *texts


def _marks(cells: Sequence[Cell], planned: Planned, limits: Limits) -> str:
    """Return what marks the knee and the limits of the plan, if they are among *cells*."""
    is_knee = any(cell is planned.knee for cell in cells)
    return ("*" if is_knee else " ") + ("=" if any(cell.limits == limits for cell in cells) else " ")


def short(count: float) -> str:
    """Return a count with separators, or in millions and more where it is long."""
    if count >= 1e9:  # noqa: PLR2004 - a billion
        return f"{count / 1e9:,.2f} G"
    if count >= 1e7:  # noqa: PLR2004 - ten million
        return f"{count / 1e6:,.1f} M"
    return f"{count:,.0f}" if count >= 10 or float(count).is_integer() else f"{count:.2f}"  # noqa: PLR2004


def _ratio(value: float) -> str:
    return f"{value:.3f}"


def _dollars(value: float) -> str:
    return f"{value:,.2f}"


def _share(value: float) -> str:
    return f"{value:.2%}"

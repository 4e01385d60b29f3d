"""Compare many limits by the model: maximum age × messages × capacity, the knee, and what fits given bounds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from warmkey.plan.bill import Bill, bill
from warmkey.plan.errors import BadInput
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from warmkey.plan.bill import Surroundings
    from warmkey.plan.limits import Limits
    from warmkey.plan.outcome import Outcome

__all__ = ["AGES", "Bounds", "Cell", "chosen", "grid", "knee_of"]

AGES = (30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
_MESSAGES = (10, 100, 1_000, 10_000)
_CAPACITIES = (10, 100, 1_000)
# The knee has this share of what the largest limits save over the smallest.
_KNEE = 0.9
# Settings whose dollars differ by less are as good as each other.
_AS_CHEAP = 1.01


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What settings must keep to; ``None``: nothing.

    :ivar lag: seconds for which a revoked permission may go on working
    :ivar dollars: per month, in all
    :ivar keys_exposed: data keys, or branch keys, in the memory of one container at a time
    """

    lag: float | None = None
    dollars: float | None = None
    keys_exposed: int | None = None

    def __bool__(self) -> bool:
        return (self.lag, self.dollars, self.keys_exposed) != (None, None, None)


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One choice of limits, and what it does.

    :ivar lifetime: seconds that a key may be used for: the maximum age, or the branch keys' time to live
    """

    limits: Limits
    lifetime: float
    requests_per_month: float
    hit_ratio: float
    bill: Bill

    @property
    def dollars(self) -> float:
        """Return dollars per month, in all."""
        return self.bill.dollars_per_month["total"]


def grid(
    strategy: str,
    limits: Limits,
    around: Surroundings,
    outcome_of: Callable[[Limits], Outcome],
    *,
    bounds: Bounds,
    progress: Callable[[int], object],
) -> list[Cell]:
    """Return cells around *limits*, within *bounds* on lag and keys.

    :param outcome_of: the model
    :param progress: called with the number of cells done
    """
    cells: list[Cell] = []
    for largest, *smaller in _choices(strategy, limits, bounds):
        roomy = outcome_of(largest)
        for choice in (largest, *smaller):
            fits = roomy.max_entries <= choice.capacity
            outcome = roomy if choice is largest or fits else outcome_of(choice)
            cells.append(_cell(strategy, choice, outcome, around))
            progress(len(cells))
    return cells


def _cell(strategy: str, limits: Limits, outcome: Outcome, around: Surroundings) -> Cell:
    return Cell(
        limits=limits,
        lifetime=limits.lifetime(strategy),
        requests_per_month=outcome.kms_requests * around.months_in(outcome.seconds),
        hit_ratio=outcome.hit_ratio,
        bill=bill(strategy, outcome, limits, around),
    )


def _choices(strategy: str, limits: Limits, bounds: Bounds) -> Iterator[list[Limits]]:
    """Yield choices that differ in their capacity only, the largest first; those of the plan itself are among them."""
    capacities = [int(most) for most in reversed(_within([*_CAPACITIES, limits.capacity], bounds.keys_exposed))]
    if strategy == "hierarchical":
        for age in _within([*AGES, limits.branch_key_ttl], bounds.lag):
            yield [replace(limits, branch_key_ttl=age, capacity=capacity) for capacity in capacities]
        return
    for age in _within([*AGES, limits.max_age], bounds.lag):
        for messages in sorted({*_MESSAGES, limits.max_messages}):
            yield [replace(limits, max_age=age, max_messages=messages, capacity=capacity) for capacity in capacities]


def _within(values: Sequence[float], most: float | None) -> list[float]:
    """Return *values* up to *most*, and *most* itself."""
    if most is None:
        return sorted({*values})
    return sorted({most, *(value for value in values if value <= most)})


def knee_of(cells: Sequence[Cell]) -> Cell:
    """Return the smallest limits that save nine tenths of what the best of *cells* saves over the worst.

    The smallest lifetime counts first, then messages, then capacity: that is the order in which they expose.
    """
    worst, best = max(cell.requests_per_month for cell in cells), min(cell.requests_per_month for cell in cells)
    enough = worst - (worst - best) * _KNEE
    return min((cell for cell in cells if cell.requests_per_month <= enough), key=_exposure)


def _exposure(cell: Cell) -> tuple[float, int, int]:
    return cell.lifetime, cell.limits.max_messages, cell.limits.capacity


def chosen(cells: Sequence[Cell], bounds: Bounds) -> Cell:
    """Return the best of *cells* within *bounds*.

    With a bound on dollars, that is the one that exposes least of those that cost no more; without, the one that
    exposes least of the cheapest.

    :raises BadInput: none costs so little; says what the cheapest costs
    """
    cheapest = min(cell.dollars for cell in cells)
    most = cheapest * _AS_CHEAP if bounds.dollars is None else bounds.dollars
    if cheapest > most:
        raise BadInput(
            f"no settings within these bounds cost {most:,.2f} dollars a month or less; the cheapest cost "
            f"{cheapest:,.2f}. Raise --max-dollars, --max-lag or --max-keys-exposed"
        )
    return min((cell for cell in cells if cell.dollars <= most), key=_exposure)

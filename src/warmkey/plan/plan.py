"""Put a plan together: each strategy by replay, by the model or by both, its bill, and its grid."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from warmkey.plan.bill import Bill, bill
from warmkey.plan.grid import Bounds, Cell, chosen, grid, knee_of
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.plan.bill import Surroundings
    from warmkey.plan.limits import Limits
    from warmkey.plan.observed import Observed
    from warmkey.plan.outcome import Outcome
    from warmkey.plan.progress import Progress
    from warmkey.plan.traffic import Traffic

__all__ = ["Plan", "Planned", "Request", "make_plan"]

REPLAYED_BY_DEFAULT = 1_000_000


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked for.

    :ivar method: ``replay``, ``model`` or ``both``
    :ivar strategies: ``caching``, ``hierarchical``, or both of them
    """

    method: str
    strategies: Sequence[str]
    limits: Limits
    around: Surroundings
    bounds: Bounds = field(default_factory=Bounds)
    with_grid: bool = True


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One strategy.

    :ivar outcome: by replay, where there was one, else by the model
    :ivar modelled: by the model, if both were asked for
    :ivar knee: of the cells
    :ivar choice: the cell within the bounds, if there are any
    """

    outcome: Outcome
    bill: Bill
    modelled: Outcome | None = None
    cells: Sequence[Cell] = ()
    knee: Cell | None = None
    choice: Cell | None = None


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that is shown."""

    request: Request
    traffic: Traffic
    strategies: dict[str, Planned]
    observed: Observed | None = None

    @property
    def first(self) -> Planned:
        """Return the first strategy; the messages, and the time that they take, are the same for all."""
        return next(iter(self.strategies.values()))


def make_plan(traffic: Traffic, request: Request, progress: Progress, *, observed: Observed | None = None) -> Plan:
    """Return the plan for *traffic*.

    :raises BadInput: nothing is within the bounds
    """
    strategies = {name: _planned(name, traffic, request, progress) for name in request.strategies}
    progress.end()
    return Plan(request=request, traffic=traffic, strategies=strategies, observed=observed)


def _planned(strategy: str, traffic: Traffic, request: Request, progress: Progress) -> Planned:
    limits, around = request.limits, request.around
    progress.begin(f"modelling {strategy}")
    modelled = traffic.model(strategy, limits)
    outcome = modelled
    if request.method != "model":
        progress.begin(f"replaying {strategy}", len(traffic.trace or ()))
        outcome = traffic.replay(strategy, limits, modelled.cold_start, progress)
    cells: list[Cell] = []
    if request.with_grid or request.bounds:
        progress.begin(f"comparing settings of {strategy}")
        compared = traffic.for_grid()
        cells = grid(
            strategy,
            limits,
            around,
            lambda choice: compared.model(strategy, choice),
            bounds=request.bounds,
            progress=progress,
        )
    return Planned(
        outcome=outcome,
        bill=bill(strategy, outcome, limits, around),
        modelled=modelled if request.method == "both" else None,
        cells=cells,
        knee=knee_of(cells) if cells else None,
        choice=chosen(cells, request.bounds) if request.bounds else None,
    )

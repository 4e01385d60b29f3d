"""What a plan is made for, a trace or rates, behind the same three questions."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from warmkey.plan.containers import WarmContainers
from warmkey.plan.rates import sampled
from warmkey.plan.rates_model import model_of_rates
from warmkey.plan.replay import replay
from warmkey.plan.trace import make_trace
from warmkey.plan.trace_model import model

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from warmkey.plan.limits import Limits
    from warmkey.plan.outcome import Outcome
    from warmkey.plan.rates import Rates
    from warmkey.plan.trace import Trace

__all__ = ["RatesTraffic", "TraceTraffic", "Traffic"]


# As many rows as the cells of a grid are made from.
_ROWS_OF_A_GRID = 100_000


class Traffic(Protocol):
    """Messages to plan for."""

    @property
    def rows(self) -> int:
        """Return how many rows of a trace, or lines of logs, were used; 0 for rates."""

    @property
    def ignored(self) -> Mapping[str, int]:
        """Return how many rows or lines were passed over, by reason."""

    @property
    def notes(self) -> Sequence[str]:
        """Return what was repaired or assumed, in sentences."""

    @property
    def about(self) -> str:
        """Return in a line what this is."""

    @property
    def sizes(self) -> Mapping[str, float]:
        """Return how many containers and encryption contexts there are."""

    @property
    def trace(self) -> Trace | None:
        """Return the rows; ``None`` for rates."""

    def model(self, strategy: str, limits: Limits) -> Outcome:
        """Return what the model says."""

    def replay(self, strategy: str, limits: Limits, cold_start: float, progress: Callable[[int], object]) -> Outcome:
        """Return what the real cache does.

        :param cold_start: what the model says of a cold start, which no replay is needed for
        """

    def for_grid(self) -> Traffic:
        """Return what many models can be made of in a reasonable time."""


class TraceTraffic:
    """A trace."""

    def __init__(self, trace: Trace, source: str) -> None:
        self.trace = trace
        self.rows = len(trace)
        self.ignored = trace.ignored
        self.notes = [*trace.notes]
        self.sizes = {"containers": trace.container_count, "contexts": trace.context_count}
        self._source = source

    @property
    def about(self) -> str:
        """See :class:`Traffic`."""
        return (
            f"{self._source}; messages: {self.rows:,}, in {self.trace.seconds:,.0f} s; "
            f"containers: {self.sizes['containers']:,}; encryption contexts: {self.sizes['contexts']:,}"
        )

    def model(self, strategy: str, limits: Limits) -> Outcome:
        """See :class:`Traffic`."""
        return model(strategy, self.trace, limits)

    def replay(self, strategy: str, limits: Limits, cold_start: float, progress: Callable[[int], object]) -> Outcome:
        """See :class:`Traffic`."""
        return replay(strategy, self.trace, limits, cold_start=int(cold_start), progress=progress)

    def for_grid(self) -> TraceTraffic:
        """Return the first rows, and say so if these are not all."""
        if self.rows <= _ROWS_OF_A_GRID:
            return self
        note = f"settings are compared by the first {_ROWS_OF_A_GRID:,} rows"
        if note not in self.notes:
            self.notes.append(note)
        return TraceTraffic(self.trace.first(_ROWS_OF_A_GRID), self._source)


class RatesTraffic:
    """Rates. A replay of them makes a trace first.

    :param lines: of logs that they were found in
    :param ignored: lines that were passed over, by reason
    """

    trace: Trace | None = None

    def __init__(
        self,
        rates: Rates,
        notes: Sequence[str],
        *,
        seed: int,
        lines: int = 0,
        ignored: Mapping[str, int] = MappingProxyType({}),
        source: str = "rates",
    ) -> None:
        self.rates = rates
        self.notes = [*notes]
        self.rows = lines
        self.ignored = ignored
        self.sizes = {"containers": rates.containers + (rates.readers or 0), "contexts": rates.contexts.count}
        self._source = source
        self._seed = seed
        self._made: Trace | None = None

    @property
    def about(self) -> str:
        """See :class:`Traffic`."""
        rates = self.rates
        return (
            f"{self._source}; writes per second: {rates.writes_per_second:g}; reads per second: "
            f"{rates.reads_per_second:g}; containers: {self.sizes['containers']:,}; encryption contexts: "
            f"{rates.contexts.count:,}; for {rates.period:,g} s"
        )

    def model(self, strategy: str, limits: Limits) -> Outcome:
        """See :class:`Traffic`."""
        return model_of_rates(strategy, self.rates, limits)

    def replay(self, strategy: str, limits: Limits, cold_start: float, progress: Callable[[int], object]) -> Outcome:
        """See :class:`Traffic`.

        :raises BadInput: the trace would be too large
        """
        if self._made is None:
            self._made = make_trace(sampled(self.rates, seed=self._seed, progress=progress), WarmContainers())
            self.notes += self._made.notes
        return replay(strategy, self._made, limits, cold_start=int(cold_start), progress=progress)

    def for_grid(self) -> RatesTraffic:
        """See :class:`Traffic`."""
        return self

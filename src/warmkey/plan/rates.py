"""Traffic as rates: so many messages per second, spread over contexts and containers at random."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from warmkey.plan.errors import BadInput
from warmkey.plan.trace import Rows
from warmkey.safe_repr import safe_repr
from warmkey.validation import integer, number, seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from warmkey.plan.outcome import Numbers, Reals

__all__ = ["Contexts", "Rates", "sampled"]

# Contexts of higher ranks are so much alike that neighbours are taken together.
_RANKS_ALONE = 200
_GROUPS = 150
_MOST_SAMPLED = 2_000_000


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Contexts:
    """How messages are spread over encryption contexts.

    :ivar count: how many contexts there are
    :ivar exponent: of Zipf's law; 0: evenly
    """

    count: int = 1
    exponent: float = 0.0

    def __post_init__(self) -> None:
        integer("contexts", self.count, 1, 10**12)
        number("Zipf exponent", self.exponent, 0, 10)

    def shares(self) -> tuple[Reals, Reals]:
        """Return the shares of messages of single contexts, and how many contexts have each share."""
        if not self.exponent:
            return np.array([1 / self.count]), np.array([float(self.count)])
        edges = np.arange(1, min(self.count, _RANKS_ALONE) + 2, dtype=np.float64)
        if self.count > _RANKS_ALONE:
            more = np.geomspace(_RANKS_ALONE + 1, self.count + 1, _GROUPS)
            edges = np.concatenate([edges, np.unique(np.rint(more))[1:]])
        counts = np.diff(edges)
        weights = np.where(counts == 1, edges[:-1] ** -self.exponent * 1.0, self._mean_weights(edges))
        return weights / (weights * counts).sum(), counts

    def _mean_weights(self, edges: Reals) -> Reals:
        """Return the mean of rank ** -exponent over each group of ranks, by the integral over it."""
        low, high = edges[:-1] - 0.5, edges[1:] - 0.5
        power = 1 - self.exponent
        whole = np.log(high / low) if abs(power) < 1e-9 else (high**power - low**power) / power  # noqa: PLR2004
        return whole / (edges[1:] - edges[:-1])


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """What a fleet does, steadily.

    :ivar containers: warm containers at a time
    :ivar readers: of other containers that read; ``None``: the same ones
    :ivar length: bytes of a message
    :ivar container_lifetime: seconds until a container is replaced, on the mean
    :ivar read_window: reads are of messages that were written within so many seconds before, each as likely
    :ivar period: seconds to plan for
    :ivar branch_keys: how many branch keys there are; ``None``: one for each context
    :raises ConfigurationError: one can't be used
    """

    writes_per_second: float = 0.0
    reads_per_second: float = 0.0
    contexts: Contexts = Contexts()
    containers: int = 1
    readers: int | None = None
    length: int = 1024
    container_lifetime: float = 7200.0
    read_window: float = 3600.0
    period: float = 3600.0
    branch_keys: int | None = None

    def __post_init__(self) -> None:
        number("writes_per_second", self.writes_per_second, 0, 1e12)
        number("reads_per_second", self.reads_per_second, 0, 1e12)
        if not self.writes_per_second + self.reads_per_second:
            raise BadInput("--writes-per-second or --reads-per-second must be greater than 0")
        integer("containers", self.containers, 1, 10**9)
        if self.readers is not None:
            integer("readers", self.readers, 1, 10**9)
        integer("bytes", self.length, 0, 2**50)
        for name in ("container_lifetime", "read_window", "period"):
            seconds(name, getattr(self, name))
        if self.branch_keys is not None:
            integer("branch_keys", self.branch_keys, 1, self.contexts.count)


def sampled(rates: Rates, *, seed: int, progress: Callable[[int], object]) -> Rows:
    """Return a made trace of *rates*: messages at random times, in containers that are replaced at random.

    It begins with empty caches, so the first maximum age has more misses than the steady state that the model knows.

    :raises BadInput: it would have too many rows
    """
    each_second = rates.writes_per_second + rates.reads_per_second
    count = round(each_second * rates.period)
    if not 0 < count <= _MOST_SAMPLED:
        raise BadInput(
            f"a replay of these rates would take {count:,} rows, and 1 to {_MOST_SAMPLED:,} are possible; give a "
            "--period that fits, or use --method model"
        )
    random = np.random.default_rng(seed)
    moments = np.sort(random.random(count)) * rates.period
    decrypts = random.random(count) * each_second >= rates.writes_per_second
    contexts = _drawn(rates.contexts, random.random(count))
    containers = np.floor(
        random.random(count) * np.where(decrypts & (rates.readers is not None), rates.readers or 1, rates.containers)
    )
    containers = containers.astype(np.int64) + np.where(decrypts & (rates.readers is not None), rates.containers, 0)
    progress(count)
    written, contexts = _messages_read(moments, decrypts, contexts, rates.read_window, random.random(count))
    return Rows(
        nanoseconds=(moments * 1e9).astype(np.int64),
        decrypts=decrypts,
        contexts=contexts,
        lengths=np.full(count, rates.length, np.int64),
        context_labels=[f"context {number}" for number in range(int(contexts.max()) + 1)],
        containers=_replaced(containers, moments, rates, random),
        messages=written,
        branch_keys=None if rates.branch_keys is None else contexts % rates.branch_keys,
        notes=[f"a trace of {count:,} rows was made from the rates, with seed {seed}"],
    )


def _drawn(contexts: Contexts, chances: Reals) -> Numbers:
    """Return the context of each message."""
    if not contexts.exponent:
        return np.floor(chances * contexts.count).astype(np.int64)
    shares, counts = contexts.shares()
    sums = np.cumsum(shares * counts)
    group = np.minimum(np.searchsorted(sums, chances, side="right"), len(sums) - 1)
    first = np.concatenate([[0.0], np.cumsum(counts)])[group]
    within = (chances - np.concatenate([[0.0], sums])[group]) / (shares * counts)[group]
    rank: Reals = first + np.floor(np.clip(within, 0, 1 - 1e-12) * counts[group])
    return rank.astype(np.int64)


def _messages_read(
    moments: Reals, decrypts: np.ndarray, contexts: Numbers, window: float, chances: Reals
) -> tuple[Numbers, Numbers]:
    """Return which message each row writes or reads, and the context that it then has."""
    writers = np.flatnonzero(~decrypts)
    messages = np.arange(len(moments))
    if len(writers):
        times = moments[writers]
        reading = np.flatnonzero(decrypts)
        low = np.searchsorted(times, moments[reading] - window)
        high = np.searchsorted(times, moments[reading])
        found = low + np.floor(chances[reading] * (high - low)).astype(np.int64)
        some = high > low
        contexts[reading[some]] = contexts[writers[found[some]]]
        messages[reading[some]] = writers[found[some]]
    return messages, contexts


def _replaced(containers: Numbers, moments: Reals, rates: Rates, random: np.random.Generator) -> Numbers:
    """Return containers that are replaced by new ones, each at moments of its own."""
    most = int(containers.max()) + 1
    ends_each = random.poisson(rates.period / rates.container_lifetime, most)
    owner = np.repeat(np.arange(most), ends_each)
    ends = np.sort(random.random(len(owner))) * rates.period
    owner = random.permutation(owner)
    order = np.lexsort((ends, owner))
    span = rates.period + 1
    passed = np.searchsorted(owner[order] * span + ends[order], containers * span + moments, side="right")
    before = np.searchsorted(owner[order], containers)
    generation = passed - before
    _, numbers = np.unique(containers * (int(generation.max()) + 1) + generation, return_inverse=True)
    return numbers.astype(np.int64)

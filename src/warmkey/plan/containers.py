"""Assign requests to containers as Lambda does: the most recently used one that is free, or a new one."""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from warmkey.safe_repr import safe_repr
from warmkey.validation import number, seconds

if TYPE_CHECKING:
    from warmkey.plan.outcome import Numbers

__all__ = ["WarmContainers", "assigned"]


@safe_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class WarmContainers:
    """What is assumed of the containers of a trace that does not name them.

    :ivar request_seconds: how long a request keeps its container, if the trace does not say
    :ivar idle_seconds: how long a container without a request stays warm
    :raises ConfigurationError: one can't be used
    """

    request_seconds: float = 0.1
    idle_seconds: float = 600.0

    def __post_init__(self) -> None:
        number("request_seconds", self.request_seconds, 0, 900)
        seconds("idle_seconds", self.idle_seconds)

    def note(self, count: int, *, durations_given: bool) -> str:
        """Say what was assumed."""
        busy = "as long as the trace says" if durations_given else f"{self.request_seconds:g} s"
        return (
            f"the trace names no containers; assumed: {count:,}, each busy with a request for {busy}, the most "
            f"recently used one first, warm for {self.idle_seconds:g} s without a request"
        )


class _Pool:
    """The containers of one function: busy ones by when they become free, free ones with the most recent last."""

    __slots__ = ("_busy", "_free")

    def __init__(self) -> None:
        self._busy: list[tuple[int, int]] = []
        self._free: list[tuple[int, int]] = []

    def take(self, now: int, idle: int) -> int | None:
        """Return a free container that is still warm, or ``None``."""
        while self._busy and self._busy[0][0] <= now:
            self._free.append(heapq.heappop(self._busy))
        if self._free and self._free[-1][0] + idle > now:
            return self._free.pop()[1]
        self._free.clear()  # the most recent one is too old, so all of them are
        return None

    def occupy(self, container: int, until: int) -> None:
        """Keep *container* busy."""
        heapq.heappush(self._busy, (until, container))


def assigned(
    nanoseconds: Numbers, warm: WarmContainers, *, functions: Numbers | None = None, durations: Numbers | None = None
) -> Numbers:
    """Return the number of the container for each request; requests are in order of time.

    :param functions: the number of the function of each request; functions share no containers
    :param durations: nanoseconds that each request takes
    """
    idle, usual = round(warm.idle_seconds * 1e9), round(warm.request_seconds * 1e9)
    pools: dict[int, _Pool] = {}
    found, born = [], 0
    requests = zip(
        nanoseconds.tolist(),
        repeat(0) if functions is None else functions.tolist(),
        repeat(usual) if durations is None else durations.tolist(),
        strict=False,
    )
    for now, function, duration in requests:
        pool = pools.get(function)
        if pool is None:
            pool = pools[function] = _Pool()
        container = pool.take(now, idle)
        if container is None:
            container, born = born, born + 1
        pool.occupy(container, now + duration)
        found.append(container)
    return np.array(found, np.int64)

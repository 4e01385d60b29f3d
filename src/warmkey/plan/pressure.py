"""What happens to a cache that is smaller than the entries in use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from warmkey.plan.lifetimes import STAYS
from warmkey.plan.stack_distances import NEVER, distances, used_afterwards
from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey.plan.lifetimes import Entries, Fetches
    from warmkey.plan.outcome import Flags, Numbers

__all__ = ["Place", "Pressure", "entries_at", "fullest"]


@safe_repr
@dataclass(frozen=True, slots=True)
class Place:
    """The entries of one kind in all caches, and the keys in them.

    :ivar containers: of each position of *entries*
    :ivar expiries: for each position, when a key that was fetched here becomes too old
    """

    entries: Entries
    containers: Numbers
    expiries: Numbers
    fetches: Fetches

    @property
    def fetching_rows(self) -> Numbers:
        """Return the rows of the trace that fetch a key."""
        return self.entries.rows[self.fetches.positions]


def fullest(places: Sequence[Place], moments: Numbers, container_count: int) -> Numbers:
    """Return for each container how many entries its cache has when it has most, with room for all."""
    changes, moment, cache = _changes(places, moments)
    order = np.lexsort((changes, moment, cache))  # at the same moment, what ends makes room for what starts
    running = np.cumsum(changes[order])  # it is 0 again at the end of each container
    found = np.zeros(container_count, np.int64)
    np.maximum.at(found, cache[order], running)
    return found


def entries_at(places: Sequence[Place], moments: Numbers, containers: Numbers, at: Numbers) -> Numbers:
    """Return how many entries the cache of each of *containers* has right before the moment *at*, with room for all."""
    changes, moment, cache = (
        np.concatenate([column, asked])
        for column, asked in zip(_changes(places, moments), (np.zeros_like(at), at, containers), strict=True)
    )
    order = np.lexsort((changes, moment, cache))
    running = np.empty(len(order), np.int64)
    running[order] = np.cumsum(changes[order])
    return running[len(running) - len(at) :]


def _changes(places: Sequence[Place], moments: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """Return by how much the entries of a cache change, when, and of which container."""
    starts, ends, containers = (
        np.concatenate(column) for column in zip(*(_intervals(place, moments) for place in places), strict=True)
    )
    return (
        np.repeat([-1, 1], len(starts)),
        np.concatenate([ends, starts]),
        np.concatenate([containers, containers]),
    )


def _intervals(place: Place, moments: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    positions = place.fetches.positions
    rows = np.append(place.entries.rows, 0)
    until = np.where(
        place.fetches.successors < len(place.entries.rows),
        moments[rows[place.fetches.successors]],
        STAYS,
    )
    return (
        moments[place.entries.rows[positions]],
        np.minimum(place.expiries[positions], until),
        place.containers[positions],
    )


@safe_repr
@dataclass(frozen=True, slots=True)
class Pressure:
    """The accesses to caches that are too small, one cache after the other, in order of time.

    :ivar positions: of each access, in the positions of all places one after the other
    :ivar since: when each access's entry was used before
    :ivar until: when the access happens
    :ivar distances: how many other entries were used in between; ``NEVER`` for the first of an entry
    :ivar afterwards: how many were used after the last access of an entry; -1 for other accesses
    :ivar pressed: the containers of these caches
    :ivar sizes: how many positions each place has
    """

    positions: Numbers
    since: Numbers
    until: Numbers
    distances: Numbers
    afterwards: Numbers
    pressed: Numbers
    sizes: Sequence[int]

    @classmethod
    def on(cls, places: Sequence[Place], moments: Numbers, pressed: Numbers) -> Pressure:
        """Look at the accesses of all *places* to the caches of the containers *pressed*.

        At the same row, the entry of an earlier place is used first.
        """
        offsets = np.cumsum([0, *(place.entries.count for place in places)])
        rows = np.concatenate([place.entries.rows for place in places])
        containers = np.concatenate([place.containers for place in places])
        identifiers = np.concatenate(
            [place.entries.places + offset for place, offset in zip(places, offsets, strict=False)]
        )
        order = np.lexsort((rows, containers))
        order = order[np.isin(containers[order], pressed)]
        used, until = identifiers[order], moments[rows[order]]
        again = distances(used)
        return cls(
            positions=order,
            since=_moment_before(used, until),
            until=until,
            distances=again,
            afterwards=used_afterwards(used, containers[order]),
            pressed=pressed,
            sizes=[len(place.entries.rows) for place in places],
        )

    def gone_at(self, capacity: int) -> list[Numbers]:
        """Return for each place and position when its entry was evicted before it was used, or ``STAYS``."""
        found = np.full(sum(self.sizes), STAYS, np.int64)
        gone, waits = self._waits(capacity)
        found[self.positions[gone]] = self.since[gone] + waits
        return np.split(found, np.cumsum(self.sizes)[:-1])

    def left_at(self, capacity: int) -> list[Numbers]:
        """Return for each place and position when the entry was evicted that nobody used afterwards, or ``STAYS``.

        How long that took is the mean of all entries that were used again too late.
        """
        _, waits = self._waits(capacity)
        wait = int(waits.mean()) if len(waits) else 0
        found = np.full(sum(self.sizes), STAYS, np.int64)
        found[self.positions] = np.where(self.afterwards >= capacity, self.until + wait, STAYS)
        return np.split(found, np.cumsum(self.sizes)[:-1])

    def _waits(self, capacity: int) -> tuple[Flags, Numbers]:
        """Return which accesses came too late, and how long after its last use each found entry had been evicted."""
        gone = (self.distances >= capacity) & (self.distances != NEVER)
        share = capacity / np.maximum(self.distances[gone], 1)
        return gone, ((self.until - self.since)[gone] * share).astype(np.int64)


def _moment_before(identifiers: Numbers, moments: Numbers) -> Numbers:
    order = np.argsort(identifiers, kind="stable")
    found = np.zeros(len(order), np.int64)
    found[order[1:]] = moments[order[:-1]]
    return found

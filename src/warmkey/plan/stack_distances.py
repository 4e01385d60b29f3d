"""How many other entries of a cache were used since an entry was used: if as many as it holds, the entry was evicted.

This is the stack distance of Mattson and others. For an access *i* whose entry was used before at *p*, it is the number
of accesses *j* between them whose own entry was used before at *p* or earlier: each of those is the first of its entry
in between. Every access up to *p* has that property too, so it is also the number of all *j* before *i* whose previous
access is before *p*, less *p* + 1. That is a count of smaller numbers to the left, made bit by bit for all accesses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from warmkey.plan.outcome import Numbers

__all__ = ["NEVER", "distances", "used_afterwards"]

# Of an access that is the first of its entry.
NEVER = np.iinfo(np.int64).max


def distances(identifiers: Numbers) -> Numbers:
    """Return the stack distance of each access; accesses are in order of time, one cache after the other.

    :param identifiers: of entries; each is in one cache only
    """
    previous = _previous(identifiers)
    found = np.full(len(identifiers), NEVER, np.int64)
    again = previous >= 0
    found[again] = (_smaller_before(previous) - (previous + 1))[again]
    return found


def _previous(identifiers: Numbers) -> Numbers:
    """Return for each access where the same entry was used before, or -1."""
    order = np.argsort(identifiers, kind="stable")
    found = np.full(len(order), -1, np.int64)
    same = identifiers[order][1:] == identifiers[order][:-1]
    found[order[1:][same]] = order[:-1][same]
    return found


def _smaller_before(numbers: Numbers) -> Numbers:
    """Return for each of *numbers* how many before it are smaller, or equal.

    Elements are sorted from the highest bit of their rank to the lowest. At each bit, what is smaller than an element
    and differs from it in that bit for the first time is in the same node, before it, and has a 0 where it has a 1.
    """
    count = len(numbers)
    order = np.argsort(numbers, kind="stable")
    ranks = np.empty(count, np.int64)
    ranks[order] = np.arange(count)
    found = np.zeros(count, np.int64)
    elements = np.arange(count)
    for bit in reversed(range(max(count - 1, 0).bit_length())):
        rank = ranks[elements]
        is_one = (rank >> bit & 1).astype(np.bool_)
        node = (rank >> (bit + 1)) << (bit + 1)  # its first rank, which is also where it begins
        zeros = np.cumsum(~is_one)
        zeros_before = np.append(0, zeros)
        in_node = zeros_before[:-1] - zeros_before[node]
        found[elements[is_one]] += in_node[is_one]
        positions = np.where(is_one, node + (1 << bit) + np.arange(count) - node - in_node, node + in_node)
        moved = np.empty(count, np.int64)
        moved[positions] = elements
        elements = moved
    return found


def used_afterwards(identifiers: Numbers, caches: Numbers) -> Numbers:
    """Return for each access that is the last of its entry how many entries of its cache were used after it; else -1.

    :param caches: the number of the cache of each access; those of one cache are together
    """
    count = len(identifiers)
    order = np.argsort(identifiers[::-1], kind="stable")
    latest = np.zeros(count, np.bool_)
    reverse = identifiers[::-1][order]
    first = np.ones(count, np.bool_)
    first[1:] = reverse[1:] != reverse[:-1]
    latest[count - 1 - order[first]] = True
    running = np.cumsum(latest)
    ends = np.searchsorted(caches, caches, side="right") - 1
    return np.where(latest, running[ends] - running, -1)

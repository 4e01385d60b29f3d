"""Stack distances are those that one counts by hand."""

from __future__ import annotations

import numpy as np

from warmkey.plan.stack_distances import NEVER, distances, used_afterwards


def test_the_distance_is_the_number_of_other_entries_since_an_entry_was_used() -> None:
    a, b, c = range(3)

    assert distances(np.array([a, b, a, c, b, b, a])).tolist() == [NEVER, NEVER, 1, NEVER, 2, 0, 2]


def test_entries_used_afterwards_are_counted_at_the_last_use_and_within_the_cache() -> None:
    a, b, c, d, e = range(5)
    identifiers = np.array([a, b, a, c, b, a, d, e])
    caches = np.array([0, 0, 0, 0, 0, 0, 1, 1])

    assert used_afterwards(identifiers, caches).tolist() == [-1, -1, -1, 2, 1, 0, 1, 0]

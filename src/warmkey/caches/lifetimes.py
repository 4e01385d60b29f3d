"""From when until when cache entries may be used, by both clocks, and what is said of one that was evicted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TypeAlias

    from warmkey.caches.interface import CacheEntry
    from warmkey.clock import Instant
    from warmkey.events import Event, EvictionReason

    # From ... on and before ..., by the monotonic clock and by the wall clock.
    Span: TypeAlias = tuple[float, float, float, float]

__all__ = ["ALWAYS", "Span", "eviction", "narrowed"]

ALWAYS: Span = (-math.inf, math.inf, -math.inf, math.inf)


def narrowed(span: Span, entry: CacheEntry) -> Span:
    """Return as much of *span* as *entry* is neither expired in nor from the future."""
    since, until, since_wall, until_wall = span
    monotonic, wall = entry.created
    return (
        max(since, monotonic),
        min(until, monotonic + entry.time_to_live),
        max(since_wall, wall),
        min(until_wall, wall + entry.time_to_live),
    )


def eviction(entry: CacheEntry, reason: EvictionReason, now: Instant) -> Event:
    """Return what is told of *entry*, which was evicted *now* for *reason*."""
    by_clocks = (now.monotonic - entry.created.monotonic, now.wall - entry.created.wall)
    return entry.eviction(reason, max(0.0, *by_clocks), entry.messages, entry.plaintext_bytes)

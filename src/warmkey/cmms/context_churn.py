"""Notices that caching can't work because an encryption context key changes with every message.

A data key is reused only for exactly the same context, so a request ID or timestamp in it makes every request a miss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from warmkey.events import EvictionReason
from warmkey.fork_safety import register
from warmkey.locks import new_lock

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ContextChurn"]

MISSES_BEFORE_WARNING = 50


class ContextChurn:
    """Watches misses that have no hit between them. Keeps hashes of values, never values."""

    _misses: int

    def __init__(self) -> None:
        self.reset()
        register(self)

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Start over, whatever the *reason*: the hashes are of values that a copy may not know."""
        del reason
        self._hits: int | None = None  # so the next miss begins a series
        self._values: dict[str, set[int]] = {}
        self._told = False
        self._lock = new_lock()  # a signal handler may encrypt

    def missed(self, context: Mapping[str, str], *, hits: int) -> str | None:
        """Count a miss, and return the key to warn of, once, or ``None``; *hits* is how many there have been."""
        if self._told:
            return None
        with self._lock:
            return self._count(context, hits)

    def _count(self, context: Mapping[str, str], hits: int) -> str | None:
        if hits != self._hits:
            self._hits, self._misses, self._values = hits, 0, {}
        self._misses += 1
        values = self._values
        for key, value in context.items():
            values.setdefault(key, set()).add(hash(value))
        if self._misses < MISSES_BEFORE_WARNING:
            return None
        changing = sorted(key for key, different in dict(values).items() if len(different) == self._misses)
        self._misses, self._values = 0, {}
        self._told = bool(changing)
        return changing[0] if changing else None

"""Remember results within bounds, by the whole of what they were made from.

What a container does again and again is worth remembering: checking an encryption context, parsing the long part of a
header, working out a cache entry identifier. Each is a subclass of :class:`Memo` with a
``__missing__`` of its own or a caller that puts results in.

What is remembered came from callers and messages. So a memo is bounded in number and in bytes, large items are not
kept at all, nothing is kept while a snapshot is ahead, and a copy of the process starts with an empty one.
"""

from __future__ import annotations

from collections import deque
from sys import getsizeof
from typing import TypeVar

from warmkey.events import EvictionReason
from warmkey.fork_safety import register, snapshot_is_ahead
from warmkey.locks import new_lock

__all__ = ["MAX_BYTES", "Memo"]

# What one memo may take, all its items together. A function may have no more than 128 MB.
MAX_BYTES = 2**20

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Memo(dict[_Key, _Value]):
    """Looks up as quickly as a dictionary, because it is one; :meth:`keep` forgets the oldest where it must.

    The key has to be the whole input, never a digest or a part of it: equal keys then mean equal results.

    :param max_items: how many items are kept
    :param max_item_bytes: what an item may take, key and value together
    """

    def __init__(self, *, max_items: int, max_item_bytes: int) -> None:
        super().__init__()
        self._max_items = max_items
        self._max_item_bytes = max_item_bytes
        self._oldest_first: deque[tuple[_Key, int]] = deque()
        self._bytes = 0
        self.reset()
        register(self)

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Forget everything: contexts and encrypted data keys are not for a copy."""
        if reason is EvictionReason.FORK:
            self._lock = new_lock()  # a signal handler may come here while its own thread holds it
        with self._lock:
            self.clear()
            self._oldest_first.clear()
            self._bytes = 0

    def keep(self, key: _Key, value: _Value) -> None:
        """Remember *value*, unless the item is too large or a snapshot is ahead."""
        size = _size_of((key, value), enough=self._max_item_bytes)
        if size > self._max_item_bytes or snapshot_is_ahead():
            return
        with self._lock:
            if key in self:
                return
            # In this order, an exception in between (a signal's) may count too much and never too little.
            self._bytes += size
            self._oldest_first.append((key, size))
            self[key] = value
            while len(self._oldest_first) > self._max_items or self._bytes > MAX_BYTES:
                oldest, its_size = self._oldest_first.popleft()
                self.pop(oldest, None)
                self._bytes = self._bytes - its_size if self._oldest_first else 0


def _size_of(thing: object, *, enough: int) -> int:
    """Return how many bytes *thing* takes with all that it holds, or a number over *enough*.

    What is held twice counts twice.
    """
    size = 0
    pending = [thing]
    while pending and size <= enough:
        held = pending.pop()
        size += getsizeof(held)
        if isinstance(held, tuple):
            pending += held
        elif isinstance(held, dict):
            pending += (*held, *held.values())
        pending += (getattr(held, name, None) for name in getattr(type(held), "__slots__", ()))
    return size

"""The books of a caching CMM: how each request ended."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from dataclasses import field
from typing import TYPE_CHECKING

from warmkey.events import BypassReason, EvictionReason, MissReason, Operation
from warmkey.fork_safety import notice_fork, register
from warmkey.records import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Counters", "OperationStatistics"]


class OperationStatistics(Record):
    """How the requests of one operation ended; each is in exactly one of these counts."""

    hits: int = 0
    coalesced: int = 0
    misses: Mapping[MissReason, int] = field(default_factory=dict)
    bypasses: Mapping[BypassReason, int] = field(default_factory=dict)
    failures: int = 0

    @property
    def requests(self) -> int:
        """All of them."""
        return self.hits + self.coalesced + self.calls + self.failures

    @property
    def calls(self) -> int:
        """Requests that the underlying CMM answered: misses and bypasses."""
        return sum(self.misses.values()) + sum(self.bypasses.values())


class HitCounter:
    """Counts from many threads without a lock, which would cost 0.2 µs on every hit.

    ``next`` on an ``itertools.count`` is one step that no other thread can come between; what it counted to stands
    in its ``repr``, on every version of Python.
    """

    __slots__ = ("_counter", "add")

    def __init__(self) -> None:
        self._counter = itertools.count()
        self.add = self._counter.__next__

    def total(self) -> int:
        """How often :meth:`add` was called."""
        return int(repr(self._counter).removeprefix("count(").removesuffix(")"))


class Counters:
    """Counts, safe for threads.

    :ivar encrypt_hits: encrypt requests that a cached entry served
    :ivar decrypt_hits: decrypt requests that a cached entry served

    A forked child and a restored snapshot start at zero.
    """

    def __init__(self) -> None:
        self.reset()
        register(self)

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """A copy's books are its own, whatever the *reason*."""
        del reason
        self._lock = threading.Lock()
        self.encrypt_hits = HitCounter()
        self.decrypt_hits = HitCounter()
        self._others: Counter[tuple[Operation, object]] = Counter()

    def hit(self, operation: Operation) -> None:
        """A cached entry served the request."""
        (self.encrypt_hits if operation is Operation.ENCRYPT else self.decrypt_hits).add()

    def count(self, operation: Operation, outcome: object) -> None:
        """*outcome* is a MissReason, a BypassReason, ``"coalesced"`` or ``"failed"``."""
        notice_fork()
        with self._lock:
            self._others[operation, outcome] += 1

    def of(self, operation: Operation) -> OperationStatistics:
        """What has been counted for *operation* so far."""
        operation = Operation(operation)  # its text too: "encrypt" must not be mistaken for the other one
        with self._lock:
            others = {outcome: count for (kind, outcome), count in self._others.items() if kind is operation}
        hits = self.encrypt_hits if operation is Operation.ENCRYPT else self.decrypt_hits
        return OperationStatistics(
            hits=hits.total(),
            coalesced=others.get("coalesced", 0),
            misses={reason: count for reason, count in others.items() if isinstance(reason, MissReason)},
            bypasses={reason: count for reason, count in others.items() if isinstance(reason, BypassReason)},
            failures=others.get("failed", 0),
        )

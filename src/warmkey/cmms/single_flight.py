"""Single flight: threads that need the same materials at the same time make one call.

The first to come for a key leads: it calls, everyone else boards as a waiter and waits. When the leader has the
materials it closes the flight, serves the waiters and lands. Nobody waits for a flight of another key.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Generic, TypeVar

from warmkey.events import EvictionReason
from warmkey.fork_safety import notice_fork, register

if TYPE_CHECKING:
    from collections.abc import Hashable

__all__ = ["Flight", "Flights", "Waiter"]

_Served = TypeVar("_Served")


class Waiter(Generic[_Served]):
    """A waiting request. ``served`` is what the leader gave it, or ``None``: then it has to start over."""

    __slots__ = ("plaintext_length", "served")

    def __init__(self, plaintext_length: int) -> None:
        self.plaintext_length = plaintext_length
        self.served: _Served | None = None


class Flight(Generic[_Served]):
    """One call and those who wait for it.

    :ivar error: why the call failed, for every waiter
    :ivar not_shareable: the call's result may serve its leader only; waiters call for themselves
    """

    __slots__ = ("_closed", "_landed", "_leader", "_lock", "_waiters", "error", "not_shareable")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._landed = threading.Event()
        self._leader = threading.get_ident()
        self._closed = False
        self._waiters: list[Waiter[_Served]] = []
        self.error: Exception | None = None
        self.not_shareable = False

    def is_mine(self) -> bool:
        """Whether this thread leads: a subscriber or keyring that came back here must not wait for itself."""
        return self._leader == threading.get_ident()

    def add_waiter(self, waiter: Waiter[_Served]) -> None:
        """Be served when the leader has what it went for; who is late only waits."""
        with self._lock:
            if not self._closed:
                self._waiters.append(waiter)

    def close(self) -> list[Waiter[_Served]]:
        """Nobody boards from here on; who did, in order."""
        with self._lock:
            self._closed = True
            return self._waiters

    def wait(self, timeout_seconds: float) -> bool:
        """Whether the flight landed in time."""
        return self._landed.wait(timeout_seconds)

    def finish(self) -> None:
        """Wake everybody who waits."""
        self._landed.set()


class Flights(Generic[_Served]):
    """The flights that are under way, by key."""

    def __init__(self) -> None:
        self.reset()
        register(self)

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """In a forked child the leaders are gone; into a snapshot nobody flies."""
        del reason
        self._lock = threading.Lock()
        self._under_way: dict[Hashable, Flight[_Served]] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def join(self, key: Hashable, waiter: Waiter[_Served] | None = None) -> tuple[Flight[_Served], bool]:
        """The flight for *key*, and whether the caller leads it (and must call :meth:`finish`).

        Whoever gives no *waiter* wants to lead or not to fly at all.
        """
        notice_fork()
        with self._lock:
            flight = self._under_way.get(key)
            if flight is None:
                flight = self._under_way[key] = Flight()
                return flight, True
            if waiter is not None and not flight.is_mine():
                flight.add_waiter(waiter)
            return flight, False

    def finish(self, key: Hashable, flight: Flight[_Served]) -> None:
        """The leader is done, with a result or an error."""
        with self._lock:
            if self._under_way.get(key) is flight:
                del self._under_way[key]
        flight.close()
        flight.finish()

"""Single flight: threads that need the same materials at the same time make one call.

The first to come for a key leads: it calls, and others become its waiters, as many as one data key may serve. Whoever
finds the flight full leads another one at once, so nobody queues behind calls that can't serve it. When the leader has
the materials it closes the flight, serves its waiters and finishes. Nobody waits for a flight of another key.

A flight lasts as long as its leader's request. The request's :class:`Waiter` is made before the flight is published
and :meth:`Flights.leave` runs in ``finally``, so an exception by signal at any point ends the flight too. If even that
was interrupted, the flight is dead: its leader's waiter is gone with the frame that held it. The next request of that
key replaces a dead flight, and whoever waits for one starts over after its time-out.

Each waits for a lock of its own, and not for one ``threading.Event``, which is written in Python over another lock: an
exception by signal in the middle of it would leave that lock held, and everybody else waiting for ever.

A thread that holds a lock of this package never waits, because the leader may need that lock (see
:mod:`warmkey.locks`): a signal handler or finalizer that comes in the middle of something leads a flight of its own.
"""

from __future__ import annotations

import threading
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Generic, TypeVar

from warmkey.cmms.limits import UNLIMITED
from warmkey.events import EvictionReason
from warmkey.fork_safety import register
from warmkey.locks import holds_lock, is_held, new_lock

if TYPE_CHECKING:
    from collections.abc import Hashable

    from warmkey.cmms.limits import Quota

__all__ = ["Flight", "Flights", "Waiter"]

_Served = TypeVar("_Served")


class Waiter(Generic[_Served]):
    """A request that needs materials, whether it leads a flight or waits for one.

    :ivar plaintext_length: what it will use of a data key's byte limit
    :ivar boards: whether it wants to be served by another's flight
    :ivar leads: the flight that it leads, if any
    :ivar served: what the leader of another flight gave it, or ``None``: then it has to start over
    """

    __slots__ = ("__weakref__", "boards", "leads", "plaintext_length", "served")

    def __init__(self, plaintext_length: int, *, boards: bool = True) -> None:
        self.plaintext_length = plaintext_length
        self.boards = boards
        self.leads: Flight[_Served] | None = None
        self.served: _Served | None = None


class Flight(Generic[_Served]):
    """One call and those who wait for it.

    :ivar error: why the call failed, for every waiter
    :ivar not_shareable: the call's result may serve its leader only; waiters call for themselves
    """

    __slots__ = (
        "_closed",
        "_finished",
        "_leader",
        "_left",
        "_thread",
        "_waiters",
        "_waiting",
        "error",
        "not_shareable",
    )

    def __init__(self, leader: Waiter[_Served], quota: Quota) -> None:
        self._leader = weakref.ref(leader)
        self._thread = threading.get_ident()
        self._left = (quota.messages - 1, quota.plaintext_bytes - leader.plaintext_length)
        self._finished = False
        self._waiting: list[threading.Lock] = []
        self._closed = False
        self._waiters: list[Waiter[_Served]] = []
        self.error: Exception | None = None
        self.not_shareable = False

    def is_led(self) -> bool:
        """Return whether the request that leads this flight is still being served."""
        return self._leader() is not None

    def is_mine(self) -> bool:
        """Return whether this thread leads: a subscriber or keyring that came back here must not wait for itself."""
        return self._thread == threading.get_ident() and self.is_led()

    def takes(self, waiter: Waiter[_Served], *, may_wait: bool) -> bool:
        """Add *waiter*, if the data key can serve it too, and return whether it is not to lead a flight of its own.

        Once the flight is closed a waiter is not served any more, but what it needs will be in the cache in a moment.
        """
        if not waiter.boards or self.is_mine():
            return True
        if self._closed or not may_wait:
            return may_wait
        messages, plaintext_bytes = self._left
        if messages < 1 or plaintext_bytes < waiter.plaintext_length:
            return False
        self._left = (messages - 1, plaintext_bytes - waiter.plaintext_length)
        self._waiters.append(waiter)
        return True

    def close(self) -> list[Waiter[_Served]]:
        """Return the waiters in the order in which they came, and serve nobody from here on."""
        self._closed = True
        return list(self._waiters)

    def wait(self, timeout_seconds: float) -> bool:
        """Return whether the flight finished in time."""
        turn = threading.Lock()
        turn.acquire()
        self._waiting.append(turn)
        return self._finished or turn.acquire(timeout=timeout_seconds)

    def finish(self) -> None:
        """Wake everybody who waits."""
        self._finished = True
        for turn in list(self._waiting):
            with suppress(RuntimeError):  # woken before
                turn.release()


class Flights(Generic[_Served]):
    """The flights that are under way, by key: of several for one key, the one that was begun last."""

    def __init__(self) -> None:
        self.reset()
        register(self)

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Forget all flights: a copy of the process has none of the threads that lead them."""
        del reason
        # Reentrant: a signal handler or a finalizer may encrypt while its thread is here.
        self._lock = new_lock()
        self._under_way: dict[Hashable, Flight[_Served]] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def join(self, key: Hashable, waiter: Waiter[_Served], quota: Quota = UNLIMITED) -> tuple[Flight[_Served], bool]:
        """Return the flight for *key*, and whether *waiter* leads it. Call :meth:`leave` in any case.

        :param quota: what one data key may be used for
        """
        interrupted = is_held(self._lock)
        with self._lock:
            flight = self._under_way.get(key)
            if flight is not None and flight.is_led():
                may_wait = not interrupted and not holds_lock(besides=self._lock)
                if flight.takes(waiter, may_wait=may_wait):
                    return flight, False
            waiter.leads = Flight(waiter, quota)
            self._under_way[key] = waiter.leads
            return waiter.leads, True

    def leave(self, key: Hashable, waiter: Waiter[_Served]) -> None:
        """End the flight that *waiter* leads, if any; with a result, an error, or neither."""
        if waiter.leads is not None:
            self.finish(key, waiter.leads)

    def finish(self, key: Hashable, flight: Flight[_Served]) -> None:
        """Remove *flight*, and wake its waiters."""
        with self._lock:
            if self._under_way.get(key) is flight:
                del self._under_way[key]
        flight.finish()

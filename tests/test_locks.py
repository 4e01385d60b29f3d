"""A thread can tell whether it holds a lock of this package, and does not wait for another thread's call then."""

from __future__ import annotations

import gc
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from tests.cmms.stage import PATIENCE_SECONDS, Crowd, Stage, data_key, encrypt_request
from warmkey import locks
from warmkey.cmms.single_flight import Flights, Waiter
from warmkey.events import Operation
from warmkey.locks import holds_lock, is_held, new_lock

if TYPE_CHECKING:
    from collections.abc import Callable

HOLDERS: dict[str, Callable[[Any], Any]] = {
    "the cache": lambda cmm: cmm.cache,
    "an entry": lambda cmm: next(iter(cmm.cache._entries.values())),
    "flights": lambda cmm: cmm._fetcher._flights,
    "counters": lambda cmm: cmm._counters,
    "a hit counter": lambda cmm: cmm._counters.hits[Operation.ENCRYPT],
    "context churn": lambda cmm: cmm._churn,
    "failures": lambda cmm: cmm._failures,
    "a memo": lambda cmm: cmm._encryption._identifiers,
}


def test_a_thread_knows_which_locks_it_holds() -> None:
    one, other = new_lock(), new_lock()
    with one:
        assert holds_lock(besides=other)
        assert not holds_lock(besides=one)
        assert (is_held(one), is_held(other)) == (True, False)
        assert Crowd(lambda: (holds_lock(besides=other), is_held(one))).values() == [(False, False)]
    assert not holds_lock(besides=other)


def test_a_lock_is_known_as_long_as_it_lives() -> None:
    lock = new_lock()
    number = id(lock)
    assert number in locks._locks
    del lock
    gc.collect()

    assert number not in locks._locks


def test_every_lock_is_made_here() -> None:
    """But for that of a child in which no holder was reset yet, those that waiters wait for, and the test kit's."""
    package = Path(warmkey.__file__).parent
    elsewhere = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if "Lock()" in path.read_text(encoding="utf-8") and "testing" not in path.parts
    }

    assert elsewhere == {"locks.py", "fork_safety.py", "cmms/single_flight.py"}


@pytest.mark.parametrize("holder", HOLDERS)
def test_whoever_holds_a_lock_asks_for_itself_and_does_not_wait(holder: str) -> None:
    """As a signal handler does that comes in the middle of something; the other thread may need that lock."""
    stage = Stage()
    cmm = stage.cmm(wait_seconds=PATIENCE_SECONDS)
    cmm.get_encryption_materials(encrypt_request(1, {"tenant": "another"}))
    asking, may_answer = threading.Event(), threading.Event()

    def during(_: object) -> None:
        if threading.current_thread() is not threading.main_thread():
            asking.set()
            assert may_answer.wait(PATIENCE_SECONDS)

    stage.below.during = during
    crowd = Crowd(lambda: data_key(cmm.get_encryption_materials(encrypt_request())))
    assert asking.wait(PATIENCE_SECONDS)
    with HOLDERS[holder](cmm)._lock:
        own = data_key(cmm.get_encryption_materials(encrypt_request()))
    may_answer.set()

    assert crowd.values() != [own]
    assert stage.below.calls == 3
    assert len(cmm._fetcher._flights) == 0


def test_a_closed_flight_is_not_waited_for_either() -> None:
    flights: Flights[str] = Flights()
    leader, waiter, lock = Waiter[str](1), Waiter[str](1), new_lock()
    flight, _ = Crowd(lambda: flights.join("key", leader)).values()[0]
    flight.close()
    assert flights.join("key", waiter) == (flight, False)
    with lock:
        _, leads = flights.join("key", waiter)

    assert leads

"""Signals, finalizers and other threads that come in the middle of something; and who has to wait for whom."""

from __future__ import annotations

import contextlib
import gc
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.cmms.stage import (
    PATIENCE_SECONDS,
    Boarding,
    Crowd,
    Stage,
    data_key,
    decrypt_request,
    encrypt_request,
    in_threads,
)
from warmkey import CacheEntry, KeyUnavailable, LocalCMC
from warmkey.cmms.limits import UNLIMITED
from warmkey.cmms.single_flight import Flight, Flights, Waiter
from warmkey.events import Operation
from warmkey.testing import SettableClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

ENCRYPT = Operation.ENCRYPT
FILES = ("fetching.py", "single_flight.py", "admission.py", "caching.py", "local.py", "interface.py", "statistics.py")


class TimedOutError(Exception):
    """What a signal handler raises."""


@contextlib.contextmanager
def at_step(number: int, action: Callable[[], object], *files: str) -> Iterator[list[int]]:
    """Do *action* before the *number*-th step of the interpreter in our files, where a signal handler could run."""
    steps = [0]

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        if not frame.f_code.co_filename.endswith(files or FILES) or "/warmkey/c" not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            steps[0] += 1
            if steps[0] == number:
                sys.settrace(None)
                action()
        return trace

    sys.settrace(trace)
    try:
        yield steps
    finally:
        sys.settrace(None)


def steps_of(act: Callable[[], object], *files: str) -> int:
    with at_step(-1, lambda: None, *files) as steps:
        act()
    return steps[0]


def time_out() -> None:
    raise TimedOutError


@pytest.mark.parametrize("part", range(4))
def test_a_time_out_at_any_step_leaves_no_flight_that_nobody_leads(part: int) -> None:
    def setting() -> tuple[Any, Callable[[], object]]:
        cmm = Stage().cmm(wait_seconds=0.001)
        return cmm, lambda: cmm.get_encryption_materials(encrypt_request())

    files = ("fetching.py", "single_flight.py")
    total = steps_of(setting()[1], *files)
    assert total > 200
    for number in range(1 + part, total + 1, 4):
        cmm, act = setting()
        with contextlib.suppress(TimedOutError), at_step(number, time_out, *files):
            act()
        act()

        assert len(cmm._fetcher._flights) == 0, f"after step {number}"


def test_a_time_out_where_a_flight_ends_wakes_who_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    cmm = stage.cmm(wait_seconds=PATIENCE_SECONDS)
    boarding, flights = Boarding(monkeypatch), cmm._fetcher._flights
    leave = flights.leave

    def leave_in_vain(*_: object) -> None:
        flights.leave = leave  # type: ignore[method-assign]
        raise TimedOutError

    flights.leave = leave_in_vain  # type: ignore[method-assign]
    stage.below.during = lambda _: boarding.wait_for(1)
    results = Crowd(*[lambda: data_key(cmm.get_encryption_materials(encrypt_request()))] * 2).join()

    assert sorted(type(result).__name__ for result in results) == ["TimedOutError", "bytes"]
    assert (stage.below.calls, cmm.statistics(ENCRYPT).coalesced) == (1, 1)


@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("kind", ["miss", "hit"])
def test_a_signal_handler_may_purge_or_encrypt_at_any_step(kind: str, part: int) -> None:
    """In a thread of its own, so that a deadlock is a failure and no hang."""

    def setting() -> tuple[Any, Callable[[], object], Callable[[], object]]:
        stage = Stage(capacity=2)
        cmm = stage.cmm(max_messages_encrypted=3)
        other = stage.cmm(partition_id=cmm.partition_id)
        if kind == "hit":
            cmm.get_encryption_materials(encrypt_request())

        def handler() -> None:
            other.purge()
            other.get_encryption_materials(encrypt_request())
            other.get_encryption_materials(encrypt_request(1, {"another": "context"}))
            stage.cache.prune()

        return cmm, lambda: cmm.get_encryption_materials(encrypt_request()), handler

    def all_steps() -> int:
        total = steps_of(setting()[1])
        for number in range(1 + part, total + 1, 8):
            cmm, act, handler = setting()
            with at_step(number, handler):
                act()
            act()
            cmm.purge()
            assert len(cmm.cache) == 0
            assert len(cmm._fetcher._flights) == 0
        return total

    (total,) = Crowd(all_steps).values()

    assert total > (100 if kind == "hit" else 300)


def test_a_handler_never_gets_a_message_more_than_the_limit_allows() -> None:
    def setting() -> CacheEntry:
        entry = CacheEntry(Stage().materials(), operation=ENCRYPT, created=SettableClock().now(), time_to_live=60)
        for _ in range(2):
            entry.reserve(1, 3, 10)
        return entry

    total = steps_of(lambda: setting().reserve(1, 3, 10))
    for number in range(1, total + 1):
        entry, answers = setting(), []
        with at_step(number, lambda e=entry, a=answers: a.append(e.reserve(1, 3, 10))):  # type: ignore[misc]
            answers.append(entry.reserve(1, 3, 10))

        assert entry.messages == 3
        assert answers.count(None) == 1


def test_a_finalizer_that_encrypts_finds_no_lock_taken() -> None:
    stage = Stage()
    cmm = stage.cmm()
    results: list[Any] = []

    class Encrypts:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            cmm.purge()
            results.append(cmm.get_encryption_materials(encrypt_request(1, {"from": "a finalizer"})))

    class Collecting(SettableClock):
        """A clock at whose reading, under a lock, garbage is collected."""

        def now(self) -> Any:
            Encrypts()
            gc.collect()
            return super().now()

    def use() -> None:
        cache = LocalCMC(10, clock=Collecting())
        cache.put_cache_entry(
            b"a",
            CacheEntry(stage.materials(), operation=ENCRYPT, created=SettableClock().now(), time_to_live=60),
        )
        cache.prune()
        cache.purge()

    Crowd(use).values()

    assert results


def test_purge_in_a_signal_handler_of_a_busy_thread() -> None:
    cmm = Stage().cmm()
    before = signal.signal(signal.SIGALRM, lambda *_: cmm.purge())
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        for number in range(1_500):
            cmm.get_encryption_materials(encrypt_request(1, {"tenant": str(number % 7)}))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert cmm.statistics(ENCRYPT).requests == 1_500


# Dead flights


def test_a_flight_whose_leader_is_gone_is_replaced() -> None:
    flights: Flights[str] = Flights()
    flights.join("key", Waiter(1))  # the waiter is gone with this line, as with the frame of a request
    leader = Waiter[str](1)
    flight, leading = flights.join("key", leader)

    assert leading
    assert flight.is_led()


def test_a_waiter_of_a_dead_flight_removes_it_and_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    cmm = stage.cmm(wait_seconds=0.01)
    flights = cmm._fetcher._flights
    original, dead = Flights.join, []

    def join(self: Any, key: Any, waiter: Any, *arguments: Any) -> Any:
        if not dead:
            gone = Waiter[Any](1)
            dead.append(original(self, key, gone, *arguments)[0])
            answer = in_threads(1, lambda: original(self, key, waiter, *arguments))[0]
            del gone
            return answer
        return original(self, key, waiter, *arguments)

    monkeypatch.setattr(Flights, "join", join)
    cmm.get_encryption_materials(encrypt_request())

    assert (stage.below.calls, len(flights)) == (1, 0)
    assert dead[0].wait(0), "others that wait for it are woken"


def interrupted_at(number: int, action: Callable[[], object]) -> bool:
    """Raise before the *number*-th step of *action*, in whatever file; return whether it took so many."""
    steps = 0

    def trace(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal steps
        frame.f_trace_opcodes = True
        if event == "opcode":
            steps += 1
            if steps == number:
                raise TimedOutError
        return trace

    sys.settrace(trace)
    try:
        action()
    except TimedOutError:
        return True
    finally:
        sys.settrace(None)
    return False


@pytest.mark.parametrize("step", ["wait", "finish"])
def test_who_is_interrupted_while_waiting_or_waking_keeps_nobody_else_waiting(step: str) -> None:
    number, interrupted = 0, True
    while interrupted:
        number += 1
        flight = Flight[Any](Waiter(1), UNLIMITED)
        interrupted = interrupted_at(number, flight.finish if step == "finish" else lambda: flight.wait(0))  # noqa: B023 - called at once
        others = Crowd(lambda: (flight.finish(), flight.wait(PATIENCE_SECONDS)))  # noqa: B023 - it ends in this round
        assert others.values() == [(None, True)], f"after step {number}"

    assert number > 5, "there were steps"


def test_a_thread_that_has_the_number_of_a_dead_one_is_not_taken_for_it() -> None:
    stage = Stage()
    cmm = stage.cmm(wait_seconds=0.01)
    flight, _ = cmm._fetcher._flights.join("key", Waiter(1))
    flight._thread = threading.get_ident()

    assert not flight.is_mine()


def test_a_slow_flight_is_not_a_dead_one(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    cmm = stage.cmm(wait_seconds=0.01)
    boarding, gate = Boarding(monkeypatch), threading.Event()
    stage.below.during = lambda _: gate.wait(30)
    leader = Crowd(lambda: cmm.get_encryption_materials(encrypt_request()))
    waiter = Crowd(lambda: cmm.get_encryption_materials(encrypt_request()))
    boarding.wait_for(1)
    (error,) = waiter.join()
    gate.set()
    leader.values()

    assert isinstance(error, KeyUnavailable)
    assert stage.below.calls == 1


# Fairness


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_nobody_waits_for_a_call_that_can_not_serve_it(limit: int) -> None:
    """Rounds are counted: every call that is needed is under way at once, so all are served by the first round."""
    threads = 64
    stage = Stage()
    cmm = stage.cmm(max_messages_encrypted=limit)
    calls_needed = -(-threads // limit)
    under_way = threading.Barrier(calls_needed)
    stage.below.during = lambda _: under_way.wait(30)
    keys = [data_key(one) for one in in_threads(threads, lambda: cmm.get_encryption_materials(encrypt_request()))]

    assert stage.below.calls == len(set(keys)) == calls_needed
    assert max(map(keys.count, keys)) <= limit


def test_a_byte_limit_fills_a_flight_too() -> None:
    stage = Stage()
    cmm = stage.cmm(max_bytes_encrypted=10)
    under_way = threading.Barrier(8)
    stage.below.during = lambda _: under_way.wait(30)
    keys = [data_key(one) for one in in_threads(16, lambda: cmm.get_encryption_materials(encrypt_request(5)))]

    assert stage.below.calls == len(set(keys)) == 8


# Iterating what others change


def test_sweeps_and_purges_beside_look_ups_iterate_over_nothing_that_changes() -> None:
    stage = Stage(capacity=2_000, pruning_tail_size=500)
    cmm = stage.cmm(max_age=1_000)
    requests = [encrypt_request(1, {"tenant": str(number)}) for number in range(300)]
    reading = decrypt_request(stage.materials())
    until = time.monotonic() + 1.5
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)

    def look_up() -> None:
        while time.monotonic() < until:
            for request in requests:
                cmm.get_encryption_materials(request)
            cmm.decrypt_materials(reading)

    def sweep() -> None:
        while time.monotonic() < until:
            stage.clock.tick(1)
            stage.cache.prune()
            stage.cache.purge(which=lambda entry: entry.messages > 1_000)
            stage.cache.purge("another partition")

    try:
        Crowd(look_up, look_up, look_up, sweep).values()
    finally:
        sys.setswitchinterval(interval)

"""Between the last check of a data key and its use runs nobody else's code, and nobody waits."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.cmms.stage import Boarding, Crowd, Dictionary, Stage, data_key, decrypt_request, encrypt_request, outcomes
from warmkey import CacheEntry, Client, LocalCMC
from warmkey.events import (
    CacheCoalesced,
    CacheEviction,
    CacheHit,
    CacheMiss,
    EvictionReason,
    MissReason,
    Operation,
    fan_out,
)
from warmkey.observability.counters import MessageCounter
from warmkey.testing import SettableClock

if TYPE_CHECKING:
    from collections.abc import Callable

    from warmkey.clock import Instant

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
HOUR = 3_600


class Dawdler:
    """A subscriber that does something when it is first told of an event of *kind*."""

    def __init__(self, kind: type, action: Callable[[], object]) -> None:
        self.wants_hits = True
        self._kind = kind
        self._action: Callable[[], object] | None = action

    def __call__(self, event: object) -> None:
        if isinstance(event, self._kind) and self._action is not None:
            action, self._action = self._action, None
            action()


CACHES = pytest.mark.parametrize("own_cache", [False, True], ids=["local cache", "a cache of three methods"])


def test_a_look_up_that_announces_for_an_hour_returns_no_expired_entry() -> None:
    clock = SettableClock()
    dawdler = Dawdler(CacheEviction, lambda: clock.tick(HOUR))
    cache = LocalCMC(10, clock=clock, emit=dawdler)
    for identifier, seconds in ((b"short", 31), (b"long", 60)):
        cache.put_cache_entry(
            identifier,
            CacheEntry(Stage().materials(), operation=ENCRYPT, created=clock.now(), time_to_live=seconds),
        )
    clock.tick(31)

    assert cache.get_cache_entry(b"long") is None
    assert len(cache) == 0


def test_what_others_left_to_announce_is_announced_before_the_clock_is_read() -> None:
    clock = SettableClock()
    cache = LocalCMC(10, clock=clock, emit=Dawdler(CacheEviction, lambda: clock.tick(HOUR)))
    cache.put_cache_entry(
        b"a", CacheEntry(Stage().materials(), operation=ENCRYPT, created=clock.now(), time_to_live=60)
    )
    gone = CacheEviction(operation=ENCRYPT, reason=EvictionReason.FORK, age_seconds=0, messages=0, plaintext_bytes=0)
    cache._unannounced.append(gone)

    assert cache.get_cache_entry(b"a") is None


@CACHES
@pytest.mark.parametrize("operation", list(Operation))
def test_a_key_that_a_subscriber_outlasted_is_not_used(operation: Operation, *, own_cache: bool) -> None:
    stage = Stage()
    dawdler = Dawdler(CacheHit, lambda: stage.clock.tick(HOUR))
    cmm = stage.cmm(emit=dawdler, **({"cache": Dictionary()} if own_cache else {}))
    reading = decrypt_request(stage.materials())

    def ask() -> Any:
        return (
            cmm.decrypt_materials(reading) if operation is DECRYPT else cmm.get_encryption_materials(encrypt_request())
        )

    first, second = ask(), ask()

    assert first is not second
    assert stage.below.calls == 2
    assert outcomes(cmm.statistics(operation)) == {"miss:absent": 1, "miss:expired": 1}


@pytest.mark.parametrize("purge", ["cache", "cmm"])
def test_a_key_that_a_subscriber_purged_is_not_used(purge: str) -> None:
    stage = Stage()

    def happens() -> None:
        (stage.cache if purge == "cache" else cmm).purge()

    cmm = stage.cmm(emit=Dawdler(CacheHit, happens))
    first, second = [data_key(cmm.get_encryption_materials(encrypt_request())) for _ in range(2)]

    assert first != second


def test_a_key_that_a_subscriber_used_up_is_not_used_once_more() -> None:
    stage = Stage()

    def use_up() -> None:
        for _ in range(5):
            cmm.get_encryption_materials(encrypt_request())

    cmm = stage.cmm(emit=Dawdler(CacheHit, use_up), max_messages_encrypted=2)
    keys = [data_key(cmm.get_encryption_materials(encrypt_request())) for _ in range(2)]
    cmm.purge()

    assert keys[0] != keys[1]
    assert max(event.messages for event in stage.seen.of(CacheEviction)) == 2


def test_the_log_line_about_a_broken_subscriber_comes_before_the_check(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()

    def fail() -> None:
        raise RuntimeError

    cmm = stage.cmm(emit=Dawdler(CacheHit, fail))
    monkeypatch.setattr("logging.Logger.warning", lambda *_: stage.clock.tick(HOUR))
    first, second = [data_key(cmm.get_encryption_materials(encrypt_request())) for _ in range(2)]

    assert first != second


class SlowLock:
    """A lock for which somebody else is waited for, once."""

    def __init__(self, wait: Callable[[], object]) -> None:
        self._wait = wait
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._wait()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


@CACHES
def test_a_key_that_expired_while_its_lock_was_waited_for_is_not_used(*, own_cache: bool) -> None:
    stage = Stage()
    cache: Any = Dictionary() if own_cache else stage.cache
    cmm = stage.cmm(cache=cache)
    first = data_key(cmm.get_encryption_materials(encrypt_request()))
    (entry,) = cache.entries.values() if own_cache else cache._entries.values()
    entry._lock = SlowLock(lambda: stage.clock.tick(HOUR))

    assert data_key(cmm.get_encryption_materials(encrypt_request())) != first


class SlowClock(SettableClock):
    """A clock whose next reading does something first."""

    before: Any = None

    def now(self) -> Instant:
        before, self.before = self.before, None
        if before is not None:
            before()
        return super().now()


def test_reading_the_clock_is_part_of_the_check() -> None:
    stage = Stage()
    stage.clock = clock = SlowClock()
    stage.cache = LocalCMC(10, clock=clock)
    cmm = stage.cmm()
    first = data_key(cmm.get_encryption_materials(encrypt_request()))
    clock.before = lambda: clock.tick(HOUR)

    assert data_key(cmm.get_encryption_materials(encrypt_request())) != first


@pytest.mark.parametrize("happens", ["an hour passes", "a purge"])
def test_a_waiter_checks_the_data_key_after_it_told_that_it_waited(
    happens: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage()
    boarding = Boarding(monkeypatch)
    actions = {"an hour passes": lambda: stage.clock.tick(HOUR), "a purge": stage.cache.purge}
    cmm = stage.cmm(emit=Dawdler(CacheCoalesced, actions[happens]))
    stage.below.during = lambda _: boarding.wait_for(1) if stage.below.calls == 1 else None
    results = Crowd(*[lambda: data_key(cmm.get_encryption_materials(encrypt_request()))] * 2).values()

    assert len(set(results)) == stage.below.calls == 2
    assert cmm.statistics(ENCRYPT).requests == 2
    assert cmm.statistics(ENCRYPT).coalesced == 0
    cmm.purge()


@pytest.mark.parametrize("happens", ["an hour passes", "a purge"])
def test_a_waiter_that_wakes_late_uses_no_data_key_that_is_gone(happens: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    boarding = Boarding(monkeypatch)
    actions = {"an hour passes": lambda: stage.clock.tick(HOUR), "a purge": stage.cache.purge}
    cmm = stage.cmm()
    original = cmm._fetcher._wait
    asleep = [True]

    def wait(*arguments: Any) -> None:
        original(*arguments)
        if asleep.pop() if asleep else False:
            actions[happens]()

    monkeypatch.setattr(cmm._fetcher, "_wait", wait)
    stage.below.during = lambda _: boarding.wait_for(1) if stage.below.calls == 1 else None
    results = Crowd(*[lambda: data_key(cmm.get_encryption_materials(encrypt_request()))] * 2).values()
    cmm.purge()

    assert len(set(results)) == 2
    assert stage.seen.count(CacheCoalesced) == 0, "what is known to be gone is not told as shared"
    assert sum(event.messages for event in stage.seen.of(CacheEviction)) == 2


def test_a_waiter_may_use_what_made_room_for_another() -> None:
    entry = CacheEntry(Stage().materials(), operation=ENCRYPT, created=SettableClock().now(), time_to_live=60)
    entry.reserve(1, 10, 10)
    assert entry.hold(2, 10, 10) is None
    assert entry.close() == (2, 3)

    assert entry.confirm(2, lambda _: True) is None
    assert entry.close() == (2, 3)


def test_what_made_room_is_announced_when_nobody_is_promised_it_any_more() -> None:
    """Else a message that found its data key too old would be counted on two of them."""
    stage = Stage()
    entries = [
        CacheEntry(stage.materials(), operation=ENCRYPT, created=stage.clock.now(), time_to_live=60) for _ in range(2)
    ]
    for entry in entries:
        entry.reserve(1, 10, 10)
    for _ in range(2):
        entries[0].hold(2, 10, 10)
    for entry in entries:
        stage.cache.put_cache_entry(b"a", entry)
    assert stage.evictions == []
    entries[0].confirm(2, lambda _: True)
    stage.cache.prune()
    assert stage.evictions == []
    entries[0].confirm(2, lambda _: False)
    stage.cache.prune()

    assert [(event.messages, event.plaintext_bytes) for event in stage.seen.of(CacheEviction)] == [(2, 3)]


def test_what_was_held_is_given_back_when_it_is_too_old_or_revoked() -> None:
    old, revoked = [
        CacheEntry(Stage().materials(), operation=ENCRYPT, created=SettableClock().now(), time_to_live=60)
        for _ in range(2)
    ]
    for entry in (old, revoked):
        entry.reserve(1, 10, 10)
        entry.hold(2, 10, 10)

    assert old.confirm(2, lambda _: False) is MissReason.EXPIRED
    assert old.close() == (1, 1)
    assert revoked.close(revoked=True) == (1, 1)
    assert revoked.confirm(2, lambda _: True) is MissReason.ABSENT
    assert revoked.close(revoked=True) == (1, 1)


def test_a_miss_is_told_once_when_a_hit_was_told_too_early() -> None:
    stage = Stage()
    seen: list[object] = []
    dawdler = Dawdler(CacheHit, lambda: stage.clock.tick(HOUR))

    class Both:
        wants_hits = True

        def __call__(self, event: Any) -> None:
            seen.append(event)
            dawdler(event)

    cmm = stage.cmm(emit=Both())
    for _ in range(2):
        cmm.get_encryption_materials(encrypt_request())

    assert seen == [
        CacheMiss(operation=ENCRYPT, reason=MissReason.ABSENT),
        CacheHit(operation=ENCRYPT),
        CacheMiss(operation=ENCRYPT, reason=MissReason.EXPIRED),
    ]


class Stepping(SettableClock):
    """An hour passes before a certain reading."""

    readings = 0
    slow_reading = 0

    def now(self) -> Instant:
        self.readings += 1
        if self.readings == self.slow_reading:
            self.tick(HOUR)
        return super().now()


class Curious:
    """Wants to be told of each hit at once."""

    wants_hits = True

    def __init__(self) -> None:
        self.hits = 0

    def __call__(self, event: object) -> None:
        self.hits += isinstance(event, CacheHit)


@pytest.mark.parametrize("slow_reading", [3, 4])
@pytest.mark.parametrize(
    "subscribers",
    [(), (MessageCounter(),), (MessageCounter(), Curious()), (Curious(),)],
    ids=["nobody is told", "who counts messages", "both", "who wants hits"],
)
def test_a_key_that_expires_between_look_up_and_reservation_is_not_used(
    subscribers: tuple[Any, ...], slow_reading: int
) -> None:
    clock = Stepping()
    stage, client = Stage(), Client()
    cmm = stage.cmm(cache=LocalCMC(10, clock=clock), clock=clock, emit=fan_out(*subscribers))
    client.encrypt(b"first", cmm=cmm)
    clock.readings, clock.slow_reading = 0, slow_reading  # the look-up reads twice, for two clocks
    client.encrypt(b"second", cmm=cmm)

    assert outcomes(cmm.statistics(ENCRYPT)) == {"miss:absent": 1, "miss:expired": 1}


@pytest.mark.parametrize("slow_reading", [3, 4])
def test_a_key_that_expires_while_a_refresh_is_thought_of_is_not_used(slow_reading: int) -> None:
    clock = Stepping()
    cmm = Stage().cmm(cache=LocalCMC(10, clock=clock), clock=clock, refresh_ahead=True)
    first = data_key(cmm.get_encryption_materials(encrypt_request()))
    clock.tick(57)
    clock.readings, clock.slow_reading = 0, slow_reading

    assert data_key(cmm.get_encryption_materials(encrypt_request())) != first


def test_each_subscriber_hears_of_a_hit_once() -> None:
    counter, curious = MessageCounter(), Curious()
    cmm, client = Stage().cmm(emit=fan_out(counter, curious)), Client()
    for _ in range(3):
        client.encrypt(b"order", cmm=cmm)

    assert counter.of(ENCRYPT).hits == curious.hits == 2


def test_a_hit_that_was_noted_and_found_no_place_counts_as_a_miss() -> None:
    counter = MessageCounter()
    cmm = Stage().cmm(max_messages_encrypted=1, emit=counter)
    for _ in range(2):
        Client().encrypt(b"order", cmm=cmm)

    assert counter.of(ENCRYPT).hits == 0
    assert counter.of(ENCRYPT).misses == {MissReason.ABSENT: 1, MissReason.MESSAGES_SPENT: 1}

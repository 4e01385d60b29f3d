"""Single flight: a crowd that needs the same data key makes one call, and no more of it shares than may."""

from __future__ import annotations

import math
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.cmms.stage import (
    FORBID,
    IDENTITY,
    LENIENT,
    PATIENCE_SECONDS,
    STRICT,
    Boarding,
    Crowd,
    MeetingPoint,
    Stage,
    check_books,
    data_key,
    decrypt_request,
    encrypt_request,
    in_threads,
    outcomes,
)
from warmkey import CachingCMM, KeyUnavailable, LocalCMC, PolicyRefused
from warmkey.caches import NullCMC
from warmkey.cmms.limits import Quota
from warmkey.cmms.single_flight import Flight, Flights, Waiter
from warmkey.events import CacheCoalesced, CacheEviction, CacheMiss, EvictionReason, Operation

if TYPE_CHECKING:
    from collections.abc import Callable

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
THREADS = 16


def stampede(stage: Stage, **settings: Any) -> CachingCMM:
    """A caching CMM at which the first requests of THREADS threads all miss before any of them calls."""
    return stage.cmm(cache=MeetingPoint(stage.cache, THREADS), **settings)


# One call


def test_sixteen_threads_that_miss_the_same_entry_make_one_call() -> None:
    stage = Stage()
    cmm = stampede(stage)
    materials = in_threads(THREADS, lambda: cmm.get_encryption_materials(encrypt_request()))
    counters = cmm.statistics(ENCRYPT)

    assert len({data_key(one) for one in materials}) == stage.below.calls == 1
    assert (counters.requests, counters.calls, counters.hits + counters.coalesced) == (THREADS, 1, THREADS - 1)
    assert stage.seen.count(CacheCoalesced) == counters.coalesced
    check_books(cmm, stage.below, requests=THREADS)


def test_sixteen_threads_that_decrypt_the_same_message_make_one_call() -> None:
    stage = Stage()
    cmm = stampede(stage)
    request = decrypt_request(stage.materials())
    in_threads(THREADS, lambda: cmm.decrypt_materials(request))
    counters = cmm.statistics(DECRYPT)

    assert (stage.below.calls, counters.requests, counters.calls) == (1, THREADS, 1)


def test_one_call_when_the_entry_expires_under_load() -> None:
    stage = Stage()
    cmm = stage.cmm()
    cmm.get_encryption_materials(encrypt_request())
    request = decrypt_request(stage.materials())
    cmm.decrypt_materials(request)
    for _ in range(3):
        stage.clock.tick(60)
        in_threads(THREADS, lambda: (cmm.get_encryption_materials(encrypt_request()), cmm.decrypt_materials(request)))

    assert (len(stage.below.encrypt_requests), len(stage.below.decrypt_requests)) == (4, 4)


def test_all_who_wait_are_served_by_the_call_that_they_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    cmm = stage.cmm()
    boarding = Boarding(monkeypatch)
    stage.below.during = lambda _: boarding.wait_for(THREADS - 1)
    in_threads(THREADS, lambda: cmm.get_encryption_materials(encrypt_request()))

    assert outcomes(cmm.statistics(ENCRYPT)) == {"miss:absent": 1, "coalesced": THREADS - 1}


# Limits smaller than the crowd


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7, 15, 16, 17])
def test_a_message_limit_smaller_than_the_crowd_takes_as_many_calls_as_keys_are_needed(limit: int) -> None:
    stage = Stage()
    cmm = stampede(stage, max_messages_encrypted=limit)
    keys = [
        data_key(one) for one in in_threads(THREADS, lambda: cmm.get_encryption_materials(encrypt_request()))
    ]  # fmt: skip

    assert stage.below.calls == len(set(keys)) == math.ceil(THREADS / limit)
    assert max(keys.count(key) for key in keys) <= limit
    cmm.purge()
    assert sum(event.messages for event in stage.seen.of(CacheEviction)) == THREADS


@pytest.mark.parametrize("limit", [10, 25, 40, 159, 160])
def test_a_byte_limit_smaller_than_the_crowd_takes_as_many_calls_as_keys_are_needed(limit: int) -> None:
    stage = Stage()
    cmm = stampede(stage, max_bytes_encrypted=limit)
    keys = [
        data_key(one) for one in in_threads(THREADS, lambda: cmm.get_encryption_materials(encrypt_request(10)))
    ]  # fmt: skip

    assert stage.below.calls == len(set(keys)) == math.ceil(THREADS / (limit // 10))
    assert max(keys.count(key) for key in keys) * 10 <= limit


def test_limits_do_not_divide_a_crowd_that_decrypts(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    cmm = stage.cmm(max_messages_encrypted=1, max_bytes_encrypted=0)
    request = decrypt_request(stage.materials())
    boarding = Boarding(monkeypatch)
    stage.below.during = lambda _: boarding.wait_for(THREADS - 1)
    in_threads(THREADS, lambda: cmm.decrypt_materials(request))

    assert outcomes(cmm.statistics(DECRYPT)) == {"miss:absent": 1, "coalesced": THREADS - 1}


@pytest.mark.parametrize(
    ("settings", "length", "reason"),
    [
        ({"max_messages_encrypted": 1}, 1, EvictionReason.MESSAGES_SPENT),
        ({"max_bytes_encrypted": 10}, 10, EvictionReason.REPLACED),  # an empty message could still use it
        ({"max_bytes_encrypted": 10}, 6, EvictionReason.REPLACED),
    ],
    ids=str,
)
def test_of_two_calls_at_once_the_entry_that_gives_way_is_told_as_used_up_if_it_is(
    settings: dict[str, Any], length: int, reason: EvictionReason
) -> None:
    stage = Stage()
    cmm = stage.cmm(**settings)
    held_together(stage, *[lambda: cmm.get_encryption_materials(encrypt_request(length))] * 2)

    assert stage.evictions == [reason]


# Who may share


def held_together(stage: Stage, *actions: Any) -> list[Any]:
    """What *actions* return, when each has to make a call of its own: the calls wait for each other."""
    together = threading.Barrier(len(actions))
    stage.below.during = lambda _: together.wait(30)
    results = Crowd(*actions).values()
    assert stage.below.calls == len(actions)
    return results


def test_different_policies_never_share_a_call() -> None:
    stage = Stage()
    cmm = stage.cmm()
    requests = [encrypt_request(suite=None, policy=policy) for policy in (STRICT, LENIENT, FORBID)]
    answers = held_together(stage, *[lambda r=r: cmm.get_encryption_materials(r) for r in requests])

    assert [answer.algorithm_suite for answer in answers] == [r.commitment_policy.default_suite for r in requests]


def test_different_required_keys_never_share_a_call() -> None:
    stage = Stage()
    cmm = stage.cmm()
    context = {"tenant": "a", "kind": "x"}
    requests = [encrypt_request(1, context, required=keys) for keys in ([], ["tenant"], ["tenant", "kind"])]
    answers = held_together(stage, *[lambda r=r: cmm.get_encryption_materials(r) for r in requests])

    assert [answer.required_encryption_context_keys for answer in answers] == [
        request.required_encryption_context_keys for request in requests
    ]


def test_different_reproduced_contexts_never_share_a_call() -> None:
    stage = Stage()
    cmm = stage.cmm()
    materials = stage.materials(context={"tenant": "a"})
    together = threading.Barrier(3)
    stage.below.during = lambda _: together.wait(30)
    crowd = Crowd(
        *[
            lambda r=reproduced: cmm.decrypt_materials(decrypt_request(materials, r))
            for reproduced in ({"tenant": "a"}, {"tenant": "b"}, {})
        ]
    )
    mine, foreign, none = crowd.join()

    assert mine.plaintext_data_key == none.plaintext_data_key == materials.plaintext_data_key
    assert isinstance(foreign, PolicyRefused)


def test_different_policies_never_share_a_call_that_decrypts() -> None:
    stage = Stage()
    cmm = stage.cmm()
    materials = stage.materials()
    requests = [decrypt_request(materials, policy=policy) for policy in (STRICT, LENIENT)]

    held_together(stage, *[lambda r=r: cmm.decrypt_materials(r) for r in requests])


def test_encrypt_and_decrypt_never_share_a_call() -> None:
    stage = Stage()
    cmm = stage.cmm()
    request = decrypt_request(stage.materials())

    held_together(
        stage, lambda: cmm.get_encryption_materials(encrypt_request()), lambda: cmm.decrypt_materials(request)
    )


def test_different_entries_never_wait_for_each_other() -> None:
    stage = Stage()
    cmm = stage.cmm()
    contexts = [{"tenant": str(number)} for number in range(8)]

    held_together(stage, *[lambda c=c: cmm.get_encryption_materials(encrypt_request(1, c)) for c in contexts])


@pytest.mark.parametrize(
    ("request_", "settings"),
    [
        pytest.param(encrypt_request(None), {}, id="unknown length"),
        pytest.param(encrypt_request(11), {"max_bytes_encrypted": 10}, id="over the byte limit"),
        pytest.param(encrypt_request(suite=IDENTITY, policy=FORBID), {}, id="identity KDF"),
        pytest.param(encrypt_request(), {"cache": NullCMC()}, id="null cache"),
        pytest.param(encrypt_request(), {"cache": LocalCMC(0)}, id="capacity 0"),
    ],
)
def test_bypasses_never_share_a_call(request_: Any, settings: dict[str, Any]) -> None:
    stage = Stage()
    cmm = stage.cmm(**settings)
    answers = held_together(stage, *[lambda: cmm.get_encryption_materials(request_)] * 8)

    assert len({data_key(answer) for answer in answers}) == 8
    assert cmm.statistics(ENCRYPT).coalesced == 0


@pytest.mark.parametrize("cache", [NullCMC(), LocalCMC(0)], ids=["null cache", "capacity 0"])
def test_decrypts_that_are_not_cached_never_share_a_call(cache: Any) -> None:
    stage = Stage()
    cmm = stage.cmm(cache=cache)
    request = decrypt_request(stage.materials())

    held_together(stage, *[lambda: cmm.decrypt_materials(request)] * 8)


def test_an_answer_with_an_identity_kdf_is_shared_with_nobody_who_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    cmm = stage.cmm()
    boarding = Boarding(monkeypatch)

    together = threading.Barrier(7)

    def first_waits_for_all_and_all_for_each_other(_: object) -> None:
        if stage.below.calls == 1:
            boarding.wait_for(7)
        else:
            together.wait(30)

    stage.below.during = first_waits_for_all_and_all_for_each_other
    stage.below.answer = lambda _: stage.materials(suite=IDENTITY, policy=FORBID)
    answers = in_threads(8, lambda: cmm.get_encryption_materials(encrypt_request(suite=None, policy=FORBID)))

    assert len({data_key(answer) for answer in answers}) == stage.below.calls == 8
    assert outcomes(cmm.statistics(ENCRYPT)) == {"bypass:identity-kdf": 8}


# Failures


class Refusal(Exception):
    """A failure that somebody else's CMM invented, with arguments that copy can't guess."""

    def __init__(self, *, detail: str) -> None:
        super().__init__()
        self.detail = detail


@pytest.mark.parametrize("operation", list(Operation))
def test_a_failure_reaches_everybody_who_waited_once_as_an_exception_of_their_own(
    operation: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage()
    cmm = stage.cmm()
    boarding = Boarding(monkeypatch)
    reading = decrypt_request(stage.materials())
    cause = OSError("the network is gone")

    def fail(_: object) -> None:
        boarding.wait_for(THREADS - 1)
        raise KeyUnavailable("no data key") from cause

    def ask() -> Any:
        if operation is ENCRYPT:
            return cmm.get_encryption_materials(encrypt_request())
        return cmm.decrypt_materials(reading)

    stage.below.during = fail
    errors = Crowd(*[ask] * THREADS).join()

    assert {(type(error), str(error), error.__cause__) for error in errors} == {(KeyUnavailable, "no data key", cause)}
    assert len({id(error) for error in errors}) == THREADS
    assert stage.below.calls == 1
    assert outcomes(cmm.statistics(operation)) == {"failures": THREADS}

    stage.below.during = lambda _: None
    ask()
    assert stage.below.calls == 2, "the next request tries again"


@pytest.mark.parametrize(
    ("make", "seen_by_others"),
    [
        (lambda: PolicyRefused("no"), PolicyRefused),
        (lambda: RuntimeError("no"), RuntimeError),
        (lambda: Refusal(detail="no"), KeyUnavailable),
    ],
    ids=["ours", "Python's", "of a kind that can't be copied"],
)
def test_any_failure_reaches_those_who_waited(
    make: Callable[[], Exception], seen_by_others: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure, cause = make(), OSError("the network is gone")
    failure.__cause__ = cause
    stage = Stage()
    cmm = stage.cmm()
    boarding = Boarding(monkeypatch)

    def fail(_: object) -> None:
        boarding.wait_for(3)
        raise failure

    stage.below.during = fail
    errors = Crowd(*[lambda: cmm.get_encryption_materials(encrypt_request())] * 4).join()

    assert sum(error is failure for error in errors) == 1
    others = [error for error in errors if error is not failure]
    assert [type(error) for error in others] == [seen_by_others] * 3
    assert {error.__cause__ for error in others} == {failure if seen_by_others is not type(failure) else cause}


def test_a_leader_that_is_interrupted_lets_the_others_try(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    cmm = stage.cmm()
    boarding = Boarding(monkeypatch)

    def interrupt(_: object) -> None:
        if stage.below.calls == 1:
            boarding.wait_for(3)
            raise KeyboardInterrupt

    stage.below.during = interrupt
    results = Crowd(*[lambda: cmm.get_encryption_materials(encrypt_request())] * 4).join()

    assert sum(isinstance(result, KeyboardInterrupt) for result in results) == 1
    assert stage.below.calls == 2


def test_a_waiter_times_out_rather_than_hang() -> None:
    stage = Stage()
    cmm = stage.cmm(wait_seconds=0.01)
    arrived, gate = threading.Event(), threading.Event()

    def stand_at_the_gate(_: object) -> None:
        arrived.set()
        assert gate.wait(30)

    stage.below.during = stand_at_the_gate
    leader = Crowd(lambda: cmm.get_encryption_materials(encrypt_request()))
    assert arrived.wait(30)
    with pytest.raises(KeyUnavailable, match=r"another thread's request .* took over 0.01 s") as caught:
        cmm.get_encryption_materials(encrypt_request())
    assert caught.value.timed_out
    gate.set()
    (materials,) = leader.values()

    assert cmm.get_encryption_materials(encrypt_request()) is materials
    assert outcomes(cmm.statistics(ENCRYPT)) == {"miss:absent": 1, "failures": 1, "hits": 1}


def test_a_waiter_waits_for_a_minute_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    cmm = stage.cmm()
    waited: list[float] = []

    def time_is_over(_: object, timeout_seconds: float) -> bool:
        waited.append(timeout_seconds)
        return False

    monkeypatch.setattr(Flight, "wait", time_is_over)
    stage.below.during = lambda _: errors.extend(Crowd(lambda: cmm.get_encryption_materials(encrypt_request())).join())
    errors: list[BaseException] = []
    cmm.get_encryption_materials(encrypt_request())

    (error,) = errors
    assert str(error).startswith("another thread's request for the same data key took over 60.0 s;")
    assert waited == [60]


def test_who_comes_back_in_the_middle_of_its_own_call_fails_at_once_rather_than_wait_for_itself() -> None:
    stage = Stage()
    cmm = stage.cmm(wait_seconds=3_600)
    failures: list[BaseException] = []

    def come_back(_: object) -> None:
        with pytest.raises(KeyUnavailable, match="this thread is requesting the same data key already") as caught:
            cmm.get_encryption_materials(encrypt_request())
        failures.append(caught.value)

    stage.below.during = come_back
    cmm.get_encryption_materials(encrypt_request())

    assert len(failures) == stage.below.calls == 1
    assert outcomes(cmm.statistics(ENCRYPT)) == {"miss:absent": 1, "failures": 1}


# Order


class TellsOnce:
    """A subscriber that does something when it is told of the next miss."""

    def __init__(self) -> None:
        self.then: Callable[[], object] | None = None

    def __call__(self, event: object) -> None:
        if isinstance(event, CacheMiss) and self.then is not None:
            then, self.then = self.then, None
            then()


@pytest.mark.parametrize("begins", ["a miss", "a refresh"])
def test_who_waits_is_served_before_the_leaders_subscriber_is_told(
    begins: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A subscriber may take its time."""
    stage, subscriber = Stage(), TellsOnce()
    cmm = stage.cmm(emit=subscriber, max_bytes_encrypted=100, refresh_ahead=True)
    boarding = Boarding(monkeypatch)
    if begins == "a refresh":
        cmm.get_encryption_materials(encrypt_request(50))
        stage.clock.tick(55)
        cmm.get_encryption_materials(encrypt_request(1))
    served = threading.Event()
    in_time: list[bool] = []
    waiters: list[Crowd] = []

    def wait_for_the_call() -> None:
        cmm.get_encryption_materials(encrypt_request(60))  # more than is left of an old data key
        served.set()

    def let_another_come(_: object) -> None:
        waiters.append(Crowd(wait_for_the_call))
        boarding.wait_for(1)

    stage.below.during = let_another_come
    subscriber.then = lambda: in_time.append(served.wait(PATIENCE_SECONDS))
    in_threads(1, lambda: cmm.get_encryption_materials(encrypt_request(1)))
    waiters[0].values()

    assert in_time == [True]
    assert cmm.statistics(ENCRYPT).coalesced == 1


# Purge


def test_a_purge_discards_what_is_in_flight_too(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    cmm = stage.cmm()
    boarding = Boarding(monkeypatch)

    def be_purged_once(_: object) -> None:
        if stage.below.calls == 1:
            boarding.wait_for(3)
            cmm.purge()

    stage.below.during = be_purged_once
    keys = [data_key(one) for one in in_threads(4, lambda: cmm.get_encryption_materials(encrypt_request()))]

    assert sorted(keys.count(key) for key in set(keys)) == [1, 3], "only its own leader saw the purged key"
    assert stage.evictions == [EvictionReason.PURGED]
    assert data_key(cmm.get_encryption_materials(encrypt_request())) == max(keys, key=keys.count)


def test_a_purge_discards_a_decrypt_that_is_in_flight() -> None:
    stage = Stage()
    cmm = stage.cmm()
    request = decrypt_request(stage.materials())
    stage.below.during = lambda _: cmm.purge()
    cmm.decrypt_materials(request)

    assert len(stage.cache) == 0


def test_a_purge_discards_a_refresh_that_is_in_flight() -> None:
    stage = Stage()
    cmm = stage.cmm(refresh_ahead=True)
    cmm.get_encryption_materials(encrypt_request())
    stage.clock.tick(55)
    cmm.get_encryption_materials(encrypt_request())
    stage.below.during = lambda _: cmm.purge()
    in_threads(1, lambda: cmm.get_encryption_materials(encrypt_request()))

    assert (len(stage.cache), stage.evictions) == (0, [EvictionReason.PURGED] * 2)


def test_a_purge_of_another_partition_leaves_a_flight_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    cmm, other = stage.cmm(), stage.cmm()
    boarding = Boarding(monkeypatch)

    def purge_the_other(_: object) -> None:
        if stage.below.calls == 1:
            boarding.wait_for(3)
            other.purge()

    stage.below.during = purge_the_other
    in_threads(4, lambda: cmm.get_encryption_materials(encrypt_request()))

    assert (stage.below.calls, len(stage.cache), stage.evictions) == (1, 1, [])


def test_purging_one_partition_leaves_the_others_entries() -> None:
    stage = Stage()
    mine, yours = stage.cmm(), stage.cmm()
    for cmm in (mine, yours):
        cmm.get_encryption_materials(encrypt_request())
        cmm.decrypt_materials(decrypt_request(stage.materials()))

    assert mine.purge() == 2
    yours.get_encryption_materials(encrypt_request())
    assert yours.statistics(ENCRYPT).hits == 1


# The table of flights


def test_nothing_of_a_flight_stays_when_it_has_landed() -> None:
    stage = Stage()
    cmm = stage.cmm(max_messages_encrypted=3)
    in_threads(THREADS, lambda: cmm.get_encryption_materials(encrypt_request()))

    def fail(_: object) -> None:
        raise PolicyRefused("no")

    stage.below.during = fail
    Crowd(*[lambda: cmm.get_encryption_materials(encrypt_request(1, {"a": "b"}))] * 4).join()

    assert len(cmm._fetcher._flights) == 0


def test_who_joins_second_does_not_lead() -> None:
    flights: Flights[str] = Flights()
    first, waiter, third = Waiter[str](1), Waiter[str](2), Waiter[str](3)
    flight, leading = flights.join("key", first)
    ((again, second),) = in_threads(1, lambda: flights.join("key", waiter))
    other, leading_too = flights.join("another key", third)

    assert (leading, second, leading_too) == (True, False, True)
    assert again is flight is not other
    assert flight.close() == [waiter]


@pytest.mark.parametrize(
    ("quota", "boards"),
    [
        (Quota(1, 100), []),
        (Quota(2, 100), [True, False, False]),
        (Quota(3, 100), [True, True, False]),
        (Quota(100, 10), []),
        (Quota(100, 11), [True, False]),
        (Quota(100, 20), [True, False]),
        (Quota(100, 21), [True, True, False]),
    ],
    ids=str,
)
def test_as_many_board_as_one_data_key_may_serve_beside_its_leader(quota: Quota, boards: list[bool]) -> None:
    flights: Flights[str] = Flights()
    leader = Waiter[str](1)
    flight, _ = flights.join("key", leader, quota)
    waiters = [Waiter[str](10) for _ in boards or [False]]
    in_threads(1, lambda: [flight.takes(waiter, may_wait=True) for waiter in waiters])

    assert flight.close() == [waiter for waiter, boarded in zip(waiters, boards or [False], strict=True) if boarded]


def test_a_leader_who_comes_back_does_not_board() -> None:
    flights: Flights[str] = Flights()
    first = Waiter[str](1)
    flight, _ = flights.join("key", first)
    again, leading = flights.join("key", Waiter(2))

    assert (again, leading) == (flight, False)
    assert flight.close() == []


def test_who_comes_after_the_doors_closed_only_waits() -> None:
    flights: Flights[str] = Flights()
    first = Waiter[str](1)
    flight, _ = flights.join("key", first)
    flight.close()
    answers = in_threads(1, lambda: flights.join("key", Waiter(2)))

    assert answers == [(flight, False)], "what it needs will be in the cache in a moment"
    assert flight.close() == []
    flights.finish("key", flight)
    assert flight.wait(0)


def test_a_flight_that_has_landed_makes_room_for_the_next() -> None:
    flights: Flights[str] = Flights()
    waiter, next_waiter = Waiter[str](1), Waiter[str](1)
    first, _ = flights.join("key", waiter)
    assert not first.wait(0)
    flights.finish("key", first)
    second, leading = flights.join("key", next_waiter)
    flights.finish("key", first)

    assert leading
    assert second is not first
    assert len(flights) == 1, "an old flight that lands again does not remove the new one"


def test_a_shared_entry_hands_out_the_same_materials_and_never_a_part_of_them() -> None:
    stage = Stage()
    cmm = stampede(stage)
    first, *others = in_threads(THREADS, lambda: cmm.get_encryption_materials(encrypt_request()))

    assert all(other is first for other in others)
    assert replace(first) == first

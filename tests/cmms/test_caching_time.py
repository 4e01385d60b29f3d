"""How old a data key may become: each CMM's own maximum, slow key services, frozen containers, clocks that are set."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.cmms.stage import (
    PATIENCE_SECONDS,
    Below,
    Boarding,
    Crowd,
    Dictionary,
    Stage,
    data_key,
    data_keys,
    decrypt_request,
    encrypt_request,
    in_threads,
    outcomes,
)
from warmkey import CachingCMM, ConfigurationError, KeyAttempt, KeyUnavailable, LocalCMC, PolicyRefused
from warmkey.events import CacheEviction, CacheHit, CacheMiss, EvictionReason, KmsOutcome, MissReason, Operation
from warmkey.testing import SettableClock

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT


def encrypt_key(cmm: CachingCMM) -> bytes:
    return data_key(cmm.get_encryption_materials(encrypt_request()))


# spec: framework/caching-cmm.md#cache-limit-ttl e9e4
# spec: framework/caching-cmm.md#get-encryption-materials 9969
@pytest.mark.parametrize("max_age", [60, 60.0, 0.5, 3600])
def test_a_data_key_is_used_until_its_maximum_age_and_not_at_it(max_age: float) -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=max_age)
    first = encrypt_key(cmm)
    stage.clock.tick(max_age * 0.75)
    assert encrypt_key(cmm) == first
    stage.clock.tick(max_age * 0.25)

    assert encrypt_key(cmm) != first
    assert outcomes(cmm.statistics(ENCRYPT)) == {"miss:absent": 1, "hits": 1, "miss:expired": 1}


# spec: framework/caching-cmm.md#decrypt-materials d5bf
# spec: framework/caching-cmm.md#cache-limit-ttl e9e4
def test_decryption_materials_have_the_same_maximum_age() -> None:
    stage = Stage()
    cmm = stage.cmm()
    request = decrypt_request(stage.materials())
    cmm.decrypt_materials(request)
    stage.clock.tick(60)
    cmm.decrypt_materials(request)

    assert outcomes(cmm.statistics(DECRYPT)) == {"miss:absent": 1, "miss:expired": 1}
    assert stage.evictions == [EvictionReason.EXPIRED]


@pytest.mark.parametrize("cache", ["a cache of three methods", "an entry that is shared"])
def test_what_is_fetched_after_the_maximum_age_is_as_young_as_its_request(cache: str) -> None:
    """The data key of a message is the same one each time, so the old entry must not decide how old the new one is."""
    stage = Stage()
    request = decrypt_request(stage.materials())
    if cache == "a cache of three methods":
        cmm = stage.cmm(cache=Dictionary())
        cmm.decrypt_materials(request)
    else:
        stage.cmm(partition_id="p", max_age=1_000).decrypt_materials(request)
        cmm = stage.cmm(partition_id="p")
    stage.clock.tick(60)
    cmm.decrypt_materials(request)
    stage.clock.tick(59)
    cmm.decrypt_materials(request)
    assert stage.below.calls == 2
    stage.clock.tick(1)
    cmm.decrypt_materials(request)

    assert stage.below.calls == 3


def test_use_does_not_prolong_a_data_keys_life() -> None:
    stage = Stage()
    cmm = stage.cmm()
    keys = []
    for _ in range(7):
        keys.append(encrypt_key(cmm))
        stage.clock.tick(10)

    assert [key == keys[0] for key in keys] == [True] * 6 + [False]


def test_age_starts_before_a_slow_key_service_is_asked() -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=60)
    stage.below.during = lambda _: stage.clock.tick(45)
    first = encrypt_key(cmm)
    stage.clock.tick(14)
    assert encrypt_key(cmm) == first
    stage.clock.tick(1)

    assert encrypt_key(cmm) != first


def test_an_answer_that_took_longer_than_the_maximum_age_serves_the_one_who_asked_and_nobody_else() -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=60)
    stage.below.during = lambda _: stage.clock.tick(60)

    assert encrypt_key(cmm) != encrypt_key(cmm)
    assert stage.below.calls == 2


def test_who_waited_for_an_answer_that_took_too_long_is_not_given_an_old_key(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=60)
    boarding = Boarding(monkeypatch)

    def be_frozen_once(_: Any) -> None:
        if stage.below.calls == 1:
            boarding.wait_for(3)
            stage.clock.tick_wall(3600)

    stage.below.during = be_frozen_once
    keys = [data_key(materials) for materials in in_threads(4, lambda: cmm.get_encryption_materials(encrypt_request()))]

    assert sorted(keys.count(key) for key in set(keys)) == [1, 3], "an hour passed while the first call was under way"
    assert stage.below.calls == 2


KEPT_IN = pytest.mark.parametrize("kept_in", ["a local cache", "a cache of three methods", "an entry that is shared"])


def kept(stage: Stage, kept_in: str, max_age: float, **settings: Any) -> tuple[CachingCMM, bytes]:
    """A caching CMM of *max_age*, and the data key of an entry that is in its cache since this moment."""
    if kept_in == "a cache of three methods":
        settings["cache"] = Dictionary()
    cmm = stage.cmm(partition_id="p", max_age=max_age, **settings)
    other = stage.cmm(partition_id="p", max_age=1_000_000)
    return cmm, encrypt_key(other if kept_in == "an entry that is shared" else cmm)


@KEPT_IN
@pytest.mark.parametrize("clock", ["both", "monotonic", "wall"])
def test_either_clock_alone_ends_a_life_at_the_maximum_age_and_not_before(clock: str, kept_in: str) -> None:
    stage = Stage()
    cmm, first = kept(stage, kept_in, 60)
    tick = {"both": stage.clock.tick, "monotonic": stage.clock.tick_monotonic, "wall": stage.clock.tick_wall}[clock]
    tick(59.5)
    assert encrypt_key(cmm) == first
    tick(0.5)

    assert encrypt_key(cmm) != first


@KEPT_IN
@pytest.mark.parametrize("clock", ["monotonic", "wall"])
def test_an_entry_from_the_future_of_either_clock_is_not_used(clock: str, kept_in: str) -> None:
    stage = Stage()
    cmm, first = kept(stage, kept_in, 60)
    {"monotonic": stage.clock.tick_monotonic, "wall": stage.clock.tick_wall}[clock](-0.5)

    assert encrypt_key(cmm) != first


@KEPT_IN
@pytest.mark.parametrize("max_age", [0.5, 1, 1.5, 60])
def test_an_entry_that_is_too_old_is_told_as_a_miss_and_never_as_a_hit(max_age: float, kept_in: str) -> None:
    stage = Stage()
    cmm, _ = kept(stage, kept_in, max_age)
    stage.clock.tick(max_age)
    encrypt_key(cmm)

    assert stage.seen.count(CacheHit) == 0
    assert stage.seen.of(CacheMiss)[1:] == [CacheMiss(operation=ENCRYPT, reason=MissReason.EXPIRED)]


# Each its own


def test_each_cmm_applies_its_own_maximum_age_to_an_entry_that_it_shares() -> None:
    stage = Stage()
    patient = stage.cmm(partition_id="p", max_age=100)
    strict = stage.cmm(partition_id="p", max_age=10)
    first = encrypt_key(patient)
    stage.clock.tick(9)
    assert encrypt_key(strict) == first
    stage.clock.tick(1)
    assert encrypt_key(patient) == first

    assert encrypt_key(strict) != first
    assert outcomes(strict.statistics(ENCRYPT)) == {"hits": 1, "miss:expired": 1}
    assert stage.evictions == [EvictionReason.EXPIRED]


def test_each_cmm_applies_its_own_maximum_age_to_decryption_materials_that_it_shares() -> None:
    stage = Stage()
    patient = stage.cmm(partition_id="p", max_age=100)
    strict = stage.cmm(partition_id="p", max_age=10)
    request = decrypt_request(stage.materials())
    patient.decrypt_materials(request)
    stage.clock.tick(10)
    strict.decrypt_materials(request)

    assert len(stage.below.decrypt_requests) == 2


def test_the_maximum_age_of_who_filled_an_entry_binds_everybody() -> None:
    stage = Stage()
    strict = stage.cmm(partition_id="p", max_age=10)
    patient = stage.cmm(partition_id="p", max_age=100)
    first = encrypt_key(strict)
    stage.clock.tick(10)

    assert encrypt_key(patient) != first


def test_a_maximum_age_counts_from_creation_whoever_uses_the_entry_in_between() -> None:
    stage = Stage()
    patient = stage.cmm(partition_id="p", max_age=100)
    strict = stage.cmm(partition_id="p", max_age=10)
    first = encrypt_key(patient)
    for _ in range(3):
        stage.clock.tick(3)
        assert encrypt_key(strict) == first
    stage.clock.tick(1)

    assert encrypt_key(strict) != first


# Freeze


@pytest.mark.parametrize(
    ("monotonic", "wall"),
    [
        pytest.param(0, 3600, id="the monotonic clock stood still"),
        pytest.param(3600, 0, id="the wall clock stood still"),
        pytest.param(3600, 3600, id="both ran"),
        pytest.param(3600, -3600, id="the wall clock was set back"),
        pytest.param(3600, 10**9, id="the wall clock was set forward"),
        pytest.param(30, 60, id="the wall clock was set forward by half a minute"),
        pytest.param(60, 1, id="the wall clock was set back by a minute"),
        pytest.param(1, -1, id="a negative age by the wall clock"),
        pytest.param(-1, 1, id="a negative age by the monotonic clock"),
    ],
)
def test_a_thawed_container_never_uses_a_key_over_its_age(monotonic: float, wall: float) -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=60)
    first = encrypt_key(cmm)
    reading = decrypt_request(stage.materials())
    cmm.decrypt_materials(reading)
    stage.clock.tick_monotonic(monotonic)
    stage.clock.tick_wall(wall)

    assert encrypt_key(cmm) != first
    cmm.decrypt_materials(reading)
    assert cmm.statistics(DECRYPT).misses == {MissReason.ABSENT: 1, MissReason.EXPIRED: 1}


@pytest.mark.parametrize("back", [0.001, 1, 30, 10**6])
def test_a_wall_clock_set_back_again_and_again_never_extends_a_life(back: float) -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=60)
    first = encrypt_key(cmm)
    for _ in range(59):
        stage.clock.tick_monotonic(1)
        stage.clock.tick_wall(-back)
        encrypt_key(cmm)
    stage.clock.tick_monotonic(1)

    assert encrypt_key(cmm) != first


def test_expired_entries_are_swept_at_the_next_use_after_a_thaw_whichever_key_it_asks_for() -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=60)
    for number in range(20):
        cmm.get_encryption_materials(encrypt_request(1, {"tenant": str(number)}))
    stage.clock.tick_wall(3600)
    encrypt_key(cmm)

    assert (len(stage.cache), stage.evictions) == (1, [EvictionReason.EXPIRED] * 20)
    assert {event.age_seconds for event in stage.seen.of(CacheEviction)} == {3600}


def test_while_both_clocks_stand_still_an_entry_keeps_its_age() -> None:
    stage = Stage()

    assert data_keys(stage.cmm(), *[encrypt_request()] * 5) == [1] * 5


# One clock


def test_a_cmm_gives_its_clock_to_a_cache_that_has_none_of_its_own() -> None:
    clock, below = SettableClock(), Below()
    cmm = CachingCMM(cache=LocalCMC(10), max_age=60, cmm=below, clock=clock)
    cmm.get_encryption_materials(encrypt_request())
    clock.tick(59)
    cmm.get_encryption_materials(encrypt_request())
    assert below.calls == 1
    clock.tick(1)
    cmm.get_encryption_materials(encrypt_request())

    assert below.calls == 2


def test_a_cmm_without_a_clock_takes_the_caches() -> None:
    clock, below = SettableClock(), Below()
    cmm = CachingCMM(cache=LocalCMC(10, clock=clock), max_age=60, cmm=below)
    cmm.get_encryption_materials(encrypt_request())
    clock.tick(60)
    cmm.get_encryption_materials(encrypt_request())

    assert below.calls == 2


def test_two_clocks_for_one_cache_are_refused() -> None:
    cache = LocalCMC(10, clock=SettableClock())
    with pytest.raises(ConfigurationError, match="another clock"):
        CachingCMM(cache=cache, max_age=60, cmm=Below(), clock=SettableClock())


# Jitter


def test_jitter_shortens_and_never_lengthens() -> None:
    stage = Stage(capacity=1_000)
    cmm = stage.cmm(max_age=100, max_age_jitter=0.3)
    for number in range(300):
        cmm.get_encryption_materials(encrypt_request(1, {"n": str(number)}))
    lives = [entry.time_to_live for entry in stage.cache._entries.values()]

    assert 70 < min(lives) < 75
    assert 95 < max(lives) <= 100
    assert len(set(lives)) > 250
    stage.clock.tick(70)
    assert stage.cache.prune() == 0
    stage.clock.tick(15)
    assert 50 < stage.cache.prune() < 250
    stage.clock.tick(15)
    assert len(stage.cache) == stage.cache.prune()


def test_jitter_is_drawn_from_the_operating_system(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.urandom", lambda length: b"\xff" * length)
    stage = Stage()
    stage.cmm(max_age=100, max_age_jitter=0.5).get_encryption_materials(encrypt_request())
    (entry,) = stage.cache._entries.values()

    assert 50 < entry.time_to_live < 50.01


def test_without_jitter_every_entry_lives_to_its_maximum_age() -> None:
    stage = Stage()
    stage.cmm(max_age=100).get_encryption_materials(encrypt_request())
    (entry,) = stage.cache._entries.values()

    assert entry.time_to_live == 100


# Refresh ahead


# Source: framework/storm-tracking-cryptographic-materials-cache.md#grace-period
def test_a_lone_thread_never_refreshes_early() -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=60, refresh_ahead=True)
    first = encrypt_key(cmm)
    for seconds in (53.9, 0.2, 2, 2, 1.8):
        stage.clock.tick(seconds)
        assert encrypt_key(cmm) == first
    assert stage.below.calls == 1
    stage.clock.tick(0.1)

    assert encrypt_key(cmm) != first


def renews(cmm: CachingCMM, below: Below) -> bool:
    """Whether the second of two threads asks for a successor of an entry that still serves the first."""
    before = below.calls
    encrypt_key(cmm)
    assert below.calls == before, "the first thread goes on using the entry"
    in_threads(1, lambda: encrypt_key(cmm))
    return below.calls == before + 1


@pytest.mark.parametrize(("max_age", "grace"), [(60, 6), (1_000, 10), (100, 10), (80, 8), (5, 0.5)])
def test_the_grace_period_is_the_last_tenth_of_a_life_and_no_longer_than_ten_seconds(
    max_age: float, grace: float
) -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=max_age, refresh_ahead=True)
    encrypt_key(cmm)
    stage.clock.tick(max_age - grace - 0.125)
    assert not renews(cmm, stage.below)
    stage.clock.tick(0.125)

    assert renews(cmm, stage.below)


@pytest.mark.parametrize("clock", ["monotonic", "wall"])
def test_the_clock_that_says_more_begins_the_grace_period(clock: str) -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=60, refresh_ahead=True)
    encrypt_key(cmm)
    {"monotonic": stage.clock.tick_monotonic, "wall": stage.clock.tick_wall}[clock](54)

    assert renews(cmm, stage.below)


@pytest.mark.parametrize(("own", "others"), [(20, 1_000), (1_000, 20)])
def test_the_grace_period_is_before_the_end_that_comes_first_the_entrys_or_the_cmms(own: float, others: float) -> None:
    stage = Stage()
    cmm = stage.cmm(partition_id="p", max_age=own, refresh_ahead=True)
    encrypt_key(stage.cmm(partition_id="p", max_age=others))
    stage.clock.tick(9.5)
    assert not renews(cmm, stage.below)
    stage.clock.tick(9.5)

    assert renews(cmm, stage.below)


def test_the_second_thread_refreshes_within_the_grace_period_while_others_use_the_entry() -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=60, refresh_ahead=True)
    first = encrypt_key(cmm)
    stage.clock.tick(55)
    meanwhile: list[bytes] = []
    stage.below.during = lambda _: meanwhile.extend(in_threads(3, lambda: encrypt_key(cmm)))
    assert encrypt_key(cmm) == first
    (second,) = in_threads(1, lambda: encrypt_key(cmm))

    assert second != first
    assert meanwhile == [first] * 3
    assert encrypt_key(cmm) == second
    assert stage.below.calls == 2
    assert stage.evictions == [EvictionReason.REPLACED]
    assert outcomes(cmm.statistics(ENCRYPT)) == {"miss:absent": 1, "hits": 5, "miss:expired": 1}
    assert stage.seen.of(CacheMiss)[1:] == [CacheMiss(operation=ENCRYPT, reason=MissReason.EXPIRED)]


class Late(Dictionary):
    """A cache after whose look-up something happens, before whoever looked can use what it found."""

    happens: Any = None

    def get_cache_entry(self, identifier: bytes, /) -> Any:
        entry = super().get_cache_entry(identifier)
        happens, self.happens = self.happens, None
        if happens is not None:
            happens()
        return entry


@pytest.mark.parametrize("clock", ["both", "monotonic", "wall"])
def test_at_its_end_an_entry_is_not_refreshed_but_fetched_unless_somebody_has_done_so(clock: str) -> None:
    stage, cache = Stage(), Late()
    cmm = stage.cmm(cache=cache, refresh_ahead=True)
    tick = {"both": stage.clock.tick, "monotonic": stage.clock.tick_monotonic, "wall": stage.clock.tick_wall}[clock]
    encrypt_key(cmm)
    tick(59)
    encrypt_key(cmm)  # so that another thread would be the second to come in its grace period
    tick(1)
    looked, gate = threading.Event(), threading.Event()
    cache.happens = lambda: (looked.set(), gate.wait(PATIENCE_SECONDS))
    late = Crowd(lambda: encrypt_key(cmm))
    assert looked.wait(PATIENCE_SECONDS)
    fetched = encrypt_key(cmm)
    gate.set()

    assert late.values() == [fetched]
    assert stage.below.calls == 2


def test_refresh_ahead_is_off_by_default() -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=60)
    encrypt_key(cmm)
    stage.clock.tick(59)
    in_threads(4, lambda: encrypt_key(cmm))

    assert stage.below.calls == 1


def test_decryption_materials_are_refreshed_ahead_too() -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=60, refresh_ahead=True)
    request = decrypt_request(stage.materials())
    cmm.decrypt_materials(request)
    stage.clock.tick(55)
    cmm.decrypt_materials(request)
    in_threads(1, lambda: cmm.decrypt_materials(request))

    assert stage.below.calls == 2


def refreshing(stage: Stage, cmm: CachingCMM, during: Any) -> Any:
    """What the thread that refreshes is given, when *during* happens in its call."""
    encrypt_key(cmm)
    stage.clock.tick(55)
    encrypt_key(cmm)
    stage.below.during = during
    return Crowd(lambda: encrypt_key(cmm)).join()[0]


def test_who_would_refresh_and_does_not_fit_leads_a_call_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=60, refresh_ahead=True, max_bytes_encrypted=100)
    boarding = Boarding(monkeypatch)
    cmm.get_encryption_materials(encrypt_request(50))
    stage.clock.tick(55)
    cmm.get_encryption_materials(encrypt_request(1))
    others: list[Crowd] = []

    def another_comes(_: object) -> None:
        stage.below.during = lambda _: None
        others.append(Crowd(lambda: cmm.get_encryption_materials(encrypt_request(55))))
        boarding.wait_for(1)  # it finds that somebody leads, and then that the old key has no room for it

    stage.below.during = another_comes
    first = cmm.get_encryption_materials(encrypt_request(60))
    (second,) = others[0].values()

    assert data_key(first) != data_key(second), "60 and 55 bytes exceed the limit, so the call is not shared"
    assert stage.below.calls == 3


def test_a_refresh_that_fails_leaves_the_entry_serving_until_its_end() -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=60, refresh_ahead=True)
    first = encrypt_key(cmm)

    def fail(_: object) -> None:
        raise PolicyRefused("not today")

    assert refreshing(stage, cmm, fail) == first
    stage.clock.tick(5)
    with pytest.raises(PolicyRefused):
        encrypt_key(cmm)


@pytest.mark.parametrize("outcome", [KmsOutcome.DENIED, KmsOutcome.DISABLED])
def test_a_refresh_that_kms_refuses_takes_the_entry_with_it(outcome: KmsOutcome) -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=60, refresh_ahead=True)
    attempt = KeyAttempt(keyring="K", operation="GenerateDataKey", key="alias/mine", reason="no", outcome=outcome)

    def refuse(_: object) -> None:
        raise KeyUnavailable("no", [attempt])

    assert isinstance(refreshing(stage, cmm, refuse), KeyUnavailable)
    assert stage.evictions == [EvictionReason.DELETED]


def test_a_refresh_that_fails_after_the_entrys_end_does_not_use_it() -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=60, refresh_ahead=True)

    def fail_late(_: object) -> None:
        stage.clock.tick(10)
        raise PolicyRefused("after ten seconds")

    assert isinstance(refreshing(stage, cmm, fail_late), PolicyRefused)
    assert outcomes(cmm.statistics(ENCRYPT)) == {"miss:absent": 1, "hits": 1, "failures": 1}


def test_a_refresh_counts_nobody_who_does_not_wait_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=60, refresh_ahead=True, max_bytes_encrypted=100)
    cmm.get_encryption_materials(encrypt_request(50))
    stage.clock.tick(55)
    cmm.get_encryption_materials(encrypt_request(1))

    def refresh_meanwhile(_: object) -> None:
        stage.below.during = lambda _: None
        in_threads(1, lambda: cmm.get_encryption_materials(encrypt_request(2)))

    stage.below.during = refresh_meanwhile
    cmm.get_encryption_materials(encrypt_request(60))  # does not fit: a miss, in whose call the other thread comes
    (entry,) = stage.cache._entries.values()

    assert (entry.messages, entry.plaintext_bytes) == (1, 60)
    assert stage.below.calls == 2

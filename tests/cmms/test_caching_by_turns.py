"""Caching CMMs above one another, callers that take turns, and errors that waiters share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cmms.stage import (
    SIGNED,
    UNSIGNED,
    Boarding,
    Crowd,
    Dictionary,
    Stage,
    data_key,
    decrypt_request,
    encrypt_request,
    outcomes,
)
from warmkey import KeyUnavailable, LocalCMC, PolicyRefused
from warmkey.caches import local
from warmkey.caches.interface import MAX_REPRODUCED
from warmkey.clock import Birth, SystemClock
from warmkey.events import Operation
from warmkey.testing import SettableClock

if TYPE_CHECKING:
    from warmkey.algorithm_suites import AlgorithmSuite

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT

# Nested caching CMMs


@pytest.mark.parametrize("own_clock", [False, True], ids=["one clock", "clocks of their own"])
def test_nested_caching_cmms_do_not_add_their_ages(*, own_clock: bool) -> None:
    stage = Stage()
    clock = SettableClock() if own_clock else stage.clock
    if own_clock:
        clock.tick(1_000_000)
    below = stage.cmm(max_age=60)
    above = stage.cmm(cmm=below, cache=LocalCMC(10, clock=clock), clock=clock, max_age=60)
    reading = decrypt_request(stage.materials())

    def tick(seconds: float) -> None:
        for one in {id(one): one for one in (clock, stage.clock)}.values():
            one.tick(seconds)

    below.decrypt_materials(reading)
    tick(50)
    above.decrypt_materials(reading)
    assert stage.below.calls == 1
    tick(9)
    above.decrypt_materials(reading)
    assert (stage.below.calls, above.statistics(DECRYPT).hits) == (1, 1)
    tick(1)
    above.decrypt_materials(reading)

    assert stage.below.calls == 2


def test_a_data_key_of_a_nested_caching_cmm_is_as_old_as_its_request_by_both_clocks() -> None:
    stage, cache = Stage(), Dictionary()
    below = stage.cmm(max_age=60)
    above = stage.cmm(cmm=below, cache=cache, max_age=60)
    reading = decrypt_request(stage.materials())
    requested = stage.clock.now()
    below.decrypt_materials(reading)
    stage.clock.tick(50)
    above.decrypt_materials(reading)

    assert [entry.created for entry in cache.entries.values()] == [requested]


def test_a_data_key_of_a_nested_caching_cmm_is_never_of_another_ones_cache() -> None:
    """The plaintext length is withheld from what is below, so that one passes the request on."""
    stage = Stage()
    below = stage.cmm()
    above = stage.cmm(cmm=below, cache=LocalCMC(10, clock=stage.clock))
    for _ in range(2):
        above.get_encryption_materials(encrypt_request())

    assert outcomes(below.statistics(ENCRYPT)) == {"bypass:unknown-length": 1}
    assert outcomes(above.statistics(ENCRYPT)) == {"miss:absent": 1, "hits": 1}


def test_a_birth_tells_its_age_by_the_clock_that_says_more() -> None:
    clock = SettableClock()
    birth = Birth(clock, clock.now())
    clock.tick_wall(5)
    clock.tick_monotonic(3)

    assert birth.age() == 5
    clock.tick_wall(-6)
    assert birth.age() == float("inf")
    assert Birth(SystemClock(), SystemClock().now()).age() < 3_600


# Two ways to state the expected context


@pytest.mark.parametrize("suite", [UNSIGNED, SIGNED], ids=str)
@pytest.mark.parametrize("length", [1, 10_000], ids=["short", "long"])
def test_two_ways_of_stating_the_expected_context_share_an_entry(length: int, suite: AlgorithmSuite) -> None:
    stage = Stage()
    cmm = stage.cmm()
    context = {"tenant": "a" * length, "kind": "x"}
    materials = stage.materials(context=context, suite=suite)
    for _ in range(5):
        for stated in (None, context, {"tenant": "a" * length}):
            cmm.decrypt_materials(decrypt_request(materials, stated))

    assert outcomes(cmm.statistics(DECRYPT)) == {"miss:absent": 1, "miss:context": 2, "hits": 12}


def test_two_ways_share_an_entry_of_which_only_a_digest_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """The new entry has its message in full when it takes over."""
    monkeypatch.setattr(local, "MAX_CACHE_BYTES", 0)
    stage = Stage()
    cmm = stage.cmm()
    materials = stage.materials(context={"tenant": "a", "kind": "x"})
    for _ in range(5):
        for stated in (None, {"tenant": "a"}):
            cmm.decrypt_materials(decrypt_request(materials, stated))

    assert outcomes(cmm.statistics(DECRYPT)) == {"miss:absent": 1, "miss:context": 1, "hits": 8}


def test_the_second_way_does_not_prolong_the_first_ones_life() -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=60)
    materials = stage.materials(context={"tenant": "a"})
    cmm.decrypt_materials(decrypt_request(materials))
    stage.clock.tick(40)
    cmm.decrypt_materials(decrypt_request(materials, {"tenant": "a"}))
    stage.clock.tick(20)
    cmm.decrypt_materials(decrypt_request(materials))

    assert outcomes(cmm.statistics(DECRYPT)) == {"miss:absent": 1, "miss:context": 1, "miss:expired": 1}


def test_a_way_that_the_underlying_cmm_refuses_is_refused_each_time() -> None:
    stage = Stage()
    cmm = stage.cmm()
    materials = stage.materials(context={"tenant": "a"})
    for _ in range(3):
        cmm.decrypt_materials(decrypt_request(materials, {"tenant": "a"}))
        with pytest.raises(PolicyRefused):
            cmm.decrypt_materials(decrypt_request(materials, {"tenant": "b"}))

    assert outcomes(cmm.statistics(DECRYPT)) == {"miss:absent": 1, "hits": 2, "failures": 3}


def test_an_entry_remembers_a_bounded_number_of_ways() -> None:
    stage = Stage()
    cmm = stage.cmm()
    context = {str(number): "x" for number in range(20)}
    materials = stage.materials(context=context)
    for number in range(20):
        cmm.decrypt_materials(decrypt_request(materials, {str(number): "x"}))
    (entry,) = stage.cache._entries.values()

    assert len(entry.reproduced) == MAX_REPRODUCED


def test_different_data_keys_take_nothing_over() -> None:
    stage = Stage()
    cmm = stage.cmm()
    stage.below.answer = lambda materials: materials
    first = cmm.get_encryption_materials(encrypt_request(1, {"tenant": "a"}))
    second = cmm.get_encryption_materials(encrypt_request(1, {"tenant": "a"}, required=["tenant"]))

    assert data_key(first) != data_key(second)


# Errors of their own


class OwnError(KeyUnavailable):
    """Of a keyring that takes something else than a text."""

    def __init__(self, *, vault: int) -> None:
        super().__init__(f"vault {vault} is closed")
        self.vault = vault


def test_an_error_with_a_constructor_of_its_own_reaches_every_waiter(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    cmm = stage.cmm()
    boarding = Boarding(monkeypatch)
    cause = OSError("no key")

    def fail(_: object) -> None:
        boarding.wait_for(3)
        raise OwnError(vault=7) from cause

    stage.below.during = fail
    errors = Crowd(*[lambda: cmm.get_encryption_materials(encrypt_request())] * 4).join()

    assert {(type(error), str(error), error.vault, error.__cause__) for error in errors} == {
        (OwnError, "vault 7 is closed", 7, cause)
    }
    assert len({id(error) for error in errors}) == 4

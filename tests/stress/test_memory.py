"""Memory stays flat however many contexts, messages and CMMs pass through. A million by hand: many_contexts.py."""

from __future__ import annotations

import gc
import tracemalloc
from typing import TYPE_CHECKING, Any

from tests.cmms.stage import Crowd, Stage, encrypt_request
from tests.stress.many_contexts import CAPACITY, Light, Passage
from warmkey import CachingCMM, LocalCMC, PolicyRefused, fork_safety
from warmkey.caches import NullCMC

if TYPE_CHECKING:
    from collections.abc import Callable

# More than are remembered for speed: contexts and identifiers of the last 1,024 requests of each kind.
WARM_UP, REQUESTS = 1_500, 2_500
ALLOWED_BYTES = 100_000


def growth(work: Callable[[int], object]) -> int:
    """By how many bytes memory grows over REQUESTS calls of *work*, after a warm-up."""
    tracemalloc.start()
    try:
        for number in range(WARM_UP):
            work(number)
        gc.collect()
        before, _ = tracemalloc.get_traced_memory()
        for number in range(WARM_UP, WARM_UP + REQUESTS):
            work(number)
        gc.collect()
        return tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


def test_any_number_of_contexts_through_a_cache_of_a_hundred_holds_memory_flat() -> None:
    passage = Passage()

    # 2,500 contexts of 200 characters, their identifiers and encrypted data keys alone are several MB.
    assert growth(passage.go) < ALLOWED_BYTES
    assert len(passage.cache) == CAPACITY
    assert len(passage.cache._expired_identifiers) <= CAPACITY
    assert len(passage.cmm._fetcher._flights) == 0


def test_long_contexts_that_pass_by_are_not_remembered() -> None:
    passage = Passage()

    def work(number: int) -> None:
        if number % 10 == 0:
            context = {"message": f"{number:020000}"}
            passage.cmm.get_encryption_materials(encrypt_request(1, context))
        passage.cache.purge()

    # 250 contexts of 20,000 characters are 5 MB, in each of the places that could remember them.
    assert growth(work) < 10 * ALLOWED_BYTES


def test_expired_entries_do_not_pile_up_in_a_cache_with_room() -> None:
    stage = Stage()
    cache = LocalCMC(10**9, clock=stage.clock)
    cmm = CachingCMM(cache=cache, cmm=Light(), max_age=10, clock=stage.clock)
    sizes = []
    for number in range(2_000):
        cmm.get_encryption_materials(encrypt_request(1, {"message": str(number)}))
        stage.clock.tick(0.1)
        sizes.append(len(cache))

    assert max(sizes) < 100 + 10 + 2, "a maximum age's worth, and a second of sweeping less often"


def test_hits_failures_and_bypasses_leave_nothing_behind() -> None:
    stage = Stage()
    cmm = CachingCMM(cache=LocalCMC(CAPACITY, clock=stage.clock), cmm=Light(), max_age=60, clock=stage.clock)
    off = CachingCMM(cache=NullCMC(), cmm=Light(), max_age=60)
    broken = CachingCMM(cache=LocalCMC(CAPACITY), cmm=stage.below, max_age=60)

    def refuse(_: Any) -> None:
        stage.below.encrypt_requests.clear()
        raise PolicyRefused("no")

    stage.below.during = refuse

    def work(number: int) -> None:
        cmm.get_encryption_materials(encrypt_request(1))
        cmm.get_encryption_materials(encrypt_request(None))
        off.get_encryption_materials(encrypt_request(1))
        try:
            broken.get_encryption_materials(encrypt_request(1))
        except PolicyRefused:
            return
        raise AssertionError

    assert growth(work) < ALLOWED_BYTES


def flights_alive() -> int:
    gc.collect()
    return sum(type(thing).__name__ in ("Flight", "Waiter") for thing in gc.get_objects())


def test_waiting_crowds_leave_nothing_behind() -> None:
    stage = Stage()
    cmm = CachingCMM(cache=LocalCMC(1, clock=stage.clock), cmm=Light(), max_age=60, max_messages_encrypted=3)

    def work(thread: int) -> None:
        for number in range(300):
            cmm.get_encryption_materials(encrypt_request(1, {"n": str(number % 3)}))

    before = flights_alive()
    for _ in range(3):
        Crowd(*[lambda thread=thread: work(thread) for thread in range(8)]).values()

    assert len(cmm._fetcher._flights) == 0
    assert len(cmm.cache) == 1  # type: ignore[arg-type]
    assert flights_alive() <= before


def test_caches_and_cmms_that_nobody_uses_go() -> None:
    def use_one() -> None:
        cmm = CachingCMM(cache=LocalCMC(1), cmm=Light(), max_age=60)
        cmm.get_encryption_materials(encrypt_request())

    use_one()
    gc.collect()
    before = len(fork_safety._living())
    for _ in range(200):
        use_one()
    gc.collect()

    assert len(fork_safety._living()) <= before


def test_partitions_purged_by_name_do_not_pile_up() -> None:
    cache = LocalCMC(1)
    for number in range(5_000):
        cache.purge(str(number))

    assert len(cache._purge_sequences) <= 1_024

"""The cache entry: age, atomic counting, and nothing to pickle."""

from __future__ import annotations

import contextlib
import copy
import math
import pickle
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.cmms.stage import Dictionary
from tests.forks import become_another_process
from warmkey import CacheEntry, LocalCMC
from warmkey.algorithm_suites import AlgorithmSuite
from warmkey.caches import interface
from warmkey.caches.entry_content import EntryContent
from warmkey.caches.interface import CacheFeatures
from warmkey.clock import Instant, SystemClock
from warmkey.events import EvictionReason, MissReason, Operation
from warmkey.fork_safety import notice_fork
from warmkey.structures import EncryptionMaterials

if TYPE_CHECKING:
    from collections.abc import Callable

CREATED = Instant(monotonic=100.0, wall=5_000.0)


def make_entry(time_to_live: float = 60) -> CacheEntry:
    materials = EncryptionMaterials(algorithm_suite=AlgorithmSuite(0x0478), plaintext_data_key=b"k" * 32)
    return CacheEntry(materials, operation=Operation.ENCRYPT, created=CREATED, time_to_live=time_to_live)


def in_another_thread(ask: Callable[[], MissReason | None]) -> MissReason | None:
    answers: list[MissReason | None] = []
    thread = threading.Thread(target=lambda: answers.append(ask()), daemon=True)
    thread.start()
    thread.join(30)
    return answers[0]


def reserve(entry: CacheEntry, length: int = 0, *, messages: int = 10, plaintext_bytes: int = 10) -> MissReason | None:
    return entry.reserve(length, messages, plaintext_bytes)


# Source: framework/cryptographic-materials-cache.md#creation-time
# Source: framework/cryptographic-materials-cache.md#expiry-time
# spec: framework/cryptographic-materials-cache.md#cache-entry e20d
def test_an_entry_has_materials_creation_and_expiry_time_by_the_wall_clock_and_use() -> None:
    entry = make_entry(60)

    assert (entry.creation_time, entry.expiry_time) == (5_000.0, 5_060.0)
    assert (entry.materials.plaintext_data_key, entry.messages, entry.plaintext_bytes) == (b"k" * 32, 0, 0)


@pytest.mark.parametrize(
    ("monotonic", "wall", "age"),
    [
        pytest.param(7, 7, 7, id="both clocks ran"),
        pytest.param(0, 7, 7, id="the monotonic clock stood still"),
        pytest.param(7, 0, 7, id="the wall clock stood still"),
        pytest.param(3, 7, 7, id="the wall clock was set forward"),
        pytest.param(7, 3, 7, id="the wall clock was set back, not past the creation"),
        pytest.param(0, 0, 0, id="no time has passed"),
        pytest.param(7, -0.5, math.inf, id="the wall clock was set back past the creation"),
        pytest.param(-0.5, 7, math.inf, id="the monotonic clock is another machine's"),
    ],
)
def test_the_age_is_what_the_clock_says_that_says_more_and_endless_when_negative(
    monotonic: float, wall: float, age: float
) -> None:
    entry = make_entry()

    assert age == entry.age(Instant(CREATED.monotonic + monotonic, CREATED.wall + wall))


# spec: framework/cryptographic-materials-cache.md#usage-metadata e79b
# spec: framework/caching-cmm.md#limit-messages a3a9
def test_a_reservation_counts_one_message_and_its_bytes() -> None:
    entry = make_entry()

    assert [reserve(entry, 3), reserve(entry, 4)] == [None, None]
    assert (entry.messages, entry.plaintext_bytes) == (2, 7)


# spec: framework/caching-cmm.md#limit-messages e6b7
def test_the_last_message_within_the_limit_is_served_and_the_next_refused() -> None:
    entry = make_entry()

    assert [reserve(entry, messages=2) for _ in range(3)] == [None, None, MissReason.MESSAGES_SPENT]
    assert entry.messages == 2


# spec: framework/caching-cmm.md#limit-bytes ba71
def test_a_message_that_reaches_the_byte_limit_exactly_is_within_it() -> None:
    entry = make_entry()

    assert [reserve(entry, 6), reserve(entry, 5), reserve(entry, 4)] == [None, MissReason.BYTES_SPENT, None]
    assert (entry.messages, entry.plaintext_bytes) == (2, 10)


def test_an_empty_message_fits_into_an_entry_whose_bytes_are_used_up() -> None:
    entry = make_entry()
    reserve(entry, 10)

    assert reserve(entry, 0) is None


def test_whoever_shares_an_entry_is_held_to_limits_of_its_own() -> None:
    entry = make_entry()
    for _ in range(5):
        reserve(entry, 1)

    assert reserve(entry, messages=5) is MissReason.MESSAGES_SPENT
    assert reserve(entry, 1, plaintext_bytes=5) is MissReason.BYTES_SPENT
    assert reserve(entry, 1, messages=6, plaintext_bytes=6) is None


def test_an_entry_that_has_left_the_cache_takes_no_more_messages() -> None:
    entry = make_entry()
    reserve(entry, 3)

    assert entry.close() == (1, 3)
    assert reserve(entry) is MissReason.ABSENT
    assert entry.close() == (1, 3)


def test_threads_never_get_more_reservations_than_there_are() -> None:
    entry = make_entry()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: reserve(entry, 1, messages=1_000, plaintext_bytes=700), range(2_000)))

    assert answers.count(None) == entry.messages == entry.plaintext_bytes == 700


def test_the_check_and_the_count_are_one_step() -> None:
    entry = make_entry()
    other = threading.Thread(target=reserve, args=(entry, 1), kwargs={"messages": 1}, daemon=True)

    class Length(int):
        """Lets another thread try between this one's check and its count."""

        def __radd__(self, used: int) -> int:
            if other.ident is None:
                other.start()
                other.join(0.1)
            return used + int(self)

    assert reserve(entry, Length(1), messages=1) is None
    other.join(30)
    assert entry.messages == 1


def test_a_reservation_that_interrupts_another_of_its_thread_gets_none() -> None:
    entry = make_entry()
    inner = []

    def interrupt(_: CacheEntry) -> bool:
        inner.append(reserve(entry, 1))
        return True

    assert entry.reserve(1, 10, 10, interrupt) is None
    assert (inner, entry.messages) == ([MissReason.ABSENT], 1)
    assert reserve(entry, 1) is None


def test_a_copy_of_the_process_does_not_use_what_its_original_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interface, "_fetch_sequences", interface._FetchSequences())
    fetched_by_the_original = make_entry()
    interface._fetch_sequences.reset()

    assert fetched_by_the_original.spent(0, 10, 10) is reserve(fetched_by_the_original) is MissReason.ABSENT
    assert reserve(make_entry()) is None


def test_a_forked_process_does_not_use_what_its_parent_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when a cache that does not know of forks still has it."""
    fetched_by_the_parent = make_entry()
    become_another_process(monkeypatch)
    notice_fork()

    assert fetched_by_the_parent.spent(0, 10, 10) is reserve(fetched_by_the_parent) is MissReason.ABSENT
    assert reserve(make_entry()) is None


def test_what_does_not_fit_is_not_held() -> None:
    entry = make_entry()

    assert entry.hold(11, 10, 10) is MissReason.BYTES_SPENT
    assert entry.hold(4, 10, 10) is None
    assert entry.close(revoked=True) == (0, 0)


def test_a_refresh_is_claimed_once_and_never_by_the_first_thread_to_see_it() -> None:
    entry = make_entry()

    assert [entry.claim_refresh(thread) for thread in (1, 1, 1)] == [False, False, False]
    assert [entry.claim_refresh(thread) for thread in (2, 2, 3, 1)] == [True, False, False, False]


def test_a_cache_of_three_methods_is_never_purged_and_knows_no_reasons() -> None:
    features = CacheFeatures(Dictionary())
    own = SystemClock()

    assert (features.capacity, features.checks_age, features.can_purge) == (None, False, False)
    assert features.was_purged(make_entry()) is False
    assert (features.purge("partition"), features.evict("partition", reason=EvictionReason.DELETED)) == (0, 0)
    assert features.miss_reason(b"identifier") is MissReason.ABSENT
    assert features.use_clock(own) is own


def test_a_cache_offers_what_it_has_of_the_optional_methods() -> None:
    cache = LocalCMC(7)
    features = CacheFeatures(cache)

    assert (features.capacity, features.checks_age, features.can_purge) == (7, True, True)
    assert (features.purge, features.evict, features.was_purged) == (cache.purge, cache.purge, cache.was_purged)


def test_a_purge_without_a_choice_is_not_asked_to_choose() -> None:
    class PurgesAll(Dictionary):
        def purge(self, partition_id: str | None) -> int:
            return 7

    features = CacheFeatures(PurgesAll())

    assert (features.can_purge, features.purge(None)) == (True, 7)
    assert features.evict(None, reason=EvictionReason.DELETED, which=bool) == 0


def test_an_entry_shows_no_key() -> None:
    assert repr(make_entry()) == "<CacheEntry encrypt messages=0 plaintext_bytes=0>"


@pytest.mark.parametrize("leave", [pickle.dumps, copy.copy, copy.deepcopy])
def test_an_entry_does_not_leave_the_process(leave: object) -> None:
    with pytest.raises(TypeError, match="holds key material"):
        leave(make_entry())  # type: ignore[operator]


def test_a_timeout_by_signal_never_leaves_an_entry_locked() -> None:
    """Handlers limit their time so; a lock that nobody releases would stop this key's next message for ever."""

    class TimedOutError(Exception):
        pass

    def time_out(*_: object) -> None:
        raise TimedOutError

    served = make_entry()
    before = signal.signal(signal.SIGALRM, time_out)
    try:
        for microseconds in range(300):
            with contextlib.suppress(TimedOutError):
                signal.setitimer(signal.ITIMER_REAL, (20 + microseconds % 40) / 1e6)
                while True:
                    served.reserve(0, 2**62, 2**62)

            assert in_another_thread(lambda: served.reserve(0, 2**62, 2**62)) is None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_revocation_gives_back_what_is_still_held_and_keeps_what_was_used() -> None:
    entry = make_entry()
    for length in (5, 3):
        assert entry.hold(length, 10, 10) is None
    assert entry.confirm(5, lambda _: True) is None

    assert entry.close(revoked=True) == (1, 5)
    assert entry.confirm(3, lambda _: True) is MissReason.ABSENT


def test_what_has_expired_while_it_was_held_is_given_back_once() -> None:
    entry = make_entry()
    for length in (5, 3):
        assert entry.hold(length, 10, 10) is None
    assert entry.confirm(5, lambda _: False) is MissReason.EXPIRED

    assert (entry.messages, entry.plaintext_bytes) == (1, 3)
    assert entry.close(revoked=True) == (0, 0)


@pytest.mark.parametrize(("own", "others", "shorter"), [(60, 20, 20), (20, 60, 20)])
def test_an_entry_that_takes_over_another_lives_no_longer_than_either(
    own: float, others: float, shorter: float
) -> None:
    entry = make_entry(own)
    entry.take_over(make_entry(others))

    assert entry.time_to_live == shorter


def test_an_entry_remembers_8_ways_of_stating_the_context_its_own_first() -> None:
    ways = [EntryContent((), b"%d" % number) for number in range(10)]
    entry, other = make_entry(), make_entry()
    entry.reproduced, other.reproduced = tuple(ways[:5]), tuple(ways[4:])
    entry.take_over(other)

    assert entry.reproduced == tuple(ways[:8])

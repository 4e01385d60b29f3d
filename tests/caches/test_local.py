"""The local cache: true least-recently-used, hard time-to-live, pruning, purging; told from outside, by its events."""

from __future__ import annotations

import gc
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import pytest

from tests.forks import become_another_process
from warmkey import CacheEntry, ConfigurationError, EncryptionMaterials, LocalCMC
from warmkey.algorithm_suites import AlgorithmSuite
from warmkey.caches import local
from warmkey.caches.entry_content import EntryContent
from warmkey.caches.interface import next_fetch_sequence
from warmkey.clock import Instant
from warmkey.events import CacheEviction, EvictionReason, MissReason, Operation
from warmkey.testing import Recorder, SettableClock
from warmkey.validation import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

SUITE = AlgorithmSuite(0x0478)


class Shelf:
    """A cache, its clock and what it says."""

    def __init__(self, capacity: int = 3, **settings: Any) -> None:
        self.clock = SettableClock()
        self.seen = Recorder()
        self.cache = LocalCMC(capacity, clock=self.clock, emit=self.seen, **settings)

    def entry(self, time_to_live: float = 60, **fields: Any) -> CacheEntry:
        fields = {"operation": Operation.ENCRYPT, "created": self.clock.now(), **fields}
        materials = EncryptionMaterials(algorithm_suite=SUITE, plaintext_data_key=b"k" * 32)
        return CacheEntry(materials, time_to_live=time_to_live, **fields)

    def put(self, *identifiers: bytes, time_to_live: float = 60, **fields: Any) -> None:
        for identifier in identifiers:
            self.cache.put_cache_entry(identifier, self.entry(time_to_live, **fields))

    def has(self, identifier: bytes) -> bool:
        return self.cache.get_cache_entry(identifier) is not None

    @property
    def reasons(self) -> list[EvictionReason]:
        return [eviction.reason for eviction in self.seen.of(CacheEviction)]


# Storing


# spec: framework/cryptographic-materials-cache.md#put-cache-entry 78d4
def test_an_entry_comes_back_under_its_own_identifier_only() -> None:
    shelf = Shelf()
    entry = shelf.entry()
    shelf.cache.put_cache_entry(b"a", entry)

    assert shelf.cache.get_cache_entry(b"a") is entry
    assert shelf.cache.get_cache_entry(b"b") is None


# spec: framework/cryptographic-materials-cache.md#put-cache-entry 543e
# spec: framework/cryptographic-materials-cache.md#overview 655c
def test_putting_returns_nothing() -> None:
    shelf = Shelf()

    assert shelf.cache.put_cache_entry(b"a", shelf.entry()) is None  # type: ignore[func-returns-value]


def test_the_later_of_two_entries_of_one_request_is_kept() -> None:
    shelf = Shelf()
    earlier, later = (shelf.entry(fetch_sequence=next_fetch_sequence()) for _ in range(2))
    twin = shelf.entry(fetch_sequence=later.fetch_sequence)
    for entry in (later, twin, earlier):
        shelf.cache.put_cache_entry(b"a", entry)

    assert shelf.cache.get_cache_entry(b"a") is twin
    assert shelf.reasons == [EvictionReason.REPLACED] * 2
    assert [entry.reserve(0, 10, 10) for entry in (earlier, later, twin)] == [
        MissReason.ABSENT,
        MissReason.ABSENT,
        None,
    ]


@pytest.mark.parametrize(
    "use",
    [
        lambda shelf: shelf.put(b"b"),
        lambda shelf: shelf.cache.delete_cache_entry(b"b"),
        lambda shelf: shelf.cache.prune(),
        lambda shelf: shelf.cache.purge("another partition"),
        lambda shelf: shelf.has(b"b"),
    ],
    ids=["put", "delete", "prune", "purge", "get"],
)
def test_whatever_a_copy_of_the_process_does_first_forgets_what_it_inherited(
    monkeypatch: pytest.MonkeyPatch, use: Any
) -> None:
    shelf = Shelf()
    shelf.put(b"a")
    become_another_process(monkeypatch)
    use(shelf)

    assert shelf.reasons[0] is EvictionReason.FORK


def test_a_copy_of_the_process_counts_no_entry_that_it_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf()
    shelf.put(b"a")
    become_another_process(monkeypatch)

    assert len(shelf.cache) == 0


def test_what_a_parent_was_requesting_is_not_kept_in_its_child(monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = Shelf()
    requested = shelf.entry(fetch_sequence=next_fetch_sequence())
    become_another_process(monkeypatch)
    shelf.cache.put_cache_entry(b"a", requested)

    assert (shelf.has(b"a"), shelf.reasons) == (False, [EvictionReason.PURGED])
    shelf.put(b"a")
    assert shelf.has(b"a")


def test_an_entry_that_is_put_while_a_sweep_looks_at_the_others_expires_in_time() -> None:
    shelf = Shelf()
    waiting = [b"late"]

    class Interrupted(Instant):
        """Lets a signal handler put an entry while this one is looked at."""

        def __iter__(self) -> Iterator[float]:
            while waiting and armed:
                shelf.put(waiting.pop(), time_to_live=5)
            return super().__iter__()

    armed = False
    shelf.put(b"a", created=Interrupted(*shelf.clock.now()), time_to_live=600)
    armed = True
    shelf.cache.prune()
    assert (shelf.has(b"late"), len(shelf.cache)) == (True, 2)
    shelf.clock.tick(5)

    assert not shelf.has(b"late")


def test_an_entry_that_is_put_while_a_signal_handler_purges_is_not_kept() -> None:
    shelf = Shelf()
    purges = [shelf.cache.purge]

    class Interrupted(Instant):
        """Lets the handler purge after the put looked whether there was a purge."""

        def __iter__(self) -> Iterator[float]:
            while purges and armed:
                purges.pop()()
            return super().__iter__()

    armed = False
    entry = shelf.entry(created=Interrupted(*shelf.clock.now()))
    armed = True
    shelf.cache.put_cache_entry(b"a", entry)

    assert purges == []
    assert (shelf.has(b"a"), shelf.reasons) == (False, [EvictionReason.PURGED])


def test_putting_replaces_what_is_there() -> None:
    shelf = Shelf()
    shelf.put(b"a", b"a")

    assert (len(shelf.cache), shelf.reasons) == (1, [EvictionReason.REPLACED])


def test_a_replaced_entry_leaves_for_the_reason_that_was_noted_on_it() -> None:
    shelf = Shelf()
    spent = shelf.entry()
    spent.pending_eviction_reason = EvictionReason.MESSAGES_SPENT
    shelf.cache.put_cache_entry(b"a", spent)
    shelf.put(b"a")

    assert shelf.reasons == [EvictionReason.MESSAGES_SPENT]


# Source: framework/cryptographic-materials-cache.md#delete-cache-entry
def test_deleting_succeeds_whether_there_is_an_entry_or_not() -> None:
    shelf = Shelf()
    shelf.put(b"a")
    shelf.cache.delete_cache_entry(b"a")
    shelf.cache.delete_cache_entry(b"a")

    assert (shelf.has(b"a"), shelf.reasons) == (False, [EvictionReason.DELETED])


def test_evictions_are_announced_with_use_and_age() -> None:
    shelf = Shelf()
    shelf.put(b"a")
    entry = shelf.cache.get_cache_entry(b"a")
    assert entry is not None
    entry.reserve(7, 10, 10)
    entry.reserve(2, 10, 10)
    shelf.clock.tick(5)
    shelf.cache.delete_cache_entry(b"a")

    shelf.seen.assert_events(
        CacheEviction(
            operation=Operation.ENCRYPT,
            reason=EvictionReason.DELETED,
            age_seconds=5,
            messages=2,
            plaintext_bytes=9,
        )
    )


@pytest.mark.parametrize("first", [None, SettableClock()], ids=["its own", "another"])
def test_the_first_clock_that_is_used_is_the_one_clock(first: SettableClock | None) -> None:
    cache = LocalCMC(1)
    used = cache.use_clock(first)

    assert first is None or used is first
    assert cache.use_clock(None) is cache.use_clock(used) is used
    with pytest.raises(ConfigurationError, match="another clock"):
        cache.use_clock(SettableClock())


def test_a_subscriber_may_use_the_cache_that_it_observes() -> None:
    lengths = []
    shelf = Shelf()
    cache = LocalCMC(1, clock=shelf.clock, emit=lambda _: lengths.append((len(cache), cache.get_cache_entry(b"a"))))
    cache.put_cache_entry(b"a", shelf.entry())
    cache.put_cache_entry(b"b", shelf.entry())

    assert lengths == [(1, None)]


def test_a_subscriber_that_fails_breaks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def broken(_: object) -> None:
        raise RuntimeError("secret detail")

    cache = LocalCMC(1, emit=broken)
    entry = Shelf().entry()
    cache.put_cache_entry(b"a", entry)
    cache.delete_cache_entry(b"a")

    assert len(cache) == 0
    assert [record.message for record in caplog.records] == ["a subscriber failed with RuntimeError"]


# Capacity


# spec: framework/local-cryptographic-materials-cache.md#put-cache-entry af85
def test_the_least_recently_used_entry_leaves_and_not_the_oldest() -> None:
    shelf = Shelf(capacity=3)
    shelf.put(b"a", b"b", b"c")
    assert shelf.has(b"a")
    shelf.put(b"d")

    assert [shelf.has(key) for key in (b"a", b"b", b"c", b"d")] == [True, False, True, True]
    assert shelf.reasons == [EvictionReason.CAPACITY]


def test_a_look_up_that_fails_changes_no_order() -> None:
    shelf = Shelf(capacity=2)
    shelf.put(b"a", b"b")
    assert not shelf.has(b"z")
    shelf.put(b"c")

    assert [shelf.has(key) for key in (b"a", b"b", b"c")] == [False, True, True]


def test_replacing_makes_an_entry_the_most_recently_used() -> None:
    shelf = Shelf(capacity=2)
    shelf.put(b"a", b"b", b"a", b"c")

    assert [shelf.has(key) for key in (b"a", b"b", b"c")] == [True, False, True]


def test_replacing_an_entry_of_a_full_cache_evicts_no_other() -> None:
    shelf = Shelf(capacity=2)
    shelf.put(b"a", b"b", b"b")

    assert (len(shelf.cache), shelf.has(b"a")) == (2, True)


# spec: framework/local-cryptographic-materials-cache.md#put-cache-entry af85
# spec: framework/local-cryptographic-materials-cache.md#entry-capacity 0b42 9454
@pytest.mark.parametrize("capacity", [0, 1, 2, 7])
def test_there_are_never_more_entries_than_capacity_after_a_put(capacity: int) -> None:
    shelf = Shelf(capacity)
    sizes = []
    for number in range(20):
        shelf.put(b"%d" % number)
        sizes.append(len(shelf.cache))

    assert max(sizes) == capacity
    assert len(shelf.reasons) == 20 - capacity


def test_encrypt_and_decrypt_entries_both_count_towards_capacity() -> None:
    shelf = Shelf(capacity=2)
    shelf.put(b"a", operation=Operation.ENCRYPT)
    shelf.put(b"b", operation=Operation.DECRYPT)
    shelf.put(b"c", operation=Operation.DECRYPT)

    assert [event.operation for event in shelf.seen.of(CacheEviction)] == [Operation.ENCRYPT]


# Expiry


# spec: framework/local-cryptographic-materials-cache.md#get-cache-entry 512e
# spec: framework/cryptographic-materials-cache.md#time-to-live-ttl a746 a89b
# spec: framework/cryptographic-materials-cache.md#get-cache-entry 9de8
@pytest.mark.parametrize("operation", list(Operation))
def test_an_entry_is_there_until_its_time_to_live_has_passed_and_never_after(operation: Operation) -> None:
    shelf = Shelf()
    shelf.put(b"a", time_to_live=60, operation=operation)
    shelf.clock.tick(59.5)
    assert shelf.has(b"a")
    shelf.clock.tick(0.5)

    assert not shelf.has(b"a")
    assert (len(shelf.cache), shelf.reasons) == (0, [EvictionReason.EXPIRED])


def test_use_does_not_prolong_a_life() -> None:
    shelf = Shelf()
    shelf.put(b"a", time_to_live=10)
    for _ in range(9):
        shelf.clock.tick(1)
        assert shelf.has(b"a")
    shelf.clock.tick(1)

    assert not shelf.has(b"a")


@pytest.mark.parametrize(
    ("monotonic", "wall"),
    [
        pytest.param(0, 3600, id="the monotonic clock stood still"),
        pytest.param(3600, 0, id="the wall clock stood still"),
        pytest.param(30, 60, id="the wall clock was set forward"),
        pytest.param(60, 30, id="the wall clock was set back a little"),
        pytest.param(1, -10, id="the wall clock was set back past the creation"),
        pytest.param(-1, 1, id="the monotonic clock restarted"),
    ],
)
def test_a_thawed_cache_returns_no_expired_entry_whichever_clock_knows(monotonic: float, wall: float) -> None:
    shelf = Shelf()
    shelf.put(b"a", b"b", b"c", time_to_live=60)
    shelf.clock.tick_monotonic(monotonic)
    shelf.clock.tick_wall(wall)

    assert not shelf.has(b"c")
    assert (len(shelf.cache), set(shelf.reasons)) == (0, {EvictionReason.EXPIRED}), "all are swept at the next use"


@pytest.mark.parametrize("monotonic_wall", [(0, 3600), (3600, 0), (1, -10), (-10, 1)], ids=str)
def test_what_a_sweep_left_is_watched_by_both_clocks_as_before(monotonic_wall: tuple[float, float]) -> None:
    shelf = Shelf()
    shelf.put(b"short", time_to_live=1)
    shelf.put(b"a", time_to_live=60)
    shelf.clock.tick(1)
    assert shelf.cache.prune() == 1
    assert shelf.has(b"a")
    shelf.clock.tick_monotonic(monotonic_wall[0])
    shelf.clock.tick_wall(monotonic_wall[1])

    assert not shelf.has(b"a")


def test_a_wall_clock_that_is_set_back_and_forward_again_does_not_bring_an_entry_back() -> None:
    shelf = Shelf()
    shelf.put(b"a", time_to_live=60)
    shelf.clock.tick_wall(-5)
    assert not shelf.has(b"a")
    shelf.clock.tick_wall(5)

    assert not shelf.has(b"a")


def test_an_entry_put_after_the_clock_was_set_back_lives_by_the_new_time() -> None:
    shelf = Shelf()
    shelf.put(b"a", time_to_live=60)
    shelf.clock.tick_wall(-1_000)
    shelf.put(b"b", time_to_live=60)

    assert [shelf.has(b"b"), shelf.has(b"a")] == [True, False]
    shelf.clock.tick(59)
    assert shelf.has(b"b")
    shelf.clock.tick(1)
    assert not shelf.has(b"b")


def test_an_entry_that_is_put_already_expired_is_not_returned() -> None:
    shelf = Shelf()
    entry = shelf.entry(time_to_live=60)
    shelf.clock.tick(60)
    shelf.put(b"b", time_to_live=600)
    shelf.cache.put_cache_entry(b"a", entry)

    assert (len(shelf.cache), shelf.reasons) == (1, [EvictionReason.EXPIRED]), "and takes nobody's place"
    assert not shelf.has(b"a")


def shelf_with_a_tail_of_two() -> Shelf:
    shelf = Shelf(capacity=10, pruning_tail_size=2)
    shelf.put(b"first", time_to_live=1)
    shelf.clock.tick(1)
    assert not shelf.has(b"first")  # the first look at the clocks sweeps, as after a thaw
    shelf.put(b"a", b"b", b"c", time_to_live=60)
    shelf.put(b"d", time_to_live=600)
    return shelf


# spec: framework/local-cryptographic-materials-cache.md#pruning 2e97
# spec: framework/local-cryptographic-materials-cache.md#entry-pruning-tail-size a5b0
# spec: framework/local-cryptographic-materials-cache.md#get-cache-entry dab3
def test_a_look_up_evicts_the_expired_among_the_least_recently_used() -> None:
    shelf = shelf_with_a_tail_of_two()
    shelf.clock.tick(60)
    assert shelf.has(b"d")

    assert len(shelf.cache) == 2
    assert [shelf.has(key) for key in (b"a", b"b", b"c")] == [False, False, False]


def test_without_a_tail_an_expired_entry_leaves_when_it_is_looked_up() -> None:
    shelf = Shelf(pruning_tail_size=0)
    shelf.put(b"a", time_to_live=60)
    shelf.clock.tick(60)

    assert not shelf.has(b"a")
    assert shelf.reasons == [EvictionReason.EXPIRED]


# spec: framework/local-cryptographic-materials-cache.md#pruning b6b7
def test_all_expired_entries_are_swept_within_a_second_of_use() -> None:
    shelf = Shelf(capacity=100, pruning_tail_size=0)
    shelf.put(b"first", time_to_live=1)
    shelf.clock.tick(1)
    assert not shelf.has(b"first")  # the first look at the clocks sweeps, as after a thaw
    shelf.put(*(b"%d" % number for number in range(50)), time_to_live=60)
    shelf.put(b"live", time_to_live=600)
    shelf.clock.tick(60)
    assert shelf.has(b"live")
    assert len(shelf.cache) == 51
    shelf.clock.tick(1)
    assert shelf.has(b"live")

    assert len(shelf.cache) == 1


@pytest.mark.parametrize(("apart", "left"), [(-1.5, 1), (-1, 2), (0, 2), (1, 2), (1.5, 1)])
def test_clocks_that_move_apart_by_more_than_a_second_have_all_expired_entries_swept_at_once(
    apart: float, left: int
) -> None:
    """As after a thaw, or when somebody set a clock."""
    shelf = Shelf(capacity=100, pruning_tail_size=0)
    shelf.put(b"first", time_to_live=1)
    shelf.clock.tick(1)
    assert not shelf.has(b"first")  # the first look at the clocks notes how far they are apart
    shelf.put(b"expired", time_to_live=60)
    shelf.put(b"live", time_to_live=600)
    shelf.clock.tick(60)
    shelf.clock.tick_wall(apart)

    assert shelf.has(b"live")
    assert len(shelf.cache) == left


def test_putting_does_not_prune() -> None:
    shelf = Shelf(capacity=10)
    shelf.put(b"a", time_to_live=60)
    shelf.clock.tick(60)
    shelf.put(b"b")

    assert (len(shelf.cache), shelf.reasons) == (2, [])


# spec: framework/cryptographic-materials-cache.md#background-processing cdec
def test_prune_evicts_every_expired_entry_and_no_other() -> None:
    shelf = Shelf(capacity=10, pruning_tail_size=0)
    shelf.put(b"a", b"b", time_to_live=60)
    shelf.put(b"c", time_to_live=61)
    shelf.clock.tick(60)

    assert shelf.cache.prune() == 2
    assert shelf.cache.prune() == 0
    assert (len(shelf.cache), shelf.reasons) == (1, [EvictionReason.EXPIRED] * 2)


def test_prune_returns_before_anything_was_put() -> None:
    assert Shelf().cache.prune() == 0


def test_why_an_identifier_is_missing_is_remembered_until_it_is_back() -> None:
    shelf = Shelf()
    shelf.put(b"a", time_to_live=60)
    assert shelf.cache.miss_reason(b"a") is MissReason.ABSENT
    shelf.clock.tick(60)
    shelf.cache.prune()
    assert shelf.cache.miss_reason(b"a") is MissReason.EXPIRED
    shelf.put(b"a")
    shelf.cache.delete_cache_entry(b"a")

    assert shelf.cache.miss_reason(b"a") is MissReason.ABSENT


def test_the_memory_of_expired_identifiers_is_no_larger_than_the_cache() -> None:
    shelf = Shelf(capacity=3)
    for number in range(100):
        shelf.put(b"%d" % number, time_to_live=1)
        shelf.clock.tick(2)
        shelf.cache.prune()

    assert [shelf.cache.miss_reason(b"%d" % number) for number in (96, 97, 98, 99)] == [
        MissReason.ABSENT,
        MissReason.EXPIRED,
        MissReason.EXPIRED,
        MissReason.EXPIRED,
    ]


# Purging


def test_purge_evicts_everything() -> None:
    shelf = Shelf()
    shelf.put(b"a", b"b")

    assert shelf.cache.purge() == 2
    assert (len(shelf.cache), shelf.reasons) == (0, [EvictionReason.PURGED] * 2)


def test_purge_of_one_partition_leaves_the_others() -> None:
    shelf = Shelf()
    shelf.put(b"a", partition_id="one")
    shelf.put(b"b", partition_id="two")

    assert shelf.cache.purge("one") == 1
    assert [shelf.has(b"a"), shelf.has(b"b")] == [False, True]


def test_what_was_requested_before_a_purge_is_not_kept_after_it() -> None:
    shelf = Shelf()
    entry = shelf.entry(fetch_sequence=next_fetch_sequence())
    shelf.cache.purge()
    shelf.cache.put_cache_entry(b"a", entry)

    assert (shelf.has(b"a"), shelf.reasons) == (False, [EvictionReason.PURGED])
    shelf.put(b"a")
    assert shelf.has(b"a")


def test_an_entry_that_is_not_kept_does_not_change_why_another_is_missing() -> None:
    shelf = Shelf()
    requested = shelf.entry(time_to_live=600)
    shelf.put(b"a", time_to_live=60)
    shelf.clock.tick(60)
    shelf.cache.prune()
    shelf.cache.purge()
    shelf.cache.put_cache_entry(b"a", requested)

    assert shelf.cache.miss_reason(b"a") is MissReason.EXPIRED


def test_entries_keep_what_they_are_of_until_all_together_keep_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "MAX_CACHE_BYTES", 100)
    shelf = Shelf()
    contents = [EntryContent((), b"c" * size) for size in (40, 60, 1)]
    for number, content in enumerate(contents):
        shelf.put(b"%d" % number, content=content)

    assert [content.size for content in contents] == [40, 60, 0]
    shelf.cache.delete_cache_entry(b"0")
    more = EntryContent((), b"c" * 40)
    shelf.put(b"3", content=more)
    assert more.size == 40


def test_all_entries_together_keep_2_mib_of_their_messages() -> None:
    shelf = Shelf(capacity=1_000)
    contents = [EntryContent((), b"c" * 4_096) for _ in range(514)]
    for number, content in enumerate(contents):
        shelf.put(b"%d" % number, content=content)

    assert [content.size for content in contents] == [4_096] * 512 + [0, 0]


def test_a_purge_of_one_partition_does_not_discard_what_others_have_requested() -> None:
    shelf = Shelf()
    mine = shelf.entry(fetch_sequence=next_fetch_sequence(), partition_id="one")
    theirs = shelf.entry(fetch_sequence=next_fetch_sequence(), partition_id="two")
    shelf.cache.purge("one")
    shelf.cache.put_cache_entry(b"a", mine)
    shelf.cache.put_cache_entry(b"b", theirs)

    assert [shelf.has(b"a"), shelf.has(b"b")] == [False, True]


def test_what_others_have_requested_outlives_1024_purges_of_partitions() -> None:
    """So many are told apart; the next purge discards what is being requested for all."""
    for purges, is_kept in ((1_024, True), (1_025, False)):
        shelf = Shelf()
        requested = shelf.entry(fetch_sequence=next_fetch_sequence(), partition_id="theirs")
        for number in range(purges):
            shelf.cache.purge(f"{number}")
        shelf.cache.put_cache_entry(b"a", requested)

        assert shelf.has(b"a") is is_kept


def test_after_a_purge_that_concerned_all_partitions_are_told_apart_again() -> None:
    shelf = Shelf()
    for number in range(1_025):
        shelf.cache.purge(f"{number}")
    requested = shelf.entry(fetch_sequence=next_fetch_sequence(), partition_id="theirs")
    shelf.cache.purge("another")
    shelf.cache.put_cache_entry(b"a", requested)

    assert shelf.has(b"a")


def test_what_has_left_while_a_purge_was_choosing_is_not_counted() -> None:
    shelf = Shelf()
    shelf.put(b"a", b"b")

    def choose(_: CacheEntry) -> bool:
        shelf.cache.delete_cache_entry(b"a")
        return True

    assert shelf.cache.purge(which=choose) == 1
    assert shelf.reasons == [EvictionReason.DELETED, EvictionReason.PURGED]


def test_a_purge_of_chosen_entries_discards_nothing_else() -> None:
    shelf = Shelf()
    entry = shelf.entry(fetch_sequence=next_fetch_sequence())
    shelf.put(b"a", operation=Operation.DECRYPT)
    shelf.put(b"b")
    shelf.cache.purge(reason=EvictionReason.DELETED, which=lambda one: one.operation is Operation.DECRYPT)
    shelf.cache.put_cache_entry(b"c", entry)

    assert [shelf.has(key) for key in (b"a", b"b", b"c")] == [False, True, True]
    assert shelf.reasons == [EvictionReason.DELETED]


# What stays of a key


@pytest.mark.parametrize(
    "leave",
    [
        lambda shelf: shelf.cache.purge(),
        lambda shelf: shelf.cache.delete_cache_entry(b"a"),
        lambda shelf: shelf.put(b"b"),
        lambda shelf: shelf.put(b"a"),
        lambda shelf: (shelf.clock.tick(60), shelf.cache.prune()),
    ],
    ids=["purge", "delete", "capacity", "replace", "expire"],
)
def test_who_got_hold_of_an_entry_before_it_left_can_not_use_it_any_more(leave: Any) -> None:
    shelf = Shelf(capacity=1)
    shelf.put(b"a")
    entry = shelf.cache.get_cache_entry(b"a")
    assert entry is not None
    leave(shelf)

    assert entry.reserve(1, 10, 10) is MissReason.ABSENT


def materials_alive() -> Iterator[object]:
    gc.collect()
    return (thing for thing in gc.get_objects() if isinstance(thing, EncryptionMaterials))


def _expire(shelf: Shelf) -> None:
    shelf.clock.tick(60)
    shelf.cache.prune()


@pytest.mark.parametrize(
    "leave",
    [
        lambda shelf: shelf.cache.purge(),
        lambda shelf: shelf.cache.delete_cache_entry(b"a"),
        lambda shelf: shelf.put(b"b"),
        lambda shelf: shelf.put(b"a"),
        _expire,
        lambda shelf: shelf.cache.reset(),
    ],
    ids=["purge", "delete", "capacity", "replace", "expire", "fork"],
)
def test_key_material_leaves_our_references_on_eviction(leave: Any) -> None:
    shelf = Shelf(capacity=1)
    entry = shelf.entry()
    materials = entry.materials
    shelf.cache.put_cache_entry(b"a", entry)
    del entry
    assert any(thing is materials for thing in materials_alive())
    leave(shelf)
    gc.collect()

    living_instances = [
        holder
        for holder in gc.get_referrers(materials)
        if isinstance(holder, (CacheEntry, EncryptionMaterials)) or holder in ([materials], (materials,))
    ]
    assert living_instances == []


def test_neither_repr_nor_events_show_a_key() -> None:
    shelf = Shelf()
    shelf.put(b"a")
    shelf.cache.purge()

    assert repr(shelf.cache) == "<LocalCMC 0 of 3 entries>"
    assert "kkkk" not in repr(shelf.seen.events)


# Construction


@pytest.mark.parametrize("value", [-1, 1.0, "3", None, True, float("nan")])
@pytest.mark.parametrize("name", ["capacity", "pruning_tail_size"])
def test_a_number_that_can_not_be_used_is_named_with_what_is_allowed(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError) as error:
        LocalCMC(**{"capacity": 3, name: value})

    assert str(error.value) == f"{name} must be an int of 0 or more, not {shown(value)}"


@pytest.mark.parametrize(("name", "needed"), [("clock", "something with now"), ("emit", "callable")])
def test_what_is_no_clock_or_no_subscriber_is_refused(name: str, needed: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} must be {needed}, not int"):
        LocalCMC(3, **{name: 5})  # type: ignore[arg-type]


# spec: framework/local-cryptographic-materials-cache.md#initialization 45ca 7217
# spec: framework/synchronized-local-cryptographic-materials-cache.md#initialization 084f
def test_settings_can_be_read_back() -> None:
    cache = LocalCMC(7, pruning_tail_size=2)

    assert (cache.capacity, cache.pruning_tail_size, bool(cache)) == (7, 2, True)
    with pytest.raises(TypeError, match="capacity"):
        LocalCMC()  # type: ignore[call-arg]


# Threads


class Interrupted(SettableClock):
    """A clock at whose next reading something happens, after the reading."""

    happens: Any = None

    def now(self) -> Instant:
        reading, happens, self.happens = super().now(), self.happens, None
        if happens is not None:
            happens()
        return reading


def test_a_look_up_that_read_the_clock_before_an_entry_was_made_does_not_evict_it() -> None:
    shelf = Shelf()
    shelf.clock = clock = Interrupted()
    shelf.cache = LocalCMC(3, clock=clock, emit=shelf.seen)

    def another_thread_comes_between() -> None:
        clock.tick(1)
        shelf.put(b"a")

    clock.happens = another_thread_comes_between

    assert shelf.has(b"a")
    assert shelf.reasons == []


# spec: framework/synchronized-local-cryptographic-materials-cache.md#behaviors ca2b
def test_threads_that_put_get_delete_and_purge_leave_a_whole_cache() -> None:
    shelf = Shelf(capacity=5)
    start = threading.Barrier(8)
    failures: list[BaseException] = []
    puts: list[bytes] = []

    def work(seed: int) -> None:
        try:
            start.wait(30)
            for step in range(400):
                key = b"%d" % ((seed + step * 7) % 11)
                match (seed + step) % 6:
                    case 0 | 1:
                        puts.append(key)
                        shelf.put(key, time_to_live=5)
                    case 2 | 3:
                        shelf.cache.get_cache_entry(key)
                    case 4:
                        shelf.cache.delete_cache_entry(key)
                    case _:
                        shelf.clock.tick(0.01)
                        shelf.cache.prune()
        except BaseException as error:  # noqa: BLE001 - told to the test below
            failures.append(error)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert failures == []
    assert len(shelf.cache) <= 5
    assert len(shelf.seen.of(CacheEviction)) + len(shelf.cache) == len(puts), "each entry leaves exactly once"


class MovedMeanwhile(OrderedDict[bytes, CacheEntry]):
    """Entries of which a look-up in another thread moves one, once, as soon as somebody begins to go through them."""

    moved = False

    def __iter__(self) -> Iterator[bytes]:
        iterator = super().__iter__()
        if not self.moved:
            self.moved = True
            self.move_to_end(next(super().__iter__()))
        return iterator


def test_a_look_up_beside_a_put_that_evicts_disturbs_nothing() -> None:
    shelf = Shelf(capacity=2)
    shelf.put(b"a", b"b")
    shelf.cache._entries = MovedMeanwhile(shelf.cache._entries)
    shelf.put(b"c")

    assert shelf.cache._entries.moved
    assert [shelf.has(identifier) for identifier in (b"a", b"b", b"c")] == [True, False, True]


def test_a_look_up_beside_one_that_prunes_disturbs_nothing() -> None:
    shelf = shelf_with_a_tail_of_two()
    shelf.cache._entries = MovedMeanwhile(shelf.cache._entries)
    shelf.clock.tick(60)

    assert shelf.has(b"d")
    assert shelf.cache._entries.moved
    assert len(shelf.cache) == 2

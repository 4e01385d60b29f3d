"""A memo keeps results within bounds, and nothing across a fork or a snapshot."""

from __future__ import annotations

import gc
import signal
import sys
import threading
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from tests.cmms.stage import in_threads
from tests.lambda_runtime.processes import in_child
from warmkey import fork_safety, memo
from warmkey.memo import Memo
from warmkey.structures import EncryptedDataKey, EncryptionContext, VerifiedKeys

if TYPE_CHECKING:
    from collections.abc import Iterator


class Squares(Memo[int, int]):
    """Counts how often it works one out."""

    worked_out = 0

    def __missing__(self, key: int) -> int:
        self.worked_out += 1
        self.keep(key, key * key)
        return key * key


def squares(max_items: int = 10, max_item_bytes: int = 1_000) -> Squares:
    return Squares(max_items=max_items, max_item_bytes=max_item_bytes)


@pytest.fixture(autouse=True)
def no_snapshot() -> Iterator[None]:
    yield
    fork_safety.expect_snapshot(lambda: False)
    fork_safety.notice_fork()


def test_a_result_is_worked_out_once() -> None:
    made = squares()

    assert [made[3], made[3], made[4]] == [9, 9, 16]
    assert made.worked_out == 2


def test_the_oldest_is_forgotten_first() -> None:
    made = squares(max_items=3)
    for number in (1, 2, 3, 1, 4):
        made[number]

    assert list(made) == [2, 3, 4]


def test_keeping_the_same_again_keeps_one() -> None:
    made = squares(max_items=2)
    for _ in range(3):
        made.keep(5, 25)
    made.keep(6, 36)

    assert made == {5: 25, 6: 36}


def test_a_large_item_is_not_kept() -> None:
    texts: Memo[str, str] = Memo(max_items=10, max_item_bytes=1_000)
    texts.keep("short", "x" * 100)
    texts.keep("long", "x" * 1_000)
    texts.keep("y" * 1_000, "")

    assert list(texts) == ["short"]


def test_all_items_together_stay_below_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memo, "MAX_BYTES", 10_000)
    texts: Memo[int, str] = Memo(max_items=1_000, max_item_bytes=2_000)
    for number in range(100):
        texts.keep(number, "x" * 1_000)

    assert 5 < len(texts) < 10
    assert max(texts) == 99


def many_contexts(memory: Memo[tuple[tuple[str, str], ...], EncryptionContext], number: int) -> None:
    context = EncryptionContext({f"{number}-{key}": "\U0001f511" + "v" * (number % 50) for key in range(number % 9)})
    memory.keep(tuple(context.items()), context)


def many_keys(memory: Memo[VerifiedKeys, bytes], number: int) -> None:
    keys = VerifiedKeys(
        EncryptedDataKey(key_provider_id=f"{number}", key_provider_info=bytes(key), ciphertext=b"%d" % number)
        for key in range(number % 30)
    )
    memory.keep(keys, bytes(48))


@pytest.mark.parametrize("fill", [many_contexts, many_keys])
def test_it_takes_no_more_memory_than_it_counts(fill: object) -> None:
    memory: Memo[object, object] = Memo(max_items=10_000, max_item_bytes=10_000)
    tracemalloc.start()
    try:
        for number in range(3_000):
            fill(memory, number)  # type: ignore[operator]
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()

    assert len(memory) < 3_000
    assert taken < 1.3 * memo.MAX_BYTES, "the dictionary's own table, and the list of what is oldest"


def test_threads_that_push_out_each_others_items_get_right_ones() -> None:
    made = squares(max_items=6)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        answers = in_threads(4, lambda: [made[number % 12] for number in range(2_000)])
    finally:
        sys.setswitchinterval(interval)

    assert answers == [[(number % 12) ** 2 for number in range(2_000)]] * 4
    assert len(made) == len(made._oldest_first) == 6


def test_a_signal_handler_may_come_while_its_thread_keeps_something() -> None:
    made = squares()
    with made._lock:
        previous = signal.signal(signal.SIGUSR1, lambda *_: made[7])
        try:
            signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
        finally:
            signal.signal(signal.SIGUSR1, previous)

    assert made == {7: 49}


def test_a_size_that_was_counted_and_not_kept_makes_no_lasting_difference() -> None:
    """An exception of a signal handler may come between any two steps."""
    made = squares()
    made._bytes = 2 * memo.MAX_BYTES
    made.keep(1, 1)
    for number in range(2, 6):
        made.keep(number, number * number)

    assert list(made) == [2, 3, 4, 5]
    assert made._bytes < 1_000


# Copies


def test_a_forked_child_starts_with_nothing_and_its_parent_keeps_all() -> None:
    made = squares()
    made[3]

    assert in_child(lambda: (len(made), made[3], len(made))) == [0, 9, 1]
    assert made == {3: 9}


def test_a_child_waits_for_no_lock_of_its_parent() -> None:
    made = squares()
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with made._lock:
            held.set()
            done.wait(30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    try:
        assert in_child(lambda: made[3]) == 9
    finally:
        done.set()
        thread.join()


def test_nothing_is_left_for_a_snapshot() -> None:
    made = squares()
    made[3]
    fork_safety.reset_before_snapshot()

    assert not made
    assert not made._oldest_first


def test_nothing_is_kept_while_a_snapshot_is_ahead() -> None:
    made = squares()
    fork_safety.expect_snapshot(lambda: True)

    assert made[3] == 9
    assert not made

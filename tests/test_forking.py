"""A forked child uses no key, lock, flight or connection of its parent, whoever forked; limits hold per process."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.cmms.stage import Crowd, Dictionary, Stage, data_key, decrypt_request, encrypt_request, in_threads, outcomes
from tests.forks import ALONE, become_another_process, by_either_fork, fork_by_python
from warmkey import AwsKmsKeyring, CachingCMM, Client, LocalCMC, fork_safety
from warmkey.caches import NullCMC
from warmkey.events import CacheEviction, EvictionReason, Operation
from warmkey.keyrings import RawAesKeyring
from warmkey.testing import FakeKms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
PATIENCE_SECONDS = 30.0


ROOT = Path(__file__).parents[1]
FILES = (
    "tests/test_forking.py",
    "tests/observability/test_invocations.py",
    "tests/client_apis/test_streams_in_copies.py",
    "tests/crypto/test_signatures_in_copies.py",
)


@pytest.mark.skipif(ALONE, reason="this is that process")
def test_all_of_it_holds_for_a_fork_behind_pythons_back_too() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *FILES, "-k", "behind_pythons_back]"]
    environment = os.environ | {"TESTS_OF_FORKING": "alone"}
    completed = subprocess.run(
        command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )

    assert completed.returncode == 0, completed.stdout


def in_child(action: Callable[[], Any], fork: Callable[[], int] = fork_by_python) -> Any:
    """What *action* returns in a forked child. A child that hangs is ended, and fails the test."""
    read, write = os.pipe()
    child = fork()
    if child == 0:
        _report(write, action)
    os.close(write)
    with os.fdopen(read, "rb") as answers:
        ready, _, _ = select.select([answers], [], [], PATIENCE_SECONDS)
        if not ready:
            os.kill(child, signal.SIGKILL)
        answer = answers.read()
    os.waitpid(child, 0)
    assert answer, "the child hung or died"
    result = pickle.loads(answer)
    if isinstance(result, BaseException):
        raise result
    return result


def _report(write: int, action: Callable[[], Any]) -> None:
    try:
        answer = pickle.dumps(action())
    except BaseException as error:  # noqa: BLE001 - raised again in the parent
        answer = pickle.dumps(AssertionError(f"in the child: {error!r}"))
    finally:
        with contextlib.suppress(BaseException):
            os.write(write, answer)
        os._exit(0)


@contextlib.contextmanager
def held_by_another_thread(lock: Any) -> Iterator[None]:
    """*lock* is held by a thread that the child will not have."""
    taken, done = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            taken.set()
            done.wait(PATIENCE_SECONDS)

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    assert taken.wait(PATIENCE_SECONDS)
    try:
        yield
    finally:
        done.set()
        thread.join(PATIENCE_SECONDS)


def key_of(cmm: CachingCMM) -> bytes:
    return data_key(cmm.get_encryption_materials(encrypt_request()))


# Keys


@by_either_fork
def test_a_child_uses_no_data_key_of_its_parent(fork: Callable[[], int]) -> None:
    stage = Stage()
    cmm = stage.cmm()
    first = key_of(cmm)

    assert in_child(lambda: [key_of(cmm) == first, key_of(cmm) == first, stage.below.calls], fork) == [False, False, 2]
    assert (key_of(cmm), stage.below.calls) == (first, 1)


@by_either_fork
def test_a_child_uses_no_decryption_materials_of_its_parent(fork: Callable[[], int]) -> None:
    stage = Stage()
    cmm = stage.cmm()
    request = decrypt_request(stage.materials())
    cmm.decrypt_materials(request)

    def decrypt() -> int:
        cmm.decrypt_materials(request)
        return stage.below.calls

    assert in_child(decrypt, fork) == 2
    cmm.decrypt_materials(request)
    assert stage.below.calls == 1


@by_either_fork
def test_a_child_has_nothing_in_its_cache_and_says_what_left(fork: Callable[[], int]) -> None:
    stage = Stage()
    cmm = stage.cmm()
    cmm.get_encryption_materials(encrypt_request(7))
    stage.clock.tick(3)

    def look() -> Any:
        size = len(stage.cache)
        stage.cache.get_cache_entry(b"anything")
        return size, stage.seen.of(CacheEviction)

    expected = CacheEviction(
        operation=ENCRYPT, reason=EvictionReason.FORK, age_seconds=3, messages=1, plaintext_bytes=7
    )
    assert in_child(look, fork) == (0, [expected])
    assert (len(stage.cache), stage.evictions) == (1, [])


def test_no_key_of_the_parent_stays_reachable_from_a_childs_cache() -> None:
    stage = Stage()
    cmm = stage.cmm()
    key_of(cmm)

    assert in_child(lambda: (dict(stage.cache._entries), dict(cmm._fetcher._flights._under_way))) == ({}, {})


@by_either_fork
def test_limits_hold_per_process(fork: Callable[[], int]) -> None:
    stage = Stage()
    cmm = stage.cmm(max_messages_encrypted=3)
    mine = [key_of(cmm), key_of(cmm)]
    theirs = in_child(lambda: [key_of(cmm) for _ in range(4)], fork)
    mine += [key_of(cmm), key_of(cmm)]

    assert [mine.count(key) for key in dict.fromkeys(mine)] == [3, 1]
    assert [theirs.count(key) for key in dict.fromkeys(theirs)] == [3, 1]
    assert set(mine).isdisjoint(theirs)


def test_grandchildren_are_on_their_own_too() -> None:
    cmm = Stage().cmm()
    first = key_of(cmm)

    def again() -> tuple[bytes, bytes]:
        mine = key_of(cmm)
        return mine, in_child(lambda: key_of(cmm))

    assert len({first, *in_child(again)}) == 3


@by_either_fork
def test_a_childs_books_are_its_own(fork: Callable[[], int]) -> None:
    cmm = Stage().cmm()
    key_of(cmm)
    key_of(cmm)

    def books() -> dict[str, int]:
        key_of(cmm)
        return outcomes(cmm.statistics(ENCRYPT))

    assert in_child(books, fork) == {"miss:absent": 1}
    assert outcomes(cmm.statistics(ENCRYPT)) == {"miss:absent": 1, "hits": 1}


def test_a_child_keeps_the_partition_and_the_settings() -> None:
    cmm = Stage().cmm(partition_id="mine", max_messages_encrypted=2)
    partition, keys = in_child(lambda: (cmm.partition_id, [key_of(cmm) for _ in range(3)]))

    assert (partition, keys[0] == keys[1], keys[1] == keys[2]) == ("mine", True, False)


@by_either_fork
def test_the_limits_hold_over_a_fork_with_a_cache_of_three_methods(fork: Callable[[], int]) -> None:
    cmm = Stage().cmm(cache=Dictionary(), max_messages_encrypted=10)
    ours = {key_of(cmm) for _ in range(5)}
    theirs = in_child(lambda: {key_of(cmm) for _ in range(10)}, fork)
    ours |= {key_of(cmm) for _ in range(5)}

    assert len(ours) == len(theirs) == 1
    assert not ours & theirs


@by_either_fork
def test_a_new_cmm_does_not_use_what_a_cache_of_three_methods_has_of_the_parent(fork: Callable[[], int]) -> None:
    stage, cache = Stage(), Dictionary()
    reading = decrypt_request(stage.materials())
    settings: dict[str, Any] = {"cache": cache, "partition_id": "p"}
    stage.cmm(**settings).decrypt_materials(reading)

    def calls_of_a_new_one() -> int:
        before = stage.below.calls
        cmm = stage.cmm(**settings)
        cmm.decrypt_materials(reading)
        cmm.decrypt_materials(reading)
        return stage.below.calls - before

    assert in_child(calls_of_a_new_one, fork) == 1
    assert calls_of_a_new_one() == 0, "the parent goes on using it"


def test_a_fork_in_a_subscriber_leaves_the_data_key_to_the_parent() -> None:
    """The message that is being served is counted by the parent alone."""
    cmm_of: list[CachingCMM] = []
    asked: list[Any] = []

    class Forks:
        def count_hit(self, operation: Operation) -> None:
            asked.append(in_child(lambda: key_of(cmm_of[0])) if not asked else None)

        def __call__(self, event: object) -> None:
            pass

    cmm_of.append(Stage().cmm(cache=Dictionary(), emit=Forks()))
    first = key_of(cmm_of[0])

    assert key_of(cmm_of[0]) == first
    assert asked[0] != first


def test_a_cache_of_three_methods_holds_nothing_when_a_snapshot_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    stage, cache = Stage(), Dictionary()
    cmm = stage.cmm(cache=cache)
    ahead = [True]
    monkeypatch.setattr(fork_safety, "_is_ahead", lambda: ahead[0])
    before = {key_of(cmm) for _ in range(2)}
    assert (len(before), cache.entries) == (2, {})
    fork_safety.reset_before_snapshot()
    ahead[0] = False
    after = {key_of(cmm) for _ in range(2)}

    assert len(after) == 1
    assert not before & after


# Locks


@pytest.mark.parametrize(
    "lock",
    [
        pytest.param(lambda cmm, cache: cache._lock, id="cache"),
        pytest.param(lambda cmm, cache: cmm._fetcher._flights._lock, id="flights"),
        pytest.param(lambda cmm, cache: cmm._counters._lock, id="books"),
        pytest.param(lambda cmm, cache: cmm._churn._lock, id="churn"),
        pytest.param(lambda cmm, cache: next(iter(cache._entries.values()))._lock, id="entry"),
    ],
)
@by_either_fork
def test_a_lock_that_another_thread_holds_does_not_stop_a_child(fork: Callable[[], int], lock: Any) -> None:
    stage = Stage()
    cmm = stage.cmm()
    reading = decrypt_request(stage.materials())
    first = key_of(cmm)

    def use_everything() -> bool:
        second = key_of(cmm)
        cmm.decrypt_materials(reading)
        cmm.get_encryption_materials(encrypt_request(None))
        stage.cache.prune()
        cmm.statistics(ENCRYPT)
        return cmm.purge() == 2 and second != first

    with held_by_another_thread(lock(cmm, stage.cache)):
        assert in_child(use_everything, fork)
    assert key_of(cmm) == first, "nor does it harm the parent"


@by_either_fork
def test_a_childs_bypass_waits_for_no_lock_of_its_parent(fork: Callable[[], int]) -> None:
    cmm = Stage().cmm(cache=NullCMC())
    first = key_of(cmm)
    with held_by_another_thread(cmm._counters._lock):
        assert in_child(lambda: key_of(cmm) != first, fork)


# Flights


@by_either_fork
@pytest.mark.parametrize("cache", [None, Dictionary()], ids=["local cache", "cache of one's own"])
def test_a_child_does_not_wait_for_a_flight_of_its_parent(cache: Any, fork: Callable[[], int]) -> None:
    stage = Stage()
    cmm = stage.cmm(cache=cache or stage.cache, wait_seconds=1)
    arrived, gate = threading.Event(), threading.Event()

    def stand_at_the_gate(_: object) -> None:
        arrived.set()
        assert gate.wait(PATIENCE_SECONDS)

    stage.below.during = stand_at_the_gate
    leader = Crowd(lambda: key_of(cmm))
    assert arrived.wait(PATIENCE_SECONDS)

    def ask() -> bytes:
        stage.below.during = lambda _: None
        return key_of(cmm)

    theirs = in_child(ask, fork)
    gate.set()
    (mine,) = leader.values()

    assert mine != theirs
    assert key_of(cmm) == mine


def test_a_key_whose_request_was_under_way_at_the_fork_is_the_parents() -> None:
    stage = Stage()
    cmm = stage.cmm()
    read, write = os.pipe()
    child: list[int] = []

    def fork(_: object) -> None:
        child.append(fork_by_python())

    stage.below.during = fork
    key_of(cmm)
    if child == [0]:
        _report(write, lambda: len(stage.cache))
    os.close(write)
    with os.fdopen(read, "rb") as answers:
        assert pickle.loads(answers.read()) == 0
    os.waitpid(child[0], 0)

    assert len(stage.cache) == 1


def test_threads_of_a_child_share_calls_as_anybodys() -> None:
    stage = Stage()
    cmm = stage.cmm()
    key_of(cmm)

    def stampede() -> tuple[int, int]:
        before = stage.below.calls
        return len(set(in_threads(16, lambda: key_of(cmm)))), stage.below.calls - before

    assert in_child(stampede) == (1, 1)


# Without a hook


def test_a_missing_process_mark_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    cmm = stage.cmm()
    first = key_of(cmm)
    with monkeypatch.context() as patch:
        become_another_process(patch)
        assert len(stage.cache) == 0
        second = key_of(cmm)
        third = key_of(cmm)

    assert first != second == third
    assert stage.evictions[0] is EvictionReason.FORK


@pytest.mark.parametrize("operation", list(Operation))
def test_a_missing_process_mark_is_enough_over_a_cache_of_three_methods_too(
    operation: Operation, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = Stage()
    cmm = stage.cmm(cache=Dictionary())
    reading = decrypt_request(stage.materials())

    def use() -> None:
        cmm.decrypt_materials(reading) if operation is DECRYPT else key_of(cmm)

    use()
    with monkeypatch.context() as patch:
        become_another_process(patch)
        use()
        use()

    assert stage.below.calls == 2
    assert outcomes(cmm.statistics(operation)) == {"miss:absent": 1, "hits": 1}


@pytest.mark.parametrize("cache", [NullCMC(), Dictionary()], ids=["NullCMC", "a cache of three methods"])
def test_the_first_request_of_another_process_is_in_its_books_and_no_earlier_one(
    cache: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    cmm = Stage().cmm(cache=cache)
    key_of(cmm)
    cmm.get_encryption_materials(encrypt_request(None))
    with monkeypatch.context() as patch:
        become_another_process(patch)
        cmm.get_encryption_materials(encrypt_request(None))

        assert cmm.statistics(ENCRYPT).requests == 1


def test_whoever_reads_the_books_first_notices_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    cmm = Stage().cmm()
    key_of(cmm)
    with monkeypatch.context() as patch:
        become_another_process(patch)

        assert cmm.statistics(ENCRYPT).requests == 0


@pytest.mark.parametrize(
    "use",
    [
        lambda cache: cache.get_cache_entry(b"x"),
        lambda cache: cache.delete_cache_entry(b"x"),
        lambda cache: cache.prune(),
        lambda cache: cache.purge(),
    ],
    ids=["get", "delete", "prune", "purge"],
)
def test_whatever_is_done_first_with_a_cache_notices_another_process(use: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    key_of(stage.cmm())
    with monkeypatch.context() as patch:
        become_another_process(patch)
        use(stage.cache)

    assert stage.evictions == [EvictionReason.FORK]


def test_threads_that_notice_at_once_drop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    cmm = stage.cmm()
    key_of(cmm)
    with monkeypatch.context() as patch:
        become_another_process(patch)
        keys = in_threads(16, lambda: key_of(cmm))

    assert len(set(keys)) == 1
    assert stage.below.calls == 2


# Connections


@by_either_fork
def test_a_child_closes_the_connections_that_it_inherited(fork: Callable[[], int]) -> None:
    kms = FakeKms()
    keyring = AwsKmsKeyring(kms.create_key(), kms_client=kms)
    Client().encrypt(b"x", keyring=keyring)

    def ask() -> list[bool]:
        before = kms.closed
        Client().encrypt(b"x", keyring=keyring)
        return [before, kms.closed]

    assert in_child(ask, fork) == [False, True]
    assert not kms.closed


# multiprocessing

_shared: dict[str, Any] = {}


def _cmm_of_this_process() -> CachingCMM:
    """As in a module of a function: made at first use, inherited by forked children."""
    if "cmm" not in _shared:
        keyring = RawAesKeyring("n", "k", bytes(32))
        _shared["cmm"] = CachingCMM(cache=LocalCMC(10), max_age=3600, keyring=keyring, max_messages_encrypted=3)
    cmm: CachingCMM = _shared["cmm"]
    return cmm


def _encrypt_in_worker(messages: int, answers: Any) -> None:
    answers.put([key_of(_cmm_of_this_process()) for _ in range(messages)])


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_worker_processes_share_no_data_key_and_keep_their_own_limits(method: str) -> None:
    _shared.clear()
    mine = [key_of(_cmm_of_this_process()) for _ in range(2)]
    context: Any = multiprocessing.get_context(method)
    answers = context.Queue()
    workers = [context.Process(target=_encrypt_in_worker, args=(4, answers)) for _ in range(2)]
    for worker in workers:
        worker.start()
    theirs = [answers.get(timeout=PATIENCE_SECONDS) for _ in workers]
    for worker in workers:
        worker.join(PATIENCE_SECONDS)
        assert worker.exitcode == 0
    mine += [key_of(_cmm_of_this_process()) for _ in range(2)]
    _shared.clear()

    for keys in (mine, *theirs):
        assert [keys.count(key) for key in dict.fromkeys(keys)] == [3, 1]
    assert len({key for keys in (mine, *theirs) for key in keys}) == 6


def test_a_caching_cmm_is_not_sent_to_another_process() -> None:
    cmm = Stage().cmm()
    key_of(cmm)
    for thing in (cmm, cmm.cache, cmm.get_encryption_materials(encrypt_request())):
        with pytest.raises((TypeError, pickle.PicklingError, AttributeError)):
            pickle.dumps(thing)


def test_this_machine_forks() -> None:
    assert sys.platform != "win32"
    assert in_child(lambda: "yes") == "yes"

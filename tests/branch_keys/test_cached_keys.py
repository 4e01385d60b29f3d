"""Branch keys in the cache: how long they serve, who fetches them, and what makes them leave."""

from __future__ import annotations

import os
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.branch_keys.key_store import CONTEXT, ID, KeyStore
from tests.forks import become_another_process
from tests.test_forking import in_child
from warmkey import (
    AlgorithmSuite,
    CachingCMM,
    Client,
    DecryptionMaterials,
    EncryptionMaterials,
    KeyUnavailable,
    LocalCMC,
)
from warmkey.branch_keys import AwsKmsHierarchicalKeyring, BranchKeyMaterials, cached_keys
from warmkey.branch_keys.wrapping import version_in
from warmkey.caches import NullCMC
from warmkey.cmms.single_flight import Waiter
from warmkey.events import (
    BranchKeyCoalesced,
    BranchKeyEviction,
    BranchKeyFailed,
    BranchKeyHit,
    BranchKeyMiss,
    CacheEviction,
    EvictionReason,
    MissReason,
    Operation,
)
from warmkey.fork_safety import expect_snapshot, reset_before_snapshot
from warmkey.keyrings.refusals import KmsWatch
from warmkey.testing import Recorder, SettableClock
from warmkey.testing.branch_keys import FakeBranchKeyStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warmkey.caches.interface import CacheEntry

SUITE = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
TTL = 60
PATIENCE_SECONDS = 30.0


class Stage:
    """A keyring over known keys; the clocks stand still, and all it says is written down."""

    def __init__(self, *, capacity: int = 1000, cache: Any = None, **arguments: Any) -> None:
        self.clock = SettableClock()
        self.facts = Recorder()
        self.key_store = FakeBranchKeyStore()
        self.version = self.key_store.add(ID)
        self.cache = LocalCMC(capacity, clock=self.clock, emit=self.facts) if cache is None else cache
        self.keyring = self.another(**arguments)

    def another(self, branch_key_id: str = ID, **arguments: Any) -> AwsKmsHierarchicalKeyring:
        given = {
            "ttl_seconds": TTL,
            "partition_id": "p",
            "cache": self.cache,
            "clock": self.clock,
            "emit": self.facts,
            **arguments,
        }
        return AwsKmsHierarchicalKeyring(self.key_store, branch_key_id=branch_key_id, **given)

    def encrypt(self, keyring: AwsKmsHierarchicalKeyring | None = None) -> EncryptionMaterials:
        return (keyring or self.keyring).on_encrypt(EncryptionMaterials(algorithm_suite=SUITE))

    def decrypt(self, made: EncryptionMaterials, keyring: AwsKmsHierarchicalKeyring | None = None) -> None:
        unwrapped = (keyring or self.keyring).on_decrypt(
            DecryptionMaterials(algorithm_suite=SUITE), made.encrypted_data_keys
        )
        assert unwrapped.plaintext_data_key == made.plaintext_data_key

    def elsewhere(self) -> EncryptionMaterials:
        """What another container wrote."""
        made = self.encrypt(self.another(partition_id=None, cache=None, emit=print))
        self.key_store.requests.clear()
        return made

    @property
    def requests(self) -> list[tuple[str, str]]:
        return self.key_store.requests

    def books(self) -> dict[Operation, tuple[int, int, int, int]]:
        """Hits, coalesced, misses, failures of each operation."""
        return {
            operation: (books.hits, books.coalesced, books.calls, books.failures)
            for operation in Operation
            for books in [self.keyring.statistics(operation)]
        }


@pytest.fixture
def stage() -> Stage:
    return Stage()


# --- time


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#cache-limit-ttl 1c48 2da2
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#query-branch-keystore-onencrypt 436a 9daa
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt 2c1f da62 641f
def test_an_entry_serves_until_its_time_to_live_is_over(stage: Stage) -> None:
    stage.encrypt()
    stage.clock.tick(TTL - 1)
    stage.encrypt()
    assert stage.requests == [(ID, "")]

    stage.clock.tick(1)
    stage.encrypt()

    assert stage.requests == [(ID, ""), (ID, "")]
    assert stage.facts.of(BranchKeyMiss) == [
        BranchKeyMiss(operation=ENCRYPT, reason=MissReason.ABSENT),
        BranchKeyMiss(operation=ENCRYPT, reason=MissReason.EXPIRED),
    ]


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#getitem-branch-keystore-ondecrypt fafd 7551
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#cache-limit-ttl 1c48 2da2
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt 9040 8791 4c32
def test_the_same_for_a_version(stage: Stage) -> None:
    made = stage.elsewhere()
    stage.decrypt(made)
    stage.clock.tick(TTL - 1)
    stage.decrypt(made)
    assert stage.requests == [(ID, stage.version)]

    stage.clock.tick(1)
    stage.decrypt(made)

    assert stage.requests == [(ID, stage.version)] * 2


@pytest.mark.parametrize("move", ["tick", "tick_wall"])
def test_either_clock_may_end_it(stage: Stage, move: str) -> None:
    """While an environment is frozen, the monotonic clock may stand still."""
    stage.encrypt()

    getattr(stage.clock, move)(TTL)
    stage.encrypt()

    assert len(stage.requests) == 2


def test_a_clock_that_was_set_back_ends_it(stage: Stage) -> None:
    stage.encrypt()

    stage.clock.tick_wall(-1)
    stage.encrypt()

    assert len(stage.requests) == 2


def test_a_slow_answer_does_not_lengthen_a_branch_keys_life(stage: Stage) -> None:
    stage.key_store.before_answer = lambda *_: stage.clock.tick(10)
    stage.encrypt()

    stage.clock.tick(TTL - 10)
    stage.encrypt()

    assert len(stage.requests) == 2


def test_an_answer_slower_than_the_time_to_live_serves_once(stage: Stage) -> None:
    stage.key_store.before_answer = lambda *_: stage.clock.tick(TTL)

    stage.encrypt()
    stage.encrypt()

    assert len(stage.requests) == 2


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt 88d3 a7aa
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#ondecrypt 88d3 a7aa
def test_an_entry_of_a_keyring_with_more_time_is_held_to_ones_own(stage: Stage) -> None:
    patient = stage.another(ttl_seconds=10 * TTL)
    stage.encrypt(patient)
    stage.clock.tick(TTL - 1)
    stage.encrypt()
    assert len(stage.requests) == 1

    stage.clock.tick(1)
    stage.encrypt()
    stage.encrypt(patient)

    assert len(stage.requests) == 2


def test_an_entry_of_a_keyring_with_less_time_ends_with_that(stage: Stage) -> None:
    stage.encrypt(stage.another(ttl_seconds=10))

    stage.clock.tick(10)
    stage.encrypt()

    assert len(stage.requests) == 2


def test_jitter_shortens_each_life_by_a_fraction(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(ttl_jitter=0.5)
    urandom = os.urandom
    monkeypatch.setattr("os.urandom", lambda length: b"\x80\x00" if length == 2 else urandom(length))
    stage.encrypt()

    stage.clock.tick(TTL * 0.75 - 1)
    stage.encrypt()
    assert len(stage.requests) == 1
    stage.clock.tick(1)
    stage.encrypt()

    assert len(stage.requests) == 2


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#onencrypt 88d3 a7aa
def test_a_foreign_cache_need_not_know_of_time() -> None:
    class Dictionary(dict[bytes, Any]):
        put_cache_entry, get_cache_entry = dict.__setitem__, dict.get

    stage = Stage(cache=Dictionary())
    stage.encrypt()
    stage.encrypt()
    stage.clock.tick(TTL)
    stage.encrypt()

    assert len(stage.requests) == 2
    assert len(stage.cache) == 2


# --- what an answer fills


def test_the_answer_for_the_active_version_serves_its_version_too(stage: Stage) -> None:
    stage.decrypt(stage.encrypt())

    assert stage.requests == [(ID, "")]
    assert stage.books() == {ENCRYPT: (0, 0, 1, 0), DECRYPT: (1, 0, 0, 0)}


def test_a_version_does_not_serve_as_the_active_one(stage: Stage) -> None:
    stage.decrypt(stage.elsewhere())

    stage.encrypt()

    assert stage.requests == [(ID, stage.version), (ID, "")]


def test_a_versions_entry_pushes_out_no_active_one() -> None:
    """Containers that only write would halve their capacity otherwise."""
    stage = Stage(capacity=3)
    others = [stage.another(branch_key_id) for branch_key_id in ("b", "c")]
    for branch_key_id in ("b", "c"):
        stage.key_store.add(branch_key_id)

    for _ in range(3):
        for keyring in (stage.keyring, *others):
            stage.encrypt(keyring)

    assert len(stage.requests) == 3


def test_versions_that_a_message_makes_up_are_remembered_nowhere(stage: Stage) -> None:
    made = stage.elsewhere()
    (key,) = made.encrypted_data_keys
    for number in range(20):
        version = uuid.uuid4().bytes
        forged = replace(key, ciphertext=key.ciphertext[:28] + version + key.ciphertext[44:])
        assert version_in(forged.ciphertext) == version
        with pytest.raises(KeyUnavailable):
            stage.keyring.on_decrypt(DecryptionMaterials(algorithm_suite=SUITE), [forged])
        assert len(stage.keyring._keys._decrypt_identifiers) == 0, number

    for _ in range(2):
        stage.decrypt(made)
    assert list(stage.keyring._keys._decrypt_identifiers) == [(ID, uuid.UUID(stage.version).bytes)]


def test_a_version_that_another_keyring_put_into_the_cache_is_remembered_too(stage: Stage) -> None:
    made = stage.elsewhere()
    stage.decrypt(made)
    another = stage.another()
    stage.decrypt(made, another)

    assert len(another._keys._decrypt_identifiers) == 1


def test_least_recently_used_branch_keys_leave_first() -> None:
    stage = Stage(capacity=2)
    other = stage.another("b")
    stage.key_store.add("b")
    stage.encrypt()
    stage.encrypt(other)  # in place of the version's entry
    stage.encrypt()
    third = stage.another("c")
    stage.key_store.add("c")

    stage.encrypt(third)

    stage.encrypt()
    assert [branch_key_id for branch_key_id, _ in stage.requests] == [ID, "b", "c"]
    assert {eviction.reason for eviction in stage.facts.of(BranchKeyEviction)} == {EvictionReason.CAPACITY}


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#initialization 8d8c 6d8c 6737 062d
def test_its_own_cache_holds_a_thousand_entries() -> None:
    stage = Stage()
    keyring = stage.another(cache=None)
    for number in range(999):
        stage.key_store.add(str(number))

    cache = keyring._keys._cache

    assert isinstance(cache, LocalCMC)
    assert cache.capacity == 1000


@pytest.mark.parametrize("cache", [LocalCMC(0), NullCMC()], ids=["of no capacity", "null"])
def test_without_a_cache_every_message_asks(cache: Any) -> None:
    stage = Stage(cache=cache, clock=None)

    stage.decrypt(stage.encrypt())

    assert stage.requests == [(ID, ""), (ID, stage.version)]


# --- who shares an entry


# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#initialization 703a d906
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#encryption-materials 4dff 11f1
# spec: framework/aws-kms/aws-kms-hierarchical-keyring.md#decryption-materials 4dff 11f1
def test_partition_and_logical_name_keep_keyrings_apart(stage: Stage) -> None:
    stage.encrypt()
    stage.encrypt(stage.another())
    assert len(stage.requests) == 1

    stage.encrypt(stage.another(partition_id="q"))

    assert len(stage.requests) == 2


# --- single flight


def in_threads(count: int, action: Any) -> list[Any]:
    with ThreadPoolExecutor(count) as pool:
        return [future.result(PATIENCE_SECONDS) for future in [pool.submit(action) for _ in range(count)]]


class Held:
    """Holds every request to the key store until the others have come to wait."""

    def __init__(self, stage: Stage, waiting: int) -> None:
        self.arrived = threading.Event()
        self._stage, self._waiting = stage, waiting
        stage.key_store.before_answer = self

    def __call__(self, *_asked: object) -> None:
        self.arrived.set()
        flights = self._stage.keyring._keys._flights
        for _ in range(int(PATIENCE_SECONDS * 1000)):
            [flight] = flights._under_way.values()
            if len(flight._waiters) >= self._waiting:
                return
            threading.Event().wait(0.001)
        raise TimeoutError("nobody came to wait")


def test_a_herd_asks_once_for_each_direction(stage: Stage) -> None:
    made = stage.elsewhere()
    Held(stage, waiting=15)

    in_threads(16, lambda: stage.decrypt(made))
    in_threads(16, stage.encrypt)

    assert stage.requests == [(ID, stage.version), (ID, "")]
    assert stage.books() == {ENCRYPT: (0, 15, 1, 0), DECRYPT: (0, 15, 1, 0)}
    assert stage.facts.count(BranchKeyCoalesced, operation=ENCRYPT) == 15


def test_a_failed_flight_is_everybodys_who_waits_and_nobodys_who_comes_later(stage: Stage) -> None:
    held = Held(stage, waiting=3)

    def fail(*asked: object) -> None:
        held(*asked)
        stage.key_store.before_answer = None
        raise KeyUnavailable("not today")

    stage.key_store.before_answer = fail

    def outcome() -> str:
        try:
            stage.encrypt()
        except KeyUnavailable as error:
            return str(error)
        return "fine"

    assert in_threads(4, outcome) == ["not today"] * 4
    assert outcome() == "fine"
    assert stage.requests == [(ID, ""), (ID, "")]
    assert stage.books()[ENCRYPT] == (0, 0, 1, 4)
    assert stage.facts.count(BranchKeyFailed, error="KeyUnavailable") == 4


def test_what_a_key_store_of_ones_own_raises_reaches_everybody_as_it_may(stage: Stage) -> None:
    held = Held(stage, waiting=1)

    def fail(*asked: object) -> None:
        held(*asked)
        raise RuntimeError("a bug")

    stage.key_store.before_answer = fail

    def outcome() -> type[Exception]:
        try:
            stage.encrypt()
        except Exception as error:  # noqa: BLE001 - that is what is asked
            return type(error)
        raise AssertionError("it should have failed")

    assert sorted(kind.__name__ for kind in in_threads(2, outcome)) == ["KeyUnavailable", "RuntimeError"]


def test_a_purge_during_a_flight_serves_nobody_who_waits(stage: Stage) -> None:
    held = Held(stage, waiting=1)

    def purge(*asked: object) -> None:
        held(*asked)
        stage.key_store.before_answer = None
        stage.cache.purge("p")

    stage.key_store.before_answer = purge

    in_threads(2, stage.encrypt)

    assert stage.requests == [(ID, ""), (ID, "")]
    assert stage.books()[ENCRYPT] == (0, 0, 2, 0)


def test_a_waiter_that_was_not_served_finds_the_entry(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever joins after the leader closed the flight only waits, and looks again."""
    held = Held(stage, waiting=1)
    monkeypatch.setattr("warmkey.cmms.single_flight.Flight.close", lambda flight: [])
    del held

    in_threads(2, stage.encrypt)

    assert stage.requests == [(ID, "")]
    assert stage.books()[ENCRYPT] == (1, 0, 1, 0)


def test_whoever_joins_a_flight_too_late_finds_what_it_brought(stage: Stage) -> None:
    """Between the look-up and the flight, another flight may have landed."""
    keys = stage.keyring._keys
    look_up, looked = keys._find, []

    def look_up_late(operation: Operation, identifier: bytes) -> Any:
        looked.append(identifier)
        if len(looked) == 1:
            stage.encrypt(stage.another())  # fills the entry after this look-up found none
            return None
        return look_up(operation, identifier)

    keys._find = look_up_late  # type: ignore[method-assign]

    stage.encrypt()

    assert stage.requests == [(ID, "")]
    assert stage.books()[ENCRYPT] == (1, 0, 0, 0)


def test_a_key_store_that_needs_the_branch_key_that_it_gives_is_told(stage: Stage) -> None:
    stage.key_store.before_answer = lambda *_: stage.encrypt()

    with pytest.raises(KeyUnavailable, match="this thread is requesting the same branch key already"):
        stage.encrypt()


def test_nobody_waits_for_ever(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached_keys, "_WAIT_SECONDS", 0.01)
    come, go = threading.Event(), threading.Event()

    def hang(*_asked: object) -> None:
        come.set()
        go.wait(PATIENCE_SECONDS)

    stage.key_store.before_answer = hang
    thread = threading.Thread(target=stage.encrypt)
    thread.start()
    come.wait(PATIENCE_SECONDS)

    with pytest.raises(
        KeyUnavailable, match=r"another thread's request for the same branch key took over 0.01 s"
    ) as caught:
        stage.encrypt()
    assert caught.value.timed_out

    go.set()
    thread.join(PATIENCE_SECONDS)


def test_a_waiter_of_a_dead_flight_asks_for_itself(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception by signal may end a leader before it can end its flight."""
    monkeypatch.setattr(cached_keys, "_WAIT_SECONDS", 0.01)
    flights = stage.keyring._keys._flights
    join = flights.join

    def join_what_dies(identifier: Any, waiter: Any) -> Any:
        flights.join = join  # type: ignore[method-assign]
        leader = Waiter[Any](0)
        join(identifier, leader)
        [answer] = in_threads(1, lambda: join(identifier, waiter))
        del leader
        return answer

    flights.join = join_what_dies  # type: ignore[method-assign]

    stage.encrypt()

    assert (stage.requests, len(flights)) == ([(ID, "")], 0)


# --- a key store that errs


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (None, "gave no branch key materials"),
        ({"branch_key_id": "another"}, "gave version .* of branch key 'another'"),
        ({"branch_key_version": "1"}, "gave version '1' of branch key"),
        ({"branch_key": bytes(16)}, "a branch key must have 32 bytes; the key store gave 16"),
        ({"branch_key": None}, "gave no branch key materials"),
        ({"branch_key": "k" * 32}, "gave no branch key materials"),
        ({"branch_key": [1] * 32}, "gave no branch key materials"),
        pytest.param({"branch_key": memoryview(bytes(64))[::2]}, "gave no branch key materials", id="a view with gaps"),
        ({"branch_key_id": None}, "gave no branch key materials"),
        ({"branch_key_version": None}, "gave no branch key materials"),
        ({"branch_key_version": 1}, "gave no branch key materials"),
        ({"branch_key_version": b"1"}, "gave no branch key materials"),
        ({"kms_key_arn": ["arn"]}, "gave no branch key materials"),
    ],
    ids=str,
)
def test_an_answer_that_was_not_asked_for_is_not_used(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, answer: Any, problem: str
) -> None:
    good = {"branch_key_id": ID, "branch_key_version": stage.version, "branch_key": bytes(32)}
    given = answer if answer is None else BranchKeyMaterials(**{**good, **answer})
    monkeypatch.setattr(stage.key_store, "get_active_branch_key", lambda _: given)

    with pytest.raises(KeyUnavailable, match=problem):
        stage.encrypt()


def test_a_key_in_the_place_of_the_version_is_not_shown(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    given = BranchKeyMaterials(branch_key_id=ID, branch_key_version=bytes(range(32)).hex(), branch_key=bytes(32))
    monkeypatch.setattr(stage.key_store, "get_active_branch_key", lambda _: given)

    with pytest.raises(KeyUnavailable, match="gave version str of length 64 of branch key") as caught:
        stage.encrypt()

    assert given.branch_key_version not in repr(caught.value)


def test_another_version_than_asked_for_is_not_used(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    made = stage.elsewhere()
    other = BranchKeyMaterials(
        branch_key_id=ID, branch_key_version="00000000-0000-4000-8000-000000000000", branch_key=bytes(32)
    )
    monkeypatch.setattr(stage.key_store, "get_branch_key_version", lambda *_: other)

    with pytest.raises(KeyUnavailable, match="gave version '00000000"):
        stage.decrypt(made)


# --- what makes entries leave


def test_a_purge_of_the_partition_forgets_its_branch_keys(stage: Stage) -> None:
    stage.encrypt()

    assert stage.cache.purge(stage.keyring.partition_id) == 2
    stage.encrypt()

    assert len(stage.requests) == 2
    assert stage.facts.count(BranchKeyEviction, reason=EvictionReason.PURGED) == 2
    assert stage.facts.of(CacheEviction) == []


def test_evictions_say_how_old_a_branch_key_was(stage: Stage) -> None:
    stage.encrypt()
    stage.clock.tick(7)

    stage.cache.purge()

    assert stage.facts.of(BranchKeyEviction) == [
        BranchKeyEviction(operation=operation, reason=EvictionReason.PURGED, age_seconds=7)
        for operation in (DECRYPT, ENCRYPT)
    ]


class Refused:
    """Two branch keys under one KMS key and one under another, all of them cached."""

    def __init__(self) -> None:
        self.keys = KeyStore()
        self.clock = SettableClock()
        self.cache = LocalCMC(100, clock=self.clock)
        self.other_arn = self.keys.kms.create_key()
        self.keys.create("one")
        self.keys.create("two")
        self.keys.another(kms_key_arn=self.other_arn).create_key("three", CONTEXT)
        self.reader = self.keys.another(discovery=True)
        for branch_key_id in ("one", "two", "three"):
            self.use(branch_key_id)

    def use(self, branch_key_id: str) -> None:
        keyring = AwsKmsHierarchicalKeyring(
            self.reader, branch_key_id=branch_key_id, ttl_seconds=TTL, cache=self.cache, partition_id="p"
        )
        keyring.on_encrypt(EncryptionMaterials(algorithm_suite=SUITE))

    def refuse_another_version_of_one(self) -> None:
        """What KMS or DynamoDB refuse is a version that is not cached."""
        keyring = AwsKmsHierarchicalKeyring(
            self.reader, branch_key_id="one", ttl_seconds=TTL, cache=self.cache, partition_id="p"
        )
        self.keys.store.version_key("one")
        version = self.keys.item("branch:ACTIVE", "one")["version"]["S"].removeprefix("branch:version:")
        with pytest.raises(KeyUnavailable):
            keyring._keys.version("one", uuid.UUID(version).bytes)

    def cached(self) -> set[str]:
        found: list[CacheEntry] = list(self.cache._entries.values())
        return {entry.materials.branch_key_id for entry in found}  # type: ignore[union-attr]


def test_a_denial_by_kms_ends_what_is_cached_of_that_branch_key() -> None:
    refused = Refused()

    with refused.keys.kms.fail("Decrypt", error="denied"):
        refused.refuse_another_version_of_one()

    assert refused.cached() == {"two", "three"}


def test_a_denial_by_dynamodb_does_too() -> None:
    refused = Refused()

    with refused.keys.dynamodb.fail(
        error="denied", when=lambda call: call.operation == "GetItem" and not call.consistent
    ):
        refused.refuse_another_version_of_one()

    assert refused.cached() == {"two", "three"}


@pytest.mark.parametrize("error", ["disabled", "pending-deletion", "not-found"])
def test_a_disabled_kms_key_ends_every_branch_key_under_it(error: str) -> None:
    refused = Refused()

    with refused.keys.kms.fail("Decrypt", error=error):
        refused.refuse_another_version_of_one()

    assert refused.cached() == {"three"}


@pytest.mark.parametrize("error", ["throttled", "timeout", "invalid-ciphertext", "internal"])
def test_a_failure_that_is_no_refusal_ends_nothing(error: str) -> None:
    refused = Refused()

    with refused.keys.kms.fail("Decrypt", error=error):
        refused.refuse_another_version_of_one()

    assert refused.cached() == {"one", "two", "three"}


def test_a_cache_without_purge_keeps_what_it_has() -> None:
    class Dictionary(dict[bytes, Any]):
        put_cache_entry, get_cache_entry = dict.__setitem__, dict.get

    keys = KeyStore()
    keys.create()
    keyring = AwsKmsHierarchicalKeyring(keys.store, branch_key_id=ID, ttl_seconds=TTL, cache=Dictionary())

    with keys.kms.fail("Decrypt", error="denied"), pytest.raises(KeyUnavailable, match="AccessDenied"):
        keyring.on_encrypt(EncryptionMaterials(algorithm_suite=SUITE))


def test_a_data_key_under_a_cached_branch_key_is_known_to_depend_on_its_kms_key() -> None:
    """A caching CMM above evicts its data keys when that key is refused, though it saw no KMS request for them."""
    keys = KeyStore()
    keys.create()
    keyring = AwsKmsHierarchicalKeyring(keys.store, branch_key_id=ID, ttl_seconds=TTL)
    made = keyring.on_encrypt(EncryptionMaterials(algorithm_suite=SUITE))

    encrypting, decrypting = KmsWatch(), KmsWatch()
    encrypting.over(keyring.on_encrypt, EncryptionMaterials(algorithm_suite=SUITE))
    decrypting.over(keyring.on_decrypt, DecryptionMaterials(algorithm_suite=SUITE), made.encrypted_data_keys)

    assert encrypting.keys == decrypting.keys == {keys.key_arn}


def test_so_is_one_whose_branch_key_another_thread_fetched() -> None:
    keys = KeyStore()
    keys.create()
    keyring = AwsKmsHierarchicalKeyring(keys.store, branch_key_id=ID, ttl_seconds=TTL)

    def watched(_number: int) -> set[str]:
        watch = KmsWatch()
        watch.over(keyring.on_encrypt, EncryptionMaterials(algorithm_suite=SUITE))
        return watch.keys

    def hold(_call: object) -> bool:
        [flight] = keyring._keys._flights._under_way.values()
        for _ in range(int(PATIENCE_SECONDS * 1000)):
            if flight._waiters:
                return False  # so that the request does not fail
            threading.Event().wait(0.001)
        raise TimeoutError("nobody came to wait")

    with keys.kms.fail("Decrypt", error="denied", when=hold), ThreadPoolExecutor(2) as pool:
        found = list(pool.map(watched, range(2)))

    assert keyring.statistics(ENCRYPT).coalesced == 1
    assert found == [{keys.key_arn}] * 2


def test_so_is_one_under_a_branch_key_of_a_key_store_that_asks_no_kms_of_ours() -> None:
    stage = Stage()
    stage.key_store.add(ID, kms_key_arn="arn:aws:kms:us-east-1:111122223333:key/one")

    watch = KmsWatch()
    watch.over(stage.encrypt)

    assert watch.keys == {"arn:aws:kms:us-east-1:111122223333:key/one"}


def test_so_is_one_that_a_caching_cmm_below_another_gave_from_its_cache() -> None:
    keys = KeyStore()
    keys.create()
    keyring = AwsKmsHierarchicalKeyring(keys.store, branch_key_id=ID, ttl_seconds=TTL)
    client, cache = Client(), LocalCMC(10)
    below = CachingCMM(cache=LocalCMC(10), keyring=keyring, max_age=60)
    above = CachingCMM(cache=cache, cmm=below, max_age=60)
    message = client.encrypt(b"data", keyring=keyring).ciphertext

    for cmm in (below, above):
        client.decrypt(message, cmm=cmm)

    assert below.statistics(DECRYPT).hits == 1
    assert [entry.kms_keys for entry in cache._entries.values()] == [{keys.key_arn}]


# --- copies of the process


def test_a_forked_child_asks_for_its_own(stage: Stage) -> None:
    stage.encrypt()

    def in_the_child() -> tuple[int, list[str], tuple[int, int, int, int]]:
        stage.facts.clear()
        books = stage.books()[ENCRYPT]
        stage.encrypt()
        reasons = [eviction.reason.value for eviction in stage.facts.of(BranchKeyEviction)]
        return len(stage.requests), reasons, books

    assert in_child(in_the_child) == (2, ["fork", "fork"], (0, 0, 0, 0))
    assert len(stage.requests) == 1


def test_a_flight_of_the_parent_is_not_waited_for_in_a_child(stage: Stage) -> None:
    come, go = threading.Event(), threading.Event()

    def hang(*_asked: object) -> None:
        come.set()
        go.wait(PATIENCE_SECONDS)

    stage.key_store.before_answer = hang
    thread = threading.Thread(target=stage.encrypt)
    thread.start()
    come.wait(PATIENCE_SECONDS)

    def in_the_child() -> int:
        stage.key_store.before_answer = None
        stage.encrypt()
        return len(stage.requests)

    try:
        assert in_child(in_the_child) == 2
    finally:
        go.set()
        thread.join(PATIENCE_SECONDS)


class ThreeMethods(dict[bytes, Any]):
    """A cache of somebody's own, which knows neither of forks nor of snapshots."""

    put_cache_entry, get_cache_entry = dict.__setitem__, dict.get

    def delete_cache_entry(self, identifier: bytes) -> None:
        self.pop(identifier, None)


def test_a_forked_child_uses_no_branch_key_that_a_cache_of_ones_own_still_holds() -> None:
    stage = Stage(cache=ThreeMethods())
    made = stage.encrypt()
    stage.decrypt(made)
    assert len(stage.requests) == 1

    def in_the_child() -> list[tuple[str, str]]:
        for _ in range(2):
            stage.decrypt(stage.encrypt())
        stage.decrypt(made)
        return stage.requests

    assert in_child(in_the_child) == [(ID, ""), (ID, "")]
    stage.decrypt(stage.encrypt())
    assert len(stage.requests) == 1, "the parent keeps its own"


def test_nor_does_one_that_was_forked_behind_pythons_back(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage(cache=ThreeMethods())
    stage.encrypt()
    become_another_process(monkeypatch)
    stage.encrypt()

    assert len(stage.requests) == 2


@pytest.mark.usefixtures("_snapshot")
def test_nor_does_a_restored_snapshot_and_none_is_put_there_while_one_is_ahead() -> None:
    stage = Stage(cache=ThreeMethods())
    stage.encrypt()
    reset_before_snapshot()
    stage.encrypt()
    assert len(stage.requests) == 2

    ahead = Stage(cache=ThreeMethods())
    expect_snapshot(lambda: True)
    made = ahead.encrypt()
    ahead.decrypt(made)
    assert len(ahead.cache) == 0


@pytest.fixture
def _snapshot() -> Iterator[None]:
    yield
    expect_snapshot(lambda: False)


def test_no_branch_key_goes_into_a_snapshot(stage: Stage) -> None:
    stage.encrypt()

    reset_before_snapshot()

    assert len(stage.cache) == 0
    assert {eviction.reason for eviction in stage.facts.of(BranchKeyEviction)} == {EvictionReason.SNAPSHOT}


@pytest.mark.usefixtures("_snapshot")
def test_while_a_snapshot_is_ahead_none_is_kept(stage: Stage) -> None:
    expect_snapshot(lambda: True)

    stage.encrypt()

    assert len(stage.cache) == 0


# --- hits


def test_hits_are_told_to_those_who_ask(stage: Stage) -> None:
    stage.decrypt(stage.encrypt())
    stage.encrypt()

    assert stage.facts.of(BranchKeyHit) == [BranchKeyHit(operation=DECRYPT), BranchKeyHit(operation=ENCRYPT)]


def test_hits_are_counted_for_the_others() -> None:
    counted: list[Operation] = []

    class Subscriber:
        count_branch_key_hit = staticmethod(counted.append)

        def __call__(self, event: object) -> None:
            assert not isinstance(event, BranchKeyHit)

    stage = Stage(emit=Subscriber())

    stage.decrypt(stage.encrypt())

    assert counted == [DECRYPT]


def test_the_books_balance(stage: Stage) -> None:
    made = [stage.encrypt() for _ in range(3)]
    for each in made:
        stage.decrypt(each)
    stage.clock.tick(TTL)
    stage.encrypt()
    stage.decrypt(made[0])
    with pytest.raises(KeyUnavailable):
        stage.encrypt(stage.another("unknown"))

    assert stage.books() == {ENCRYPT: (2, 0, 2, 0), DECRYPT: (4, 0, 0, 0)}
    told = {
        operation: (
            stage.facts.count(BranchKeyHit, operation=operation),
            stage.facts.count(BranchKeyMiss, operation=operation),
        )
        for operation in Operation
    }
    assert told == {ENCRYPT: (2, 2), DECRYPT: (4, 0)}

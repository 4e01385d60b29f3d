"""Waiters and batches don't multiply what a throttled or unreachable DynamoDB or KMS gets: one request, one answer."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.branch_keys.key_store import CONTEXT, KeyStore
from tests.test_forking import in_child
from warmkey import (
    AlgorithmSuite,
    CachingCMM,
    CommitmentPolicy,
    ConfigurationError,
    DecryptionMaterials,
    EncryptionMaterials,
    KeyUnavailable,
    LocalCMC,
    MultiKeyring,
    fork_safety,
)
from warmkey.branch_keys import AwsKmsHierarchicalKeyring
from warmkey.cmms.failure_memory import MAX_FAILURES
from warmkey.events import (
    BranchKeyCoalesced,
    BranchKeyFailed,
    BranchKeyFailureRecalled,
    DynamoDbOutcome,
    FailureRecalled,
    KmsOutcome,
    Operation,
    RequestFailed,
)
from warmkey.exceptions import KeyAttempt
from warmkey.structures import DecryptMaterialsRequest, EncryptionMaterialsRequest
from warmkey.testing import Recorder, SettableClock

SUITE = AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
POLICY = CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT
ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
PATIENCE_SECONDS = 30.0
REMEMBERED = [
    *((service, fault) for service in ("kms", "dynamodb") for fault in ("throttled", "unreachable", "timeout")),
    ("kms", "internal"),
    ("dynamodb", "internal"),
]
NOT_REMEMBERED = [
    *(("kms", fault) for fault in ("denied", "disabled", "not-found", "expired-credentials", "invalid-ciphertext")),
    ("kms", "another-key"),
    *(("dynamodb", fault) for fault in ("denied", "no-credentials", "expired-credentials", "conflict")),
]


class Fleet:
    """A container over a table with two tenants; the clock stands still."""

    def __init__(self, seconds: float = 1, **arguments: Any) -> None:
        self.keys = KeyStore()
        self.keys.create("tenant-a")
        self.keys.create("tenant-b")
        self.keys.clear()
        self.clock = SettableClock()
        self.facts = Recorder()
        self.cache = LocalCMC(1000, clock=self.clock, emit=self.facts)
        self.keyring = self.another(remember_failures_seconds=seconds, **arguments)

    def another(self, store: Any = None, **arguments: Any) -> AwsKmsHierarchicalKeyring:
        given: dict[str, Any] = {
            "branch_key_id_supplier": lambda context: context["tenant"],
            "ttl_seconds": 60,
            "cache": self.cache,
            "partition_id": "p",
            "clock": self.clock,
            "emit": self.facts,
            **arguments,
        }
        return AwsKmsHierarchicalKeyring(store or self.keys.store, **given)

    def fail(self, service: str, error: str, **arguments: Any) -> Any:
        client = self.keys.kms if service == "kms" else self.keys.dynamodb
        return client.fail(error=error, **{"times": None, **arguments})

    def encrypt(self, tenant: str = "tenant-a", keyring: AwsKmsHierarchicalKeyring | None = None) -> Any:
        materials = EncryptionMaterials(algorithm_suite=SUITE, encryption_context={"tenant": tenant})
        return (keyring or self.keyring).on_encrypt(materials)

    def decrypt(self, made: EncryptionMaterials, keyring: Any = None) -> Any:
        materials = DecryptionMaterials(algorithm_suite=SUITE, encryption_context=made.encryption_context)
        return (keyring or self.keyring).on_decrypt(materials, made.encrypted_data_keys)

    def elsewhere(self, tenant: str = "tenant-a") -> Any:
        """What another container wrote."""
        made = self.encrypt(tenant, self.another(cache=None, partition_id=None))
        self.keys.clear()
        self.facts.clear()
        return made

    def fails(self, count: int = 1, tenant: str = "tenant-a") -> list[KeyUnavailable]:
        errors = []
        for _ in range(count):
            with pytest.raises(KeyUnavailable) as caught:
                self.encrypt(tenant)
            errors.append(caught.value)
        return errors

    def books(self, operation: Operation = ENCRYPT) -> tuple[int, int, int]:
        """Misses, failures and recalled ones; nothing else happened."""
        books = self.keyring.statistics(operation)
        assert books.requests == books.hits + books.coalesced + books.calls + books.failures + books.recalled
        return books.calls, books.failures, books.recalled

    @property
    def requests(self) -> int:
        """How many requests the service got that was to fail, whichever it was."""
        return max(self.keys.requests().values(), default=0)


def outcome(action: Any) -> KeyUnavailable:
    try:
        action()
    except KeyUnavailable as error:
        return error
    raise AssertionError("it should have failed")


@pytest.mark.parametrize(("service", "fault"), REMEMBERED)
def test_a_batch_asks_once(service: str, fault: str) -> None:
    fleet = Fleet()
    with fleet.fail(service, fault):
        first, *others = fleet.fails(10)

    assert fleet.requests == 1
    assert (first.remembered, {error.remembered for error in others}) == (False, {True})
    assert fleet.books() == (0, 1, 9)
    assert (fleet.facts.count(BranchKeyFailed), fleet.facts.count(BranchKeyFailureRecalled)) == (1, 9)


@pytest.mark.parametrize(("service", "fault"), NOT_REMEMBERED)
def test_nothing_else_is_remembered(service: str, fault: str) -> None:
    fleet = Fleet()
    with fleet.fail(service, fault):
        errors = fleet.fails(3)

    assert fleet.requests == 3
    assert not any(error.remembered for error in errors)


def test_a_branch_key_that_is_not_there_is_asked_for_each_time() -> None:
    fleet = Fleet()

    fleet.fails(3, "tenant-c")

    assert fleet.keys.dynamodb.count("GetItem") == 6  # each time once more, consistently


@pytest.mark.parametrize("service", ["kms", "dynamodb"])
def test_a_stampede_makes_one_request_and_whoever_comes_later_is_answered_from_memory(service: str) -> None:
    fleet = Fleet()
    everybody_waits = threading.Event()

    def hold(_call: object) -> bool:
        flights = fleet.keyring._keys._flights
        for _ in range(int(PATIENCE_SECONDS * 1000)):
            [flight] = flights._under_way.values()
            if len(flight._waiters) >= 15:
                return True
            everybody_waits.wait(0.001)
        raise TimeoutError("nobody came to wait")

    with fleet.fail(service, "throttled", when=hold), ThreadPoolExecutor(16) as pool:
        waited = [each.result(PATIENCE_SECONDS) for each in [pool.submit(outcome, fleet.encrypt) for _ in range(16)]]
        later = [each.result(PATIENCE_SECONDS) for each in [pool.submit(outcome, fleet.encrypt) for _ in range(16)]]

    assert fleet.requests == 1
    assert [error.remembered for error in waited] == [False] * 16
    assert [error.remembered for error in later] == [True] * 16
    assert len({id(error) for error in (*waited, *later)}) == 32
    assert fleet.books() == (0, 16, 16)
    assert fleet.facts.count(BranchKeyCoalesced) == 0


def test_whoever_joins_just_after_the_failed_flight_has_ended_does_not_ask_either() -> None:
    """The memory is looked at by who leads a flight, so nothing can come between the look and the flight."""
    fleet = Fleet()
    flights = fleet.keyring._keys._flights
    join, errors = flights.join, []

    def join_late(*arguments: Any) -> Any:
        flights.join = join  # type: ignore[method-assign]
        errors.append(outcome(fleet.encrypt))
        return join(*arguments)

    flights.join = join_late  # type: ignore[method-assign]
    with fleet.fail("dynamodb", "throttled"):
        errors += fleet.fails()

    assert [error.remembered for error in errors] == [False, True]
    assert fleet.requests == 1


@pytest.mark.parametrize(("service", "name"), [("kms", "KMS"), ("dynamodb", "DynamoDB")])
def test_the_error_says_that_it_is_a_remembered_answer_and_holds_no_frames(service: str, name: str) -> None:
    fleet = Fleet()
    with fleet.fail(service, "throttled"):
        first, second = fleet.fails(2)

    assert f"this answer is 0.0 s old and was remembered, so {name} was not asked again" in str(second)
    assert "remembered" not in str(first)
    assert [(one.key, one.outcome, one.reason, one.remedy) for one in second.attempts] == [
        (one.key, one.outcome, one.reason, one.remedy) for one in first.attempts
    ]
    assert {one.cause for one in second.attempts} == {second.__cause__} == {None}


# --- what it is about


def test_a_decrypt_remembers_too_and_its_error_says_so() -> None:
    fleet = Fleet()
    made = fleet.elsewhere()
    with fleet.fail("dynamodb", "throttled"):
        first, *others = [outcome(lambda: fleet.decrypt(made)) for _ in range(3)]

    assert fleet.requests == 1
    assert (first.remembered, [error.remembered for error in others]) == (False, [True, True])
    assert "a remembered answer" in str(others[0])
    assert fleet.books(DECRYPT) == (0, 1, 2)


@pytest.mark.parametrize("service", ["kms", "dynamodb"])
def test_other_branch_keys_versions_and_directions_are_asked_for(service: str) -> None:
    fleet = Fleet()
    made = fleet.elsewhere("tenant-b")
    with fleet.fail(service, "throttled"):
        fleet.fails(2, "tenant-a")
        asked = fleet.requests
        fleet.fails(1, "tenant-b")
        assert fleet.requests == asked + 1
        assert not outcome(lambda: fleet.decrypt(made)).remembered

    assert fleet.requests == asked + 2


@pytest.mark.parametrize("partition_id", ["p", "q"])
def test_keyrings_remember_for_themselves(partition_id: str) -> None:
    fleet = Fleet()
    with fleet.fail("dynamodb", "throttled"):
        fleet.fails()

    assert fleet.encrypt(keyring=fleet.another(partition_id=partition_id, remember_failures_seconds=1))


def test_what_is_cached_is_served() -> None:
    fleet = Fleet()
    fleet.encrypt()
    with fleet.fail("dynamodb", "throttled"):
        fleet.fails(2, "tenant-b")

        assert fleet.decrypt(fleet.encrypt())


# --- its end


@pytest.mark.parametrize("clock", ["tick", "tick_monotonic", "tick_wall"])
def test_it_lasts_as_long_as_is_set_by_the_clock(clock: str) -> None:
    fleet = Fleet(0.5)
    tick = getattr(fleet.clock, clock)
    with fleet.fail("dynamodb", "throttled"):
        fleet.fails(2)
        tick(0.4)
        fleet.fails()
        assert fleet.requests == 1
        tick(0.1)
        fleet.fails()

    assert fleet.requests == 2


@pytest.mark.parametrize("service", ["kms", "dynamodb"])
def test_by_default_a_keyring_remembers_nothing(service: str) -> None:
    fleet = Fleet()
    fleet.keyring = fleet.another()
    with fleet.fail(service, "throttled"):
        fleet.fails(3)

    assert fleet.requests == 3


def test_a_success_with_the_same_kms_key_ends_it() -> None:
    fleet = Fleet()
    with fleet.fail("kms", "throttled"):
        fleet.fails(2)
    fleet.encrypt("tenant-b")

    assert fleet.encrypt()


def test_a_success_with_another_kms_key_does_not() -> None:
    fleet = Fleet()
    other_key = fleet.keys.kms.create_key()
    fleet.keys.another(kms_key_arn=other_key).create_key("tenant-c", CONTEXT)
    fleet.keyring = fleet.another(fleet.keys.another(discovery=True), remember_failures_seconds=1)
    with fleet.fail("kms", "throttled"):
        fleet.fails(2)
    fleet.encrypt("tenant-c")

    assert fleet.fails()[0].remembered


@pytest.mark.parametrize("how", ["keyring.purge", "cache.purge", "purge of the partition", "snapshot"])
def test_a_purge_and_a_snapshot_end_it(how: str) -> None:
    fleet = Fleet()
    with fleet.fail("dynamodb", "throttled"):
        fleet.fails(2)
    {
        "keyring.purge": fleet.keyring.purge,
        "cache.purge": fleet.cache.purge,
        "purge of the partition": lambda: fleet.cache.purge("p"),
        "snapshot": fork_safety.reset_before_snapshot,
    }[how]()

    assert fleet.encrypt()


def test_a_purge_ends_it_where_the_cache_has_none() -> None:
    class ThreeMethods(dict[bytes, Any]):
        put_cache_entry, get_cache_entry = dict.__setitem__, dict.get

    fleet = Fleet()
    fleet.keyring = fleet.another(cache=ThreeMethods(), remember_failures_seconds=1)
    with fleet.fail("dynamodb", "throttled"):
        fleet.fails(2)
    fleet.keyring.purge()

    assert fleet.encrypt()


def test_a_fork_ends_it_for_the_child() -> None:
    fleet = Fleet()
    with fleet.fail("dynamodb", "throttled"):
        fleet.fails(2)

    assert in_child(lambda: fleet.encrypt() is not None)
    assert fleet.fails()[0].remembered


def test_it_is_bounded_in_number() -> None:
    fleet = Fleet()
    with fleet.fail("dynamodb", "throttled"):
        for number in range(MAX_FAILURES + 10):
            fleet.fails(tenant=str(number))
        before = fleet.requests
        fleet.fails(tenant="9")
        assert fleet.requests == before + 1, "the oldest were forgotten"
        fleet.fails(tenant=str(MAX_FAILURES))

    assert fleet.requests == before + 1
    assert len(fleet.keyring._keys._failures._failures) == MAX_FAILURES


@pytest.mark.parametrize("value", [-0.1, 1.1, True, "1", None, float("nan")])
def test_a_number_of_seconds_from_0_to_1_is_needed(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="remember_failures_seconds must be a number from 0 to 1, not"):
        Fleet(value)


# --- below a caching CMM


@pytest.mark.parametrize("direction", [ENCRYPT, DECRYPT])
def test_a_memory_above_does_not_lengthen_a_memory_below(direction: Operation) -> None:
    """An answer is repeated for a second in all, however many remember it."""
    fleet = Fleet()
    made = fleet.elsewhere()
    cmm = CachingCMM(
        cache=LocalCMC(10, clock=fleet.clock),
        keyring=MultiKeyring(generator=fleet.keyring),
        max_age=60,
        remember_failures_seconds=1,
        clock=fleet.clock,
        emit=fleet.facts,
    )
    others = CachingCMM(cache=LocalCMC(10, clock=fleet.clock), keyring=fleet.keyring, max_age=60, clock=fleet.clock)

    def ask(asked: CachingCMM) -> KeyUnavailable:
        context = made.encryption_context
        if direction is ENCRYPT:
            encrypting = EncryptionMaterialsRequest(
                encryption_context=context, commitment_policy=POLICY, algorithm_suite=SUITE, max_plaintext_length=1
            )
            return outcome(lambda: asked.get_encryption_materials(encrypting))
        decrypting = DecryptMaterialsRequest(
            algorithm_suite=SUITE,
            commitment_policy=POLICY,
            encryption_context=context,
            encrypted_data_keys=made.encrypted_data_keys,
        )
        return outcome(lambda: asked.decrypt_materials(decrypting))

    with fleet.fail("dynamodb", "throttled"):
        assert not ask(others).remembered
        fleet.clock.tick(0.9)
        assert ask(cmm).remembered
        assert (fleet.facts.count(FailureRecalled), fleet.facts.count(RequestFailed)) == (1, 0)
        assert cmm.statistics(direction).recalled == 1
        fleet.clock.tick(0.2)
        assert not ask(cmm).remembered

    assert fleet.requests == 2


def test_an_error_is_a_remembered_one_if_all_of_its_attempts_are() -> None:
    def attempt(*, remembered: bool) -> KeyAttempt:
        outcome = DynamoDbOutcome.THROTTLED if remembered else KmsOutcome.THROTTLED
        return KeyAttempt(keyring="K", operation="O", key="k", reason="r", outcome=outcome, remembered=remembered)

    assert KeyUnavailable("no", [attempt(remembered=True)]).remembered
    assert not KeyUnavailable("no", [attempt(remembered=True), attempt(remembered=False)]).remembered
    assert not KeyUnavailable("no").remembered

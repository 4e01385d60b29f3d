"""A batch does not multiply what a throttled or unreachable KMS gets, and nothing else is remembered."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import pytest

from tests.cmms.stage import Crowd, Dictionary, Stage, encrypt_request, in_threads, outcomes
from tests.cmms.test_caching_refusals import Container
from tests.forks import become_another_process, fork_by_python
from tests.test_forking import in_child
from warmkey import AwsKmsKeyring, CachingCMM, ConfigurationError, KeyUnavailable, fork_safety
from warmkey.caches.interface import CacheFeatures
from warmkey.cmms.failure_memory import MAX_FAILURES, FailureMemory
from warmkey.events import FailureRecalled, KmsOutcome, Operation, RequestFailed
from warmkey.exceptions import KeyAttempt
from warmkey.testing import SettableClock

if TYPE_CHECKING:
    from collections.abc import Hashable

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
REMEMBERED = ["throttled", "unreachable", "timeout", "internal"]
NOT_REMEMBERED = ["denied", "disabled", "not-found", "expired-credentials", "invalid-ciphertext", "another-key"]


def container(seconds: float = 1, **settings: Any) -> Container:
    return Container(remember_failures_seconds=seconds, **settings)


def fails(container: Container, count: int = 1, **context: str) -> list[KeyUnavailable]:
    errors = []
    for _ in range(count):
        with pytest.raises(KeyUnavailable) as caught:
            container.encrypt(**context)
        errors.append(caught.value)
    return errors


def attempt(key: str) -> KeyAttempt:
    return KeyAttempt(keyring="K", operation="Decrypt", key=key, reason="no", outcome=KmsOutcome.THROTTLED)


def throttled(*keys: str) -> KeyUnavailable:
    return KeyUnavailable("no", list(map(attempt, keys)))


def memory_of(seconds: float) -> tuple[FailureMemory, SettableClock]:
    clock = SettableClock()
    memory = FailureMemory(seconds, features=CacheFeatures(Dictionary()), partition_id="p", clock=clock)
    return memory, clock


def remembers(memory: FailureMemory, key: Hashable) -> bool:
    try:
        memory.check(key)
    except KeyUnavailable as error:
        return error.remembered
    return False


@pytest.mark.parametrize("fault", REMEMBERED)
def test_a_batch_asks_once(fault: str) -> None:
    shop = container()
    shop.kms.fail(error=fault, times=None)
    first, *others = fails(shop, 10)

    assert shop.kms.count() == 1
    assert (first.remembered, {error.remembered for error in others}) == (False, {True})
    assert outcomes(shop.cmm.statistics(ENCRYPT)) == {"failures": 1, "recalled": 9}
    assert shop.cmm.statistics(ENCRYPT).requests == 10
    assert (shop.seen.count(RequestFailed), shop.seen.count(FailureRecalled)) == (1, 9)


def test_the_error_says_that_it_is_a_remembered_answer_and_holds_no_frames() -> None:
    shop = container()
    shop.kms.fail(error="throttled", times=None)
    first, second = fails(shop, 2)

    assert str(second).startswith(
        f"{first.args[0]}; this answer is 0.0 s old and was remembered, so KMS was not asked again; "
    )
    assert "remembered" not in str(first)
    assert [(one.key, one.outcome, one.reason, one.remedy) for one in second.attempts] == [
        (one.key, one.outcome, one.reason, one.remedy) for one in first.attempts
    ]
    assert {one.cause for one in second.attempts} == {second.__cause__} == {None}
    assert second is not first


def test_an_error_without_a_text_is_remembered_by_its_class() -> None:
    class Closed(KeyUnavailable):
        def __init__(self) -> None:
            self.attempts = (attempt("k"),)

    memory, _ = memory_of(1)
    memory.remember("key", Closed())

    with pytest.raises(KeyUnavailable, match=r"^Closed; this answer is 0\.0 s old"):
        memory.check("key")


def test_decrypting_remembers_too() -> None:
    shop = container()
    message = shop.encrypt()
    shop.kms.fail("Decrypt", error="throttled", times=None)
    for _ in range(3):
        with pytest.raises(KeyUnavailable):
            shop.decrypt(message)

    assert shop.kms.count("Decrypt") == 1
    assert shop.encrypt() == shop.encrypt() or shop.kms.count("GenerateDataKey") == 1


@pytest.mark.parametrize("fault", NOT_REMEMBERED)
def test_nothing_else_is_remembered(fault: str) -> None:
    shop = container()
    shop.kms.fail(error=fault, times=None)
    errors = fails(shop, 3)

    assert shop.kms.count() == 3
    assert not any(error.remembered for error in errors)


def test_an_error_that_is_about_something_else_too_is_not_remembered() -> None:
    stage = Stage()
    cmm = stage.cmm(remember_failures_seconds=1)
    outcomes_of_attempts = [KmsOutcome.THROTTLED, KmsOutcome.DENIED]

    def fail(_: object) -> None:
        raise KeyUnavailable(
            "no",
            [
                KeyAttempt(keyring="K", operation="Decrypt", key="k", reason="no", outcome=outcome)
                for outcome in outcomes_of_attempts
            ],
        )

    stage.below.during = fail
    for _ in range(2):
        with pytest.raises(KeyUnavailable):
            cmm.get_encryption_materials(encrypt_request())
    assert stage.below.calls == 2
    outcomes_of_attempts.clear()
    for _ in range(2):
        with pytest.raises(KeyUnavailable):
            cmm.get_encryption_materials(encrypt_request())
    assert stage.below.calls == 4, "nor is one that tried nothing"

    def fail_otherwise(_: object) -> None:
        raise ValueError("not today")

    stage.below.during = fail_otherwise
    for _ in range(2):
        with pytest.raises(ValueError, match="not today"):
            cmm.get_encryption_materials(encrypt_request())
    assert stage.below.calls == 6


def test_by_default_a_caching_cmm_remembers_nothing() -> None:
    shop = Container()
    shop.kms.fail(error="throttled", times=None)
    fails(shop, 3)

    assert shop.kms.count() == 3


def test_whoever_joins_just_after_the_failed_flight_has_ended_does_not_ask_either() -> None:
    """The memory is looked at by who leads a flight, so nothing can come between the look and the flight."""
    shop = container()
    flights = shop.cmm._fetcher._flights
    join, errors = flights.join, []

    def join_late(*arguments: Any) -> Any:
        flights.join = join  # type: ignore[method-assign]
        errors.extend(fails(shop))
        return join(*arguments)

    flights.join = join_late  # type: ignore[method-assign]
    shop.kms.fail(error="throttled", times=None)
    errors += fails(shop)

    assert [error.remembered for error in errors] == [False, True]
    assert shop.kms.count() == 1


def test_a_refresh_that_begins_just_after_a_failed_flight_has_ended_does_not_ask_either() -> None:
    shop = container(refresh_ahead=True, max_bytes_encrypted=100)
    shop.encrypt(b"x" * 50)
    shop.clock.tick(55)
    shop.encrypt()
    shop.kms.fail(error="throttled", times=None)
    flights = shop.cmm._fetcher._flights
    join = flights.join

    def join_late(*arguments: Any) -> Any:
        flights.join = join  # type: ignore[method-assign]
        with pytest.raises(KeyUnavailable):
            shop.encrypt(b"x" * 60)  # more than is left of the old data key
        return join(*arguments)

    flights.join = join_late  # type: ignore[method-assign]
    in_threads(1, shop.encrypt)

    assert shop.kms.count() == 2


# Its end


@pytest.mark.parametrize("clock", ["both", "monotonic", "wall", "wall, backwards"])
def test_it_lasts_as_long_as_is_set_by_the_clock(clock: str) -> None:
    shop = container(0.5)
    shop.kms.fail(error="throttled", times=None)
    tick: Any = {
        "both": shop.clock.tick,
        "monotonic": shop.clock.tick_monotonic,
        "wall": shop.clock.tick_wall,
        "wall, backwards": lambda seconds: shop.clock.tick_wall(-seconds),
    }[clock]
    fails(shop, 2)
    if clock != "wall, backwards":
        tick(0.4)
    fails(shop)
    assert shop.kms.count() == 1
    tick(0.1)
    fails(shop)

    assert shop.kms.count() == 2


def test_a_success_with_the_same_key_ends_it() -> None:
    shop = container()
    with shop.kms.fail(error="throttled"):
        fails(shop)
    fails(shop)
    shop.encrypt(tenant="b")
    shop.encrypt()

    assert shop.kms.count() == 3


def test_a_success_with_another_key_does_not() -> None:
    shop = container()
    key = shop.kms.create_key()
    other = shop.caching_cmm(AwsKmsKeyring(key, kms_client=shop.kms), partition_id=shop.cmm.partition_id)
    with shop.kms.fail(error="throttled"):
        fails(shop)
    shop.encrypt(cmm=other, tenant="b")
    fails(shop)

    assert shop.kms.count() == 2


@pytest.mark.parametrize(
    ("used", "left"),
    [
        ([" one"], ["three"]),
        ([" two"], ["one", "three"]),
        ([" three"], ["one", "one and two"]),
        ([" one", " three"], []),
        ([" another"], ["one", "one and two", "three"]),
        ([], []),
    ],
    ids=str,
)
def test_a_success_ends_each_failure_that_one_of_its_keys_had_a_part_in(used: list[str], left: list[str]) -> None:
    memory, _ = memory_of(1)
    memory.remember("one", throttled("one"))
    memory.remember("one and two", throttled("one", "two"))
    memory.remember("three", throttled("three"))
    memory.succeeded(used)

    assert [key for key in ("one", "one and two", "three") if remembers(memory, key)] == left


def test_a_success_that_names_no_key_ends_everything() -> None:
    stage = Stage()
    cmm = stage.cmm(remember_failures_seconds=1)

    def fail(_: object) -> None:
        attempt = KeyAttempt(keyring="K", operation="x", key="k", reason="no", outcome=KmsOutcome.THROTTLED)
        raise KeyUnavailable("no", [attempt])

    stage.below.during = fail
    for _ in range(2):
        with pytest.raises(KeyUnavailable):
            cmm.get_encryption_materials(encrypt_request())
    stage.below.during = lambda _: None
    cmm.get_encryption_materials(encrypt_request(1, {"tenant": "b"}))
    cmm.get_encryption_materials(encrypt_request())

    assert stage.below.calls == 3


@pytest.mark.parametrize("how", ["cmm.purge", "cache.purge", "purge of the partition", "snapshot"])
def test_a_purge_and_a_snapshot_end_it(how: str) -> None:
    shop = container()
    with shop.kms.fail(error="throttled"):
        fails(shop, 2)
    {
        "cmm.purge": shop.cmm.purge,
        "cache.purge": shop.cache.purge,
        "purge of the partition": lambda: shop.cache.purge(shop.cmm.partition_id),
        "snapshot": fork_safety.reset_before_snapshot,
    }[how]()

    assert shop.encrypt()


@pytest.mark.parametrize("reason", ["snapshot", "fork"])
def test_a_copy_of_the_process_remembers_nothing_whatever_the_cache(
    reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = container(cache=Dictionary())
    with shop.kms.fail(error="throttled"):
        fails(shop, 2)
    with monkeypatch.context() as patch:
        if reason == "fork":
            become_another_process(patch)
        else:
            fork_safety.reset_before_snapshot()

        assert shop.encrypt()


def test_what_is_over_is_let_go_of_when_it_is_asked_for() -> None:
    """It holds the encryption context and the encrypted data keys of a request."""

    class Key:
        pass

    memory, clock = memory_of(1)
    key = Key()
    kept = weakref.ref(key)
    memory.remember(key, throttled("k"))
    clock.tick(0.5)
    assert remembers(memory, key)
    clock.tick(0.5)
    assert not remembers(memory, key)
    del key

    assert kept() is None


def test_a_fork_ends_it_for_the_child() -> None:
    shop = container()
    with shop.kms.fail(error="throttled"):
        fails(shop, 2)

    assert in_child(lambda: len(shop.encrypt()) > 0, fork_by_python)
    assert fails(shop)[0].remembered


def test_256_failures_are_remembered_and_the_oldest_makes_room_for_the_next() -> None:
    memory, _ = memory_of(1)
    for number in range(256):
        memory.remember(number, throttled("k"))
    assert all(remembers(memory, number) for number in range(256))
    memory.remember(256, throttled("k"))

    assert [number for number in range(257) if not remembers(memory, number)] == [0]


def test_a_failure_that_happened_again_is_the_youngest() -> None:
    memory, _ = memory_of(1)
    for number in range(MAX_FAILURES):
        memory.remember(number, throttled("k"))
    memory.remember(0, throttled("k"))
    memory.remember("one more", throttled("k"))

    assert [number for number in range(MAX_FAILURES) if not remembers(memory, number)] == [1]


def test_it_is_bounded_in_number() -> None:
    shop = container()
    shop.kms.fail(error="throttled", times=None)
    for number in range(MAX_FAILURES + 1):
        fails(shop, tenant=str(number))
    before = shop.kms.count()
    fails(shop, tenant=str(MAX_FAILURES))
    fails(shop, tenant="1")
    assert shop.kms.count() == before
    fails(shop, tenant="0")

    assert shop.kms.count() == before + 1, "the oldest was forgotten"


# What it leaves alone


def test_other_contexts_and_what_is_cached_are_served() -> None:
    shop = container()
    message = shop.encrypt()
    shop.decrypt(message)
    shop.kms.fail(error="throttled", times=None)
    fails(shop, tenant="b")
    fails(shop, tenant="c")

    assert shop.decrypt(shop.encrypt()) == b"x"
    assert shop.kms.count() == 4


def after_a_failed_refresh(*, seconds: float) -> Container:
    """Return a container whose entry is so many seconds old; a refresh failed, and the old entry served."""
    shop = container(refresh_ahead=True)
    shop.encrypt()
    shop.clock.tick(seconds)
    shop.encrypt()
    shop.kms.fail(error="throttled", times=None)
    in_threads(1, shop.encrypt)
    assert shop.kms.count() == 2
    return shop


def test_a_refresh_uses_the_old_entry_and_asks_no_more() -> None:
    shop = after_a_failed_refresh(seconds=55)
    with pytest.raises(KeyUnavailable):
        shop.encrypt(tenant="b")
    in_threads(4, shop.encrypt)

    assert shop.kms.count() == 3


def test_what_a_refresh_was_answered_holds_for_the_requests_after_the_entrys_end() -> None:
    shop = after_a_failed_refresh(seconds=59.5)
    shop.clock.tick(0.5)
    (error,) = fails(shop)

    assert error.remembered
    assert shop.kms.count() == 2


def test_a_crowd_that_waited_has_the_answer_itself() -> None:
    shop = container()
    shop.kms.fail(error="throttled", times=None)
    errors = Crowd(*[shop.encrypt] * 8).join()

    assert {type(error) for error in errors} == {KeyUnavailable}
    assert shop.kms.count() == 1


@pytest.mark.parametrize("value", [-0.1, 1.1, True, "1", None, float("nan")])
def test_a_number_of_seconds_from_0_to_1_is_needed(value: Any) -> None:
    with pytest.raises(ConfigurationError, match="remember_failures_seconds must be a number from 0 to 1, not"):
        CachingCMM(cache=Dictionary(), max_age=1, cmm=Stage().below, remember_failures_seconds=value)

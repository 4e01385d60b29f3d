"""Thirty-two threads at once; how much each data key encrypted is counted from the messages themselves."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.cmms.stage import UNSIGNED, Crowd, Stage, data_key
from warmkey import Client, EncryptionMaterials
from warmkey.events import CacheEviction, Operation

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from warmkey.testing import SettableClock

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
THREADS, MESSAGES = 32, 60
CONTEXTS = [{"tenant": str(number)} for number in range(3)]


class Sent(NamedTuple):
    """A message, and when its sender asked for it."""

    ciphertext: bytes
    plaintext: bytes
    asked_at: float

    @property
    def data_key(self) -> bytes:
        return Client().decrypt(self.ciphertext, cmm=Stage().below).header.encrypted_data_keys[0].ciphertext


def plaintext_of(thread: int, number: int) -> bytes:
    return b"x" * ((thread * 7 + number * 13) % 101)


def work_of(cmm: Any, clock: SettableClock, meanwhile: Callable[[int, int], object]) -> Callable[[int], list[Sent]]:
    """What one thread does: encrypt, now and then decrypt, and *meanwhile* something else."""
    client = Client()

    def work(thread: int) -> list[Sent]:
        sent = []
        for number in range(MESSAGES):
            plaintext, asked_at = plaintext_of(thread, number), clock.now().monotonic
            context = CONTEXTS[(thread + number) % len(CONTEXTS)]
            result = client.encrypt(plaintext, cmm=cmm, encryption_context=context, algorithm_suite=UNSIGNED)
            sent.append(Sent(result.ciphertext, plaintext, asked_at))
            if number % 5 == 0:
                assert client.decrypt(result.ciphertext, cmm=cmm, encryption_context=context).plaintext == plaintext
            meanwhile(thread, number)
        return sent

    return work


def run(work: Callable[[int], list[Sent]]) -> list[Sent]:
    crowd = Crowd(*[lambda thread=thread: work(thread) for thread in range(THREADS)])
    return [message for sent in crowd.values() for message in sent]


def by_data_key(messages: Iterable[Sent]) -> dict[bytes, list[Sent]]:
    keys: defaultdict[bytes, list[Sent]] = defaultdict(list)
    for message in messages:
        keys[message.data_key].append(message)
    return keys


def check_books(stage: Stage, cmm: Any, keys: dict[bytes, list[Sent]]) -> None:
    encrypts, decrypts = cmm.statistics(ENCRYPT), cmm.statistics(DECRYPT)
    cmm.purge()
    left = stage.seen.of(CacheEviction)

    assert encrypts.requests == THREADS * MESSAGES
    assert decrypts.requests == THREADS * len(range(0, MESSAGES, 5))
    assert (encrypts.failures, decrypts.failures) == (0, 0)
    assert encrypts.calls == len(stage.below.encrypt_requests) == len(keys)
    assert decrypts.calls == len(stage.below.decrypt_requests)
    assert len(left) == encrypts.calls + decrypts.calls, "each entry left once"
    assert sum(one.messages for one in left if one.operation is ENCRYPT) == THREADS * MESSAGES
    assert sum(one.plaintext_bytes for one in left) == sum(
        len(message.plaintext) for messages in keys.values() for message in messages
    )
    assert sum(one.messages for one in left if one.operation is DECRYPT) == decrypts.requests
    assert len(cmm._fetcher._flights) == 0


@pytest.mark.parametrize(
    ("max_messages", "max_bytes"), [(50, 2**40), (2**32, 2_000), (37, 1_500), (1, 2**40), (2**32, 100)]
)
def test_no_data_key_exceeds_a_limit(max_messages: int, max_bytes: int) -> None:
    stage = Stage()
    cmm = stage.cmm(max_messages_encrypted=max_messages, max_bytes_encrypted=max_bytes)
    keys = by_data_key(run(work_of(cmm, stage.clock, lambda thread, number: None)))

    assert max(map(len, keys.values())) <= max_messages
    assert max(sum(len(message.plaintext) for message in messages) for messages in keys.values()) <= max_bytes
    check_books(stage, cmm, keys)


def test_message_limits_waste_no_data_key() -> None:
    stage = Stage()
    cmm = stage.cmm(max_messages_encrypted=40)
    keys = by_data_key(run(work_of(cmm, stage.clock, lambda thread, number: None)))

    assert len(keys) == THREADS * MESSAGES // 40, "every key was used to its limit"


def test_no_data_key_is_used_beyond_its_age_while_time_passes() -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=10, max_messages_encrypted=500)
    born: dict[bytes, float] = {}

    def remember(materials: Any) -> Any:
        if isinstance(materials, EncryptionMaterials):
            born[data_key(materials)] = stage.clock.now().monotonic
        return materials

    stage.below.answer = remember

    def tick(thread: int, number: int) -> None:
        if number % 3 == 0:
            stage.clock.tick(0.05)

    keys = by_data_key(run(work_of(cmm, stage.clock, tick)))
    # The age that is enforced starts before this, and the message comes after it was asked for: both make it larger.
    ages = [message.asked_at - born[key] for key, messages in keys.items() for message in messages]

    assert len(keys) >= len(CONTEXTS) * 3
    assert max(ages) < 10
    check_books(stage, cmm, keys)


def test_purges_among_the_crowd_break_no_limit_and_lose_no_message() -> None:
    stage = Stage()
    cmm = stage.cmm(max_messages_encrypted=50)

    def purge(thread: int, number: int) -> None:
        if thread == 0 and number % 10 == 0:
            cmm.purge()

    keys = by_data_key(run(work_of(cmm, stage.clock, purge)))

    assert max(map(len, keys.values())) <= 50
    check_books(stage, cmm, keys)


def test_a_cache_that_is_too_small_for_the_crowd_only_costs_calls() -> None:
    stage = Stage(capacity=2)
    cmm = stage.cmm(max_messages_encrypted=50)
    keys = by_data_key(run(work_of(cmm, stage.clock, lambda thread, number: None)))

    assert max(map(len, keys.values())) <= 50
    check_books(stage, cmm, keys)


def test_two_cmms_that_share_a_partition_hold_their_own_limits_together() -> None:
    stage = Stage()
    strict = stage.cmm(partition_id="p", max_messages_encrypted=20)
    generous = stage.cmm(partition_id="p", max_messages_encrypted=45)
    works = [work_of(cmm, stage.clock, lambda thread, number: None) for cmm in (strict, generous)]
    keys = by_data_key(run(lambda thread: works[thread % 2](thread)))

    assert max(map(len, keys.values())) <= 45
    assert sum(map(len, keys.values())) == THREADS * MESSAGES


def test_refreshing_ahead_breaks_no_limit_and_no_age() -> None:
    stage = Stage()
    cmm = stage.cmm(max_age=10, max_messages_encrypted=200, refresh_ahead=True, max_age_jitter=0.2)

    def tick(thread: int, number: int) -> None:
        if thread % 4 == 0:
            stage.clock.tick(0.05)

    keys = by_data_key(run(work_of(cmm, stage.clock, tick)))

    assert max(map(len, keys.values())) <= 200
    check_books(stage, cmm, keys)

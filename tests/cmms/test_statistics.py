"""The counters: every request in one count, whatever the threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.forks import become_another_process
from warmkey import fork_safety
from warmkey.cmms.statistics import COALESCED, FAILED, RECALLED, Counters, OperationStatistics
from warmkey.events import BypassReason, MissReason, Operation

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT


def test_new_books_are_empty() -> None:
    assert Counters().of(ENCRYPT) == OperationStatistics()
    assert OperationStatistics().requests == 0


def test_operations_are_counted_apart() -> None:
    counters = Counters()
    counters.hits[ENCRYPT].add()
    counters.count(ENCRYPT, MissReason.ABSENT)
    counters.count(DECRYPT, BypassReason.CACHING_OFF)
    counters.count(DECRYPT, "failed")
    counters.count(DECRYPT, "coalesced")

    assert counters.of(ENCRYPT) == OperationStatistics(hits=1, misses={MissReason.ABSENT: 1})
    assert counters.of(DECRYPT) == OperationStatistics(
        bypasses={BypassReason.CACHING_OFF: 1}, failures=1, coalesced=1
    )  # fmt: skip


def test_calls_are_misses_and_bypasses_and_requests_are_everything() -> None:
    statistics = OperationStatistics(
        hits=1,
        coalesced=2,
        misses={MissReason.ABSENT: 4, MissReason.EXPIRED: 8},
        bypasses={BypassReason.UNKNOWN_LENGTH: 16},
        failures=32,
    )

    assert (statistics.calls, statistics.requests) == (28, 63)


def test_what_was_read_does_not_change_afterwards() -> None:
    counters = Counters()
    counters.count(ENCRYPT, MissReason.ABSENT)
    before = counters.of(ENCRYPT)
    counters.count(ENCRYPT, MissReason.ABSENT)

    assert before.misses == {MissReason.ABSENT: 1}


def of_every_kind() -> Counters:
    counters = Counters()
    for operation in Operation:
        counters.hits[operation].add()
        counters.count(operation, MissReason.ABSENT)
        counters.count(operation, BypassReason.CACHING_OFF)
        for outcome in (COALESCED, FAILED, RECALLED):
            counters.count(operation, outcome)
    return counters


@pytest.mark.parametrize("copied", ["fork", "snapshot", "another process"])
def test_a_copy_of_the_process_starts_at_zero_with_every_kind_of_count(
    copied: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counters = of_every_kind()
    with monkeypatch.context() as patch:
        if copied == "another process":
            become_another_process(patch)
        elif copied == "snapshot":
            fork_safety.reset_before_snapshot()
        else:
            counters.reset()

        assert {operation: counters.of(operation) for operation in Operation} == dict.fromkeys(
            Operation, OperationStatistics()
        )


def test_what_was_counted_too_early_is_taken_back() -> None:
    counters = of_every_kind()
    counters.count(ENCRYPT, COALESCED, -1)

    assert (counters.of(ENCRYPT).coalesced, counters.of(ENCRYPT).requests) == (0, 5)
    assert (counters.of(DECRYPT).coalesced, counters.of(DECRYPT).requests) == (1, 6)


def test_threads_lose_no_count() -> None:
    counters = Counters()

    def work(number: int) -> None:
        operation = (ENCRYPT, DECRYPT)[number % 2]
        for _ in range(500):
            counters.hits[operation].add()
            counters.count(operation, MissReason.ABSENT)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))

    assert (
        counters.of(ENCRYPT)
        == counters.of(DECRYPT)
        == OperationStatistics(hits=4_000, misses={MissReason.ABSENT: 4_000})
    )

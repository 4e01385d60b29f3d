"""The counters: every request in one count, whatever the threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from warmkey.cmms.statistics import Counters, OperationStatistics
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

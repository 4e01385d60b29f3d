"""The books: every request in one count, whatever the threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from warmkey.cmms.statistics import Books, OperationStatistics
from warmkey.events import BypassReason, MissReason, Operation

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT


def test_new_books_are_empty() -> None:
    assert Books().of(ENCRYPT) == OperationStatistics()
    assert OperationStatistics().requests == 0


def test_operations_are_counted_apart() -> None:
    books = Books()
    books.hit(ENCRYPT)
    books.count(ENCRYPT, MissReason.ABSENT)
    books.count(DECRYPT, BypassReason.CACHING_OFF)
    books.count(DECRYPT, "failed")
    books.count(DECRYPT, "coalesced")

    assert books.of(ENCRYPT) == OperationStatistics(hits=1, misses={MissReason.ABSENT: 1})
    assert books.of(DECRYPT) == OperationStatistics(
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
    books = Books()
    books.count(ENCRYPT, MissReason.ABSENT)
    before = books.of(ENCRYPT)
    books.count(ENCRYPT, MissReason.ABSENT)

    assert before.misses == {MissReason.ABSENT: 1}


def test_threads_lose_no_count() -> None:
    books = Books()

    def work(number: int) -> None:
        operation = (ENCRYPT, DECRYPT)[number % 2]
        for _ in range(500):
            books.hit(operation)
            books.count(operation, MissReason.ABSENT)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(16)))

    assert books.of(ENCRYPT) == books.of(DECRYPT) == OperationStatistics(hits=4_000, misses={MissReason.ABSENT: 4_000})

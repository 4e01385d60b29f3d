"""Whether a message goes on costing what it costs, with more entries in the cache and with more threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import cycle
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

import warmkey
from benchmarks import promises
from benchmarks.clients import warm
from benchmarks.floor import floor_operations
from benchmarks.rows import Figure, Row
from benchmarks.timing import interleaved, median_ratio
from warmkey.keyrings import RawAesKeyring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.rows import Effort

__all__ = ["measure_entries", "measure_threads"]

SUITE = warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY
THREADS = (1, 2, 4, 8, 16)
_PLAINTEXT = bytes(1024)


# ---------------------------------------------------------------------------------------------------------- entries


def measure_entries(effort: Effort) -> list[Row]:
    """1 KB under one context, and under every context in turn, with caches that hold from one entry to very many."""
    sizes = [size for size in (1, 100, 10_000, 100_000) if size <= effort.entries]
    one: dict[str, Callable[[], object]] = {}
    all_in_turn: dict[str, Callable[[], object]] = {}
    for size in sizes:
        contexts = [{"tenant": f"tenant-{number:06}"} for number in range(size)]
        encrypt = _encrypting(contexts)
        one[str(size)] = partial(encrypt, contexts[size // 2])
        all_in_turn[str(size)] = partial(_next_of, encrypt, cycle(contexts))
    rows = []
    for name, operations in (("one context", one), ("all contexts in turn", all_in_turn)):
        found = interleaved(operations, rounds=effort.rounds, seconds=effort.seconds)
        rows.append(_entries_row(name, found))
    return rows


def _next_of(encrypt: Callable[[dict[str, str]], object], contexts: Iterator[dict[str, str]]) -> object:
    return encrypt(next(contexts))


def _encrypting(contexts: list[dict[str, str]]) -> Callable[[dict[str, str]], object]:
    keyring = RawAesKeyring("benchmark", "wrapping-key", bytes(32))
    cmm = warmkey.CachingCMM(cache=warmkey.LocalCMC(len(contexts)), max_age=3600.0, keyring=keyring)
    client = warmkey.Client()

    def encrypt(context: dict[str, str]) -> object:
        return client.encrypt(_PLAINTEXT, cmm=cmm, encryption_context=context, algorithm_suite=SUITE)

    for context in contexts:
        encrypt(context)
    return encrypt


def _entries_row(name: str, found: dict[str, list[float]]) -> Row:
    sizes = list(found)
    ratio = median_ratio(found[sizes[-1]], found[sizes[0]])
    # Under one context the work is the same; under all of them the processor's own caches no longer hold the keys.
    bound = promises.ENTRIES_FLAT if name == "one context" else None
    return Row(
        group="entries in the cache",
        name=f"1 KB unsigned, {name}",
        figures=(
            *(Figure(label=f"{int(size):,}", value=median(found[size]), unit="µs") for size in sizes),
            Figure(label="last / first", value=ratio, unit="×", bound=bound),
        ),
    )


# ---------------------------------------------------------------------------------------------------------- threads


def measure_threads(effort: Effort) -> list[Row]:
    """Messages of all threads together, beside the floor with as many threads; 1 KB, and 1 MB, which leaves the GIL."""
    rows = []
    for label, size in (("1 KB", 1024), ("1 MB", 2**20)):
        plaintext = bytes(size)
        contestants: dict[str, Callable[[], Callable[[], object]]] = {
            "floor": partial(_floor, plaintext),
            "ours": partial(partial, warm(SUITE).encrypt, plaintext),
        }
        of_the_floor: dict[int, list[float]] = {threads: [] for threads in THREADS}
        for _ in range(effort.rounds):
            for threads in THREADS:
                taken = {name: _microseconds(make, threads, effort.seconds * 4) for name, make in contestants.items()}
                of_the_floor[threads].append(taken["ours"] / taken["floor"])
        rows.append(_threads_row(f"{label} unsigned, encrypt", of_the_floor))
    return rows


def _floor(plaintext: bytes) -> Callable[[], object]:
    encrypt, _ = floor_operations(plaintext, signed=False)
    return encrypt


def _threads_row(name: str, of_the_floor: dict[int, list[float]]) -> Row:
    medians = {threads: median(ratios) for threads, ratios in of_the_floor.items()}
    worst = max(medians[threads] / medians[1] for threads in THREADS)
    return Row(
        group="threads, as multiples of the floor with as many threads",
        name=name,
        figures=(
            *(Figure(label=str(threads), value=medians[threads], unit="×") for threads in THREADS),
            Figure(label="worst / one thread", value=worst, unit="×", bound=promises.THREADS_LIKE_THE_FLOOR),
        ),
    )


def _microseconds(make: Callable[[], Callable[[], object]], threads: int, seconds: float) -> float:
    """Per message, of *threads* together that work for about *seconds*."""
    start = threading.Barrier(threads + 1)
    stop = threading.Event()

    def work() -> int:
        operation, done = make(), 0
        start.wait()
        while not stop.is_set():
            for _ in range(4):
                operation()
            done += 4
        return done

    with ThreadPoolExecutor(threads) as pool:
        working = [pool.submit(work) for _ in range(threads)]
        start.wait()
        started = perf_counter()
        stop.wait(seconds)
        stop.set()
        messages = sum(worker.result() for worker in working)
        return (perf_counter() - started) / messages * 1e6

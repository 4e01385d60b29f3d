"""What ``warmkey.aio`` costs where the data key is cached, and how long it stops an event loop where it is not.

A task looks at the clock every millisecond; a stall is how much later than that it runs. The KMS on the loopback
interface takes 50 ms for an answer. What else the machine does can only make stalls longer, so of several rounds the
one with the shortest counts; what an idle loop has is beside it.
"""

from __future__ import annotations

import asyncio
import logging
import os
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import warmkey
from benchmarks import promises
from benchmarks.loopback_kms import loopback_kms_process
from benchmarks.rows import Figure, Row
from benchmarks.sealed_records import FIELDS, RECORD
from benchmarks.timing import interleaved, median_ratio
from warmkey import aio
from warmkey.testing import fake_kms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from benchmarks.loopback_kms import Endpoint
    from benchmarks.rows import Effort

__all__ = ["measure_event_loop"]

KMS_SECONDS = 0.05
MISSES = 5
TASKS = 32
_TICK_SECONDS = 0.001
_HITS = 50
_CONTEXT = {"tenant": "5f0c7a52-6f0f-4b44-8f0c-0f2ad1a7a2f1"}


def measure_event_loop(effort: Effort) -> list[Row]:
    """Rows for hits, for misses, and for a stampede of tasks."""
    logging.disable(logging.WARNING)  # a line for each miss
    try:
        return [*_hits(effort), *_misses(effort)]
    finally:
        logging.disable(logging.NOTSET)


# --- hits


def _hits(effort: Effort) -> list[Row]:
    with fake_kms() as kms:
        kms.configure(algorithm_suite=0x0478, metrics="off", max_messages_encrypted=2**32)
        plaintext = os.urandom(1024)
        message = warmkey.encrypt(plaintext, _CONTEXT)
        sealed = warmkey.seal_record(RECORD, FIELDS, _CONTEXT)
        return [
            _hit(effort, "encrypt 1 KB", warmkey.encrypt, aio.encrypt, plaintext, _CONTEXT),
            _hit(effort, "decrypt 1 KB", warmkey.decrypt, aio.decrypt, message, _CONTEXT),
            _hit(effort, "seal a record", warmkey.seal_record, aio.seal_record, RECORD, FIELDS, _CONTEXT),
            _hit(effort, "unseal a record", warmkey.unseal_record, aio.unseal_record, sealed, _CONTEXT),
        ]


def _hit(
    effort: Effort,
    name: str,
    synchronous: Callable[..., object],
    asynchronous: Callable[..., Awaitable[object]],
    *arguments: Any,  # noqa: ANN401 - whatever they take
) -> Row:
    def call() -> None:
        for _ in range(_HITS):
            synchronous(*arguments)

    async def wait() -> None:
        for _ in range(_HITS):
            await asynchronous(*arguments)

    with asyncio.Runner() as runner:
        times = interleaved(
            {"called": call, "awaited": lambda: runner.run(wait())}, rounds=effort.rounds, seconds=effort.seconds
        )
    return Row(
        group="event loop: hits",
        name=name,
        figures=(
            Figure(label="called", value=median(times["called"]) / _HITS, unit="µs"),
            Figure(label="awaited", value=median(times["awaited"]) / _HITS, unit="µs"),
            Figure(
                label="of the call",
                value=median_ratio(times["awaited"], times["called"]),
                unit="×",
                bound=promises.AWAITED_HIT,
            ),
        ),
    )


# --- misses


def _misses(effort: Effort) -> list[Row]:
    settings: dict[str, Any] = {"metrics": "off", "algorithm_suite": 0x0478}
    with loopback_kms_process(KMS_SECONDS) as kms, patch.dict(os.environ, kms.environment()):
        try:
            warmkey.reset()
            warmkey.configure(**settings)
            with asyncio.Runner() as runner:
                runner.run(_await_misses())  # what is loaded only once
                stalls = [runner.run(_stalls()) for _ in range(effort.processes)]
                calls = [runner.run(_stampede(kms)) for _ in range(effort.processes)]
                tenants = [runner.run(_longest_stall(_await_tenants)) for _ in range(effort.processes)]
        finally:
            warmkey.reset()
    idle, called, awaited = (min(each) * 1000 for each in zip(*stalls, strict=True))
    return [
        Row(
            group="event loop: longest stall",
            name=f"{MISSES} misses in a row, KMS {KMS_SECONDS * 1000:.0f} ms",
            figures=(
                Figure(label="idle", value=idle, unit="ms"),
                Figure(label="called", value=called, unit="ms"),
                Figure(label="awaited", value=awaited, unit="ms", bound=promises.EVENT_LOOP_STALL),
            ),
        ),
        Row(
            group="event loop: stampede",
            name=f"{TASKS} tasks, cold, encrypt",
            figures=(Figure(label="ours", value=max(calls), unit="calls", bound=promises.STAMPEDE_KMS_CALLS),),
        ),
        Row(
            group="event loop: many requests",
            name=f"{TASKS} tenants at once, cold",
            figures=(
                Figure(label="idle", value=idle, unit="ms"),
                Figure(label="longest stall", value=min(tenants) * 1000, unit="ms"),
            ),
        ),
    ]


async def _stalls() -> tuple[float, float, float]:
    """Return the longest stall in seconds while nothing happens, with the helpers, and with those for event loops."""
    return await _longest_stall(_do_nothing), await _longest_stall(_call_misses), await _longest_stall(_await_misses)


async def _longest_stall(work: Callable[[], Awaitable[object]]) -> float:
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            started = perf_counter()
            await asyncio.sleep(_TICK_SECONDS)
            longest = max(longest, perf_counter() - started - _TICK_SECONDS)

    watching = asyncio.create_task(watch())
    await asyncio.sleep(2 * _TICK_SECONDS)
    await work()
    await asyncio.sleep(2 * _TICK_SECONDS)
    watching.cancel()
    return longest


async def _do_nothing() -> None:
    await asyncio.sleep(MISSES * KMS_SECONDS)


async def _call_misses() -> None:
    for _ in range(MISSES):
        warmkey.purge()
        warmkey.encrypt(b"text", _CONTEXT)


async def _await_misses() -> None:
    for _ in range(MISSES):
        warmkey.purge()
        await aio.encrypt(b"text", _CONTEXT)


async def _await_tenants() -> None:
    """Each needs a data key of its own, and making a request takes Python some milliseconds that the loop needs too."""
    warmkey.purge()
    await asyncio.gather(*(aio.encrypt(b"text", {"tenant": str(number)}) for number in range(TASKS)))


async def _stampede(kms: Endpoint) -> int:
    warmkey.purge()
    before = kms.count()
    await asyncio.gather(*(aio.encrypt(b"text", _CONTEXT) for _ in range(TASKS)))
    return kms.count() - before

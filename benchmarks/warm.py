"""Warm messages: a cached data key, whole messages in memory; floor, peer and warmkey side by side in one process."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

import warmkey
from benchmarks import promises
from benchmarks.clients import peer, warm
from benchmarks.floor import floor_operations
from benchmarks.rows import Figure, Row
from benchmarks.timing import interleaved, median_ratio

if TYPE_CHECKING:
    from benchmarks.rows import Effort

__all__ = ["FULL_SIZES", "SIZES", "SUITES", "WarmRow", "measure_warm", "warm_rows"]

SIZES = (100, 1024, 16 * 1024, 256 * 1024, 1024 * 1024, 6 * 1024 * 1024)
FULL_SIZES = tuple(sorted({*SIZES, 0, 4096, 4097, 64 * 1024, 512 * 1024}))
SUITES = (
    warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
    warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class WarmRow:
    """Medians in microseconds, ratios round by round."""

    suite: str
    size: int
    operation: str
    peer: float
    ours: float
    floor: float
    peer_over_ours: float
    ours_over_floor: float

    def as_json(self) -> dict[str, object]:
        """For the JSON file."""
        return asdict(self)


def measure_warm(
    *,
    suites: tuple[warmkey.AlgorithmSuite, ...] = SUITES,
    sizes: tuple[int, ...] = SIZES,
    rounds: int = 9,
    seconds: float = 0.05,
) -> list[WarmRow]:
    """A row per suite, size and operation. Asserts that each client reads the other's message."""
    rows = []
    for suite in suites:
        for size in sizes:
            rows += _measure(suite, size, rounds=rounds, seconds=seconds)
    return rows


def _measure(suite: warmkey.AlgorithmSuite, size: int, *, rounds: int, seconds: float) -> list[WarmRow]:
    plaintext = os.urandom(size)
    ours, theirs = warm(suite), peer(suite)
    floor_encrypt, floor_decrypt = floor_operations(plaintext, signed=suite.signature is not None)
    our_message, their_message = ours.encrypt(plaintext), theirs.encrypt(plaintext)
    if ours.decrypt(their_message) != plaintext or theirs.decrypt(our_message) != plaintext:
        raise AssertionError("one client does not read the other's message")
    encrypting = interleaved(
        {"floor": floor_encrypt, "ours": partial(ours.encrypt, plaintext), "peer": partial(theirs.encrypt, plaintext)},
        rounds=rounds,
        seconds=seconds,
    )
    decrypting = interleaved(
        {
            "floor": floor_decrypt,
            "ours": partial(ours.decrypt, our_message),
            "peer": partial(theirs.decrypt, our_message),
        },
        rounds=rounds,
        seconds=seconds,
    )
    return [
        WarmRow(
            suite=f"0x{suite.value:04x}",
            size=size,
            operation=operation,
            peer=median(figures["peer"]),
            ours=median(figures["ours"]),
            floor=median(figures["floor"]),
            peer_over_ours=median_ratio(figures["peer"], figures["ours"]),
            ours_over_floor=median_ratio(figures["ours"], figures["floor"]),
        )
        for operation, figures in (("encrypt", encrypting), ("decrypt", decrypting))
    ]


def warm_rows(effort: Effort, *, suite: warmkey.AlgorithmSuite, size: int) -> list[Row]:
    """Encrypt and decrypt of one suite and size, beside what we promise."""
    found = measure_warm(suites=(suite,), sizes=(size,), rounds=effort.rounds, seconds=effort.seconds)
    promise = promises.warm(suite.value, size)
    faster = {} if promise is None else {"encrypt": promise.faster_encrypting, "decrypt": promise.faster_decrypting}
    return [
        Row(
            group="warm",
            name=f"{row.suite} {row.operation} {_size(size)}",
            figures=(
                Figure(label="peer", value=row.peer, unit="µs"),
                Figure(label="ours", value=row.ours, unit="µs"),
                Figure(label="floor", value=row.floor, unit="µs"),
                Figure(label="faster than peer", value=row.peer_over_ours, unit="×", bound=faster.get(row.operation)),
                Figure(
                    label="times the floor",
                    value=row.ours_over_floor,
                    unit="×",
                    bound=None if promise is None else promise.of_the_floor,
                ),
            ),
        )
        for row in found
    ]


def _size(size: int) -> str:
    for unit, name in ((2**20, "MB"), (2**10, "KB")):
        if size and size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} B"

"""Warm messages: a cached data key, whole messages in memory; floor, peer and warmkey side by side in one process."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from statistics import median

import warmkey
from benchmarks.clients import peer, warm
from benchmarks.floor import floor_operations
from benchmarks.timing import interleaved, median_ratio

__all__ = ["FULL_SIZES", "SIZES", "WarmRow", "measure_warm"]

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


def measure_warm(*, sizes: tuple[int, ...] = SIZES, rounds: int = 9, seconds: float = 0.05) -> list[WarmRow]:
    """A row per suite, size and operation. Asserts that each client reads the other's message."""
    rows = []
    for suite in SUITES:
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
        {"floor": floor_encrypt, "ours": lambda: ours.encrypt(plaintext), "peer": lambda: theirs.encrypt(plaintext)},
        rounds=rounds,
        seconds=seconds,
    )
    decrypting = interleaved(
        {
            "floor": floor_decrypt,
            "ours": lambda: ours.decrypt(our_message),
            "peer": lambda: theirs.decrypt(our_message),
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

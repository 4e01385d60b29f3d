"""What larger frames bring to large messages: 4,096 bytes, ``auto``, and one frame for all."""

from __future__ import annotations

import os
from functools import partial
from statistics import median
from typing import TYPE_CHECKING

import warmkey
from benchmarks.clients import peer, warm
from benchmarks.rows import Figure, Row
from benchmarks.timing import interleaved, median_ratio

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.clients import Contestant
    from benchmarks.rows import Effort

__all__ = ["measure_frame_lengths"]

SUITES = (
    warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY,
    warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY_ECDSA_P384,
)
SIZES = {"64 KB": 2**16, "1 MB": 2**20, "6 MB": 6 * 2**20}
_ONE_FRAME = 2**31 - 1  # the most that the peer accepts


def measure_frame_lengths(effort: Effort) -> list[Row]:
    """A row for each suite, size and operation. The peer reads every message."""
    rows = []
    for suite in SUITES:
        contestants: dict[str, Contestant] = {
            "4,096": warm(suite),
            "auto": warm(suite, frame_length="auto"),
            "one frame": warm(suite, frame_length=_ONE_FRAME),
        }
        for label, size in SIZES.items():
            plaintext = os.urandom(size)
            messages = {name: contestant.encrypt(plaintext) for name, contestant in contestants.items()}
            if any(peer(suite).decrypt(message) != plaintext for message in messages.values()):
                raise AssertionError("the peer does not read the message")
            encrypting: dict[str, Callable[[], object]] = {
                name: partial(contestant.encrypt, plaintext) for name, contestant in contestants.items()
            }
            decrypting: dict[str, Callable[[], object]] = {
                name: partial(contestant.decrypt, messages[name]) for name, contestant in contestants.items()
            }
            for operation, operations in (("encrypt", encrypting), ("decrypt", decrypting)):
                found = interleaved(operations, rounds=effort.rounds, seconds=effort.seconds)
                rows.append(_row(f"0x{suite.value:04x}, {label}, {operation}", found))
    return rows


def _row(name: str, found: dict[str, list[float]]) -> Row:
    return Row(
        group="frame lengths",
        name=name,
        figures=(
            *(Figure(label=label, value=median(figures), unit="µs") for label, figures in found.items()),
            Figure(label="auto is faster", value=median_ratio(found["4,096"], found["auto"]), unit="×"),
        ),
    )

"""What we promise, as the table that `make bench-check` holds us to: how much faster than the peer, how near the floor.

Ratios are of one run on one machine. Milliseconds are of the machine that the promises were made on, two cores of a
shared server, so they are allowed more noise.
"""

from __future__ import annotations

from typing import NamedTuple

from benchmarks.rows import Bound

__all__ = [
    "ADDED_MILLISECONDS",
    "AWAITED_HIT",
    "CACHING_OFF",
    "DATA_MASKING_KMS_CALLS",
    "ENTRIES_FLAT",
    "EVENT_LOOP_STALL",
    "FASTER_START_THAN_PEER",
    "FASTER_START_THAN_PEER_WITH_MPL",
    "FRESH_SIGNED",
    "FRESH_UNSIGNED",
    "SEALED_RECORD_SIZE",
    "SEALED_RECORD_TIME",
    "SIGNED_BY_AWSCRT",
    "STAMPEDE_KMS_CALLS",
    "STREAMING_FASTER",
    "STREAMING_MEGABYTES",
    "THREADS_LIKE_THE_FLOOR",
    "BranchKeys",
    "Fresh",
    "Warm",
    "branch_keys",
    "warm",
]

_KIB, _MIB = 1024, 1024 * 1024


class Warm(NamedTuple):
    """Of one suite and size."""

    faster_encrypting: Bound
    faster_decrypting: Bound
    of_the_floor: Bound


def _warm(encrypting: float, decrypting: float, of_the_floor: float, stretch: float) -> Warm:
    return Warm(
        Bound(limit=encrypting, at_least=True),
        Bound(limit=decrypting, at_least=True),
        Bound(limit=of_the_floor, at_least=False, stretch=stretch),
    )


# suite: (smallest size, largest size): promise
_WARM = {
    0x0478: {
        (100, _KIB): _warm(7.5, 8.5, 1.9, 1.6),
        (16 * _KIB, _MIB): _warm(8.5, 8.5, 2.0, 1.6),
        (6 * _MIB, 6 * _MIB): _warm(8.5, 9.5, 1.85, 1.7),
    },
    0x0578: {
        (100, 16 * _KIB): _warm(2.4, 1.35, 1.12, 1.04),
        (256 * _KIB, 6 * _MIB): _warm(2.9, 2.4, 1.2, 1.12),
    },
}


def warm(suite: int, size: int) -> Warm | None:
    """The promise for messages of *size* bytes, if there is one."""
    return next((promise for (low, high), promise in _WARM[suite].items() if low <= size <= high), None)


class Fresh(NamedTuple):
    """Without a cache: as a multiple of a hit, and of making or loading the keys. ``None``: nothing is promised."""

    encrypting: Bound | None
    decrypting: Bound | None = None


FRESH_UNSIGNED = Fresh(Bound(limit=1.5, at_least=False))
# A caching CMM over a cache that keeps nothing, which counts each message and tells of it.
CACHING_OFF = Fresh(Bound(limit=1.9, at_least=False), Bound(limit=1.5, at_least=False))
FRESH_SIGNED = Fresh(Bound(limit=1.2, at_least=False))

# A cached message of 1 KB, signed and verified by awscrt: how much faster than the peer.
SIGNED_BY_AWSCRT = {"encrypt": Bound(limit=5, at_least=True), "decrypt": Bound(limit=2.7, at_least=True)}


class BranchKeys(NamedTuple):
    """Of one suite and operation, for 1 KB under a branch key. ``None``: nothing is promised."""

    faster_than_peer: Bound
    of_a_hit: Bound | None = None
    cached_faster_than_peer: Bound | None = None


_BRANCH_KEYS = {
    0x0478: dict.fromkeys(
        ("encrypt", "decrypt"),
        BranchKeys(Bound(limit=50, at_least=True), of_a_hit=Bound(limit=1.7, at_least=False)),
    ),
    0x0578: {
        "encrypt": BranchKeys(Bound(limit=3.7, at_least=True), cached_faster_than_peer=Bound(limit=10, at_least=True)),
        "decrypt": BranchKeys(Bound(limit=4.5, at_least=True), cached_faster_than_peer=Bound(limit=5.5, at_least=True)),
    },
}


def branch_keys(suite: int, operation: str) -> BranchKeys:
    """The promise for *operation*, which is ``encrypt`` or ``decrypt``."""
    return _BRANCH_KEYS[suite][operation]


STREAMING_FASTER = Bound(limit=4, at_least=True)
STREAMING_MEGABYTES = Bound(limit=2, at_least=False)

STAMPEDE_KMS_CALLS = Bound(limit=1, at_least=False, tolerance=0)
# For a hundred messages of one data key.
DATA_MASKING_KMS_CALLS = Bound(limit=1, at_least=False, tolerance=0)

FASTER_START_THAN_PEER_WITH_MPL = Bound(limit=2, at_least=True)
FASTER_START_THAN_PEER = Bound(limit=1.15, at_least=True)
ADDED_MILLISECONDS = {
    "off": Bound(limit=60, at_least=False, tolerance=0.25),
    "summary": Bound(limit=130, at_least=False, tolerance=0.25),
}

# The cost of a message with the largest cache, as a multiple of that with one entry.
ENTRIES_FLAT = Bound(limit=1.15, at_least=False)
# How near the floor we are with many threads, as a multiple of how near we are with one.
THREADS_LIKE_THE_FLOOR = Bound(limit=1.1, at_least=False)

# A sealed record of five fields, as a multiple of a message for each field.
SEALED_RECORD_SIZE = Bound(limit=1 / 3, at_least=False, tolerance=0)
SEALED_RECORD_TIME = Bound(limit=0.5, at_least=False)

# A hit in an event loop, as a multiple of the same call without one.
AWAITED_HIT = Bound(limit=1.3, at_least=False)
# Milliseconds for which misses stop the loop: the longest stall of a round.
EVENT_LOOP_STALL = Bound(limit=5, at_least=False, tolerance=0.25)

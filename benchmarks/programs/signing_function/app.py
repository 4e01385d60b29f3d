"""A function that signs and verifies, and tells what its start took, and what its messages take."""

import os
import time
from pathlib import Path

STARTED = time.perf_counter()
import boto3

boto3.client("dynamodb")
HAS_BOTO3 = time.perf_counter()
import warmkey

HAS_WARMKEY = time.perf_counter()
PLAINTEXT = os.urandom(1024)
MESSAGES = 200


def resident_megabytes() -> float:
    """The memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


def microseconds_each(operation: object, argument: bytes) -> float:
    """The time of one of many calls."""
    started = time.perf_counter()
    for _ in range(MESSAGES):
        operation(argument)  # type: ignore[operator]
    return (time.perf_counter() - started) / MESSAGES * 1e6


def handler(event: object, context: object) -> dict[str, float | str | None]:  # noqa: ARG001 - as Lambda calls it
    """Milliseconds of the start, microseconds of a message, megabytes of all."""
    started = time.perf_counter()
    message = warmkey.encrypt(PLAINTEXT)
    first = time.perf_counter()
    warmkey.decrypt(message)
    memory = resident_megabytes()
    return {
        "import boto3": (HAS_BOTO3 - STARTED) * 1000,
        "import warmkey": (HAS_WARMKEY - HAS_BOTO3) * 1000,
        "first message": (first - started) * 1000,
        "memory": memory,
        "encrypt": microseconds_each(warmkey.encrypt, PLAINTEXT),
        "decrypt": microseconds_each(warmkey.decrypt, message),
        "library": warmkey.cache_info().signatures,
    }


if __name__ == "__main__":
    import json

    print(json.dumps(handler({}, None)))

"""A function that encrypts one message in its first invocation, and tells what that took.

``BENCHMARK_USES_BOTO3``: it has made a client of its own before. Then the collector's turn that boto3's many objects
make due is taken before the clock starts: whose account it falls to would be chance.
"""

import gc
import os
import time
from pathlib import Path

if os.environ.get("BENCHMARK_USES_BOTO3"):
    import boto3

    boto3.client("dynamodb")
    gc.collect()


def resident_megabytes() -> float:
    """The memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 2**20


MEMORY = resident_megabytes()
STARTED = time.perf_counter()
import cryptography.hazmat.primitives.asymmetric.ec
import cryptography.hazmat.primitives.ciphers.aead
import cryptography.hazmat.primitives.hmac  # noqa: F401 - for the time that it takes

HAS_CRYPTOGRAPHY = time.perf_counter()
import warmkey

HAS_WARMKEY = time.perf_counter()


def handler(event: object, context: object) -> dict[str, float]:  # noqa: ARG001 - as Lambda calls it
    """Milliseconds and megabytes."""
    started = time.perf_counter()
    warmkey.warm_up()
    warmed_up = time.perf_counter()
    warmkey.encrypt(b"first message", {"purpose": "benchmark"})
    first = time.perf_counter()
    warmkey.encrypt(b"second message", {"purpose": "benchmark"})
    second = time.perf_counter()
    return {
        "import cryptography": (HAS_CRYPTOGRAPHY - STARTED) * 1000,
        "import warmkey": (HAS_WARMKEY - HAS_CRYPTOGRAPHY) * 1000,
        "KMS client": (warmed_up - started) * 1000,
        "first message": (first - warmed_up) * 1000,
        "second message": (second - first) * 1000,
        "memory": resident_megabytes() - MEMORY,
    }


if __name__ == "__main__":
    import json

    print(json.dumps(handler({}, None)))

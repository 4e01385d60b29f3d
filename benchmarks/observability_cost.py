"""What log lines and metrics add to each message of an instrumented invocation.

An invocation encrypts 100 messages of 1 KB without signatures, at INFO, once as it is and once with a subscriber and
``@warmkey.instrument``: one summary line and one flush of metrics. Both run in turns in one process, on a fake KMS.
``python -m benchmarks.observability_cost --check`` fails when it adds more than we promise.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
from contextlib import redirect_stdout
from time import perf_counter
from typing import TYPE_CHECKING

import warmkey
from warmkey.events import Emit, ignore
from warmkey.observability import subscriber
from warmkey.testing import FakeKms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MESSAGES = 100
PLAINTEXT = os.urandom(1024)
CONTEXT = {"tenant": "acme"}
PROMISED = 0.25


def invocation(emit: Emit) -> Callable[[], None]:
    """A handler that encrypts the messages; its data key is cached already."""
    kms = FakeKms()
    keyring = warmkey.AwsKmsKeyring(kms.create_key(), kms_client=kms, emit=emit)
    cache = warmkey.LocalCMC(10, emit=emit)
    cmm = warmkey.CachingCMM(cache=cache, keyring=keyring, max_age=3600, emit=emit)
    client = warmkey.Client()
    suite = warmkey.AlgorithmSuite.AES_256_GCM_HKDF_SHA512_COMMIT_KEY

    def handler() -> None:
        for _ in range(MESSAGES):
            client.encrypt(PLAINTEXT, cmm=cmm, encryption_context=CONTEXT, algorithm_suite=suite)

    return handler


KINDS: dict[str, Callable[[], Callable[[], None]]] = {
    "summary": lambda: warmkey.instrument(invocation(subscriber(metrics="summary"))),
    "detailed": lambda: warmkey.instrument(invocation(subscriber(metrics="detailed"))),
    "not instrumented": lambda: invocation(subscriber(metrics="summary")),
}


def measure(kind: str, rounds: int) -> tuple[float, float]:
    """Median microseconds for each message, without and with a subscriber.

    One kind at a time: an instrumented invocation is the end of one for every subscriber that is alive.
    """
    handlers = (invocation(ignore), KINDS[kind]())
    seconds: tuple[list[float], list[float]] = ([], [])
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123 - no file
        for _ in range(rounds):
            for handler, found in zip(handlers, seconds, strict=True):
                started = perf_counter()
                handler()
                found.append(perf_counter() - started)
    without, observed = (statistics.median(found[rounds // 10 :]) / MESSAGES * 1e6 for found in seconds)
    return without, observed


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 if ``--check`` finds more than we promise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.observability_cost", description=__doc__)
    parser.add_argument("--rounds", type=int, default=400, help="invocations of each kind")
    parser.add_argument("--check", action="store_true", help=f"fail if the summary adds more than {PROMISED:.0%}")
    options = parser.parse_args(arguments)
    added = {}
    for kind in KINDS:
        without, observed = measure(kind, options.rounds)
        added[kind] = observed / without - 1
        print(f"{kind:18} {without:6.2f} → {observed:6.2f} µs per message  {added[kind]:+7.1%}")
    return int(options.check and added["summary"] > PROMISED)


if __name__ == "__main__":
    sys.exit(main())

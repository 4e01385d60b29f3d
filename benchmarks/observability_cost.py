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
from warmkey.observability import Subscriber
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
    "summary": lambda: warmkey.instrument(invocation(Subscriber(metrics="summary"))),
    "detailed": lambda: warmkey.instrument(invocation(Subscriber(metrics="detailed"))),
    "not instrumented": lambda: invocation(Subscriber(metrics="summary")),
}


def measure(kind: str, rounds: int) -> tuple[float, float]:
    """Median microseconds for each message without a subscriber, and the median of what one adds, as a ratio.

    Machines drift, so ratios are taken round by round. One kind at a time: an instrumented invocation is the end of
    one for every subscriber that is alive.
    """
    unobserved, observed = invocation(ignore), KINDS[kind]()
    seconds, ratios = [], []
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):  # noqa: PTH123 - no file
        for _ in range(rounds):
            without, with_it = _seconds(unobserved), _seconds(observed)
            seconds.append(without)
            ratios.append(with_it / without)
    return statistics.median(seconds) / MESSAGES * 1e6, statistics.median(ratios) - 1


def _seconds(handler: Callable[[], None]) -> float:
    started = perf_counter()
    handler()
    return perf_counter() - started


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 if ``--check`` finds more than we promise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.observability_cost", description=__doc__)
    parser.add_argument("--rounds", type=int, default=400, help="invocations of each kind")
    parser.add_argument("--check", action="store_true", help=f"fail if the summary adds more than {PROMISED:.0%}")
    options = parser.parse_args(arguments)
    added = {}
    for kind in KINDS:
        microseconds, added[kind] = measure(kind, options.rounds)
        print(f"{kind:18} {added[kind]:+7.1%} on {microseconds:.1f} µs per message")
    return int(options.check and added["summary"] > PROMISED)


if __name__ == "__main__":
    sys.exit(main())

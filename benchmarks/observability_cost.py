"""What log lines and metrics add to each message of an instrumented invocation, and how much they write.

An invocation encrypts 100 messages of 1 KB without signatures, at INFO, once as it is and once with a subscriber and
``@warmkey.instrument``: one summary line and one flush of metrics. Both run in turns in one process, on a fake KMS.
Metrics for OpenTelemetry are encoded as for a collector, and not sent: the network is not what is measured.
``python -m benchmarks.observability_cost --check`` fails when it adds more than we promise; ``python -m benchmarks
--only observability`` prints the same as rows.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
from contextlib import redirect_stdout
from functools import cache
from time import perf_counter
from typing import TYPE_CHECKING, Any

import warmkey
from benchmarks.rows import Figure, Row
from warmkey.events import Emit, ignore
from warmkey.observability import Subscriber
from warmkey.testing import FakeKms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.rows import Effort

MESSAGES = 100
PLAINTEXT = os.urandom(1024)
CONTEXT = {"tenant": "acme"}
PROMISED = 0.25
_ROUNDS_FOR_EACH = 20  # of an effort's


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


@cache
def otlp_bytes() -> list[int]:
    """Give this process a meter provider that encodes for a collector; the list gets the size of each export."""
    from opentelemetry import metrics  # noqa: PLC0415 - few measure with it
    from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics  # noqa: PLC0415 - as above
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - as above
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader  # noqa: PLC0415 - as above

    sizes: list[int] = []

    class Encoding(InMemoryMetricReader):
        def _receive_metrics(self, metrics_data: Any, timeout_millis: float = 0, **_: object) -> None:  # noqa: ANN401
            del timeout_millis
            sizes.append(len(encode_metrics(metrics_data).SerializeToString()))

    metrics.set_meter_provider(MeterProvider([Encoding(_deltas())]))
    return sizes


def _deltas() -> dict[type, Any]:
    from opentelemetry.sdk.metrics import Counter, Histogram  # noqa: PLC0415 - as above
    from opentelemetry.sdk.metrics.export import AggregationTemporality  # noqa: PLC0415 - as above

    return dict.fromkeys((Counter, Histogram), AggregationTemporality.DELTA)


def _observed(metrics: str, sink: str = "emf") -> Callable[[], None]:
    if sink != "emf":
        otlp_bytes()
    return warmkey.instrument(invocation(Subscriber(metrics=metrics, sink=sink)))


KINDS: dict[str, Callable[[], Callable[[], None]]] = {
    "summary": lambda: _observed("summary"),
    "detailed": lambda: _observed("detailed"),
    "otel": lambda: _observed("detailed", "otel"),
    "detailed and otel": lambda: _observed("detailed", "both"),
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


def written(kind: str) -> tuple[int, int]:
    """Bytes of an invocation in which all messages are hits: on standard output, and of OTLP."""
    observed, output = KINDS[kind](), io.StringIO()
    with redirect_stdout(io.StringIO()):
        observed()
    sizes = otlp_bytes() if "otel" in kind else []
    sizes.clear()
    with redirect_stdout(output):
        observed()
    return len(output.getvalue()), sum(sizes)


def measure_observability(effort: Effort) -> list[Row]:
    """A row per kind: microseconds added to each message, and bytes written for each invocation of hits."""
    return [_row(kind, effort) for kind in KINDS if kind != "not instrumented"]


def _row(kind: str, effort: Effort) -> Row:
    microseconds, added = measure(kind, effort.rounds * _ROUNDS_FOR_EACH)
    lines, otlp = written(kind)
    return Row(
        group="observability",
        name=kind,
        figures=(
            Figure(label="1 KB message without", value=microseconds, unit="µs"),
            Figure(label="with, of that", value=1 + added, unit="×"),
            Figure(label="lines per invocation", value=lines, unit="B"),
            Figure(label="OTLP per invocation", value=otlp, unit="B"),
        ),
    )


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

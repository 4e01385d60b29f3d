"""See misses and KMS requests as OpenTelemetry spans, and warmkey's counts as OpenTelemetry metrics.

usage: python examples/tracing_opentelemetry.py KEY_ARN

Needs ``python -m pip install '.[otel]'``. Prints the spans and the metrics that were made. A hit makes no span and
calls no instrument. In a function, a layer of OpenTelemetry's sets the two providers, and ``WARMKEY_METRICS_SINK=otel``
is all that is needed.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import ConsoleMetricExporter, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

import warmkey

if TYPE_CHECKING:
    from collections.abc import Sequence


def set_providers() -> None:
    """Do what a layer of OpenTelemetry's would do, with exporters that print."""
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stdout)))
    trace.set_tracer_provider(tracers)
    reader = PeriodicExportingMetricReader(ConsoleMetricExporter(out=sys.stdout))
    metrics.set_meter_provider(MeterProvider([reader]))


@warmkey.instrument
def handler(notes: Sequence[str]) -> None:
    """Encrypt and decrypt: one miss in each direction, then hits."""
    for note in notes:
        with trace.get_tracer("example").start_as_current_span("note"):
            warmkey.decrypt(warmkey.encrypt(note.encode(), {"purpose": "test"}), {"purpose": "test"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("key", metavar="KEY_ARN")
    options = parser.parse_args(arguments)
    set_providers()
    warmkey.configure(kms_key_arns=options.key, metrics_sink="otel")
    try:
        handler(["one", "two", "three"])
    except warmkey.WarmkeyError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

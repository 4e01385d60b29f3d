"""The program of docs/observability.md sends to a collector; it sets providers, so it has a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap

from tests.observability.otlp_collector import otlp_collector
from tests.test_docs import ROOT, blocks

AROUND = """
import warmkey
from warmkey.testing import fake_kms

with fake_kms():
{block}
    warmkey.encrypt(b"note", {{"tenant": "acme"}})
    metrics.get_meter_provider().shutdown()
    tracers.shutdown()
"""


def test_the_providers_of_the_page_send_metrics_and_spans() -> None:
    (block,) = [block for block in blocks(ROOT / "docs/observability.md", "python") if not block.runs]
    program = AROUND.format(block=textwrap.indent(block.text, "    "))
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "WARMKEY_"))}
    with otlp_collector() as collector:
        done = subprocess.run(
            [sys.executable, "-c", program],
            env=environment | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    assert done.returncode == 0, done.stderr
    assert {name for name, _, _ in collector.points()} >= {"warmkey.messages", "warmkey.kms.requests"}
    assert {span.name for span in collector.spans} == {"fetch data key", "KMS.GenerateDataKey"}

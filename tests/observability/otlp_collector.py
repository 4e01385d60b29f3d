"""What an OpenTelemetry collector does with OTLP over HTTP, on the loopback interface: takes it, and counts."""

from __future__ import annotations

import contextlib
import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Collector", "otlp_collector"]


class Collector:
    """What has arrived. Metrics are deltas, so what belongs together is added up.

    :ivar url: of the server
    :ivar exports: number of requests with metrics
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.exports = 0
        self.spans: list[Any] = []
        self._metrics: list[Any] = []
        self._lock = threading.Lock()

    def take(self, path: str, body: bytes) -> None:
        """Read a request as the protocol has it."""
        with self._lock:
            if path == "/v1/traces":
                request = ExportTraceServiceRequest.FromString(body)
                self.spans += [
                    span for each in request.resource_spans for part in each.scope_spans for span in part.spans
                ]
            else:
                assert path == "/v1/metrics"
                self.exports += 1
                metrics = ExportMetricsServiceRequest.FromString(body)
                self._metrics += [metric for each in metrics.resource_metrics for part in each.scope_metrics
                                  if part.scope.name == "warmkey" for metric in part.metrics]  # fmt: skip

    def points(self) -> list[tuple[str, dict[str, Any], Any]]:
        """Instrument, attributes, and a data point with ``value`` or ``count`` and ``sum``."""
        found = []
        for metric in self._metrics:
            kind = metric.WhichOneof("data")
            for point in getattr(metric, kind).data_points:
                attributes = {pair.key: pair.value.string_value for pair in point.attributes}
                if kind == "histogram":
                    data = SimpleNamespace(count=point.count, sum=point.sum)
                else:
                    data = SimpleNamespace(value=point.as_int if point.HasField("as_int") else point.as_double)
                found.append((metric.name, attributes, data))
        return found


@contextlib.contextmanager
def otlp_collector() -> Iterator[Collector]:
    """Serve until the block ends."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        collector = server.collector = Collector(f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.headers["Content-Type"] == "application/x-protobuf"
        self.server.collector.take(  # type: ignore[attr-defined]
            self.path, gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body
        )
        self.send_response(200)
        self.send_header("Content-Type", "application/x-protobuf")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

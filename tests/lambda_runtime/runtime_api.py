"""Lambda's Runtime API for one execution environment, on 127.0.0.1: what a runtime client asks, and what it answers."""

from __future__ import annotations

import json
import queue
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_FUNCTION_ARN = "arn:aws:lambda:eu-west-1:111122223333:function:restored:7"
# Only how long a broken test hangs.
_PATIENCE_SECONDS = 60


class RuntimeApi:
    """One execution environment's side of it.

    :ivar address: HOST:PORT, as ``AWS_LAMBDA_RUNTIME_API`` has it
    """

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.answers: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_for(self))
        self.server.daemon_threads = True
        self.address = f"127.0.0.1:{self.server.server_port}"

    def invoke(self, event: object) -> Any:
        """What the function returns for *event*."""
        self.events.put(json.dumps(event).encode())
        kind, answer = self.answers.get(timeout=_PATIENCE_SECONDS)
        assert kind == "response", answer
        return answer


def _handler_for(api: RuntimeApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            if self.path.endswith("/runtime/restore/next"):
                _answer(self, 200)
            elif self.path.endswith("/runtime/invocation/next"):
                _answer(self, 200, api.events.get(), **_invocation_headers())
            else:
                _answer(self, 404)

        def do_POST(self) -> None:
            api.answers.put((self.path.rpartition("/")[2], json.loads(_body(self))))
            _answer(self, 202, b'{"status": "OK"}')

    return Handler


def _body(request: BaseHTTPRequestHandler) -> bytes:
    if request.headers.get("Transfer-Encoding") != "chunked":
        return request.rfile.read(int(request.headers["Content-Length"]))
    chunks = []
    while size := int(request.rfile.readline(), 16):
        chunks.append(request.rfile.read(size))
        request.rfile.readline()
    request.rfile.readline()
    return b"".join(chunks)


def _answer(request: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def _invocation_headers() -> dict[str, str]:
    return {
        "Content_Type": "application/json",
        "Lambda_Runtime_Aws_Request_Id": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
        "Lambda_Runtime_Deadline_Ms": str(int(time.time() + _PATIENCE_SECONDS) * 1000),
        "Lambda_Runtime_Trace_Id": "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
        "Lambda_Runtime_Invoked_Function_Arn": _FUNCTION_ARN,
    }


@contextmanager
def runtime_api() -> Iterator[RuntimeApi]:
    """Serve until the end of the block."""
    api = RuntimeApi()
    thread = threading.Thread(target=api.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        api.server.shutdown()
        api.server.server_close()
        thread.join()

"""AWS KMS on the loopback interface, in a process of its own: the kit's fake behind HTTP, quick and counted.

moto's server takes several milliseconds for a request and as many more when it is busy; this one takes half of one, so
that what is measured is the client. Ends with its standard input, so it never outlives whoever started it.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterator

    from warmkey.testing import FakeKms

__all__ = ["REGION", "LoopbackKms", "loopback_kms"]

REGION = "eu-west-1"
_METHODS = {"GenerateDataKey": "generate_data_key", "Encrypt": "encrypt", "Decrypt": "decrypt"}
_BLOBS = ("CiphertextBlob", "Plaintext")
_COUNT_PATH = "/count"
_STOP_SECONDS = 5
_CLONE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopbackKms:
    """A running server with one key."""

    url: str
    key_arn: str

    def count(self) -> int:
        """How many requests have reached it."""
        with urllib.request.urlopen(self.url + _COUNT_PATH, timeout=10) as response:  # noqa: S310 - our own
            return int(response.read())

    def environment(self) -> dict[str, str]:
        """The variables that lead an AWS client, and warmkey, to it."""
        return {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL_KMS": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "WARMKEY_KMS_KEY_ARNS": self.key_arn,
        }


@contextlib.contextmanager
def loopback_kms(latency_seconds: float = 0.0) -> Iterator[LoopbackKms]:
    """Start the server, and stop it at the end. Every answer takes *latency_seconds* longer than it needs to."""
    command = [sys.executable, "-m", __name__, str(latency_seconds)]
    environment = os.environ | {"PYTHONPATH": f"{_CLONE}{os.pathsep}{_CLONE / 'src'}"}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            url, key_arn = cast("IO[str]", process.stdout).readline().split()
            yield LoopbackKms(url=url, key_arn=key_arn)
        finally:
            cast("IO[str]", process.stdin).close()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _handler(kms: FakeKms, latency_seconds: float) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # one packet for an answer

        def do_POST(self) -> None:
            operation = self.headers["X-Amz-Target"].removeprefix("TrentService.")
            parameters = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            for name in _BLOBS:
                if name in parameters:
                    parameters[name] = base64.b64decode(parameters[name])
            time.sleep(latency_seconds)
            answer = getattr(kms, _METHODS[operation])(**parameters)
            del answer["ResponseMetadata"]
            self._send(json.dumps(answer, default=_base64).encode())

        def do_GET(self) -> None:
            self._send(str(len(kms.calls)).encode())

        def _send(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:  # noqa: ANN401 - as its base has it
            """A line for each request would be in the way."""

    return Handler


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def main() -> None:
    """Serve on a free port of the loopback interface until standard input ends."""
    from warmkey.testing import FakeKms  # noqa: PLC0415 - only this process needs it

    class Server(ThreadingHTTPServer):
        request_queue_size = 64  # a stampede comes at once
        daemon_threads = True

    kms = FakeKms(REGION)
    server = Server(("127.0.0.1", 0), _handler(kms, float(sys.argv[1])))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port} {kms.create_key()}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()

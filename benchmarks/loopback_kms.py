"""AWS KMS on the loopback interface, for tests and benchmarks: the kit's fake behind HTTP, quick and counted.

moto's server takes several milliseconds for a request and as many more when it is busy; this one takes half of one, so
that what is measured is the client. :func:`loopback_kms` serves from a thread, so that a test can look at the fake;
:func:`loopback_kms_process` from a process of its own, which doesn't slow down what is measured and ends with its
standard input, so that it never outlives whoever started it.
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
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError

from warmkey.testing import FakeKms

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Endpoint", "LoopbackKms", "loopback_kms", "loopback_kms_process"]

_REGION = "us-east-1"
_METHODS = {"GenerateDataKey": "generate_data_key", "Encrypt": "encrypt", "Decrypt": "decrypt"}
_BLOBS = ("CiphertextBlob", "Plaintext")
_COUNT_PATH = "/count"
_STOP_SECONDS = 5
_CLONE = Path(__file__).resolve().parents[1]


class Endpoint:
    """A running server with one key."""

    def __init__(self, url: str, key_arn: str) -> None:
        self.url = url
        self.key_arn = key_arn

    def count(self) -> int:
        """Return how many requests have reached it."""
        with urllib.request.urlopen(self.url + _COUNT_PATH, timeout=10) as response:  # noqa: S310 - our own
            return int(response.read())

    def environment(self) -> dict[str, str]:
        """Return the variables that lead an AWS client, and warmkey, to it."""
        return {
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": _REGION,
            "AWS_DEFAULT_REGION": _REGION,
            "AWS_ENDPOINT_URL_KMS": self.url,
            "AWS_EC2_METADATA_DISABLED": "true",
            "WARMKEY_KMS_KEY_ARNS": self.key_arn,
        }


class LoopbackKms(Endpoint):
    """A server in this process.

    :param latency_seconds: how much longer than it needs to every answer takes
    :ivar kms: whose requests and faults these are
    :ivar data_keys: every plaintext data key that it has given out
    """

    def __init__(self, latency_seconds: float = 0.0) -> None:
        self.kms = FakeKms(_REGION)
        self.data_keys: set[bytes] = set()
        self._latency_seconds = latency_seconds
        self.server = _Server(("127.0.0.1", 0), _handler(self))
        super().__init__(f"http://127.0.0.1:{self.server.server_port}", self.kms.create_key())

    def answer(self, operation: str, parameters: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return the HTTP status and what the fake says to *operation*."""
        time.sleep(self._latency_seconds)
        for name in _BLOBS:
            if name in parameters:
                parameters[name] = base64.b64decode(parameters[name])
        try:
            found: dict[str, Any] = getattr(self.kms, _METHODS[operation])(**parameters)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            return status, {"__type": error.response["Error"]["Code"], "message": error.response["Error"]["Message"]}
        if "Plaintext" in found:
            self.data_keys.add(found["Plaintext"])
        blobs = {name: base64.b64encode(found[name]).decode() for name in _BLOBS if name in found}
        return 200, {name: value for name, value in found.items() if name != "ResponseMetadata"} | blobs


class _Server(ThreadingHTTPServer):
    request_queue_size = 64  # a stampede comes at once
    daemon_threads = True


def _handler(loopback: LoopbackKms) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1  # one packet for an answer

        def do_POST(self) -> None:
            parameters = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, answer = loopback.answer(self.headers["X-Amz-Target"].partition(".")[2], parameters)
            self._send(status, json.dumps(answer).encode())

        def do_GET(self) -> None:
            self._send(200, str(len(loopback.kms.calls)).encode())

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: Any) -> None:  # noqa: ANN401 - as its base has it
            """Write no line for each request."""

    return Handler


@contextlib.contextmanager
def loopback_kms() -> Iterator[LoopbackKms]:
    """Serve from a thread until the end of the block."""
    loopback = LoopbackKms()
    thread = threading.Thread(target=loopback.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield loopback
    finally:
        loopback.server.shutdown()
        loopback.server.server_close()
        thread.join()


@contextlib.contextmanager
def loopback_kms_process(latency_seconds: float = 0.0) -> Iterator[Endpoint]:
    """Serve from a process of its own until the end of the block; *latency_seconds* as for :class:`LoopbackKms`."""
    command = [sys.executable, "-m", __name__, str(latency_seconds)]
    environment = os.environ | {"PYTHONPATH": f"{_CLONE}{os.pathsep}{_CLONE / 'src'}"}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Endpoint(*cast("IO[str]", process.stdout).readline().split())
        finally:
            cast("IO[str]", process.stdin).close()
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def main() -> None:
    """Serve on a free port of the loopback interface until standard input ends."""
    loopback = LoopbackKms(float(sys.argv[1]))
    threading.Thread(target=loopback.server.serve_forever, daemon=True).start()
    print(loopback.url, loopback.key_arn, flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()

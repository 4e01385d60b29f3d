"""A KMS server on 127.0.0.1 for processes that must not hold the keys themselves: a FakeKms behind HTTP."""

from __future__ import annotations

import base64
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from warmkey.testing import FakeKms

if TYPE_CHECKING:
    from collections.abc import Iterator

_METHODS = {"GenerateDataKey": "generate_data_key", "Encrypt": "encrypt", "Decrypt": "decrypt"}
_BLOBS = ("CiphertextBlob", "Plaintext")


class LoopbackKms:
    """One key, and what it was asked for.

    :ivar url: what ``AWS_ENDPOINT_URL_KMS`` is to be
    :ivar kms: whose requests and faults these are
    :ivar data_keys: every plaintext data key that it has given out
    """

    def __init__(self) -> None:
        self.kms = FakeKms()
        self.key_arn = self.kms.create_key()
        self.data_keys: set[bytes] = set()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def environment(self) -> dict[str, str]:
        """The variables of a process that asks here."""
        return {
            "AWS_ENDPOINT_URL_KMS": self.url,
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "WARMKEY_KMS_KEY_ARNS": self.key_arn,
        }

    def answer(self, operation: str, parameters: dict[str, Any]) -> tuple[int, dict[str, Any]]:
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

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        loopback = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                parameters = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = loopback.answer(self.headers["X-Amz-Target"].partition(".")[2], parameters)
                body = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return Handler


@contextmanager
def loopback_kms() -> Iterator[LoopbackKms]:
    """Serve until the end of the block."""
    loopback = LoopbackKms()
    thread = threading.Thread(target=loopback.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield loopback
    finally:
        loopback.server.shutdown()
        loopback.server.server_close()
        thread.join()

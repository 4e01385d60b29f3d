"""Run moto's server of KMS and DynamoDB in a process of its own, and count the requests that it receives.

The process ends when its standard input is closed, so it never outlives the process that started it.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import urllib.request
from collections import Counter
from typing import IO, TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["REGION", "CountingApplication", "create_key", "kms_server", "request_counts"]

REGION = "eu-west-1"
_COUNTS_PATH = "/request-counts"
# The names of the services in requests to KMS and to DynamoDB. They have no operation of the same name.
_SERVICES = ("TrentService", "DynamoDB_20120810")
_STOP_SECONDS = 5


class CountingApplication:
    """Pass requests on to *application*, and count requests by operation for ``/request-counts``."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        if environ["PATH_INFO"] == _COUNTS_PATH:
            return self._tell(start_response)
        service, _, operation = environ.get("HTTP_X_AMZ_TARGET", "").partition(".")
        if service in _SERVICES:
            with self._lock:
                self._counts[operation] += 1
        return self._application(environ, start_response)

    def _tell(self, start_response: StartResponse) -> Iterable[bytes]:
        with self._lock:
            body = json.dumps(self._counts).encode()
        start_response("200 OK", [("Content-Type", "application/json")])
        return [body]


@contextlib.contextmanager
def kms_server() -> Iterator[str]:
    """Start the server, yield its URL, and stop it at the end."""
    command = [sys.executable, "-m", __name__]
    # In a session of its own, Ctrl-C does not reach it; it stops when its input ends.
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            yield _ready_url(cast("IO[str]", process.stdout))
        finally:
            _stop(process)


def _ready_url(output: IO[str]) -> str:
    url = output.readline().strip()
    if not url:
        raise RuntimeError("the KMS server did not start; see its error above")
    return url


def _stop(process: subprocess.Popen[str]) -> None:
    cast("IO[str]", process.stdin).close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def request_counts(url: str) -> Counter[str]:
    """Return the number of requests, by operation, that the server at *url* has received."""
    with urllib.request.urlopen(url + _COUNTS_PATH, timeout=10) as response:
        return Counter(json.load(response))


def create_key(url: str) -> str:
    """Create a key on the server at *url*, and return its ARN."""
    import boto3  # noqa: PLC0415 - slow

    credentials = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    kms = boto3.client("kms", region_name=REGION, endpoint_url=url, **credentials)
    arn: str = kms.create_key(Description="warmkey demo")["KeyMetadata"]["Arn"]
    return arn


def _moto() -> WSGIApplication:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app  # noqa: PLC0415 - slow

    application: WSGIApplication = DomainDispatcherApplication(create_backend_app)
    return application


def main() -> None:
    """Serve on a free port of the loopback interface until standard input is closed."""
    from werkzeug.serving import WSGIRequestHandler, make_server  # noqa: PLC0415 - slow

    class Quiet(WSGIRequestHandler):
        def log(self, *_arguments: object) -> None:
            """Write nothing: a line per request would hide the output of the demo."""

    server = make_server("127.0.0.1", 0, CountingApplication(_moto()), threaded=True, request_handler=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()

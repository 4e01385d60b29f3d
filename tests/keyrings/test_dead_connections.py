"""A pooled connection that died while the environment was frozen costs the message nothing but a second try."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from warmkey.events import KmsOutcome, KmsRequest
from warmkey.exceptions import KeyUnavailable
from warmkey.keyrings.kms_requests import KmsRequests
from warmkey.testing import Recorder

if TYPE_CHECKING:
    from collections.abc import Iterator

ARN = "arn:aws:kms:us-east-1:111122223333:key/1"
ANSWER, TOGETHER, CLOSE, RESET, GARBLE, FAIL, DENY = "answer", "together", "close", "reset", "garble", "fail", "deny"
LINGER = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # close with RST
BODIES = {
    ANSWER: ("200 OK", {"KeyId": ARN, "Plaintext": "", "KeyMaterialId": "0" * 64}),
    FAIL: ("500 Internal Server Error", {"__type": "KMSInternalException", "message": "try again"}),
    DENY: ("400 Bad Request", {"__type": "AccessDeniedException", "message": "no"}),
}


BODIES[TOGETHER] = BODIES[ANSWER]


class Server:
    """Does with each request what *script* says; once it is over, answers.

    :ivar seen: for each request, the number of its connection
    """

    def __init__(self, *script: str) -> None:
        self.script = list(script)
        self.seen: list[int] = []
        self.connections = 0
        self.both = threading.Barrier(2)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection, self.connections), daemon=True).start()
            self.connections += 1

    def _serve(self, connection: socket.socket, number: int) -> None:
        with connection:
            while self._read(connection):
                self.seen.append(number)
                step = self.script.pop(0) if self.script else ANSWER
                if step == TOGETHER:  # so that there are two connections
                    self.both.wait(10)
                if step == RESET:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
                if step in (RESET, CLOSE):
                    return
                if step == GARBLE:
                    connection.sendall(b"this is not HTTP\r\n\r\n")
                    return
                status, body = BODIES[step]
                payload = json.dumps(body).encode()
                connection.sendall(f"HTTP/1.1 {status}\r\nContent-Length: {len(payload)}\r\n\r\n".encode() + payload)

    @staticmethod
    def _read(connection: socket.socket) -> bool:
        data = b""
        while b"\r\n\r\n" not in data:
            received = connection.recv(65536)
            if not received:
                return False
            data += received
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
        )
        while len(body) < length:
            body += connection.recv(65536)
        return True


@contextmanager
def serving(*script: str) -> Iterator[Server]:
    server = Server(*script)
    try:
        yield server
    finally:
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()
        server.thread.join()


class Asked:
    """Requests to a server, and what they told their subscriber."""

    def __init__(self, server: Server, *, max_attempts: int | None = 1, mode: str = "standard") -> None:
        retries: dict[str, Any] = {"mode": mode}
        if max_attempts is not None:
            retries["total_max_attempts"] = max_attempts
        self.client = boto3.client(
            "kms",
            region_name="us-east-1",
            endpoint_url=server.url,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(retries=retries, connect_timeout=5, read_timeout=5),
        )
        self.seen = Recorder()
        self.requests = KmsRequests(self.client, keyring="K", emit=self.seen)

    def __call__(self) -> None:
        self.requests("Decrypt", key=ARN, KeyId=ARN, CiphertextBlob=b"blob")

    @property
    def told(self) -> list[tuple[int, KmsOutcome]]:
        return [(fact.attempts, fact.outcome) for fact in self.seen.of(KmsRequest)]


@pytest.fixture(autouse=True)
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was slept between attempts; nobody waits for it."""
    slept: list[float] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", slept.append)
    return slept


@pytest.mark.parametrize("death", [CLOSE, RESET])
@pytest.mark.parametrize("max_attempts", [1, 3])
def test_a_request_on_a_dead_connection_is_sent_again_at_once_on_a_new_one(
    death: str, max_attempts: int, no_backoff: list[float]
) -> None:
    with serving(ANSWER, death) as server:
        ask = Asked(server, max_attempts=max_attempts)
        ask()
        ask()

    assert server.seen == [0, 0, 1]
    assert ask.told == [(1, KmsOutcome.OK), (2, KmsOutcome.OK)], "the event counts both"
    assert no_backoff in ([], [0])


def test_all_idle_connections_are_given_up_with_the_dead_one() -> None:
    """Those in the pool are as old. Whichever of the two is taken first, the other one is not taken next."""
    with serving(TOGETHER, TOGETHER, CLOSE) as server:
        ask = Asked(server)
        other = threading.Thread(target=ask)
        other.start()
        ask()
        other.join()
        ask()

    assert set(server.seen[:2]) == {0, 1}
    assert server.seen[3:] == [2]


@pytest.mark.parametrize("max_attempts", [1, 3])
def test_it_is_sent_once_more_and_not_for_ever(max_attempts: int) -> None:
    with serving(*[CLOSE] * 20) as server:
        ask = Asked(server, max_attempts=max_attempts)
        with pytest.raises(KeyUnavailable, match="ConnectionClosedError"):
            ask()

    assert len(server.seen) == max_attempts + 1
    assert ask.told == [(max_attempts + 1, KmsOutcome.UNREACHABLE)]


@pytest.mark.parametrize(
    ("mode", "max_attempts"), [("standard", 3), ("standard", None), ("legacy", 3), ("adaptive", 3)]
)
def test_the_dead_connection_takes_none_of_the_clients_attempts(mode: str, max_attempts: int | None) -> None:
    with serving(CLOSE, FAIL, FAIL, ANSWER) as server:
        ask = Asked(server, max_attempts=max_attempts, mode=mode)
        ask()

    assert ask.told == [(4, KmsOutcome.OK)]


def test_what_is_final_is_not_tried_again() -> None:
    with serving(CLOSE, FAIL, DENY) as server:
        ask = Asked(server, max_attempts=3)
        with pytest.raises(KeyUnavailable, match="AccessDeniedException"):
            ask()

    assert ask.told == [(3, KmsOutcome.DENIED)]


def test_a_broken_answer_is_the_clients_to_retry() -> None:
    with serving(GARBLE) as server:
        ask = Asked(server)
        with pytest.raises(KeyUnavailable):
            ask()

    assert ask.told == [(1, KmsOutcome.UNREACHABLE)]


def test_what_the_function_itself_asks_of_its_client_is_left_alone() -> None:
    with serving(CLOSE) as server:
        ask = Asked(server)
        with pytest.raises(Exception, match="Connection was closed"):
            ask.client.decrypt(KeyId=ARN, CiphertextBlob=b"blob")

    assert len(server.seen) == 1


def test_without_a_failure_nothing_is_sent_twice() -> None:
    with serving() as server:
        ask = Asked(server)
        ask()
        ask()

    assert server.seen == [0, 0]
    assert ask.told == [(1, KmsOutcome.OK)] * 2

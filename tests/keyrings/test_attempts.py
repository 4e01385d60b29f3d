"""Attempts are counted by the client's own events, each for the request it belongs to."""

from __future__ import annotations

import threading

from botocore.hooks import HierarchicalEmitter

from warmkey.keyrings.attempts import Attempts, watch_attempts


class Meta:
    def __init__(self) -> None:
        self.events = HierarchicalEmitter()


class Client:
    def __init__(self) -> None:
        self.meta = Meta()

    def send(self, *, times: int = 1) -> None:
        for _ in range(times):
            self.meta.events.emit("before-send.kms.Decrypt", request=None)


def test_a_client_that_two_keyrings_share_counts_each_attempt_once() -> None:
    client = Client()
    watch_attempts(client)
    watch_attempts(client)
    attempts = Attempts()
    with attempts.counted():
        client.send(times=3)

    assert attempts.made == 3


def test_what_the_function_itself_asks_of_its_client_is_not_counted() -> None:
    client = Client()
    watch_attempts(client)
    client.send()
    attempts = Attempts()
    with attempts.counted():
        other = threading.Thread(target=client.send)
        other.start()
        other.join()
        client.send()
    client.send()

    assert attempts.made == 1


def test_a_client_that_tells_nothing_makes_none() -> None:
    watch_attempts(object())
    attempts = Attempts()
    with attempts.counted():
        pass

    assert attempts.made == 0

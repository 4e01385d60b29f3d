"""Requests of many threads through one client."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config

from warmkey import AwsKmsKeyring, Client
from warmkey.events import EvictionReason, SettingWarning
from warmkey.keyrings.service_requests import ServiceRequests

if TYPE_CHECKING:
    from warmkey.events import Event

KEY = "arn:aws:kms:us-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"


def warnings_of(threads: int, *, connections: int, rounds: int = 1) -> list[SettingWarning]:
    """Return what is said when so many threads ask for a data key at the same time."""
    seen: list[Event] = []
    client = boto3.client(
        "kms",
        region_name="us-west-2",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(max_pool_connections=connections),
    )
    all_here = threading.Barrier(threads)

    def answer(**_event: Any) -> tuple[Any, dict[str, Any]]:
        all_here.wait(30)
        answered = {"Plaintext": bytes(32), "CiphertextBlob": b"wrapped", "KeyId": KEY}
        return type("Answer", (), {"status_code": 200}), answered

    client.meta.events.register("before-call.kms", answer)
    keyring = AwsKmsKeyring(KEY, kms_client=client, emit=seen.append)
    for _ in range(rounds):
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(lambda _: Client().encrypt(b"note", keyring=keyring), range(threads)))
    return [event for event in seen if isinstance(event, SettingWarning)]


def test_more_threads_than_pooled_connections_are_told_of_once() -> None:
    (warning,) = warnings_of(4, connections=3, rounds=3)

    assert warning.setting == "kms_max_pool_connections"
    assert "connections (3)" in warning.problem


@pytest.mark.parametrize(("threads", "connections"), [(3, 3), (1, 1)])
def test_as_many_threads_as_connections_are_fine(threads: int, connections: int) -> None:
    assert warnings_of(threads, connections=connections, rounds=2) == []


def test_threads_of_the_parent_take_no_connection_in_a_forked_child() -> None:
    seen: list[Event] = []
    requests = ServiceRequests(
        SimpleNamespace(meta=SimpleNamespace(config=Config(max_pool_connections=1))), "kms", emit=seen.append
    )
    elsewhere = threading.Thread(target=requests._request)  # and it stays under way
    elsewhere.start()
    elsewhere.join()

    requests.reset(EvictionReason.FORK)
    requests._request()
    assert seen == []

"""The gate that holds requests."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from warmkey.testing import FakeKms, Gate, gate

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def kms() -> FakeKms:
    fake = FakeKms()
    fake.create_alias("alias/key", fake.create_key())
    return fake


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as executor:
        yield executor


def start(pool: ThreadPoolExecutor, kms: FakeKms) -> Future[dict[str, Any]]:
    return pool.submit(kms.generate_data_key, KeyId="alias/key", NumberOfBytes=32)


def test_requests_stand_at_the_gate_until_it_opens(kms: FakeKms, pool: ThreadPoolExecutor) -> None:
    with kms.hold() as held:
        requests = [start(pool, kms) for _ in range(8)]
        held.wait_for(8)

        assert (held.held, kms.count()) == (8, 8)
        assert not any(request.done() for request in requests)

        held.open()
        assert len({request.result()["Plaintext"] for request in requests}) == 8


def test_an_open_gate_holds_nobody(kms: FakeKms) -> None:
    with kms.hold() as held:
        held.open()
        kms.generate_data_key(KeyId="alias/key", NumberOfBytes=32)

    assert held.is_open
    assert held.held == 0


def test_leaving_the_block_opens_the_gate_even_after_an_error(kms: FakeKms, pool: ThreadPoolExecutor) -> None:
    held = kms.hold()
    request = start(pool, kms)
    held.wait_for(1)

    with pytest.raises(RuntimeError), held:
        raise RuntimeError

    assert len(request.result()["Plaintext"]) == 32


def test_a_gate_holds_its_operation_only(kms: FakeKms) -> None:
    with kms.hold("Decrypt") as held:
        kms.generate_data_key(KeyId="alias/key", NumberOfBytes=32)

    assert held.held == 0


def test_a_second_gate_holds_after_the_first_one(kms: FakeKms, pool: ThreadPoolExecutor) -> None:
    with kms.hold() as first, kms.hold() as second:
        request = start(pool, kms)
        first.wait_for(1)
        assert second.held == 0

        first.open()
        second.wait_for(1)

    assert len(request.result()["Plaintext"]) == 32


def test_a_test_that_waits_for_nothing_fails_instead_of_hanging(kms: FakeKms, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate, "_PATIENCE_SECONDS", 0)

    with pytest.raises(TimeoutError, match="waited for 1 requests at the gate; 0 came"), kms.hold() as held:
        held.wait_for(1)


def test_a_gate_that_nobody_opens_fails_the_request_instead_of_hanging(
    kms: FakeKms, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "_PATIENCE_SECONDS", 0)
    closed = kms.hold()

    with pytest.raises(TimeoutError, match="GenerateDataKey was held"):
        kms.generate_data_key(KeyId="alias/key", NumberOfBytes=32)

    assert isinstance(closed, Gate)
    assert closed.held == 0

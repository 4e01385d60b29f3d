"""What registers is told of forks and snapshots as long as it lives."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest

from tests.lambda_runtime.processes import in_child
from warmkey import process_copies
from warmkey.events import EvictionReason

if TYPE_CHECKING:
    from collections.abc import Iterator


class Holder:
    def __init__(self) -> None:
        self.told: list[str] = []
        process_copies.drop_in_copies(self)

    def drop_inherited(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        self.told.append(reason)


@pytest.fixture(autouse=True)
def no_snapshot() -> Iterator[None]:
    yield
    process_copies.expect_snapshot(lambda: False)


def test_a_forked_child_is_told_before_its_code_runs_and_the_parent_is_not() -> None:
    holder = Holder()

    assert in_child(lambda: holder.told) == ["fork"]
    assert holder.told == []


def test_a_grandchild_is_told_again() -> None:
    holder = Holder()

    assert in_child(lambda: in_child(lambda: holder.told)) == ["fork", "fork"]


def test_holders_are_told_before_a_snapshot() -> None:
    holder = Holder()

    process_copies.drop_before_snapshot()

    assert holder.told == ["snapshot"]


def test_registering_keeps_nothing_alive() -> None:
    Holder()
    gc.collect()

    assert process_copies.holders(Holder) == []


def test_holders_are_found_by_their_kind() -> None:
    holder = Holder()

    assert process_copies.holders(Holder) == [holder]
    assert process_copies.holders(str) == []


def test_a_snapshot_is_ahead_until_it_is_not() -> None:
    answers = iter([True, True, False])
    assert not process_copies.snapshot_is_ahead()

    process_copies.expect_snapshot(lambda: next(answers))

    assert [process_copies.snapshot_is_ahead() for _ in range(3)] == [True, True, False]

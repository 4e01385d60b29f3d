"""What registers is told of forks and snapshots as long as it lives."""

from __future__ import annotations

import gc
import os
from typing import TYPE_CHECKING

import pytest

from tests.lambda_runtime.processes import in_child
from warmkey import fork_safety
from warmkey.events import EvictionReason

if TYPE_CHECKING:
    from collections.abc import Iterator


class Holder:
    def __init__(self) -> None:
        self.told: list[str] = []
        fork_safety.register(self)

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        self.told.append(reason)


@pytest.fixture(autouse=True)
def no_snapshot() -> Iterator[None]:
    yield
    fork_safety.expect_snapshot(lambda: False)


def test_a_forked_child_is_told_before_its_code_runs_and_the_parent_is_not() -> None:
    holder = Holder()

    assert in_child(lambda: holder.told) == ["fork"]
    assert holder.told == []


def test_a_grandchild_is_told_again() -> None:
    holder = Holder()

    assert in_child(lambda: in_child(lambda: holder.told)) == ["fork", "fork"]


def test_holders_are_told_before_a_snapshot() -> None:
    holder = Holder()

    fork_safety.reset_before_snapshot()

    assert holder.told == ["snapshot"]


def test_registering_keeps_nothing_alive() -> None:
    Holder()
    gc.collect()

    assert fork_safety.living_instances(Holder) == []


def test_holders_are_found_by_their_kind() -> None:
    holder = Holder()

    assert fork_safety.living_instances(Holder) == [holder]
    assert fork_safety.living_instances(str) == []


def test_a_snapshot_is_ahead_until_it_is_not() -> None:
    answers = iter([True, True, False])
    assert not fork_safety.snapshot_is_ahead()

    fork_safety.expect_snapshot(lambda: next(answers))

    assert [fork_safety.snapshot_is_ahead() for _ in range(3)] == [True, True, False]


# The process mark


def test_the_mark_is_1_here_and_in_a_child_that_was_told() -> None:
    assert fork_safety.PROCESS_MARK[0] == 1
    assert in_child(lambda: fork_safety.PROCESS_MARK[0]) == 1


def test_without_the_kernels_help_the_mark_is_the_process_id(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fork_safety.sys, "platform", "elsewhere")
    mark = fork_safety._process_mark()
    process = os.getpid()

    assert mark[0] == 1
    monkeypatch.setattr(os, "getpid", lambda: process + 1)
    assert mark[0] == 0
    mark[0] = 1
    assert mark[0] == 1


@pytest.mark.parametrize("refused", [{fork_safety._WIPE_ON_FORK, fork_safety._NO_SUCH_ADVICE}, set()])
def test_a_kernel_that_knows_no_such_advice_or_takes_any_is_not_relied_on(
    refused: set[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Page(bytearray):
        def madvise(self, advice: int) -> None:
            if advice in refused:
                raise OSError

    monkeypatch.setattr(fork_safety.mmap, "mmap", lambda _, length, **__: Page(length))

    assert isinstance(fork_safety._process_mark(), fork_safety._ProcessId)

"""What registers is told of forks and snapshots as long as it lives."""

from __future__ import annotations

import gc
import os
from contextlib import contextmanager
from itertools import chain, repeat
from typing import TYPE_CHECKING

import pytest

from tests.forks import become_another_process
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
    fork_safety.notice_fork()


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


# The generation


def test_the_generation_changes_in_a_child_and_not_in_its_parent() -> None:
    before = fork_safety.generation()

    assert in_child(fork_safety.generation) > before
    assert in_child(lambda: in_child(fork_safety.generation)) > before + 1
    assert fork_safety.generation() == before


def test_the_generation_changes_in_a_child_that_no_hook_has_told(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fork_safety.generation()
    become_another_process(monkeypatch)

    assert fork_safety.generation() == before + 1
    assert fork_safety.generation() == before + 1


def test_the_generation_changes_before_a_snapshot_and_after_it() -> None:
    numbers = [fork_safety.generation()]
    for step in (fork_safety.reset_before_snapshot, fork_safety.reset_after_restore):
        step()
        numbers.append(fork_safety.generation())

    assert numbers == sorted(set(numbers))


def test_without_hooks_the_first_use_after_a_restore_resets_once() -> None:
    holder = Holder()
    answers = chain([True], repeat(False))  # other holders may be alive, and ask too
    fork_safety.expect_snapshot(lambda: next(answers))
    numbers = [fork_safety.generation() for _ in range(4)]

    assert numbers == [numbers[0], *[numbers[0] + 1] * 3]
    assert holder.told == ["snapshot"]


def test_a_holder_that_looks_for_forks_while_it_is_reset_does_not_start_over() -> None:
    class Curious(Holder):
        def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
            super().reset(reason)
            fork_safety.notice_fork()

    holder = Curious()
    fork_safety.expect_snapshot(lambda: False)
    fork_safety.notice_fork()

    assert holder.told == ["snapshot"]


def test_a_holder_that_fails_keeps_no_other_from_being_reset() -> None:
    class Failing(Holder):
        def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
            super().reset(reason)
            if len(self.told) == 1:
                raise OSError(reason)

    failing, holder = Failing(), Holder()
    with pytest.raises(OSError, match="snapshot"):
        fork_safety.reset_before_snapshot()

    assert holder.told == failing.told == ["snapshot"]


def test_a_child_whose_holder_failed_is_not_taken_for_reset(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(Holder):
        def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
            super().reset(reason)
            if len(self.told) == 1:
                raise OSError(reason)

    holder = Failing()
    become_another_process(monkeypatch)
    with pytest.raises(OSError, match="fork"):
        fork_safety.generation()
    fork_safety.generation()
    fork_safety.generation()

    assert holder.told == ["fork", "fork"]


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


@pytest.mark.parametrize("is_ahead", [False, True])
def test_a_child_that_no_hook_has_told_looks_no_further_unless_a_snapshot_is_ahead(
    monkeypatch: pytest.MonkeyPatch, *, is_ahead: bool
) -> None:
    """Whoever looks at the mark first must learn of the restore, too."""
    if is_ahead:
        fork_safety.expect_snapshot(lambda: True)
    become_another_process(monkeypatch)
    fork_safety.notice_fork()

    assert (fork_safety.PROCESS_MARK[0] == fork_safety.SETTLED) is not is_ahead
    assert fork_safety.PROCESS_MARK[0] != 0


def test_a_thread_that_waited_while_another_one_noticed_resets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def guard() -> Iterator[None]:
        fork_safety.PROCESS_MARK[0] = fork_safety.SETTLED  # by the thread that had the lock
        yield

    holder, before = Holder(), fork_safety.generation()
    become_another_process(monkeypatch)
    monkeypatch.setattr(fork_safety, "_guard", guard)
    fork_safety.notice_fork()

    assert (holder.told, fork_safety.generation()) == ([], before)

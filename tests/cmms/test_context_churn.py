"""When the caller is told, once, that a key of its encryption contexts makes caching impossible."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.forks import become_another_process
from warmkey import fork_safety
from warmkey.cmms.context_churn import MISSES_BEFORE_WARNING, ContextChurn

ENOUGH = MISSES_BEFORE_WARNING


def test_the_key_that_changed_with_every_miss_is_named_once() -> None:
    churn = ContextChurn()
    answers = [churn.missed({"id": str(number), "kind": "x"}, hits=0) for number in range(5 * ENOUGH)]

    assert [answer for answer in answers if answer] == ["id"]
    assert answers.index("id") == ENOUGH - 1


def test_of_several_one_is_named() -> None:
    churn = ContextChurn()
    answers = [churn.missed({"time": str(number), "id": str(number)}, hits=0) for number in range(ENOUGH)]

    assert answers[-1] == "id"


def test_a_hit_in_between_starts_the_count_again() -> None:
    churn = ContextChurn()
    answers = [churn.missed({"id": str(number)}, hits=number // (ENOUGH - 1)) for number in range(4 * (ENOUGH - 1))]

    assert set(answers) == {None}


def test_a_value_that_comes_twice_is_no_churn() -> None:
    churn = ContextChurn()
    answers = [churn.missed({"id": str(number // 2)}, hits=0) for number in range(5 * ENOUGH)]

    assert set(answers) == {None}


def test_a_key_that_is_only_sometimes_there_is_no_churn() -> None:
    churn = ContextChurn()
    answers = [churn.missed({"id": str(number)} if number % 5 else {}, hits=0) for number in range(5 * ENOUGH)]

    assert set(answers) == {None}


def test_churn_that_begins_later_is_noticed() -> None:
    churn = ContextChurn()
    for _ in range(3 * ENOUGH):
        churn.missed({"kind": "x"}, hits=0)
    answers = [churn.missed({"kind": "x", "id": str(number)}, hits=0) for number in range(2 * ENOUGH)]

    assert "id" in answers


def test_no_value_is_kept() -> None:
    churn = ContextChurn()
    for number in range(ENOUGH - 1):
        churn.missed({"id": f"secret-{number}"}, hits=0)

    assert "secret" not in repr(vars(churn))


def test_what_it_keeps_does_not_grow() -> None:
    churn = ContextChurn()
    for number in range(20 * ENOUGH):
        churn.missed({f"key-{number}": str(number)}, hits=0)

    assert len(churn._values) <= ENOUGH


def test_threads_with_ever_new_keys_break_nothing() -> None:
    churn = ContextChurn()

    def work(seed: int) -> list[str | None]:
        return [
            churn.missed({f"{seed}-{number}-{part}": "x" for part in range(20)}, hits=0) for number in range(300)
        ]  # fmt: skip

    with ThreadPoolExecutor(16) as pool:
        answers = [answer for answers in pool.map(work, range(16)) for answer in answers]

    assert set(answers) == {None}


@pytest.mark.parametrize("hits", [0, 1, 2])
def test_whatever_the_hits_before_it_the_first_series_counts_from_its_first_miss(hits: int) -> None:
    churn = ContextChurn()
    answers = [churn.missed({"id": str(number)}, hits=hits) for number in range(50)]

    assert answers == [None] * 49 + ["id"]


@pytest.mark.parametrize("copied", ["fork", "snapshot", "another process"])
def test_a_copy_of_the_process_starts_over(copied: str, monkeypatch: pytest.MonkeyPatch) -> None:
    churn = ContextChurn()
    for number in range(49):
        churn.missed({"id": str(number)}, hits=0)
    with monkeypatch.context() as patch:
        if copied == "another process":
            become_another_process(patch)
            fork_safety.notice_fork()
        elif copied == "snapshot":
            fork_safety.reset_before_snapshot()
        else:
            churn.reset()

        assert churn._values == {}, "hashes of values that the copy may not know"
        answers = [churn.missed({"id": str(number)}, hits=0) for number in range(50)]
    assert answers == [None] * 49 + ["id"]


def test_a_copy_of_the_process_is_told_for_itself() -> None:
    churn = ContextChurn()
    for number in range(ENOUGH):
        churn.missed({"id": str(number)}, hits=0)
    churn.reset()

    assert "id" in [churn.missed({"id": str(number)}, hits=0) for number in range(ENOUGH)]


def test_a_signal_handler_may_miss_while_its_thread_counts() -> None:
    churn = ContextChurn()
    with churn._lock:
        assert churn.missed({"id": "1"}, hits=0) is None

"""The pace of a run, its progress, its counts and its state file."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING, Any

import pytest

from warmkey import ConfigurationError
from warmkey.cli.re_encryption import command
from warmkey.cli.re_encryption.costs import ListedObjects, bucket_estimate, table_estimate
from warmkey.cli.re_encryption.outcomes import Outcome, Result, Summary
from warmkey.cli.re_encryption.run import Pace, go_through
from warmkey.cli.re_encryption.state import State
from warmkey.cli.re_encryption.stores import Estimate, Item
from warmkey.cli.re_encryption.text_forms import read_text
from warmkey.events import KmsOutcome, KmsRequest
from warmkey.exceptions import MalformedMessage
from warmkey.testing import SettableClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Numbers:
    """A store of so many items."""

    def __init__(self, count: int, outcome: Outcome = Outcome.CURRENT) -> None:
        self._count, self._outcome = count, outcome

    def estimate(self, after: Any) -> Estimate:
        return Estimate(total=self._count, notices=(), costs=())

    def items(self, after: Any) -> Iterator[Item]:
        for number in range(after or 0, self._count):
            yield Item(content=number, position=number + 1)

    def process(self, item: Item, *, writes: bool) -> Result:
        return Result(key=item.content, outcome=self._outcome)


def go(store: Numbers, state: State, pace: Pace | None = None, **more: Any) -> None:
    free = Pace(None, clock=SettableClock(), sleep=lambda seconds: None)
    given: dict[str, Any] = {"report": lambda result: None, "progress": lambda count: None, **more}
    go_through(store, state, writes=True, pace=pace or free, **given)


# --- pace


@pytest.mark.parametrize("rate", [0.5, 10, 1000])
def test_a_rate_is_kept(rate: float) -> None:
    clock = SettableClock()
    start = clock.now().monotonic
    go(Numbers(51), State(None, {}), Pace(rate, clock=clock, sleep=clock.tick))

    assert clock.now().monotonic - start == pytest.approx(50 / rate)


def test_time_that_an_item_took_too_long_is_not_made_up_for() -> None:
    clock, slept = SettableClock(), []
    pace = Pace(1, clock=clock, sleep=lambda seconds: (slept.append(seconds), clock.tick(seconds)))
    pace.wait()
    clock.tick(100)
    for _ in range(3):
        pace.wait()

    assert slept == [1, 1]


# --- progress


class Terminal(io.StringIO):
    """Standard error."""

    def __init__(self, *, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


@pytest.mark.parametrize(
    ("is_terminal", "quiet", "expected"),
    [
        (True, False, "".join(f"\rwarmkey: {count:,} of about 2,000 items" for count in range(10, 2001, 10)) + "\n"),
        (False, False, "warmkey: 1,000 of about 2,000 items\nwarmkey: 2,000 of about 2,000 items\n"),
        (True, True, ""),
    ],
)
def test_progress(monkeypatch: pytest.MonkeyPatch, is_terminal: bool, quiet: bool, expected: str) -> None:
    terminal = Terminal(is_terminal=is_terminal)
    monkeypatch.setattr(sys, "stderr", terminal)
    progress = command._Progress(quiet=quiet)
    progress.total = 2000
    go(Numbers(2000), State(None, {}), progress=progress)
    progress.end()

    assert terminal.getvalue() == expected


# --- counts


def test_a_summary_survives_json() -> None:
    summary = Summary()
    summary.count(Result(key="a", outcome=Outcome.REWRITTEN, length=7))
    summary.count(Result(key="b", outcome=Outcome.UNREADABLE))
    summary.on_event(
        KmsRequest(kms_operation="Decrypt", key_arn="k", outcome=KmsOutcome.OK, duration_seconds=0.1, attempts=1)
    )
    summary.on_event("something else")
    again = Summary.from_dict(summary.as_dict())

    assert again.as_dict() == summary.as_dict()
    assert again.examined == 2
    assert again.has_problems
    assert again.kms_requests == {"Decrypt": 1}
    assert not Summary().has_problems


def test_a_failure_between_rewritten_items_does_not_end_the_run() -> None:
    summary = Summary()
    for outcome in [Outcome.FAILED, Outcome.REWRITTEN] * 20:
        summary.count(Result(key="a", outcome=outcome))

    assert summary.failures_in_a_row == 0


# --- the state file


def test_the_state_is_saved_now_and_then_where_nothing_is_rewritten(tmp_path: Path) -> None:
    file = tmp_path / "state"
    state = State(str(file), {"job": 1})
    saved = []
    go(Numbers(250), state, progress=lambda count: saved.append(State(str(file), {"job": 1}).position))

    assert sorted({position or 0 for position in saved}) == [0, 100, 200]
    assert file.stat().st_mode & 0o777 == 0o600


def test_an_empty_state_file_is_one_that_was_killed_at_once(tmp_path: Path) -> None:
    file = tmp_path / "state"
    file.touch()

    assert State(str(file), {}).position is None


def test_an_upload_is_remembered_until_its_object_is_done(tmp_path: Path) -> None:
    file = tmp_path / "state"
    state = State(str(file), {})
    state.begin_upload("key", "id")
    assert State(str(file), {}).upload == ("key", "id")
    go(Numbers(1, Outcome.REWRITTEN), state)

    assert State(str(file), {}).upload is None
    state.end()
    assert not file.exists()


def test_a_state_file_of_another_version_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "state"
    State(str(file), {}).save()
    file.write_text(file.read_text().replace('"version": 1', '"version": 2'))

    with pytest.raises(ConfigurationError, match="is of another job"):
        State(str(file), {})


# --- costs


def test_indexes_and_replicas_multiply_the_writes() -> None:
    description = {
        "ItemCount": 1000,
        "TableSizeBytes": 1000 * 2000,
        "GlobalSecondaryIndexes": [{"Projection": {"ProjectionType": "ALL"}}],
        "LocalSecondaryIndexes": [{"Projection": {"ProjectionType": "KEYS_ONLY"}}],
        "Replicas": [{}, {}, {}],
    }
    estimate = table_estimate(description, parts=2, keys=2)

    assert estimate.total == 500
    assert [count for _, count, _ in estimate.costs] == [500, 500 * 2 * 2 * 3, 500 * 4]
    assert any("indexes (1) and replicas (3)" in notice for notice in estimate.notices)
    assert any("In a global table" in notice for notice in estimate.notices)


def test_an_empty_table_and_an_empty_bucket_cost_nothing() -> None:
    assert sum(count for _, count, _ in table_estimate({}, parts=1, keys=1).costs) == 0
    assert sum(count for _, count, _ in bucket_estimate(ListedObjects(), versioning=None, keys=1).costs) == 0


def test_an_unknown_storage_class_is_taken_for_the_usual_one() -> None:
    found = ListedObjects()
    found.add({"Size": 1, "StorageClass": "OF_TOMORROW"})

    costs = bucket_estimate(found, versioning=None, keys=1).costs
    assert "requests to write (OF_TOMORROW)" in [name for name, _, _ in costs]


# --- texts


@pytest.mark.parametrize("text", ["", "=", "x", "AB=C", "AB", "ABC\n", "AB+_", "é"])
def test_text_that_is_not_one_text_of_something_is_refused(text: str) -> None:
    with pytest.raises(MalformedMessage, match="text: is not the base64 of a message"):
        read_text(text)

"""Every difference between warmkey and the official Python client is in the table, and every row is one."""

from __future__ import annotations

import csv
import itertools
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.interop.differential import trials
from tests.interop.differential.differences import ACCEPTS, DIFFERENCES, MPL, PYTHON, REFUSES, Difference
from tests.interop.differential.page import PAGE, ROOT, page
from tests.interop.differential.trials import Trial, Verdict
from tests.interop.peers import MaterialProvidersPeer, PythonPeer
from tests.vectors.forge import SUITES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

pytestmark = pytest.mark.interop

DAILY = (0x0178, 0x0578)
EVERY_SUITE = pytest.mark.parametrize(
    "suite_id",
    [pytest.param(suite_id, marks=[] if suite_id in DAILY else [pytest.mark.full]) for suite_id in SUITES],
    ids=hex,
)
# With keyrings it takes ten times as long.
SOME_SUITES = pytest.mark.parametrize("suite_id", [0x0014, 0x0178, 0x0214, 0x0478, 0x0578], ids=hex)


@pytest.fixture(scope="module")
def python() -> PythonPeer:
    return PythonPeer()


@pytest.fixture(scope="module")
def mpl() -> PythonPeer:
    pytest.importorskip("aws_cryptographic_material_providers", reason="`make interop` has it")
    return MaterialProvidersPeer()


def differences(tried: Iterable[Trial], peer: PythonPeer) -> Iterator[tuple[Trial, Verdict, Verdict]]:
    """The trials with two verdicts."""
    for trial in tried:
        ours, theirs = trial.ours(), trial.theirs(peer)
        if ours.what != theirs.what:
            yield trial, ours, theirs


def rows_for(name: str, trial: Trial, ours: Verdict, theirs: Verdict) -> list[Difference]:
    return [row for row in DIFFERENCES if name in row.peers and row.explains(trial, ours, theirs)]


def unexplained(name: str, tried: Iterable[Trial], peer: PythonPeer) -> list[str]:
    """Differences that are not in exactly one row."""
    return [
        f"{trial}: warmkey {ours}, the peer {theirs}: {len(rows_for(name, trial, ours, theirs))} rows"
        for trial, ours, theirs in differences(tried, peer)
        if len(rows_for(name, trial, ours, theirs)) != 1
    ]


def calls(suite_id: int) -> Iterator[Trial]:
    """Those that are few."""
    return itertools.chain(trials.policies(suite_id), trials.stated(suite_id), trials.written(suite_id))


def test_there_are_as_many_trials_as_the_page_says() -> None:
    for suite_id in DAILY:
        kinds = Counter(trial.kind for trial in trials.forged(suite_id))

        assert kinds.total() > 250
        assert len(kinds) > 25
        assert sum(1 for _ in calls(suite_id)) > 40


@EVERY_SUITE
def test_what_is_ordinary_is_accepted_by_both(suite_id: int, python: PythonPeer) -> None:
    """Or all of this would prove nothing."""
    ordinary = [trial for trial in trials.forged(suite_id) if trial.kind == "ordinary"]
    verdicts = [(trial.ours(), trial.theirs(python)) for trial in ordinary]

    assert len(verdicts) == 16
    assert all(ours.what is not None and theirs.what is not None for ours, theirs in verdicts)


@EVERY_SUITE
@pytest.mark.parametrize("tried", [trials.forged, trials.streamed, calls], ids=lambda tried: tried.__name__)
def test_every_difference_is_in_the_table(
    suite_id: int, tried: Callable[[int], Iterator[Trial]], python: PythonPeer
) -> None:
    assert unexplained(PYTHON, tried(suite_id), python) == []


@SOME_SUITES
@pytest.mark.parametrize("tried", [trials.forged, calls], ids=lambda tried: tried.__name__)
def test_so_is_every_difference_from_keyrings(
    suite_id: int, tried: Callable[[int], Iterator[Trial]], mpl: PythonPeer
) -> None:
    assert unexplained(MPL, tried(suite_id), mpl) == []


@pytest.mark.full
@EVERY_SUITE
def test_so_is_every_difference_about_damaged_messages(suite_id: int, python: PythonPeer) -> None:
    assert unexplained(PYTHON, trials.damaged(suite_id), python) == []


@pytest.mark.full
@SOME_SUITES
def test_so_is_every_difference_about_some_damaged_messages_from_keyrings(suite_id: int, mpl: PythonPeer) -> None:
    assert unexplained(MPL, itertools.islice(trials.damaged(suite_id), 0, None, 20), mpl) == []


def shown(name: str, peer: PythonPeer) -> set[str]:
    """The rows that trials show."""
    everything = itertools.chain.from_iterable(
        itertools.chain(trials.forged(suite_id), calls(suite_id)) for suite_id in DAILY
    )
    found = differences(everything, peer)
    return {row.what for trial, *verdicts in found for row in rows_for(name, trial, *verdicts)}


def test_every_row_is_shown(python: PythonPeer) -> None:
    assert shown(PYTHON, python) == {row.what for row in DIFFERENCES if PYTHON in row.peers}


def test_every_row_about_keyrings_is_shown(mpl: PythonPeer) -> None:
    assert shown(MPL, mpl) == {row.what for row in DIFFERENCES if MPL in row.peers}


# --- the table itself


def test_the_page_shows_the_table() -> None:
    """`python -m tests.interop.differential.page` writes it."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_each_row_names_a_place_in_the_specification_of_the_ledger() -> None:
    with (ROOT / "tests/conformance/ledger.csv").open(encoding="utf-8", newline="") as file:
        anchors = {f"{row['page']}#{row['anchor']}" for row in csv.DictReader(file)}

    assert [row.spec for row in DIFFERENCES if row.spec not in anchors] == []
    assert len({row.what for row in DIFFERENCES}) == len(DIFFERENCES)


def test_a_row_explains_its_own_kind_and_verdicts_only() -> None:
    row = Difference(what="", kinds="a kind", ours=REFUSES, theirs=f"{ACCEPTS}, and more", says="why", why="", spec="")
    trial = Trial(kind="a kind", case="", suite_id=0x0178)
    accepted, refused = Verdict(b"plaintext"), Verdict(None, "that is why")

    assert row.explains(trial, refused, accepted)
    assert not row.explains(trial, accepted, refused)
    assert not row.explains(trial, Verdict(None, "something else"), accepted)
    assert not row.explains(Trial(kind="another kind", case="", suite_id=0x0178), refused, accepted)


def test_a_difference_that_no_row_explains_is_found(python: PythonPeer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.interop.differential.test_differences.DIFFERENCES", [])
    [first, *_] = unexplained(PYTHON, trials.forged(0x0178), python)

    assert first.startswith("context kind: of a sealed record (0x0178): warmkey refuses (PolicyRefused(")
    assert first.endswith(", the peer accepts: 0 rows")

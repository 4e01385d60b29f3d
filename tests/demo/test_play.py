"""The demonstration in small: both acts, counted at the KMS server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from examples.demo import __main__ as demo
from examples.demo.emulator import EmulatorUnavailable
from examples.demo.kms_server import kms_server
from examples.demo.play import Play
from examples.demo.records import read
from examples.demo.report import kms_calls, own_count, samples, table, warm_milliseconds
from examples.demo.stages import EmulatorStage, InProcessStage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from examples.demo.play import Phase, Stage

RECORDS = read()[:60]


@pytest.fixture(scope="module")
def kms_url() -> Iterator[str]:
    with kms_server() as url:
        yield url


@pytest.fixture(scope="module", params=["in process", pytest.param("emulator", marks=pytest.mark.runtime)])
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    if request.param == "in process":
        return InProcessStage()
    try:
        return EmulatorStage(tmp_path_factory.mktemp("opt"))
    except EmulatorUnavailable as reason:
        pytest.skip(f"{reason}; `make runtime` makes it")


@pytest.fixture(scope="module")
def play(kms_url: str) -> Play:
    return Play(records=RECORDS, batch=6, kms_url=kms_url, say=lambda _line: None)


@pytest.fixture(scope="module")
def phases(play: Play, stage: Stage) -> list[Phase]:
    return play.perform(stage)


def test_every_record_comes_back_as_it_was(play: Play, phases: list[Phase]) -> None:
    assert play.lost(phases) == 0


def test_the_functions_hand_over_messages_and_no_plaintext(phases: list[Phase]) -> None:
    encrypted = phases[0]

    assert all(set(record) == {"id", "tenant", "message"} for record in encrypted.records)


def sent_below(phase: Phase) -> int:
    return sum(phase.by_reason("misses").values()) + sum(phase.by_reason("bypasses").values())


def test_the_kms_server_counts_what_the_cache_says_it_could_not_serve(phases: list[Phase]) -> None:
    assert [kms_calls(phase) for phase in phases] == [sent_below(phase) for phase in phases]


def test_warmkey_counts_its_kms_requests_as_the_server_does(phases: list[Phase]) -> None:
    assert [own_count(phase) for phase in phases] == [kms_calls(phase) for phase in phases]


def test_most_records_need_no_kms_call(phases: list[Phase]) -> None:
    assert all(kms_calls(phase) < len(RECORDS) / 3 for phase in phases)


def test_hits_misses_and_bypasses_are_all_records(phases: list[Phase]) -> None:
    assert [phase.hits + sent_below(phase) for phase in phases] == [len(RECORDS), len(RECORDS)]


def test_the_table_has_a_column_for_each_act(phases: list[Phase]) -> None:
    heading = table(phases).splitlines()[0].split()

    assert heading == ["encrypt", "decrypt"]


def test_one_invocation_has_no_median_of_the_others(phases: list[Phase]) -> None:
    alone = replace(phases[0], seconds=phases[0].seconds[:1])

    assert warm_milliseconds(alone) == "–"
    assert float(warm_milliseconds(phases[0])) > 0


def test_log_lines_and_metrics_were_written(phases: list[Phase]) -> None:
    assert "(none was written)" not in samples(phases)


def test_a_record_that_changed_counts_as_lost(play: Play, phases: list[Phase]) -> None:
    decrypted = phases[-1]
    changed = [decrypted.records[0] | {"text": "something else"}, *decrypted.records[1:]]

    assert play.lost([phases[0], replace(decrypted, records=changed)]) == 1


def test_where_the_emulator_cannot_run_it_says_so_and_plays_in_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unavailable(_opt: object) -> Stage:
        raise EmulatorUnavailable("there is no emulator")

    monkeypatch.setattr(demo, "EmulatorStage", unavailable)
    status = demo.main(["--first", "12", "--batch", "4"])

    said = capsys.readouterr().out
    assert status == 0
    assert "can't run here: there is no emulator" in said
    assert "Every record came back unchanged." in said


def test_the_limits_are_shown_beside_the_defaults_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--in-process", "--first", "2", "--batch", "100"]) == 0
    shown = capsys.readouterr().out

    assert "The limits are small on purpose, so that a few hundred records show what a day of traffic would:" in shown
    assert "  encrypt: WARMKEY_MAX_MESSAGES_ENCRYPTED=38 (default 1000)\n" in shown
    assert "  decrypt: WARMKEY_CACHE_CAPACITY=100 (default 1000)\n" in shown


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--first", "0"], "--first: must be an integer, 1 or more, not '0'"),
        (["--first", "-3"], "--first: must be an integer, 1 or more, not '-3'"),
        (["--batch", "0"], "--batch: must be an integer, 1 or more, not '0'"),
        (["--batch", "many"], "--batch: must be an integer, 1 or more, not 'many'"),
        (["--bat", "5"], "unrecognized arguments: --bat 5"),
        (["--records", "missing"], "--records: must be a file of records, not 'missing': [Errno 2]"),
        (["--records", "empty"], "--records: must be a file of records, not 'empty', which is empty"),
        (["--records", "text"], "--records: must be a file of records, not 'text': "),
        (["--records", "list"], "--records: must be a file of records, not 'list': "),
        (["--records", "numbers"], "--records: must be a file of records, not 'numbers': a record must have a number"),
        (["--records", "twice"], "--records: must be a file of records with an id each, not 'twice'"),
        (["--metrics", "."], "--metrics: must be a file in a folder that exists, not '.'"),
        (["--metrics", "nowhere/metrics"], "--metrics: must be a file in a folder that exists"),
    ],
)
def test_senseless_options_are_refused_before_anything_starts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    problem: str,
) -> None:
    record = '{"id": 1, "tenant": "acme", "text": "lamp"}\n'
    files = {"empty": "", "text": "lamp\n", "list": "[1]\n", "twice": record * 2}
    for name, content in {**files, "numbers": record.replace('"lamp"', "7")}.items():
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SystemExit) as refused:
        demo.main(arguments)
    shown = capsys.readouterr()
    assert (refused.value.code, shown.out) == (2, "")
    assert problem in shown.err


def test_every_option_is_documented() -> None:
    page = (Path(demo.__file__).parent / "README.md").read_text(encoding="utf-8")
    options = [option for action in demo._parser()._actions for option in action.option_strings if len(option) > 2]

    assert [option for option in options if option != "--help" and f"| `{option}" not in page] == []

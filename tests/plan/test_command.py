"""``warmkey plan`` as a whole: from files and options to text, JSON and a page."""

from __future__ import annotations

import base64
import io
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.cli.exit_code import exit_code
from warmkey.cli import plan as options
from warmkey.cli.main import main
from warmkey.plan.limits import Limits

ROOT = Path(__file__).parents[2]
HEADER = "timestamp,operation,context,bytes,container,data_key\n"
HOSTILE = '"</td><script>alert(1)</script>&{{7*7}}\x07\'"'
RATES = ("--writes-per-second", "20", "--reads-per-second", "5", "--contexts", "50")


@pytest.fixture
def trace(tmp_path: Path) -> str:
    path = tmp_path / "trace.csv"
    rows = "".join(
        f"{n},encrypt,tenant-{n % 3},100,c{n % 2},\n{n}.5,decrypt,tenant-{n % 3},100,r,k{n % 7}\n" for n in range(150)
    )
    path.write_text(HEADER + rows)
    return str(path)


def plan(*arguments: str) -> int:
    return main(["plan", "--quiet", *arguments])


def planned(tmp_path: Path, *arguments: str) -> dict[str, Any]:
    assert plan(*arguments, "--json", str(tmp_path / "plan.json")) == 0
    found: dict[str, Any] = json.loads((tmp_path / "plan.json").read_text())
    return found


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return the error of a command line that can't be used."""
    assert exit_code(["plan", "--quiet", *arguments]) in (1, 2)
    return capsys.readouterr().err


def test_the_names_in_the_json_are_those_that_others_rely_on(tmp_path: Path, trace: str) -> None:
    found = planned(tmp_path, trace, "--jitter", "0", "--max-age", "60")

    assert (found["method"], found["rows_used"], found["rows_ignored"]) == ("replay", 300, 0)
    for strategy in ("caching", "hierarchical"):
        one = found[strategy]
        for operation in ("encrypt", "decrypt"):
            counts = one[operation]
            assert counts["messages"] == 150
            assert counts["hits"] + sum(counts["misses"].values()) + counts["bypasses"] == 150
            assert counts["evictions"].keys() >= {"capacity", "expired", "messages-spent", "bytes-spent"}
            assert sum(counts["kms_requests"].values()) == 150 - counts["hits"]
        assert one["dollars_per_month"].keys() == {"kms", "dynamodb", "metrics", "logs", "total"}
        for name in ("hit_ratio", "quota_share_peak", "quota_share_cold_start"):
            assert 0 <= one[name] <= 1
    assert found["caching"]["encrypt"]["kms_requests"].keys() == {"GenerateDataKey"}
    assert found["caching"]["revocation_lag_seconds"] == 60
    assert found["caching"]["max_messages_per_data_key"] == 10
    assert found["caching"]["max_bytes_per_data_key"] == 1000
    assert found["caching"]["knee"]["kms_requests_per_month"] in {
        cell["kms_requests_per_month"] for cell in found["caching"]["grid"]
    }


def test_both_methods_stand_side_by_side(tmp_path: Path, trace: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(tmp_path, trace, "--method", "both", "--strategy", "caching", "--no-grid")

    assert found["method"] == "both"
    assert abs(found["caching"]["model_hit_ratio_difference"]) < 0.01
    assert found["caching"]["model"]["encrypt"]["messages"] == 150
    assert "hierarchical" not in found
    assert "grid" not in found["caching"]
    assert "the model's hit ratio differs by" in capsys.readouterr().out


def test_the_text_has_the_strategies_side_by_side_and_marks_the_knee(
    trace: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan(trace) == 0

    text = capsys.readouterr().out
    assert "trace.csv; messages: 300, in" in text
    assert "rows used: 300; rows ignored: none" in text
    assert re.search(r"hit ratio, encrypt +0\.\d{3} +0\.\d{3} +0\.000", text)
    assert text.count(" *") >= 2
    assert "tenant" not in text


def test_rates_are_planned_by_the_model(tmp_path: Path) -> None:
    found = planned(tmp_path, *RATES, "--containers", "5", "--period", "100000000")

    assert (found["method"], found["rows_used"]) == ("model", 0)
    assert found["traffic"]["messages"] == 2.5e9
    assert found["contexts"] == []


def test_rates_can_be_replayed_and_compared(tmp_path: Path) -> None:
    found = planned(tmp_path, *RATES, "--period", "100", "--method", "both", "--reader-containers", "2", "--no-grid")

    assert found["caching"]["encrypt"]["messages"] == pytest.approx(2000, rel=0.1)
    assert any("a trace of 2,500 rows was made from the rates" in note for note in found["notes"])
    assert any("containers assumed: " in note for note in found["notes"])


def test_the_sample_can_be_planned_and_saved(tmp_path: Path) -> None:
    saved = tmp_path / "saved.csv"
    found = planned(tmp_path, "--sample", "--method", "model", "--no-grid", "--save-trace", str(saved))
    again = planned(tmp_path, str(saved), "--method", "model", "--no-grid")

    assert found["rows_used"] == again["rows_used"] == 21_600
    assert found["caching"] == again["caching"]
    assert "tenant-" not in saved.read_text()


def test_bounds_choose_settings_and_print_them(tmp_path: Path, trace: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = planned(tmp_path, trace, "--max-lag", "90", "--max-keys-exposed", "5", "--method", "model", "--no-grid")

    text = capsys.readouterr().out
    for strategy in ("caching", "hierarchical"):
        for name, value in found[strategy]["choice"]["variables"].items():
            assert f"{name}={value}\n" in text
    assert float(found["caching"]["choice"]["variables"]["WARMKEY_MAX_AGE_SECONDS"]) <= 90
    assert found["hierarchical"]["choice"]["variables"]["WARMKEY_CACHE_CAPACITY"] == "5"


def test_a_chosen_setting_is_in_digits_however_small_it_is(tmp_path: Path, trace: str) -> None:
    found = planned(tmp_path, trace, "--max-lag", "0.0000001", "--method", "model", "--no-grid")

    assert found["caching"]["choice"]["variables"]["WARMKEY_MAX_AGE_SECONDS"] == "0.0000001"


def test_bounds_that_nothing_meets_fail(trace: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no settings within these bounds cost 0.00 dollars" in refused(capsys, trace, "--max-dollars", "0")


def test_logs_are_planned_as_rates_and_show_what_was_observed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log.json"
    counts = {"hits": 9, "misses": 1, "container_age_seconds": 3600}
    lines = [
        {"timestamp": f"2026-11-28 12:00:{second:02},000+0000", "warmkey": {"event": "Summary", **counts}}
        for second in range(0, 60, 2)
    ]
    miss = {"warmkey": {"event": "CacheMiss", "operation": "encrypt", "reason": "expired"}}
    log.write_text("\n".join(map(json.dumps, [*lines, miss])) + "\nsomebody else's\n")

    found = planned(tmp_path, str(log))

    assert (found["method"], found["rows_used"], found["rows_ignored"]) == ("model", 31, 1)
    assert found["rows_ignored_by_reason"] == {"lines of other programs": 1}
    assert found["observed"]["hit_ratio"] == 0.9
    assert found["caching"]["hit_ratio"] == pytest.approx(0.9, abs=0.02)
    assert "observed, from summary lines; messages: 300, in" in capsys.readouterr().out
    corrected = planned(tmp_path, str(log), "--contexts", "7", "--containers", "3", "--no-grid")
    assert (corrected["traffic"]["contexts"], corrected["traffic"]["containers"]) == (7, 3)
    assert "given, whatever the logs say: contexts, containers" in corrected["notes"]


def test_cloudtrail_is_planned_as_a_trace(tmp_path: Path) -> None:
    event = {"eventSource": "kms.amazonaws.com", "eventName": "Decrypt", "eventTime": "2026-11-28T12:00:00Z"}
    path = tmp_path / "trail.json"
    path.write_text(json.dumps({"Records": [event, {"eventSource": "s3.amazonaws.com"}]}))

    found = planned(tmp_path, str(path))

    assert (found["method"], found["rows_used"], found["rows_ignored"]) == ("replay", 1, 1)


def test_standard_input_is_a_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"timestamp,context\n1,a\n2,a\n")))

    assert planned(tmp_path, "-", "--no-grid")["rows_used"] == 2
    assert "standard input; messages: 2, in" in capsys.readouterr().out


def test_public_formats_are_named(tmp_path: Path) -> None:
    path = tmp_path / "azure.txt"
    path.write_text("app,func,end_timestamp,duration\n" + "".join(f"a,f,{n},0.5\n" for n in range(1, 200)))

    found = planned(tmp_path, str(path), "--from", "azure-2021", "--strategy", "caching")

    assert found["rows_used"] == 199
    assert found["traffic"]["containers"] == 1


# ------------------------------------------------------------------------------------------------------------ labels


class Page(HTMLParser):
    """Collects tags, pictures and addresses of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.pictures: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in ("src", "href"):
                (self.pictures if str(value).startswith("data:") else self.addresses).append(str(value))


def hostile_trace(tmp_path: Path) -> str:
    path = tmp_path / "hostile.csv"
    quoted = '"' + HOSTILE.replace('"', '""') + '"'
    path.write_text(HEADER + "".join(f"{n},encrypt,{quoted},1,c,\n" for n in range(5)))
    return str(path)


def test_labels_are_numbered_in_every_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "plan.html"
    found = planned(tmp_path, hostile_trace(tmp_path), "--html", str(page))

    assert found["contexts"] == [{"context": "context 1", "messages": 5}]
    for text in (page.read_text(), (tmp_path / "plan.json").read_text(), capsys.readouterr().out):
        assert "alert" not in text


def test_labels_that_are_asked_for_are_escaped(tmp_path: Path) -> None:
    page = tmp_path / "plan.html"
    found = planned(tmp_path, hostile_trace(tmp_path), "--html", str(page), "--show-contexts", "--no-grid")

    text = page.read_text()
    assert found["contexts"][0]["context"] == HOSTILE
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;{{7*7}}" in text
    parsed = Page()
    parsed.feed(text)
    assert "script" not in parsed.tags


def test_labels_may_be_lone_surrogates_or_empty(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text(HEADER + "1,encrypt,,1,c,\n2,encrypt,\N{ROCKET},1,c,\n", encoding="utf-8")

    found = planned(tmp_path, str(path), "--show-contexts", "--html", str(tmp_path / "plan.html"))

    assert [each["context"] for each in found["contexts"]] == ["", "\N{ROCKET}"]


def test_the_page_needs_nothing_else(tmp_path: Path, trace: str) -> None:
    page = tmp_path / "plan.html"
    assert plan(trace, "--html", str(page), "--method", "model", "--max-lag", "60", "--max-keys-exposed", "50") == 0

    parsed = Page()
    parsed.feed(page.read_text())
    assert parsed.addresses == []
    assert len(parsed.pictures) == 5
    assert all(base64.b64decode(each.partition(",")[2]).startswith(b"<?xml") for each in parsed.pictures)
    assert "WARMKEY_MAX_AGE_SECONDS=" in page.read_text()


def test_the_same_plan_gives_the_same_page(tmp_path: Path, trace: str) -> None:
    pages = [tmp_path / "one.html", tmp_path / "two.html"]
    for page in pages:
        plan(trace, "--html", str(page), "--method", "model")

    assert pages[0].read_bytes() == pages[1].read_bytes()


def test_a_page_of_rates_has_no_picture_over_time(tmp_path: Path) -> None:
    page = tmp_path / "plan.html"
    assert plan(*RATES, "--html", str(page), "--no-grid") == 0

    assert "over time" not in page.read_text()


# ------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ((), "give something to plan for: a file, --sample, or rates"),
        (("--sample", *RATES), "give one of a file, --sample, or rates"),
        (("--max-age", "0", "--sample"), "argument --max-age: must be a number from 1e-09 to 1e+09, not '0'"),
        (("--max-age", "soon", "--sample"), "argument --max-age: must be a number from 1e-09 to 1e+09, not str of"),
        (("--max-messages", "0", "--sample"), "argument --max-messages: must be an integer in digits, 1 to 4294967296"),
        (("--jitter", "1", "--sample"), "argument --jitter: must be a number from 0 to"),
        (("--capacity", "-1", "--sample"), "argument --capacity: must be an integer in digits, 0 to"),
        (("--contexts", "1,2,3"), "argument --contexts: must be a number, an exponent with a decimal point, or both"),
        (("--contexts", "0"), "argument --contexts: must be an integer in digits, 1 to"),
        (("--region", "eu-moon-1", "--sample"), "the quota of Region eu-moon-1 is not in the table"),
        (("--writes-per-second", "1", "--save-trace", "x"), "--save-trace needs a trace, and there are rates only"),
        (("--json", "same", "--html", "same", "--sample"), "--json, --html and --save-trace must name different files"),
        (("nowhere.csv",), "the file 'nowhere.csv' does not exist; check its name"),
    ],
)
def test_a_command_line_that_cannot_be_used_says_why(
    arguments: tuple[str, ...], error: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert error in refused(capsys, *arguments)


def test_a_file_that_is_neither_a_trace_nor_logs_is_called_that(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letter").write_text("dear all,\n" * 3)
    (tmp_path / "note").write_text("hello\n")
    error = refused(capsys, str(tmp_path / "note"))

    assert "note: none of the lines (1) was written by warmkey, Lambda or CloudTrail; a trace is a CSV file" in error
    assert "must be a header with the columns timestamp and context" in refused(capsys, str(tmp_path / "letter"))


def test_what_a_trace_says_itself_cannot_be_given(trace: str, capsys: pytest.CaptureFixture[str]) -> None:
    error = refused(capsys, trace, "--reader-containers", "5")

    assert "--reader-containers is for rates and logs; a trace says that itself" in error


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_a_file_without_anything_is_an_error(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "empty.csv"
    path.write_text(text)

    assert "empty.csv: is empty; it must have a header and rows" in refused(capsys, str(path))


def test_several_traces_are_too_many(trace: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "give one trace; 2 were given" in refused(capsys, trace, trace)


def test_an_input_is_never_written_over(trace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text("{}")

    assert f"{trace} is an input too" in refused(capsys, trace, "--json", trace)
    assert "is an input too" in refused(capsys, trace, "--prices", str(prices), "--html", str(prices))
    assert Path(trace).read_text().startswith(HEADER)


def test_the_quota_and_prices_can_be_given(tmp_path: Path, trace: str) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps({"date": "2030-01-01", "source": "us", "dollars_per_metric": 0}))

    found = planned(tmp_path, trace, "--region", "eu-moon-1", "--quota", "10", "--prices", str(prices), "--no-grid")

    assert found["kms_requests_per_second_quota"] == 10
    assert found["prices"]["date"] == "2030-01-01"
    assert found["caching"]["dollars_per_month"]["metrics"] == 0


@pytest.mark.parametrize("contexts", [("1000", 1000, 0.0), ("1.1", 1000, 1.1), ("5,0.8", 5, 0.8)])
def test_contexts_are_a_number_or_an_exponent_or_both(contexts: tuple[str, int, float]) -> None:
    assert options._contexts(contexts[0]) == contexts[1:]


def test_the_defaults_are_those_of_the_settings() -> None:
    limits = Limits()

    assert (limits.max_age, limits.jitter, limits.max_messages) == (300, 0.1, 1000)
    assert (limits.max_bytes, limits.capacity, limits.branch_key_ttl) == (2**30, 1000, 3600)


@pytest.mark.parametrize(
    ("missing", "what"),
    [({"numpy", "matplotlib"}, "numpy and matplotlib"), ({"warmkey.plan"}, "a package that is not")],
)
def test_without_the_extra_it_says_what_to_install(
    missing: set[str], what: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(options, "find_spec", lambda name: None if name in missing else name)

    assert plan("--sample") == 2
    assert f"plan needs {what}" in capsys.readouterr().err


def test_neither_the_library_nor_other_commands_load_the_planner() -> None:
    code = (
        "import sys, warmkey, warmkey.cli.main as main\n"
        "main._parser()\n"
        "print([name for name in sys.modules if name.startswith(('numpy', 'matplotlib', 'warmkey.plan'))])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"


def test_text_and_json_need_no_matplotlib(tmp_path: Path, trace: str) -> None:
    code = (
        "import sys, warmkey.cli.main as main\n"
        f"assert main.main(['plan', {trace!r}, '--json', {str(tmp_path / 'plan.json')!r}]) == 0\n"
        "print([name for name in sys.modules if name.startswith('matplotlib')], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True, check=True
    )

    assert done.stderr.strip() == "[]"

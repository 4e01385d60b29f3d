"""What follows from a plan is said in sentences, and only where it follows."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.plan.made import encrypts
from warmkey.cli.main import main
from warmkey.plan.advice import advice
from warmkey.plan.bill import Surroundings
from warmkey.plan.limits import Limits
from warmkey.plan.plan import Request, make_plan
from warmkey.plan.prices import TABLE
from warmkey.plan.progress import Progress
from warmkey.plan.traffic import TraceTraffic

if TYPE_CHECKING:
    from pathlib import Path

WRITERS = ("--writes-per-second", "4", "--containers", "20", "--contexts", "20")


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["plan", "--quiet", "--no-grid", *arguments]) == 0
    return capsys.readouterr().out


def test_branch_keys_pay_where_readers_read_what_others_wrote(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, *WRITERS, "--reads-per-second", "20", "--reader-containers", "10")

    assert "Branch keys pay:" in text
    assert "With the caching CMM, readers make" in text


def test_branch_keys_save_little_where_one_container_writes_for_one_tenant(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "--writes-per-second", "50", "--containers", "1")

    assert "Branch keys save little:" in text
    assert "With" not in text


def test_neither_helps_where_each_message_has_a_context_of_its_own(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("timestamp,context,bytes,container\n" + "".join(f"{n},order-{n},1,c\n" for n in range(200)))
    text = said(capsys, str(path))

    assert "Neither strategy helps" in text
    assert "200 of 200 encryption contexts are used once." in text


@pytest.mark.parametrize(("contexts", "is_said"), [("ab", False), ("abc", True)])
def test_contexts_used_once_are_said_where_they_are_more_than_half(
    contexts: str, is_said: bool, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "trace.csv"
    rows = (f"{n},{context},1,c\n" for n, context in enumerate(contexts + "a" * 100))  # all but a are used once
    path.write_text("timestamp,context,bytes,container\n" + "".join(rows))
    text = said(capsys, str(path), "--method", "model", "--strategy", "caching")

    assert ("2 of 3 encryption contexts are used once." in text) is is_said
    assert ("are used once" in text) is is_said


def test_quotas_that_a_start_or_the_busiest_second_would_take_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, *WRITERS, "--quota", "4", "--strategy", "caching")

    assert "With the caching CMM, a start with cold caches takes" in text
    assert "With the caching CMM, the busiest second takes" in text


@pytest.mark.parametrize(("quota", "is_said"), [("10", False), ("9.9", True)])
def test_the_busiest_second_is_said_where_it_takes_more_than_four_fifths_of_the_quota(
    quota: str, is_said: bool, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "trace.csv"
    rows = (f"{n // 8},{n % 8},1,c\n" for n in range(104))  # 8 requests to KMS in the first second, then hits
    path.write_text("timestamp,context,bytes,container\n" + "".join(rows))

    text = said(capsys, str(path), "--strategy", "caching", "--method", "replay", "--quota", quota)

    assert ("the busiest second takes" in text) is is_said


def test_branch_keys_pay_where_they_keep_a_start_within_the_quota(capsys: pytest.CaptureFixture[str]) -> None:
    traffic = ("--writes-per-second", "10", "--reads-per-second", "30", "--containers", "10", "--contexts", "10")
    text = said(capsys, *traffic, "--quota", "60", "--branch-keys", "1", "--messages-per-invocation", "0.0001")

    assert "Branch keys pay:" in text


def test_evictions_by_capacity_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, *WRITERS, "--capacity", "5", "--strategy", "hierarchical")

    assert "entries are evicted by the capacity before their time" in text


def test_settings_within_bounds_that_cost_more_than_no_cache_are_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "--quiet", *WRITERS, "--strategy", "caching", "--max-dollars", "60", "--max-lag", "30"]) == 0
    dear = capsys.readouterr().out
    assert main(["plan", "--quiet", *WRITERS, "--strategy", "caching", "--max-lag", "300"]) == 0
    cheap = capsys.readouterr().out

    assert "within the bounds cost" in dear
    assert "and no cache costs 31.54: choose them for speed" in dear
    assert "and no cache costs" not in cheap


def test_a_few_messages_are_too_few_to_say_anything(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("timestamp,context,bytes,container\n1,a,1,c\n")

    assert "There are fewer than 100 messages, too few to say what to choose." in said(capsys, str(path))


@pytest.mark.parametrize(
    ("caching", "hierarchical", "pays"), [(0.81, 0.79, True), (0.81, 0.8, False), (0.8, 0.79, False)]
)
def test_branch_keys_relieve_the_quota_where_they_alone_are_below_four_fifths_of_it(
    caching: float, hierarchical: float, *, pays: bool
) -> None:
    around = Surroundings(prices=TABLE, region="eu-west-1", quota=100)
    shares = {"caching": caching, "hierarchical": hierarchical}
    request = Request(method="model", strategies=list(shares), limits=Limits(), around=around, with_grid=False)
    plan = make_plan(TraceTraffic(encrypts(range(100)), "a trace"), request, Progress(sys.stderr, quiet=True))
    same_price = plan.strategies["caching"].bill
    planned = {
        name: replace(plan.strategies[name], bill=replace(same_price, quota_share_cold_start=share))
        for name, share in shares.items()
    }

    first = next(advice(replace(plan, strategies=planned)))

    assert first.startswith("Branch keys pay" if pays else "Branch keys save little")

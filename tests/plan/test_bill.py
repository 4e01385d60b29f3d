"""What an outcome costs, by prices that have a date and a source and that a file can change."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from tests.plan.made import encrypts, replayed, trace_of
from warmkey.observability.subscriber import DOLLARS_PER_KMS_REQUEST
from warmkey.plan.bill import LINE_BYTES, Surroundings, bill
from warmkey.plan.errors import BadInput
from warmkey.plan.limits import Limits
from warmkey.plan.prices import TABLE, read_prices
from warmkey.testing import fake_kms

if TYPE_CHECKING:
    from pathlib import Path

AROUND = Surroundings(prices=TABLE, region="eu-west-1", quota=100)


def prices_of(tmp_path: Path, found: object) -> Any:
    path = tmp_path / "prices.json"
    path.write_text(found if isinstance(found, str) else json.dumps(found))
    return read_prices(str(path))


def test_dollars_are_those_of_a_month_that_goes_on_like_the_trace() -> None:
    trace = encrypts(range(0, 3600, 36))  # an hour, with a data key every 300 s

    items = bill("caching", replayed(trace, Limits(jitter=0)), Limits(), AROUND).dollars_per_month

    assert items["kms"] == pytest.approx(12 * 730 * 3e-6, rel=1e-9)
    assert (items["dynamodb"], items["metrics"]) == (0, 1.5)
    assert items["total"] == sum(items[name] for name in ("kms", "dynamodb", "metrics", "logs"))


def test_a_branch_key_costs_half_a_read_unit() -> None:
    trace = encrypts(range(0, 3600, 36))

    found = bill("hierarchical", replayed(trace, Limits(jitter=0), "hierarchical"), Limits(), AROUND)

    assert found.dollars_per_month["dynamodb"] == pytest.approx(730 * 0.125e-6 / 2, rel=1e-9)
    assert found.revocation_lag_seconds == 3600


def test_shares_of_the_quota_are_of_the_busiest_second() -> None:
    trace = trace_of(*((0, "encrypt", str(each), 1, "c", "") for each in range(20)))

    found = bill("caching", replayed(trace, Limits()), Limits(max_age=45), AROUND)

    assert found.quota_share_peak == 0.2
    assert found.revocation_lag_seconds == 45


@pytest.mark.parametrize(("strategy", "dollars"), [("caching", 5 * 0.30), ("hierarchical", 6 * 0.30)])
def test_a_function_pays_for_five_metrics_and_with_branch_keys_for_six(strategy: str, dollars: float) -> None:
    found = bill(strategy, replayed(encrypts([1, 2]), Limits(), strategy), Limits(), AROUND)

    assert found.dollars_per_month["metrics"] == pytest.approx(dollars)


def test_log_lines_cost_half_a_dollar_per_gigabyte_and_each_message_is_an_invocation_unless_more_is_known() -> None:
    outcome = replayed(encrypts([0, 1800]), Limits(max_age=7200, jitter=0))
    shared = Surroundings(prices=TABLE, region="x", quota=1, messages_per_invocation=2)

    alone = bill("caching", outcome, Limits(), AROUND).dollars_per_month["logs"]
    together = bill("caching", outcome, Limits(), shared).dollars_per_month["logs"]

    assert alone == pytest.approx((210 + 2 * 850) * 730 * 0.50e-9)
    assert together == pytest.approx((210 + 850) * 730 * 0.50e-9)


def test_one_moment_is_no_month() -> None:
    found = bill("caching", replayed(encrypts([5]), Limits()), Limits(), AROUND)

    assert found.dollars_per_month["kms"] == 0


def test_metrics_can_be_off_and_functions_have_metrics_each() -> None:
    outcome = replayed(encrypts([1, 2]), Limits())
    off = Surroundings(prices=TABLE, region="x", quota=1, metrics=False)
    many = Surroundings(prices=TABLE, region="x", quota=1, functions=3)

    assert bill("caching", outcome, Limits(), off).dollars_per_month["metrics"] == 0
    assert bill("caching", outcome, Limits(), many).dollars_per_month["metrics"] == 4.5


def test_our_lines_are_as_long_as_the_bill_says(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "orders-production")
    with fake_kms() as kms:
        kms.configure(cache_capacity=1)
        with warmkey.instrument():
            warmkey.encrypt(b"x" * 1000, {"tenant": "one"})
            warmkey.encrypt(b"x" * 1000, {"tenant": "two"})
    lines = capsys.readouterr().out.splitlines()

    def length(*words: str) -> int:
        return sum(len(next(line for line in lines if word in line)) + 27 for word in words)  # 26 are charged for each

    assert length('"CacheMiss"') == pytest.approx(LINE_BYTES["miss"], rel=0.25)
    assert length('"CacheEviction"') == pytest.approx(LINE_BYTES["eviction"], rel=0.25)
    assert length('"Summary"', '"_aws"') == pytest.approx(LINE_BYTES["summary and metrics"], rel=0.25)


def test_the_table_has_a_date_a_source_and_the_price_that_the_summary_line_uses() -> None:
    assert TABLE.date
    assert TABLE.source
    assert TABLE.kms_dollars_per_request == DOLLARS_PER_KMS_REQUEST


@pytest.mark.parametrize(
    ("region", "quota"), [("us-east-1", 100_000), ("eu-central-1", 20_000), ("eu-north-1", 10_000)]
)
def test_quotas_of_regions(region: str, quota: int) -> None:
    assert TABLE.quota(region) == quota


def test_the_quota_of_an_unknown_region_is_asked_for() -> None:
    with pytest.raises(BadInput, match=r"the quota of Region eu-moon-1 is not in the table of .*; give --quota, the"):
        TABLE.quota("eu-moon-1")


def test_a_file_changes_parts_of_the_table(tmp_path: Path) -> None:
    found = prices_of(
        tmp_path,
        {
            "date": "2027-01-01",
            "source": "our contract",
            "kms_dollars_per_request": 1e-6,
            "kms_requests_per_second": {"eu-moon-1": 5},
        },
    )

    assert (found.date, found.source, found.kms_dollars_per_request) == ("2027-01-01", "our contract", 1e-6)
    assert (found.quota("eu-moon-1"), found.quota("us-east-1")) == (5, 100_000)
    assert found.dollars_per_metric == TABLE.dollars_per_metric


DATED = {"date": "2027-01-01", "source": "us"}


@pytest.mark.parametrize(
    ("found", "error"),
    [
        ("{\n,", "prices.json, line 2: is not JSON"),
        ("[" * 100_000, "prices.json: is JSON that is nested too deeply"),
        ("1" * 5_000, "prices.json: has a number with thousands of digits"),
        ([1], "must be a JSON object with parts of the table, not list of length 1"),
        ({"colour": 1}, "str of length 6 is not a part of the table; the parts are date, source"),
        ({"dollars_per_metric": 1}, "must say its date and its source"),
        ({**DATED, "date": ""}, "date must be a text that is not empty"),
        ({**DATED, "dollars_per_metric": -1}, "dollars_per_metric must be a number of 0 or more, not -1"),
        ({**DATED, "dollars_per_metric": 10**400}, "dollars_per_metric must be a number of 0 or more, not int"),
        ({**DATED, "dollars_per_metric": True}, "dollars_per_metric must be a number of 0 or more, not True"),
        ({**DATED, "kms_requests_per_second": 5}, "kms_requests_per_second must be an object of Regions, not 5"),
        ({**DATED, "kms_requests_per_second": {"x": "y"}}, "kms_requests_per_second of x must be a number"),
        ({**DATED, "kms_requests_per_second": {"x": 0}}, "of x must be a number greater than 0, not 0"),
        ({**DATED, "hours_per_month": 0}, "hours_per_month must be a number greater than 0, not 0"),
        ({**DATED, "dollars_per_metric": 1e308}, "must be a number of 0 or more, not 1e[+]308; 1e[+]15 is the most"),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, found: object, error: str) -> None:
    with pytest.raises(BadInput, match=error):
        prices_of(tmp_path, found)

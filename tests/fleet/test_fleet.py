"""The demonstration of a fleet counts what it says, and its model agrees with what is counted."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("moto")
from examples.fleet.__main__ import main
from examples.fleet.designs import DESIGNS
from examples.fleet.model import QUOTAS, Fleet, first_minute, most_containers, most_tenants, steady
from examples.fleet.report import extrapolation
from layer.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

TOLERANCE = 0.25


def test_branch_keys_need_what_the_model_says_and_fewer_than_data_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["--containers", "6", "--tenants", "1", "3", "--json", str(tmp_path / "fleet.json")])
    rows = json.loads((tmp_path / "fleet.json").read_text())
    kms = {(row["design"], row["tenants"]): row["kms"] for row in rows}

    assert status == 0
    assert {row["design"] for row in rows} == set(DESIGNS)
    assert kms["branch keys", 1] == kms["both", 1] == 6
    assert kms["data key cache", 1] > 2 * kms["branch keys", 1]
    for row in rows:
        expected = first_minute(Fleet(row["design"], row["containers"], row["tenants"])).kms * 60
        assert row["kms"] == pytest.approx(expected, rel=TOLERANCE), row
        assert row["dynamodb"] == (0 if row["design"] == "data key cache" else row["kms"])
    printed = capsys.readouterr()
    assert "branch keys" in printed.out
    assert "playing: both, 6 containers, 3 tenants" in printed.err


@pytest.mark.parametrize("tenants", [1, 1_000])
def test_the_page_has_the_figures_of_the_model(tenants: int) -> None:
    page = (ROOT / "docs" / "branch-keys.md").read_text()
    fleets = [
        first_minute(Fleet("data key cache", 10_000, tenants)),
        first_minute(Fleet("branch keys", 10_000, tenants)),
        steady(Fleet("data key cache", 10_000, tenants)),
        steady(Fleet("branch keys", 10_000, tenants)),
    ]

    assert [f"{rates.kms:,.0f}" for rates in fleets if f"| {rates.kms:,.0f} |" not in page] == []


def test_the_page_says_where_branch_keys_stop_paying() -> None:
    page = " ".join((ROOT / "docs" / "branch-keys.md").read_text().split())
    ours = steady(Fleet("branch keys", 10_000, 1_000, ttl_seconds=300))
    cached = steady(Fleet("data key cache", 10_000, 1_000))

    assert f"up to {most_tenants(0.5, containers=10_000):,} tenants" in page
    assert f"{ours.kms + ours.dynamodb:,.0f} requests instead of {cached.kms:,.0f}" in page


def test_more_tenants_than_the_most_pay_less() -> None:
    most = most_tenants(0.5, containers=10_000)
    ours, cached = (
        [steady(Fleet(design, 10_000, tenants)) for tenants in (most, most + 1)]
        for design in ("branch keys", "data key cache")
    )

    assert 2 * ours[0].kms <= 0.5 * cached[0].kms
    assert 2 * ours[1].kms > 0.5 * cached[1].kms


def test_more_containers_than_the_most_reach_the_quota() -> None:
    most = most_containers(QUOTAS.kms_least, tenants=1_000)

    assert steady(Fleet("data key cache", most, 1_000)).reaches == "no quota"
    assert steady(Fleet("data key cache", most + 2, 1_000)).reaches == "quota of some Regions"
    assert steady(Fleet("data key cache", most * 20, 1_000)).reaches == "quota of every Region"


def test_the_extrapolation_states_quotas_and_assumptions() -> None:
    found = extrapolation()

    assert re.search(r"Quotas: KMS 10,000 to 100,000 requests/s by Region; DynamoDB 3,000 read units/s", found)
    assert "all equally likely" in found
    assert "with an hour's TTL" in found.replace("With", "with")


@pytest.mark.parametrize("count", ["0", "-1", "many"])
def test_counts_are_positive_integers(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--containers", count])

    assert "must be an integer, 1 or more" in capsys.readouterr().err


def test_the_picture_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from examples.fleet.picture import draw  # noqa: PLC0415 - matplotlib isn't everywhere

    rows = [
        {"design": design, "containers": size, "tenants": tenants, "messages": 60 * size, "kms": size, "dynamodb": 0}
        for design in DESIGNS
        for size in (1, 10)
        for tenants in (1, 100)
    ]
    draw(rows, tmp_path / "fleet.png")

    assert (tmp_path / "fleet.png").stat().st_size > 10_000

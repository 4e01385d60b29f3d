"""Formats of public data sets, on small files of the same form that were made for this test."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from warmkey.plan import converters
from warmkey.plan.containers import WarmContainers
from warmkey.plan.converters import CONVERTERS
from warmkey.plan.errors import BadInput
from warmkey.plan.trace import make_trace

if TYPE_CHECKING:
    from pathlib import Path

    from warmkey.plan.trace import Rows

MINUTES = ",".join(str(minute) for minute in range(1, 1441))
AZURE_2019 = f"HashOwner,HashApp,HashFunction,Trigger,{MINUTES}\n"
AZURE_2021 = "app,func,end_timestamp,duration\n"
HUAWEI = "time_worker,time_frontend,requestID,clusterName,funcName,podID,userID,totalCost_worker,requestBodySize\n"


def counts(**by_minute: int) -> str:
    return ",".join(str(by_minute.get(f"m{minute}", 0)) for minute in range(1, 1441))


def convert(tmp_path: Path, kind: str, text: str, name: str = "data.csv") -> Rows:
    path = tmp_path / name
    path.write_text(text)
    return CONVERTERS[kind](str(path), length=500, seed=1, progress=lambda _done: None)


def test_azure_2019_counts_become_requests_in_their_minutes(tmp_path: Path) -> None:
    text = AZURE_2019 + f"o1,a1,f1,http,{counts(m1=3, m1440=1)}\no2,a2,f2,timer,{counts(m2=2)}\n"
    rows = convert(tmp_path, "azure-2019", text, "invocations_per_function_md.anon.d02.csv")

    minutes = (rows.nanoseconds // 60_000_000_000 - 1440).tolist()
    assert sorted(minutes) == [0, 0, 0, 1, 1, 1439]
    assert rows.contexts.tolist() == [0, 0, 0, 0, 1, 1]
    assert rows.lengths.tolist() == [500] * 6
    assert "put at random moments" in rows.notes[0]
    trace = make_trace(rows, WarmContainers())
    assert trace.container_count >= 2  # applications share no containers


@pytest.mark.parametrize(
    ("name", "day"), [("counts.csv", 0), ("counts.d01.csv", 0), ("counts.d02.csv", 1), ("counts.d14.csv", 13)]
)
def test_azure_2019_names_the_day_in_the_name_of_the_file(tmp_path: Path, name: str, day: int) -> None:
    rows = convert(tmp_path, "azure-2019", AZURE_2019 + f"o,a,f,http,{counts(m1=1)}\n", name)

    (moment,) = rows.nanoseconds.tolist()
    assert day * 86_400 <= moment / 1e9 < day * 86_400 + 60


def test_azure_2019_has_a_row_for_each_function(tmp_path: Path) -> None:
    text = AZURE_2019 + f"o1,a1,f1,http,{counts(m1440=1)}\no2,a2,f2,http,{counts(m1=1)}\n"
    rows = convert(tmp_path, "azure-2019", text)

    assert (rows.nanoseconds // 60_000_000_000).tolist() == [1439, 0]
    assert rows.contexts.tolist() == [0, 1]


def test_azure_2021_begins_a_duration_before_its_end(tmp_path: Path) -> None:
    rows = convert(tmp_path, "azure-2021", AZURE_2021 + "a,f,10.5,0.5\nb,f,12,1\na,g,10.7,0.6\n")

    assert rows.nanoseconds.tolist() == [10_000_000_000, 11_000_000_000, 10_100_000_000]
    assert rows.contexts.tolist() == [0, 1, 0]
    assert make_trace(rows, WarmContainers()).containers.tolist() == [0, 1, 2]  # the first is busy at 10.1 s


def test_huawei_names_containers_tenants_and_bytes(tmp_path: Path) -> None:
    text = HUAWEI + "5.5,5.6,r,1,7,pod-1,224,0.02,1018\n6,6,r,1,7,pod-2,224,0.02,\n7,7,r,1,7,pod-1,9,0.02,0\n"
    rows = convert(tmp_path, "huawei-2025", text)

    assert rows.nanoseconds.tolist() == [5_500_000_000, 6_000_000_000, 7_000_000_000]
    assert rows.containers is not None
    assert rows.containers.tolist() == [0, 1, 0]
    assert rows.context_labels == ["224", "9"]
    assert rows.lengths.tolist() == [1018, 500, 0]
    assert rows.notes == [
        "encryption contexts are users",
        "rows without requestBodySize, taken as 500 bytes each: 1",
    ]


def test_huawei_with_all_sizes_says_nothing_of_missing_ones(tmp_path: Path) -> None:
    rows = convert(tmp_path, "huawei-2025", HUAWEI + "5.5,5.6,r,1,7,pod-1,224,0.02,1018\n")

    assert rows.notes == ["encryption contexts are users"]


@pytest.mark.parametrize(
    ("kind", "text", "error"),
    [
        ("azure-2019", AZURE_2021, "line 1: the header must have a column HashOwner"),
        ("azure-2019", AZURE_2019, "line 1: there must be rows with requests; there are none"),
        ("azure-2019", AZURE_2019 + f"o,a,f,http,{counts()}\n", "line 2: there must be rows with requests"),
        (
            "azure-2019",
            AZURE_2019 + f"o,a,f,http,{counts(m5=-1)}\n",
            "line 2, column 5: must be a number from 0 to 4.2e+09",
        ),
        (
            "azure-2021",
            AZURE_2021 + "a,f,x,1\n",
            "line 2, column end_timestamp: must be a number from 0 to 4.2e+09, not str",
        ),
        (
            "azure-2021",
            AZURE_2021 + "a,f,1\n",
            "line 2, column duration: must be a number from 0 to 4.2e+09, not empty",
        ),
        ("azure-2021", AZURE_2021 + "a,f,5e9,1\n", "line 2, column end_timestamp: must be a number from 0 to 4.2e+09"),
        ("azure-2021", AZURE_2021, "line 1: there must be rows with requests"),
        ("huawei-2025", HUAWEI, "line 1: there must be rows with requests"),
        ("huawei-2025", HUAWEI + "inf,1,r,1,7,p,2,0.1,3\n", "line 2, column time_worker: must be a number"),
        ("huawei-2025", HUAWEI + '1,1,r,1,7,"' + "p" * 140_000 + "\n", "can't be read as CSV: field larger"),
        ("azure-2021", AZURE_2021 + "a,f,1_0,1\n", "line 2, column end_timestamp: must be a number from 0 to 4.2e+09"),
        ("azure-2021", '"' + AZURE_2021, "line 1: can't be read as CSV: unexpected end of data"),
        ("azure-2021", "a" * 140_000 + "\n", "line 1: can't be read as CSV: field larger"),
        ("azure-2021", AZURE_2021 + '"a,f,10,1\na,f,11,1\n', "line 3: can't be read as CSV: unexpected end of data"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_column(tmp_path: Path, kind: str, text: str, error: str) -> None:
    with pytest.raises(BadInput, match=re.escape(error)):
        convert(tmp_path, kind, text)


def test_more_requests_than_fit_are_refused_with_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converters, "_MOST_ROWS", 5)

    with pytest.raises(BadInput, match="has more than 5 invocations up to line 3; make a file of fewer functions"):
        convert(tmp_path, "azure-2019", AZURE_2019 + f"o,a,f,http,{counts(m1=3)}\n" * 2)


def test_progress_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(converters, "_ROWS_BETWEEN_LOOKS", 2)
    path, seen = tmp_path / "data", list[int]()
    path.write_text(AZURE_2021 + "a,f,10,1\n" * 5)
    CONVERTERS["azure-2021"](str(path), length=1, seed=1, progress=seen.append)

    assert seen == [2, 4]

"""Traces as CSV: what is wrong is named by line and column, what is repaired is said, and nothing is dropped."""

from __future__ import annotations

import gzip
import io
import sys
from typing import TYPE_CHECKING

import pytest

from warmkey.plan import csv_traces
from warmkey.plan.containers import WarmContainers
from warmkey.plan.csv_traces import read_trace
from warmkey.plan.errors import BadInput
from warmkey.plan.limits import Limits
from warmkey.plan.replay import replay
from warmkey.plan.trace import NONE, make_trace

if TYPE_CHECKING:
    from pathlib import Path

    from warmkey.plan.trace import Rows, Trace

HEADER = "timestamp,operation,context,bytes,container,data_key\n"


def read(tmp_path: Path, text: str | bytes) -> Rows:
    path = tmp_path / "trace.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_trace(str(path), length=1024, progress=lambda _done: None)


def made(tmp_path: Path, text: str | bytes) -> Trace:
    return make_trace(read(tmp_path, text), WarmContainers())


def test_each_column_is_read(tmp_path: Path) -> None:
    rows = read(tmp_path, HEADER + "10.5,encrypt,a,7,c1,\n11,decrypt,b,0,c2,k1\n12,,a,9,c1,\n")

    assert rows.nanoseconds.tolist() == [10_500_000_000, 11_000_000_000, 12_000_000_000]
    assert rows.decrypts.tolist() == [False, True, False]
    assert rows.contexts.tolist() == [0, 1, 0]
    assert rows.context_labels == ["a", "b"]
    assert rows.lengths.tolist() == [7, 0, 9]
    assert rows.containers is not None
    assert rows.containers.tolist() == [0, 1, 0]
    assert rows.data_keys is not None
    assert rows.data_keys.tolist() == [NONE, 0, NONE]
    assert (rows.ignored, rows.notes) == ({}, [])


def test_optional_columns_are_read(tmp_path: Path) -> None:
    text = "Timestamp,Context,message,branch_key,function,duration\n1,a,m1,t1,f,0.5\n2,b,,t1,g,3\n"
    rows = read(tmp_path, text)

    assert rows.messages is not None
    assert rows.branch_keys is not None
    assert rows.functions is not None
    assert rows.durations is not None
    assert rows.messages.tolist() == [0, NONE]
    assert rows.branch_keys.tolist() == [0, 0]
    assert rows.functions.tolist() == [0, 1]
    assert rows.durations.tolist() == [500_000_000, 3_000_000_000]


@pytest.mark.parametrize(
    ("timestamps", "nanoseconds"),
    [
        (["2026-11-28T12:00:00Z", "2026-11-28T12:00:00.25+00:00"], 250_000_000),
        (["1795867200.1", "1795867260.1"], 60_000_000_000),  # equal fractions stay equal
        (["1795867200000", "1795867260500"], 60_500_000_000),
        (["-5", "0"], 5_000_000_000),
    ],
)
def test_timestamps_are_seconds_or_milliseconds_or_rfc_3339(
    tmp_path: Path, timestamps: list[str], nanoseconds: int
) -> None:
    trace = made(tmp_path, "timestamp,context,container\n" + "".join(f"{each},a,c\n" for each in timestamps))

    assert trace.nanoseconds.tolist() == [0, nanoseconds]


def test_what_was_assumed_of_timestamps_is_said(tmp_path: Path) -> None:
    zoneless = read(tmp_path, "timestamp,context,bytes\n2026-11-28 12:00:00,a,1\n")
    milliseconds = read(tmp_path, "timestamp,context,bytes\n1795867200000,a,1\n")

    assert zoneless.notes == ["timestamps without an offset from UTC, taken as UTC: 1"]
    assert milliseconds.notes == ["timestamps are taken as milliseconds, because they are too large for seconds"]


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("", "is empty; it must have a header and rows"),
        ("\n\n", "is empty; it must have a header and rows"),
        (HEADER, "line 1: there must be rows below the header; there are none"),
        (HEADER + "\n\n", "line 1: there must be rows below the header; there are none"),
        ("1,encrypt,a,1,c,\n", "line 1: must be a header with the columns timestamp and context"),
        ("timestamp,operation\n1,encrypt\n", "line 1: the header must have a column context"),
        ("timestamp,context,timestamp\n1,a,1\n", "line 1: the header must have column timestamp once, not twice"),
        (HEADER + "1,encrypt,a,1,c,\n2,encrypt,a,1,c\n", "line 3: must have 6 columns, as the header has, not 5"),
        (HEADER + "1,encrypt,a,1,c,,extra\n", "line 2: must have 6 columns, as the header has, not 7"),
        (HEADER + ",encrypt,a,1,c,\n", "line 2, column timestamp: must be a number of seconds, or a time as"),
        (HEADER + "x,encrypt,a,1,c,\n", "line 2, column timestamp: must be a number of seconds, or a time as"),
        (
            HEADER + "nan,encrypt,a,1,c,\n",
            "line 2, column timestamp: must be a time in seconds between 1836 and 2103, not 'nan'",
        ),
        (
            HEADER + "inf,encrypt,a,1,c,\n",
            "line 2, column timestamp: must be a time in milliseconds between 1836 and 2103, not 'inf'",
        ),
        (HEADER + "1,encrypt,a,1,c,\n1e12,encrypt,a,1,c,\n", "line 3, column timestamp: must be a time in seconds"),
        (HEADER + "1,encode,a,1,c,\n", "line 2, column operation: must be encrypt or decrypt, not str of length 6"),
        (
            HEADER + "1,encrypt,a,-1,c,\n",
            "line 2, column bytes: must be an integer from 0 to 1125899906842624, not '-1'",
        ),
        (HEADER + "1,encrypt,a,1.5,c,\n", "line 2, column bytes: must be an integer from 0 to"),
        (HEADER + "1,encrypt,a,9" + "9" * 30 + ",c,\n", "line 2, column bytes: must be an integer from 0 to"),
        (HEADER + "1,encrypt,a,1125899906842625,c,\n", "line 2, column bytes: must be an integer from 0 to"),
        (HEADER + "1,encrypt,a,1,,\n", "line 2, column container: is empty; fill it in every row, or leave the column"),
        (
            "timestamp,context,duration\n1,a,-1\n",
            "line 2, column duration: must be a number of seconds from 0 to 86400",
        ),
        ("timestamp,context,duration\n1,a,x\n", "line 2, column duration: must be a number of seconds from 0 to 86400"),
        (HEADER + '1,encrypt,"' + "a" * 200_000 + ",1,c,\n", "line 2: can't be read as CSV: field larger than"),
        (HEADER + "9999-01-01T00:00:00Z,encrypt,a,1,c,\n", "line 2, column timestamp: must be a time between 1836 and"),
        # As Python writes numbers, and nobody else; whatever other rows of the file look like.
        (HEADER + "1,encrypt,a,1_0,c,\n", "line 2, column bytes: must be an integer from 0 to"),
        (HEADER + "1,encrypt,a,+1,c,\n", "line 2, column bytes: must be an integer from 0 to"),
        (HEADER + "1,encrypt,a,--1,c,\n", "line 2, column bytes: must be an integer from 0 to"),
        (HEADER + "1,encrypt,a,\u0663,c,\n", "line 2, column bytes: must be an integer from 0 to"),
        (HEADER + "1_0,encrypt,a,1,c,\n", "line 2, column timestamp: must be a number of seconds, or a time as"),
        (HEADER + "\u0663,encrypt,a,1,c,\n", "line 2, column timestamp: must be a number of seconds, or a time as"),
        ("timestamp,context,duration\n1,a,0.5\n2,a,x\n", "line 3, column duration: must be a number of seconds from 0"),
        ("timestamp,context,duration\n1,a,1_0\n", "column duration: must be a number of seconds from 0 to 86400"),
        (
            HEADER + "1795867200000,encrypt,a,1,c,\n1795867201,encrypt,a,1,c,\n",
            "line 3, column timestamp: must be a time in milliseconds, as the first one is",
        ),
        (HEADER + '1,encrypt,"a,1,c,\n2,encrypt,a,1,c,\n', "line 3: can't be read as CSV: unexpected end of data"),
        ("timestamp" * 300_000, "line 1: must be a header with the columns timestamp and context"),
        (HEADER + "1,encrypt,\0,x,c,\n", "line 2"),
        (b"timestamp,context\n1,\xff\n", "must be text in UTF-8"),
        (b"\x1f\x8bnot gzip", "is damaged as a gzip file"),
        (b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + b"\xff" * 30, "is damaged as a gzip file (error)"),
        (gzip.compress(HEADER.encode() * 100, mtime=0)[:-9], "is damaged as a gzip file"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_column(tmp_path: Path, text: str | bytes, error: str) -> None:
    with pytest.raises(BadInput) as raised:
        read(tmp_path, text)

    assert "trace.csv" in str(raised.value)
    assert error in str(raised.value)


def test_the_line_is_that_of_the_file_whatever_is_quoted_and_blank(tmp_path: Path) -> None:
    text = "\n\n" + HEADER + '1,encrypt,"two\nlines",1,c,\n\n2,encrypt,a,x,c,\n'

    with pytest.raises(BadInput, match=r"line 7, column bytes"):
        read(tmp_path, text)


def test_no_label_is_in_an_error(tmp_path: Path) -> None:
    with pytest.raises(BadInput) as raised:
        read(tmp_path, HEADER + "1,secret-tenant,a,1,c,\n")

    assert "secret-tenant" not in str(raised.value)


@pytest.mark.parametrize(("delimiter", "name"), [(";", "semicolon"), ("\t", "tab"), ("|", "vertical bar")])
def test_another_delimiter_is_found_and_said(tmp_path: Path, delimiter: str, name: str) -> None:
    rows = read(tmp_path, (HEADER + "1,encrypt,a,1,c,\n").replace(",", delimiter))

    assert rows.notes == [f"columns are separated by a {name}"]
    assert rows.lengths.tolist() == [1]


def test_what_is_not_read_or_missing_is_said(tmp_path: Path) -> None:
    rows = read(tmp_path, "timestamp,context,bytes,colour,size\n\n1,a,,x,y\n2,a,5,x,y\n,,,,\n")

    assert rows.lengths.tolist() == [1024, 5]
    assert rows.ignored == {"blank lines": 2}
    assert rows.notes == [
        "columns with other names, which were not read: 2",
        "rows without bytes, taken as 1,024 bytes each: 1",
    ]


def test_a_byte_order_mark_windows_lines_and_spaces_do_no_harm(tmp_path: Path) -> None:
    text = b"\xef\xbb\xbf timestamp , context ,operation\r\n1,a, Decrypt \r\n"

    assert read(tmp_path, text).decrypts.tolist() == [True]


def test_times_that_run_backwards_are_sorted_and_counted(tmp_path: Path) -> None:
    trace = made(tmp_path, "timestamp,context,bytes,container\n5,late,1,c\n1,early,2,c\n3,middle,3,c\n")

    assert trace.nanoseconds.tolist() == [0, 2_000_000_000, 4_000_000_000]
    assert trace.lengths.tolist() == [2, 3, 1]
    assert trace.notes == ["rows earlier than the row before them: 1; all rows were sorted by time"]


def test_a_long_gap_is_said(tmp_path: Path) -> None:
    times = [*range(20), 1000]
    trace = made(tmp_path, "timestamp,context,bytes,container\n" + "".join(f"{each},a,1,c\n" for each in times))

    assert trace.notes == ["the longest time without a row is 981 s of 1,050 s; it was left in"]


def test_rows_of_one_moment_are_no_month(tmp_path: Path) -> None:
    assert made(tmp_path, "timestamp,context,bytes,container\n5,a,1,c\n5,a,1,c\n").notes == [
        "all rows have the same time, so nothing can be said of a month"
    ]


def test_files_are_read_many_rows_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_traces, "_ROWS_AT_A_TIME", 2)
    seen: list[int] = []
    path = tmp_path / "trace.csv.gz"
    path.write_bytes(gzip.compress(b"timestamp,context\n" + b"".join(b"%d,t%d\n" % (n, n % 3) for n in range(5))))

    rows = read_trace(str(path), length=1, progress=seen.append)

    assert rows.contexts.tolist() == [0, 1, 2, 0, 1]
    assert seen == [2, 4, 5]


def test_standard_input_is_read_and_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"timestamp,context\n1,a\n"))
    monkeypatch.setattr(sys, "stdin", stdin)

    rows = read_trace("-", length=1, progress=lambda _done: None)

    assert len(rows.nanoseconds) == 1
    assert not stdin.closed


# --- what a row reads

MESSAGES = "timestamp,operation,context,message\n"
BRANCH_KEYS = "timestamp,operation,context,branch_key\n"


def test_a_row_reads_the_newest_message_of_its_context_and_branch_key(tmp_path: Path) -> None:
    rows = "1,encrypt,a,x\n2,encrypt,a,y\n3,decrypt,a,x\n4,decrypt,a,z\n5,encrypt,b,x\n6,decrypt,a,x\n7,decrypt,b,x\n"
    trace = made(tmp_path, BRANCH_KEYS + rows)

    assert trace.written_by.tolist() == [NONE, NONE, 0, NONE, NONE, 0, 4]
    for strategy in ("caching", "hierarchical"):
        outcome = replay(strategy, trace, Limits(), cold_start=0, progress=lambda _: None)
        assert outcome.decrypt.messages == 4


@pytest.mark.parametrize(
    "text",
    [
        f"{MESSAGES}2,decrypt,b,m\n1,encrypt,a,m\n3,decrypt,b,m\n4,decrypt,a,m\n",
        f"{MESSAGES.strip()},branch_key\n1,encrypt,a,m,x\n2,decrypt,a,m,y\n3,decrypt,a,m,z\n4,decrypt,a,m,x\n",
    ],
    ids=["context", "branch key"],
)
def test_a_message_that_is_read_with_another_context_or_branch_key_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadInput, match=r"must have the context and the branch_key .* others: 2, .* first is row 2 by"):
        made(tmp_path, text)


def test_a_message_may_be_written_again_with_another_context(tmp_path: Path) -> None:
    trace = made(tmp_path, f"{MESSAGES}1,encrypt,a,m\n2,decrypt,a,m\n3,encrypt,b,m\n4,decrypt,b,m\n")

    assert trace.written_by.tolist() == [NONE, 0, NONE, 2]


@pytest.mark.parametrize(("rows", "is_said"), [(10, False), (11, True)])
def test_a_gap_among_ten_rows_is_not_said(tmp_path: Path, rows: int, *, is_said: bool) -> None:
    times = [*range(rows - 1), 1000]
    trace = made(tmp_path, "timestamp,context,bytes,container\n" + "".join(f"{each},a,1,c\n" for each in times))

    assert bool(trace.notes) is is_said

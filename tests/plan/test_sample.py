"""The sample trace is the one that is shipped, and any trace can be written and read again."""

from __future__ import annotations

import gzip
from dataclasses import fields
from pathlib import Path

import numpy as np

from tests.plan.made import random_trace, trace_of
from warmkey.plan.containers import WarmContainers
from warmkey.plan.csv_traces import read_trace
from warmkey.plan.limits import Limits
from warmkey.plan.sample import SEED, csv_of, sample
from warmkey.plan.trace import Trace, make_trace
from warmkey.plan.trace_model import model

SHIPPED = Path(__file__).parents[2] / "examples" / "plan" / "sample-trace.csv.gz"


def read_again(trace: Trace, path: Path, *, show_contexts: bool = False) -> Trace:
    path.write_text("".join(csv_of(trace, show_contexts=show_contexts)))
    return make_trace(read_trace(str(path), length=1024, progress=lambda _done: None), WarmContainers())


def test_the_shipped_trace_is_what_the_generator_makes() -> None:
    made = "".join(csv_of(make_trace(sample(SEED), WarmContainers()), show_contexts=True))

    assert gzip.decompress(SHIPPED.read_bytes()).decode() == made


def test_it_has_twenty_writers_ten_readers_and_twenty_tenants() -> None:
    trace = make_trace(sample(), WarmContainers())

    assert len(np.unique(trace.containers[~trace.decrypts])) == 20
    assert len(np.unique(trace.containers[trace.decrypts])) == 10
    assert set(trace.context_labels) == {f"tenant-{number:02}" for number in range(1, 21)}


def test_another_seed_makes_another_one() -> None:
    assert not np.array_equal(sample(1).nanoseconds, sample(2).nanoseconds)


def test_a_trace_that_is_written_and_read_again_is_the_same(tmp_path: Path) -> None:
    for trace in (
        random_trace(seed=1, rows=300, seconds=100, reads=0.5, random_reads=True),
        random_trace(seed=2, rows=300, seconds=100, reads=0.5),
        trace_of((1.5, "decrypt", "a", 3, "c", "k1"), (2, "decrypt", "b", 0, "d", ""), (3, "encrypt", "b", 9, "c", "")),
    ):
        again = read_again(trace, tmp_path / "trace.csv")

        for field in fields(trace):
            if field.name in ("nanoseconds", "decrypts", "lengths", "written_by", "start"):
                assert np.array_equal(getattr(trace, field.name), getattr(again, field.name)), field.name
        for strategy in ("caching", "hierarchical"):
            first, second = (model(strategy, each, Limits(max_age=20, jitter=0)) for each in (trace, again))
            assert (first.kms_requests, first.hit_ratio) == (second.kms_requests, second.hit_ratio)


def test_branch_keys_are_written_where_they_are_not_the_contexts(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("timestamp,context,bytes,container,branch_key\n1,a,1,c,t\n2,b,1,c,t\n")
    trace = make_trace(read_trace(str(path), length=1, progress=lambda _done: None), WarmContainers())

    assert read_again(trace, path).branch_keys.tolist() == [0, 0]


def test_labels_that_csv_would_take_apart_are_quoted(tmp_path: Path) -> None:
    label = 'a "quoted", label\nof two lines'
    trace = trace_of((1, "encrypt", label, 1, "c", ""))

    assert read_again(trace, tmp_path / "trace.csv", show_contexts=True).context_labels == [label]
    assert read_again(trace, tmp_path / "trace.csv").context_labels == ["context 1"]

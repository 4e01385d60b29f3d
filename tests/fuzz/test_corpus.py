"""The corpus of every target is replayed, and the way in which it is read, written and made small."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fuzz import corpus
from fuzz.targets import NAMES, target

if TYPE_CHECKING:
    from collections.abc import Callable

EACH = pytest.mark.parametrize("name", NAMES)


@EACH
def test_no_input_of_the_corpus_breaks_the_promise(name: str) -> None:
    found, inputs = corpus.read(name)
    tested = target(name)
    with tested.world():
        for data in (*(data for _, data in found), *inputs):
            tested.test(data)

    assert inputs


@EACH
def test_the_file_of_a_target_is_what_is_written(name: str, tmp_path: Path) -> None:
    corpus.write(name, corpus.read(name), tmp_path)

    [written] = tmp_path.iterdir()
    assert written.read_bytes() == (Path(corpus.__file__).with_name("corpus") / written.name).read_bytes()


def test_there_is_no_corpus_of_anything_else() -> None:
    assert {path.stem for path in Path(corpus.__file__).with_name("corpus").iterdir()} == set(NAMES)


def test_what_was_found_stays_apart_with_its_reason(tmp_path: Path) -> None:
    written = corpus.Corpus([("a hang", b"\x00\xff'\"\n"), ("a crash", b"")], [b"a", b"\\"])
    corpus.write("some", written, tmp_path)

    assert corpus.read("some", tmp_path) == written


def test_a_target_without_a_file_has_an_empty_corpus(tmp_path: Path) -> None:
    assert corpus.read("some", tmp_path) == ([], [])


def reaches(lines: dict[bytes, set[int]]) -> Callable[[bytes], set[corpus.Arc]]:
    return lambda data: {("file", line, line) for line in lines[data]}


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        ({b"a": {1}, b"b": {1}}, [b"a"]),
        ({b"b": {1}, b"aa": {1}}, [b"b"]),
        ({b"a": {1}, b"bb": {2}}, [b"a", b"bb"]),
        ({b"a": {1}, b"bb": {1, 2}}, [b"bb"]),
        ({b"a": {1}, b"bb": {2}, b"ccc": {1, 2, 3}}, [b"ccc"]),
        ({b"a": {1}, b"b" * 5_000: {2}}, [b"a"]),
    ],
)
def test_the_shortest_that_are_needed_are_kept(lines: dict[bytes, set[int]], kept: list[bytes]) -> None:
    assert corpus.minimised(reaches(lines), lines) == kept


def test_the_same_candidates_come_of_the_same_seed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(corpus, "BUILD", tmp_path)
    (tmp_path / "corpus" / "messages").mkdir(parents=True)
    (tmp_path / "corpus" / "messages" / "kept").write_bytes(b"by libFuzzer")
    tested = target("messages")

    first, second, other = (list(corpus.candidates("messages", tested, count=5, seed=seed)) for seed in (1, 1, 2))

    assert first == second
    assert first != other
    assert b"by libFuzzer" in first


def test_arcs_are_steps_in_warmkey_alone_and_the_same_each_time() -> None:
    tested = target("messages")
    data = tested.seeds()[0]
    tested.test(data)

    found = corpus.arcs(tested.test, data)

    assert found == corpus.arcs(tested.test, data)
    assert {Path(name).parts[-3:-1] for name, _, _ in found} >= {("warmkey", "client_apis"), ("warmkey", "cmms")}
    assert not [name for name, _, _ in found if "warmkey" not in name]

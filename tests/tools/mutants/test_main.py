"""The whole way, over a small project: what is noticed, what is not, and what is tried again."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING, NamedTuple

import pytest

from layer.project import ROOT
from tools.mutants.__main__ import main
from tools.mutants.noticed import NOTICED, write
from tools.mutants.results import EQUIVALENT, Result

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = """
LIMIT = 10
UNIT = 5


# spec: page.md#limit aaaa
def is_within(number):
    return number < LIMIT


# spec: page.md#longest bbbb
def longest(names):
    return max(names)


def forgotten():
    return not is_within(1)
"""
TESTS = """
from warmkey.sums import UNIT, is_within, longest


def test_the_limit_is_not_within():
    assert is_within(9)
    assert not is_within(10)


def test_the_unit():
    assert UNIT == 5


def test_the_longest_of_one():
    assert longest(["a"])
"""
LEDGER = """
page,anchor,level,hash,source,tests,exception
page.md,limit,MUST,aaaa,src/warmkey/sums.py:is_within,tests/test_sums.py:test_the_limit_is_not_within,
page.md,longest,MUST,bbbb,src/warmkey/sums.py:longest,tests/test_sums.py:test_the_limit_is_not_within,
"""
FILES = {
    "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["src"]\n',
    "src/warmkey/__init__.py": "",
    "src/warmkey/sums.py": SOURCE,
    "tests/test_sums.py": TESTS,
    "tests/conformance/ledger.csv": LEDGER,
    NOTICED: """
        mutant,test
        sums.py: is_within: number < LIMIT -> number <= LIMIT,tests/test_sums.py::test_the_limit_is_not_within
        sums.py: longest: max(names) -> min(names),tests/test_sums.py::test_the_longest_of_one
        sums.py: gone: 1 -> 2,tests/test_sums.py::test_the_longest_of_one
        """,
    EQUIVALENT: """
        [[equivalent]]
        reason = "an example"
        mutants = ["sums.py: longest: max(names) -> min(names)", "sums.py: gone: 1 -> 2"]
        """,
}
PROGRAM = """
import contextlib, io, json, sys
from pathlib import Path
from tools.mutants.__main__ import main

answers = []
for arguments in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as output:
        answers.append([main(arguments, Path.cwd()), output.getvalue()])
print(json.dumps(answers))
"""
RUNS = [
    ["--only", "sums"],
    ["--noticed"],
    ["--requirements", "2"],
    ["--only", "sums"],
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    for name, text in FILES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(textwrap.dedent(text).lstrip())
    return root


class Runs(NamedTuple):
    """Exit code and output of each of RUNS, and what they told of their progress."""

    ended: list[tuple[int, list[str]]]
    told: str


@pytest.fixture(scope="module")
def runs(root: Path) -> Runs:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(RUNS)],
        cwd=root,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout.splitlines()[-1])
    return Runs([(code, output.splitlines()) for code, output in answers], done.stderr)


def test_mutants_are_counted_and_those_that_no_test_notices_are_listed(runs: Runs) -> None:
    code, output = runs.ended[0]

    assert code == 1
    assert output[2:4] == ["| sums.py | 9 | 5 | 0 | 1 | 3 | 0 |", "| all | 9 | 5 | 0 | 1 | 3 | 0 |"]
    assert output[5:] == [
        "src/warmkey/sums.py:16: survived: sums.py: forgotten: return not is_within(1) -> return None",
        "src/warmkey/sums.py:16: survived: sums.py: forgotten: not is_within(1) -> is_within(1)",
        "src/warmkey/sums.py:16: survived: sums.py: forgotten: 1 -> 2",
        f"{EQUIVALENT}: the source has not this mutation any more: sums.py: gone: 1 -> 2",
    ]


def test_numbers_that_a_module_has_or_reads_while_it_loads_are_broken_too(root: Path, runs: Runs) -> None:
    results = map(json.loads, (root / "build/mutants/results.jsonl").read_text().splitlines())

    tests = {each["mutant"]: each["test"] for each in results}
    assert tests["sums.py: module: 10 -> 11"] == "tests/test_sums.py::test_the_limit_is_not_within"
    assert tests["sums.py: module: 5 -> 6"] == "tests/test_sums.py::test_the_unit"


def test_noticed_mutants_are_tried_again_with_the_tests_that_noticed(runs: Runs) -> None:
    assert runs.ended[1] == (
        1,
        ["tests/test_sums.py::test_the_longest_of_one does not notice sums.py: longest: max(names) -> min(names)"],
    )
    assert "2 of the 3 mutants" in runs.told


def test_a_draw_takes_what_was_noticed_quickly(tmp_path: Path) -> None:
    (tmp_path / NOTICED).parent.mkdir(parents=True)
    found = [
        Result(mutant="a, quickly", status="killed", test="tests/test_a.py::test_a", seconds=0.2, state=""),
        Result(mutant="b, slowly", status="killed", test="tests/test_a.py::test_a", seconds=20, state=""),
        Result(mutant="c, never", status="survived", test="", seconds=0.2, state=""),
        Result(mutant="d, by time", status="timeout", test="tests/test_a.py::test_a", seconds=0.2, state=""),
    ]
    write(tmp_path, found, number=4, seed=17)

    assert (tmp_path / NOTICED).read_text() == 'mutant,test\n"a, quickly",tests/test_a.py::test_a\n'


def test_a_requirement_that_its_test_does_not_notice_is_listed(runs: Runs) -> None:
    assert runs.ended[2] == (
        1,
        [
            f"page.md#longest bbbb: sums.py: longest: {change}: not noticed by "
            "tests/test_sums.py::test_the_limit_is_not_within"
            for change in ["max(names) -> min(names)", "return max(names) -> return None"]
        ],
    )


def test_what_is_known_is_not_tried_again(runs: Runs) -> None:
    assert "0 mutants to try" in runs.told
    assert runs.ended[3] == runs.ended[0]


def test_a_result_counts_while_module_and_tests_are_as_they_were(
    root: Path, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    more = TESTS.replace("import UNIT", "import UNIT, forgotten") + "\n\ndef test_more():\n    assert not forgotten()\n"
    (root / "tests/test_sums.py").write_text(more)
    assert main(["--only", "sums", "--report"], root) == 1

    assert "| sums.py | 9 | 0 | 0 | 1 | 0 | 8 |" in capsys.readouterr().out

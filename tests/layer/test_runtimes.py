"""One list of runtimes and architectures: whoever names them elsewhere agrees with it."""

from __future__ import annotations

import re
import tomllib
from datetime import date
from typing import TYPE_CHECKING

import pytest

from layer import runtimes
from layer.project import ROOT
from layer.runtimes import ARCHITECTURES, HOST, PREVIEWS, RUNTIMES, SNAPSTART, interpreter, lambda_name

if TYPE_CHECKING:
    from pathlib import Path

OLDEST, NEWEST = RUNTIMES[0], RUNTIMES[-1]
NAMES = [*map(lambda_name, RUNTIMES)]
# Files that name runtimes or architectures as a list or as a range.
PROSE = [
    "Makefile",
    "README.md",
    "CHANGELOG.md",
    "requirements/README.md",
    "tools/find_python.sh",
    *sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "docs").rglob("*.md")),
]
RANGE = re.compile(r"\b(?:python|Python )?(3\.\d+) (?:to|through|–) (?:python|Python )?(3\.\d+)\b")
LISTED = re.compile(r"python3\.\d+(?:[, ]+python3\.\d+)+")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def values(text: str, name: str) -> list[str]:
    """The items of each ``NAME: [a, b]`` of a YAML file."""
    return re.findall(rf"\b{name}: \[([^\]]*)\]", text)


def test_the_list_is_in_order_and_previews_come_after_it() -> None:
    every = (*RUNTIMES, *PREVIEWS)

    assert sorted(every, key=lambda runtime: int(runtime.partition(".")[2])) == [*every]


def test_each_runtime_says_until_when_lambda_supports_it() -> None:
    rows = tomllib.loads(read("layer/runtimes.toml"))["runtime"]

    assert all(isinstance(row["until"], date) for row in rows)
    assert [row["until"] for row in rows] == sorted(row["until"] for row in rows)


def test_the_package_is_for_the_same_pythons() -> None:
    project = tomllib.loads(read("pyproject.toml"))["project"]
    classified = [name.rpartition(" ")[2] for name in project["classifiers"] if "Python :: 3." in name]

    assert project["requires-python"] == f">={OLDEST}"
    assert classified == [*RUNTIMES]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CompatibleRuntimes", {", ".join(NAMES)}),
        ("CompatibleArchitectures", {*ARCHITECTURES}),
    ],
)
def test_each_layer_of_the_template_names_them(name: str, expected: set[str]) -> None:
    assert set(values(read("template.yaml"), name)) == expected


def test_the_parameters_of_the_template_allow_them() -> None:
    allowed = [item.split(", ") for item in values(read("template.yaml"), "AllowedValues")]

    assert NAMES in allowed
    assert sorted(ARCHITECTURES) in map(sorted, allowed)


def test_the_template_refuses_snapstart_where_lambda_has_none() -> None:
    refused = re.findall(r"!Ref Runtime, (python3\.\d+)", read("template.yaml"))

    assert set(refused) == {lambda_name(runtime) for runtime in RUNTIMES if runtime not in SNAPSTART}


def test_the_makefile_builds_for_every_architecture() -> None:
    (listed,) = re.findall(r"^ARCHITECTURES := (.*)$", read("Makefile"), re.MULTILINE)

    assert listed.split() == [*ARCHITECTURES]


def test_sam_can_build_a_layer_for_every_architecture() -> None:
    built = re.findall(r"\$\(call build,full,(\w+)\)", read("layer/Makefile"))

    assert sorted(built) == sorted(ARCHITECTURES)


def test_the_finder_of_a_python_looks_for_every_runtime() -> None:
    finder = read("tools/find_python.sh")
    named = set(re.findall(r"\bpython(3\.\d+)\b", finder))

    assert named == {*RUNTIMES}
    assert f"(3, {OLDEST[2:]}) <= sys.version_info[:2] <= (3, {NEWEST[2:]})" in finder


@pytest.mark.parametrize("name", PROSE)
def test_what_is_written_of_runtimes_is_true(name: str) -> None:
    text = " ".join(read(name).split())
    ranges = set(RANGE.findall(text))
    lists = {tuple(re.findall(r"3\.\d+", listed)) for listed in LISTED.findall(text)}

    assert ranges <= {(OLDEST, NEWEST)}
    assert {listed for listed in lists if len(listed) > 2} - {tuple(RUNTIMES), tuple(reversed(RUNTIMES))} == _finder(
        name
    )


def _finder(name: str) -> set[tuple[str, ...]]:
    """The order in which a Python is looked for is one of preference."""
    return {("3.13", "3.12", "3.14", "3.11")} if name == "tools/find_python.sh" else set()


def test_an_interpreter_is_the_environment_of_this_clone_before_one_that_was_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "_CLONE", tmp_path)
    made, fetched = tmp_path / f".venv-runtime-{NEWEST}", tmp_path / "build" / "pythons" / f"{NEWEST}-{HOST}"
    found = [interpreter(NEWEST)]
    for place in (fetched, made):
        place.mkdir(parents=True)
        (place / ".installed").touch()
        found.append(interpreter(NEWEST))

    assert found == [None, fetched / "bin" / "python", made / "bin" / "python"]


def test_a_python_that_was_not_fetched_to_its_end_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtimes, "_CLONE", tmp_path)
    (tmp_path / "build" / "pythons" / f"{NEWEST}-arm64" / "bin").mkdir(parents=True)

    assert interpreter(NEWEST, "arm64") is None

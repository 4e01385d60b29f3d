"""A mutation reaches functions that are loaded, however they are held, and modules that are yet to load."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import pytest

from tools.mutants.replacement import break_import, replace_functions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import ModuleType

TEXT = """
import functools
NUMBER = 1

def plain(step=2):
    return NUMBER + 1

@functools.cache
def cached():
    return NUMBER + 2

def outer(number):
    def inner():
        return number + 3
    return inner

class A:
    @property
    def held(self):
        return NUMBER + 4

short = lambda: NUMBER + 5
closure = outer(1)
"""
NAME = "module_to_break"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / f"{NAME}.py"
    path.write_text(TEXT)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    yield path
    sys.modules.pop(NAME, None)


def loaded() -> ModuleType:
    return importlib.import_module(NAME)


@pytest.mark.parametrize(
    ("expression", "before", "place"),
    [
        ("plain()", 2, "+ 1"),
        ("cached()", 3, "+ 2"),
        ("outer(1)()", 4, "+ 3"),
        ("closure()", 4, "+ 3"),
        ("A().held", 5, "+ 4"),
    ],
)
def test_a_loaded_function_becomes_the_broken_one(path: Path, expression: str, before: int, place: str) -> None:
    module = loaded()

    assert replace_functions(path, TEXT.replace(place, f"{place}0"))
    assert eval(expression, vars(module)) == before + 9 * int(place[2:])


@pytest.mark.parametrize("place", ["NUMBER = 1", "step=2", "+ 5"])
def test_what_runs_when_the_module_loads_cannot_be_replaced(path: Path, place: str) -> None:
    loaded()

    assert not replace_functions(path, TEXT.replace(place, f"{place}0"))


def test_nothing_changes_where_nothing_is_broken(path: Path) -> None:
    loaded()

    assert not replace_functions(path, TEXT)


def test_a_module_is_loaded_as_broken(path: Path) -> None:
    break_import(NAME, path, TEXT.replace("NUMBER = 1", "NUMBER = 10"))

    assert loaded().plain() == 11


def test_a_package_stays_a_package_and_other_modules_stay_whole(path: Path) -> None:
    package = path.parent / "package_to_break"
    package.mkdir()
    (package / "__init__.py").write_text("NUMBER = 1")
    (package / "other.py").write_text("NUMBER = 1")
    break_import(package.name, package / "__init__.py", "NUMBER = 2")

    assert importlib.import_module(package.name).NUMBER == 2
    assert importlib.import_module(f"{package.name}.other").NUMBER == 1


def test_a_module_that_is_loaded_already_would_stay_whole(path: Path) -> None:
    loaded()

    with pytest.raises(RuntimeError, match=NAME):
        break_import(NAME, path, TEXT)

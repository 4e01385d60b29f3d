"""Which items of pytest a list of tests means."""

from __future__ import annotations

from typing import Any, NamedTuple

from tools.mutants.session import named


class Item(NamedTuple):
    nodeid: str


ITEMS: list[Any] = [*map(Item, ["a.py::f[1]", "a.py::f[2]", "a.py::f[3]", "a.py::g", "b.py::C::f"])]


def found(*tests: str) -> list[str]:
    return [item.nodeid for item in named(ITEMS, tests)]


def test_tests_keep_their_order() -> None:
    assert found("b.py::C::f", "a.py::f[2]", "a.py::f[1]") == ["b.py::C::f", "a.py::f[2]", "a.py::f[1]"]


def test_a_name_without_parameters_means_all_of_them() -> None:
    assert found("a.py::g", "a.py::f") == ["a.py::g", "a.py::f[1]", "a.py::f[2]", "a.py::f[3]"]


def test_so_does_one_whose_parameters_a_mutant_has_changed() -> None:
    assert found("a.py::f[2]", "a.py::f[gone]") == ["a.py::f[2]", "a.py::f[1]", "a.py::f[3]"]


def test_a_test_that_is_not_there_is_passed_over() -> None:
    assert found("a.py::gone", "a.py::g") == ["a.py::g"]

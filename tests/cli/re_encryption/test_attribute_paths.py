"""Attributes inside maps and lists: how they are named, found, and written in an expression."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from warmkey import ConfigurationError
from warmkey.cli.re_encryption.attribute_paths import check_apart, read_path

ITEM: dict[str, Any] = {
    "_sealed": {"B": b"top"},
    "payload": {"M": {"secret": {"B": b"in a map"}, "a.b": {"B": b"with a dot"}, "empty": {"NULL": True}}},
    "lines": {"L": [{"M": {"note": {"S": "first"}}}, {"L": [{"B": b"deep"}]}]},
    "text": {"S": "payload.secret"},
}


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("_sealed", ("_sealed",)),
        ("payload.secret", ("payload", "secret")),
        ("lines[0].note", ("lines", 0, "note")),
        ("lines[1][0]", ("lines", 1, 0)),
        (r"payload.a\.b", ("payload", "a.b")),
        (r"a\[0\]\\", ("a[0]\\",)),
        ("naïve key-1", ("naïve key-1",)),
    ],
)
def test_a_path_is_read(text: str, steps: tuple[str | int, ...]) -> None:
    assert read_path(text).steps == steps


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "must have a name at character 1"),
        (".a", "must have a name at character 1"),
        ("a.", "must have a name at character 3"),
        ("a..b", "must have a name at character 3"),
        ("[0]", "must have a name at character 1"),
        ("a[0]b", r"must go on with a dot or with a place such as \[0\] at character 5"),
        ("a[x]", "must go on with a dot"),
        ("a[-1]", "must go on with a dot"),
        ("a]", "must go on with a dot"),
        ("a\\", "must go on with a dot"),
        (r"a\b", "must go on with a dot"),
        (".".join("a" * 33), "must have 32 names and places or fewer"),
    ],
)
def test_what_is_no_path_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read_path(text)


@given(some.lists(some.one_of(some.text(min_size=1), some.integers(0, 99_999)), min_size=1, max_size=32))
def test_every_name_can_be_written(steps: list[str | int]) -> None:
    first, *others = steps
    text = _quoted(str(first))
    for step in others:
        text += f"[{step}]" if isinstance(step, int) else f".{_quoted(step)}"

    assert read_path(text).steps == (str(first), *others)


def _quoted(name: str) -> str:
    return "".join(f"\\{character}" if character in ".[]\\" else character for character in name)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("_sealed", {"B": b"top"}),
        ("payload.secret", {"B": b"in a map"}),
        (r"payload.a\.b", {"B": b"with a dot"}),
        ("lines[0].note", {"S": "first"}),
        ("lines[1][0]", {"B": b"deep"}),
        ("lines[2]", None),
        ("lines[0][0]", None),
        ("lines.note", None),
        ("payload[0]", None),
        ("payload.other", None),
        ("payload.secret.more", None),
        ("payload.empty.more", None),
        ("text.secret", None),
        ("other.secret.more", None),
    ],
)
def test_a_value_is_found_where_it_is(text: str, value: Any) -> None:
    assert read_path(text).find(ITEM) == value


def test_each_name_has_a_placeholder() -> None:
    seen: dict[str, str] = {}

    def placeholder(name: str) -> str:
        return seen.setdefault(name, f"#{len(seen)}")

    assert read_path(r"a.b[0][12].a.c\.d").expression(placeholder) == "#0.#1[0][12].#0.#2"
    assert list(seen) == ["a", "b", "c.d"]


@pytest.mark.parametrize("texts", [("a", "a.b"), ("a.b", "a"), ("a[0].b", "a[0]"), ("a[0]", "a[00]")])
def test_one_inside_another_is_refused(texts: tuple[str, str]) -> None:
    with pytest.raises(ConfigurationError, match=r"is inside --attribute .*; give one of them"):
        check_apart([read_path(text) for text in texts])


def test_neighbours_are_apart() -> None:
    check_apart([read_path(text) for text in ("a.b", "a.c", "ab", "a[1]", "a[10]")])

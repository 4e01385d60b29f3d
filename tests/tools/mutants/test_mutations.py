"""What is broken, how, and what is left alone."""

from __future__ import annotations

import ast
import textwrap

import pytest

from tools.mutants.mutations import mutations_of


def broken(text: str) -> list[str]:
    """Return what *text* becomes, as Python writes it."""
    return [ast.unparse(ast.parse(each.source)) for each in mutations_of(text, "a.py")]


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("a < b", ["a <= b"]),
        ("a == b", ["a != b"]),
        ("a is b", ["a is not b"]),
        ("a in b", ["a not in b"]),
        ("a <= b < c", ["a < b < c", "a <= b <= c"]),
        ("a and b", ["a or b"]),
        ("not a", ["a"]),
        ("-a", ["a"]),
        ("a + b", ["a - b"]),
        ("a // b", ["a * b"]),
        ("a += b", ["a -= b", "pass"]),
        ("a | b", ["a & b"]),
        ("True", ["False"]),
        ("7", ["8"]),
        ("0.5", ["2.0"]),
        ("b'a'", ["b'ax'"]),
        ("max(a, b)", ["pass", "min(a, b)"]),
        ("call()", ["pass"]),
        ("await_ = a.b(c)", []),
        ("a.b = c", ["pass"]),
        ("a.b: int = c", ["pass"]),
        ("a[b] = c", ["pass"]),
        ("del a[b]", ["pass"]),
        ("del a", []),
        ("raise A(1 + 1)", ["pass"]),
        ("x = a if b else c", ["x = a if not b else c"]),
        ("x = [a for a in b if a]", ["x = [a for a in b if not a]"]),
    ],
)
def test_a_piece_becomes_its_neighbour(text: str, others: list[str]) -> None:
    assert sorted(broken(text)) == sorted(others)


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("return a", ["return None"]),
        ("return None", []),
        ("return False", ["return True"]),
        ("while a:\n    break", ["while not a:\n    break", "while a:\n    continue"]),
        ("if a < b:\n    pass", ["if a <= b:\n    pass"]),
    ],
)
def test_in_a_function_too(text: str, others: list[str]) -> None:
    expected = [f"def f():\n{textwrap.indent(other, '    ')}" for other in others]

    assert sorted(broken(f"def f():\n{textwrap.indent(text, '    ')}")) == sorted(expected)


@pytest.mark.parametrize(
    "text",
    [
        '"""A text."""',
        "a = 'a text'",
        "a: Literal[1]",
        "def f(a: Literal[1]) -> Literal[2]: ...",
        "@decorator(1)\ndef f(): ...",
        "class A(B[1]): ...",
        "if TYPE_CHECKING:\n    a = 1",
        "a = zip(b, strict=True)",
        "a = cast('int', 1)",
        "A: TypeAlias = B | C | list[D] | None",
        "assert 1 + 1",
        "a = f'{1}'",
    ],
)
def test_what_people_and_type_checkers_read_is_left_alone(text: str) -> None:
    assert broken(text) == []


def test_a_name_says_where_and_what_and_counts_repetitions() -> None:
    text = "class A:\n    def f(self):\n        return 1, (\n            1\n        )\n"

    assert [each.name for each in mutations_of(text, "a/b.py")] == [
        "a/b.py: A.f: 1 -> 2",
        "a/b.py: A.f: 1 -> 2 #2",
        "a/b.py: A.f: return (1, 1) -> return None",
    ]


def test_each_line_of_the_rest_keeps_its_number() -> None:
    text = "if (\n    é\n    + b  # why\n):\n    last = g(\n        1\n    )\n"

    assert {each.source.count("\n") for each in mutations_of(text, "a.py")} == {text.count("\n")}
    assert all(each.source.splitlines()[6].endswith(")") for each in mutations_of(text, "a.py"))


def test_a_test_meets_a_mutation_from_the_first_line_of_its_statement() -> None:
    text = "a = [\n    b,\n    c + d,\n]\n"

    assert [each.lines for each in mutations_of(text, "a.py")] == [(1, 3)]

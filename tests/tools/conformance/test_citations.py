"""Where a claim belongs."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from tools.conformance.citations import citations, references
from tools.conformance.ledger import Key

if TYPE_CHECKING:
    from pathlib import Path

CLAIM = "# spec: framework/caching-cmm.md#limit-bytes 3f2a"
KEY = Key("framework/caching-cmm.md", "limit-bytes", "3f2a")


def write(root: Path, text: str, name: str = "src/a.py") -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return root


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"{CLAIM}\ndef f(): pass", "f"),
        (f"{CLAIM}\n@one\n@two(1)\ndef f(): pass", "f"),
        (f"@one\n{CLAIM}\nasync def f(): pass", "f"),
        (f"@one([\n    {CLAIM}\n    1,\n])\ndef f(): pass", "f"),
        (f"def f():\n    x = 1\n    {CLAIM}\n    y = 1", "f"),
        (f"def f():\n    x = 1  {CLAIM}\n\ndef g(): pass", "f"),
        (f"def f():\n    def g():\n        {CLAIM}\n        return 1", "f"),
        (f"class A:\n    {CLAIM}\n    def f(self): pass", "A.f"),
        (f"class A:\n    {CLAIM}\n\n    # Why.\n    @one\n    def f(self): pass", "A.f"),
        (f"class A:\n    {CLAIM}\n    field: int = 1", "A.field"),
        (f"{CLAIM}\nclass A:\n    def f(self): pass", "A"),
        (f"{CLAIM}\nLIMIT = 1", "LIMIT"),
        (f"LIMIT: int = 1  {CLAIM}", "LIMIT"),
        (f"{CLAIM}\nprint()", ""),
    ],
)
def test_a_claim_belongs_to_what_it_is_in_or_above(tmp_path: Path, text: str, place: str) -> None:
    (found,) = citations(write(tmp_path, text), "src")

    assert (found.place, found.keys, found.problem) == (f"src/a.py:{place}".rstrip(":"), (KEY,), "")


def test_a_comment_may_name_several_sentences_of_a_section(tmp_path: Path) -> None:
    (found,) = citations(write(tmp_path, f"{CLAIM} 0123abcd\nA = 1"), "src")

    assert found.keys == (KEY, KEY._replace(hash="0123abcd"))


def test_comments_above_each_other_belong_to_the_same(tmp_path: Path) -> None:
    found = citations(write(tmp_path, f"{CLAIM}\n{CLAIM}\nA = 1"), "src")

    assert [(one.line, one.place) for one in found] == [(1, "src/a.py:A"), (2, "src/a.py:A")]


def test_a_comment_without_a_hash_claims_nothing(tmp_path: Path) -> None:
    found = citations(write(tmp_path, "# spec: a/b.md#c\nA = 1\n# spec: a/b.md\nB = 1"), "src")

    assert [(one.page, one.keys) for one in found] == [("a/b.md", ())] * 2


@pytest.mark.parametrize("comment", ["# spec: a/b.md#c 3f2", "# spec: a/b.md#c 3f2a, #d 3f2a", "# spec: nothing"])
def test_another_form_is_a_problem(tmp_path: Path, comment: str) -> None:
    (found,) = citations(write(tmp_path, f"{comment}\nA = 1"), "src")

    assert found.problem == f"must be like '# spec: page.md#anchor 3f2a', not {comment!r}"


def test_text_that_looks_like_a_claim_is_none(tmp_path: Path) -> None:
    assert citations(write(tmp_path, f'A = """\n{CLAIM}\n"""'), "src") == []


def test_only_the_folders_that_were_asked_for_are_read(tmp_path: Path) -> None:
    write(tmp_path, f"{CLAIM}\nA = 1", "tests/b/test_a.py")

    assert citations(tmp_path, "src") == []
    assert [found.path for found in citations(tmp_path, "src", "tests")] == ["tests/b/test_a.py"]


def test_references_are_pages_and_anchors(tmp_path: Path) -> None:
    text = '''
    """Encrypt.

    Source: client-apis/encrypt.md#input, #output,
    framework/structures.md
    """
    # Source: framework/caching-cmm.md#limit-bytes,
    # #limit-messages.
    # Source: the AWS KMS API reference.
    '''

    assert [(found.page, found.anchor) for found in references(write(tmp_path, text), "src")] == [
        ("client-apis/encrypt.md", "input"),
        ("client-apis/encrypt.md", "output"),
        ("framework/structures.md", ""),
        ("framework/caching-cmm.md", "limit-bytes"),
        ("framework/caching-cmm.md", "limit-messages"),
    ]


def test_a_reference_begins_its_line(tmp_path: Path) -> None:
    assert references(write(tmp_path, "A = 'Source: framework/structures.md#a'"), "src") == []


def test_what_is_neither_page_nor_anchor_is_kept_for_the_check(tmp_path: Path) -> None:
    assert [found.page for found in references(write(tmp_path, "# Source: framwork/a.md#b"), "src")] == [
        "framwork/a.md#b",
    ]

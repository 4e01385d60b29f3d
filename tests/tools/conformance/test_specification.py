"""What counts as a requirement, and what its hash covers."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tools.conformance.specification import anchors, commit_of, pages, requirements

if TYPE_CHECKING:
    from pathlib import Path


def found(markdown: str) -> list[tuple[str, str, str]]:
    return [(made.anchor, made.level, made.text) for made in requirements("page.md", markdown)]


def hashes(markdown: str) -> list[str]:
    return [made.hash for made in requirements("page.md", markdown)]


def test_a_sentence_with_a_word_of_rfc_2119_is_a_requirement() -> None:
    text = "# Cache\n\nA cache keeps keys. It MUST\nforget them. Callers may ask."

    assert found(text) == [("cache", "MUST", "It MUST forget them.")]


@pytest.mark.parametrize(
    ("words", "level"),
    [
        ("MUST", "MUST"),
        ("MUST NOT", "MUST NOT"),
        ("MAY ask and MUST NOT", "MUST NOT"),
        ("MUST be OPTIONAL and MUST", "MUST"),
        ("SHALL", "MUST"),
        ("SHALL NOT", "MUST NOT"),
        ("is REQUIRED to", "MUST"),
        ("SHOULD", "SHOULD"),
        ("SHOULD NOT", "SHOULD NOT"),
        ("is NOT RECOMMENDED to", "SHOULD NOT"),
        ("is RECOMMENDED to", "SHOULD"),
        ("MAY", "MAY"),
        ("is OPTIONAL to", "MAY"),
    ],
)
def test_the_strictest_word_is_the_level(words: str, level: str) -> None:
    assert found(f"# A\n\nIt {words} wait.") == [("a", level, f"It {words} wait.")]


def test_the_explanation_of_the_words_is_not_a_requirement() -> None:
    assert found('# A\n\nThe key words "MUST", "MUST NOT" and "MAY" are explained in RFC 2119.') == []


def test_an_abbreviation_does_not_end_a_sentence() -> None:
    assert [text for *_, text in found("# A\n\nIt MUST wait, e.g. a second. Or not.")] == [
        "It MUST wait, e.g. a second."
    ]


def test_markup_addresses_and_line_breaks_do_not_count() -> None:
    plain = "# A\n\nIt MUST use the cache now."

    assert hashes("# A\n\nIt **MUST** use\nthe [cache](cache.md#a) `now`.") == hashes(plain)


def test_every_word_counts() -> None:
    assert hashes("# A\n\nIt MUST wait.") != hashes("# A\n\nIt MUST not wait.")


def test_a_colon_takes_in_the_list_that_follows() -> None:
    text = "# A\n\nIt MUST have:\n\n- a name\n- parts:\n  - one"

    assert found(text) == [("a", "MUST", "It MUST have: a name parts: one")]


def test_a_sentence_without_a_full_stop_takes_it_in_too() -> None:
    assert found("# A\n\nIt MUST\n\n- wait\n- stop") == [("a", "MUST", "It MUST wait stop")]
    assert found("# A\n\nIt MUST wait.\n\n- now") == [("a", "MUST", "It MUST wait.")]
    assert found("# A\n\nIt MUST wait\n\nThen it stops.") == [("a", "MUST", "It MUST wait")]


def test_a_colon_takes_in_a_table_and_code() -> None:
    table = "# A\n\nIt MUST have:\n\n| Name | Type |\n| --- | --- |\n| id | S |"

    assert found(table) == [("a", "MUST", "It MUST have: Name Type id S")]
    assert found("# A\n\nIt MUST be:\n\n```\na + b\n```") == [("a", "MUST", "It MUST be: a + b")]


def test_a_colon_takes_in_what_another_colon_announces() -> None:
    assert found("# A\n\nIt MUST call:\n\nList of items:\n\n- one") == [
        ("a", "MUST", "It MUST call: List of items: one"),
    ]


def test_a_colon_takes_in_nothing_of_what_says_must_itself() -> None:
    assert found("# A\n\nIt MUST have:\n\n- a name\n- MUST have an age\n\nIt MUST be:\n\nIt MUST go:\n\n# B") == [
        ("a", "MUST", "It MUST have: a name"),
        ("a", "MUST", "MUST have an age"),
        ("a", "MUST", "It MUST be:"),
        ("a", "MUST", "It MUST go:"),
    ]


def test_a_list_is_no_requirement_of_a_sentence_without_a_word_for_it() -> None:
    assert found("# A\n\nThese are kept:\n\n- one\n- two MUST be last") == [("a", "MUST", "two MUST be last")]


def test_a_row_of_a_table_is_a_sentence() -> None:
    assert found("# A\n\n| Name | Rule |\n| --- | --- |\n| id | MUST be `1` |") == [("a", "MUST", "id MUST be 1")]


def test_anchors_are_those_of_github() -> None:
    text = "# Get Encryption Materials (`v2`)\n\nIt MUST.\n\n## A_b\n\nIt MUST.\n\n# a_b\n\nIt MUST."

    assert [anchor for anchor, *_ in found(text)] == ["get-encryption-materials-v2", "a_b", "a_b-1"]
    assert anchors(text) == {"get-encryption-materials-v2", "a_b", "a_b-1"}


def test_a_sentence_that_a_section_repeats_is_one_requirement() -> None:
    assert len(found("# A\n\nIt MUST. It MUST.\n\n# B\n\nIt MUST.")) == 2


def test_hashes_are_unique_in_a_section() -> None:
    sentences = [f"It MUST be {number}." for number in range(700)]

    made = hashes("# A\n\n" + "\n\n".join(sentences))

    assert len(set(made)) == len(sentences)
    assert {len(digits) for digits in made} == {4, 8}  # those that share the first four digits show eight


def test_the_pages_are_those_that_may_concern_us(tmp_path: Path) -> None:
    for name in ("client-apis/client.md", "framework/aws-kms/key.md", "framework/test-vectors/a.md", "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    assert pages(tmp_path) == ["client-apis/client.md", "framework/aws-kms/key.md"]


def test_the_commit_is_that_of_the_checkout(tmp_path: Path) -> None:
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    for arguments in (("init", "-q"), (*author, "commit", "-q", "--allow-empty", "-m", "a")):
        subprocess.run(["git", "-C", tmp_path, *arguments], check=True, timeout=60)

    assert len(commit_of(tmp_path)) == 40

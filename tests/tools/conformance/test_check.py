"""What the check of the ledger finds, in a repository of two files and a specification of one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools.conformance.__main__ import main
from tools.conformance.check import problems
from tools.conformance.ledger import read_exceptions, read_rows

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "framework/caching-cmm.md"
SPECIFICATION = """\
# Caching CMM

It MUST cache. It MUST NOT wait. It MAY sleep.

## Limits

It MUST have limits.
"""
CACHE, WAIT, SLEEP = f"{PAGE}#caching-cmm 033b", f"{PAGE}#caching-cmm 20fb", f"{PAGE}#caching-cmm dc05"
LIMITS = f"{PAGE}#limits beeb"
CLAIMS = f"# spec: {CACHE}\n# spec: {WAIT}\n# spec: {LIMITS}\n"


class Repository:
    """A clone with a ledger, and a checkout of the specification beside it."""

    def __init__(self, folder: Path) -> None:
        self.root, self.checkout = folder / "clone", folder / "specification"
        self.write("tests/conformance/exceptions.toml", 'commit = "c0ffee"\n')
        self.write("tests/conformance/ledger.csv", "page,anchor,level,hash,source,tests,exception\n")
        self.write("docs/conformance.md", "")
        self.claim(source=CLAIMS, tests=CLAIMS)
        self.specify(SPECIFICATION)
        self.spec("--update")

    def write(self, name: str, text: str) -> None:
        (self.root / name).parent.mkdir(parents=True, exist_ok=True)
        (self.root / name).write_text(text)

    def specify(self, text: str, page: str = PAGE) -> None:
        (self.checkout / page).parent.mkdir(parents=True, exist_ok=True)
        (self.checkout / page).write_text(text)

    def claim(self, *, source: str | None = None, tests: str | None = None) -> None:
        if source is not None:
            self.write("src/warmkey/a.py", f"{source}def f(): pass\n")
        if tests is not None:
            self.write("tests/test_a.py", f"{tests}def test_f(): pass\n")

    def spec(self, *options: str) -> int:
        return main(["spec", str(self.checkout), *options], self.root)

    def problems(self, *, written: bool = True) -> list[str]:
        if written:
            main(["ledger"], self.root)
        return problems(self.root)

    def except_(self, text: str) -> None:
        self.write("tests/conformance/exceptions.toml", f'commit = "c0ffee"\n["{PAGE}"]\n{text}\n')


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setattr("tools.conformance.__main__.commit_of", lambda _checkout: "c0ffee")
    return Repository(tmp_path)


def test_claims_of_both_sides_are_enough(repository: Repository) -> None:
    assert repository.problems() == []


def test_a_must_needs_a_claim_of_each_side(repository: Repository) -> None:
    repository.claim(source=f"# spec: {CACHE} 20fb\n", tests=f"# spec: {CACHE}\n")

    assert repository.problems() == [f"{WAIT} is claimed by no test", f"{LIMITS} is claimed by no source and test"]


def test_may_and_should_need_none(repository: Repository) -> None:
    assert [row.level for row in read_rows(repository.root) if not row.source] == ["MAY"]


def test_an_exception_does_in_place_of_claims(repository: Repository) -> None:
    claims = f"# spec: {CACHE}\n"
    repository.claim(source=claims, tests=claims)
    repository.except_('"caching-cmm 20fb" = "we wait"\n"limits" = "we have none"')

    assert repository.problems() == []
    assert {row.hash: row.exception for row in read_rows(repository.root) if row.exception} == {
        "20fb": "we wait",
        "beeb": "we have none",
    }


def test_a_page_can_be_an_exception(repository: Repository) -> None:
    repository.claim(source="", tests="")
    repository.except_('page = "not ours"')

    assert repository.problems() == []


def test_what_is_claimed_is_not_an_exception(repository: Repository) -> None:
    repository.except_('"limits" = "we have none"')

    assert repository.problems() == [
        f"{LIMITS} has an exception, and src/warmkey/a.py:f, tests/test_a.py:test_f claims it"
    ]


@pytest.mark.parametrize("named", ["limits 0000", "nowhere"])
def test_an_exception_names_what_there_is(repository: Repository, named: str) -> None:
    repository.except_(f'"{named}" = "why"')

    where = f"{PAGE}#{named}"
    assert repository.problems() == [
        f"tests/conformance/exceptions.toml: {where} is not in tests/conformance/ledger.csv"
    ]


@pytest.mark.parametrize("entry", ['"limits 3f" = "why"', '"limits" = ""', '"limits" = 1', 'open = "yes"\n"a b" = "x"'])
def test_an_exception_has_a_form_and_a_reason(repository: Repository, entry: str) -> None:
    repository.except_(entry)

    with pytest.raises(ValueError, match=r'must have entries like "anchor 3f2a" = "reason", not '):
        read_exceptions(repository.root)


def test_a_claim_names_what_there_is(repository: Repository) -> None:
    repository.claim(tests=f"{CLAIMS}# spec: {PAGE}#limits 0000\n")

    assert repository.problems() == [f"tests/test_a.py:4: {PAGE}#limits 0000 is not in tests/conformance/ledger.csv"]


def test_a_claim_has_its_form(repository: Repository) -> None:
    repository.claim(tests=f"{CLAIMS}# spec: limits\n")

    assert repository.problems() == [
        "tests/test_a.py:4: must be like '# spec: page.md#anchor 3f2a', not '# spec: limits'"
    ]


def test_a_claim_in_tests_is_of_a_test(repository: Repository) -> None:
    repository.write("tests/test_b.py", f"# spec: {SLEEP}\ndef helper(): pass\n")

    assert repository.problems() == ["tests/test_b.py:1: must be in or above a test, not tests/test_b.py:helper"]


def test_a_test_may_be_a_method(repository: Repository) -> None:
    repository.write("tests/b/test_b.py", f"class TestB:\n    # spec: {SLEEP}\n    def test_c(self): pass\n")

    assert repository.problems() == []


def test_a_reference_names_a_page(repository: Repository) -> None:
    repository.write("src/warmkey/b.py", f'"""Source: {PAGE}#limits, framework/other.md"""\n')

    assert repository.problems() == ["src/warmkey/b.py: Source: framework/other.md is not a page of the specification"]


def test_an_open_page_may_have_rows_that_nobody_claims(repository: Repository) -> None:
    bare = f"# spec: {PAGE}#limits\n"
    repository.claim(source=bare, tests=bare)
    repository.except_("open = true")

    assert repository.problems() == []


def test_a_page_that_is_done_is_not_open(repository: Repository) -> None:
    repository.except_("open = true")

    assert repository.problems() == [
        f"tests/conformance/exceptions.toml: [{PAGE}] has no open requirement, so that 'open = true' can go"
    ]


def test_a_comment_without_hashes_is_for_open_pages(repository: Repository) -> None:
    repository.claim(source=f"{CLAIMS}# spec: {PAGE}#limits\n")

    assert repository.problems() == [f"src/warmkey/a.py:4: must name sentences of {PAGE} by their hashes"]


def test_the_ledger_is_as_new_as_source_and_tests(repository: Repository) -> None:
    repository.write("src/warmkey/a.py", f"{CLAIMS}def renamed(): pass\n")

    assert repository.problems(written=False) == [
        "tests/conformance/ledger.csv is older than source and tests; `make ledger` writes it again"
    ]


def test_the_page_is_as_new_as_the_ledger(repository: Repository) -> None:
    repository.write("docs/conformance.md", "")

    assert repository.problems(written=False) == [
        "docs/conformance.md is older than the ledger; `make ledger` writes it again"
    ]


def test_the_page_counts_and_gives_reasons(repository: Repository) -> None:
    repository.claim(source=f"# spec: {CACHE}\n", tests=f"# spec: {CACHE}\n# spec: {SLEEP}\n")
    repository.write(
        "tests/conformance/exceptions.toml",
        f'commit = "c0ffee"\n[left-out]\n"framework/a.md" = "not ours"\n["{PAGE}"]\nopen = true\n"limits" = "none"\n',
    )
    main(["ledger"], repository.root)

    page = (repository.root / "docs/conformance.md").read_text()

    tree = "https://github.com/awslabs/aws-encryption-sdk-specification/blob/c0ffee"
    assert f"| [{PAGE}]({tree}/{PAGE}) | 3 | 1 | 1 | 1 | 1 | 0 |\n| all | 3 | 1 | 1 | 1 | 1 | 0 |" in page
    assert f"| [framework/a.md]({tree}/framework/a.md) | not ours |" in page
    assert page.endswith(f"### [{PAGE}]({tree}/{PAGE})\n\n- none: [limits]({tree}/{PAGE}#limits) `beeb`\n")


# ----------------------------------------------------------------------------------- against the specification


def test_the_same_specification_changes_nothing(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    assert repository.spec() == 0
    assert capsys.readouterr().out.endswith("the ledger has what this checkout demands\n")


def test_a_newer_specification_is_told_apart(repository: Repository, capsys: pytest.CaptureFixture[str]) -> None:
    repository.specify("# Caching CMM\n\nIt MUST cache all. It MUST NOT wait. It MAY sleep. It MUST stop.\n")
    repository.specify("# New\n\nIt MUST.\n", "framework/new.md")
    capsys.readouterr()

    assert repository.spec() == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if not line.startswith(" ")] == [
        f"changed: {CACHE} is ac82 now: MUST: It MUST cache all.",
        f"added: {PAGE}#caching-cmm 617c: MUST: It MUST stop.",
        f"dropped: {LIMITS}",
        "added: framework/new.md#new b6aa: MUST: It MUST.",
    ]
    assert lines[1:3] == ["    - src/warmkey/a.py:f", "    - tests/test_a.py:test_f"]


def test_updating_takes_rows_and_commit_over(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tools.conformance.__main__.commit_of", lambda _checkout: "decaf")
    repository.specify("# Caching CMM\n\nIt MUST cache all. It MUST NOT wait.\n")

    assert repository.spec("--update") == 0
    assert read_exceptions(repository.root).commit == "decaf"
    assert repository.spec() == 0
    assert f"src/warmkey/a.py:1: {CACHE} is not in tests/conformance/ledger.csv" in repository.problems()


def test_a_page_can_be_left_out(repository: Repository) -> None:
    repository.write("tests/conformance/exceptions.toml", 'commit = "c0ffee"\n[left-out]\n"framework/new.md" = "why"\n')
    repository.specify("# New\n\nIt MUST.\n", "framework/new.md")

    assert repository.spec() == 0


def test_a_reference_to_an_anchor_that_is_gone_is_told(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.write("src/warmkey/b.py", f'"""Source: {PAGE}#limits, #gone"""\n')
    capsys.readouterr()

    assert repository.spec() == 1
    assert capsys.readouterr().out == f"src/warmkey/b.py: Source: {PAGE}#gone is not in the specification\n"


def test_showing_a_page_prints_each_sentence_with_its_claims(
    repository: Repository, capsys: pytest.CaptureFixture[str]
) -> None:
    repository.claim(source=f"# spec: {CACHE}\n", tests=f"# spec: {CACHE}\n")
    repository.except_('"limits" = "none"')
    repository.problems()
    repository.specify(SPECIFICATION + "It MUST be new.\n")
    capsys.readouterr()

    assert repository.spec("--show", PAGE) == 0
    assert capsys.readouterr().out.splitlines() == [
        "#caching-cmm 033b MUST",
        "    It MUST cache.",
        "    - src/warmkey/a.py:f",
        "    - tests/test_a.py:test_f",
        "#caching-cmm 20fb MUST NOT open",
        "    It MUST NOT wait.",
        "#caching-cmm dc05 MAY",
        "    It MAY sleep.",
        "#limits beeb MUST excepted",
        "    It MUST have limits.",
        "    - none",
        "#limits 8c34 MUST open",
        "    It MUST be new.",
    ]


def test_what_is_not_a_checkout_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["spec", str(tmp_path)])

    assert "must be a checkout of aws-encryption-sdk-specification" in capsys.readouterr().err

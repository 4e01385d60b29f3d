"""What the source takes from the specification is cited by page and anchor, and a test cites the same.

The words themselves stay in the specification. What is cited in the source is written ``Source: page.md#anchor`` or
``# spec: page.md#anchor``; a test that would catch us has ``# spec: page.md#anchor`` above it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from tests.architecture.sources import ROOT, SOURCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# The citation goes on while its lines end with a comma.
_CITATION = re.compile(r"(?:Source:|# spec:)[ ]*((?:[^\n]*,\n\s*(?:#\s+)?)*[^\n]*)")
_TOKEN = re.compile(r"[^\s,;]+")
_PAGE = re.compile(r"(?:client-apis|data-format|framework)/[a-z0-9/-]+\.md(?:#[a-z0-9_-]+)?\Z")
_ANCHOR = re.compile(r"#[a-z0-9_-]+\Z")

# What needs no test of its own.
NOT_TESTED = {
    "framework/algorithm-suites.md#gcm": "what cryptography offers; every round trip and known answer uses it",
    "framework/cmm-interface.md#behaviors": "an interface; those that have it are tested",
    "framework/cryptographic-materials-cache.md#behaviors": "an interface; those that have it are tested",
    "framework/keyring-interface.md#interface": "an interface; those that have it are tested",
}


# These cite nothing of the specification: the test kit has its facts from the AWS KMS API reference.
ELSEWHERE = (ROOT / "tests/architecture", SOURCE / "warmkey/testing")


class Citation(NamedTuple):
    """A page, and where in it."""

    page: str
    anchor: str

    def __str__(self) -> str:
        return f"{self.page}#{self.anchor}"


def citations(path: Path) -> Iterator[Citation]:
    """What *path* cites; an anchor alone belongs to the page before it."""
    for match in _CITATION.finditer(path.read_text(encoding="utf-8")):
        page = ""
        for token in (token.rstrip('."') for token in _TOKEN.findall(match[1])):
            if token == "#":
                continue
            assert _PAGE.match(token) or (page and _ANCHOR.match(token)), f"{path}: what is {token!r}?"
            if not token.startswith("#"):
                page = token.partition("#")[0]
            yield Citation(page, token.partition("#")[2])


def cited_in(folder: Path) -> dict[Citation, set[str]]:
    """Who cites what."""
    found: dict[Citation, set[str]] = defaultdict(set)
    for path in sorted(folder.rglob("*.py")):
        if path.parent not in ELSEWHERE:
            for citation in citations(path):
                found[citation].add(str(path.relative_to(ROOT)))
    return found


def test_every_citation_is_a_page_and_an_anchor() -> None:
    assert len(cited_in(SOURCE)) > 100
    assert len(cited_in(ROOT / "tests")) > 100


def test_what_the_source_cites_a_test_cites_too() -> None:
    in_source, in_tests = cited_in(SOURCE), cited_in(ROOT / "tests")
    untested = {
        str(citation): sorted(in_source[citation])
        for citation in sorted(in_source.keys() - in_tests.keys())
        if citation.anchor and str(citation) not in NOT_TESTED
    }

    assert untested == {}


def test_the_list_of_what_needs_no_test_is_short_of_nothing() -> None:
    cited = set(map(str, cited_in(SOURCE)))

    assert [citation for citation in NOT_TESTED if citation not in cited] == []

"""Compare the ledger with a checkout of the specification: what is new there, what has changed, and what is gone."""

from __future__ import annotations

from difflib import SequenceMatcher
from itertools import groupby, zip_longest
from typing import TYPE_CHECKING

from tools.conformance.check import SOURCE, TESTS
from tools.conformance.citations import references
from tools.conformance.ledger import Row, read_exceptions, read_rows
from tools.conformance.specification import anchors, pages, requirements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tools.conformance.ledger import Exceptions
    from tools.conformance.specification import Requirement

__all__ = ["changes", "dead_references", "rows_of", "sentences"]


def sentences(checkout: Path, page: str) -> list[Requirement]:
    """Return the requirements of one page."""
    return requirements(page, (checkout / page).read_text(encoding="utf-8"))


def rows_of(checkout: Path, exceptions: Exceptions) -> list[Row]:
    """Return a row for each requirement of the pages that are not left out, without claims."""
    return [
        Row(found.page, found.anchor, found.level, found.hash)
        for page in pages(checkout)
        if page not in exceptions.left_out
        for found in sentences(checkout, page)
    ]


def changes(root: Path, checkout: Path) -> list[str]:
    """Return the rows that a newer specification has changed, added or dropped."""
    exceptions = read_exceptions(root)
    text = {
        (found.page, found.anchor, found.hash): found.text
        for page in pages(checkout)
        for found in sentences(checkout, page)
    }
    ours, theirs = _by_section(read_rows(root)), _by_section(rows_of(checkout, exceptions))
    return [line for section in dict.fromkeys([*ours, *theirs])
            for line in _changes(ours.get(section, []), theirs.get(section, []), text)]  # fmt: skip


def _by_section(rows: Iterable[Row]) -> Mapping[tuple[str, str], list[Row]]:
    return {section: list(found) for section, found in groupby(rows, lambda row: (row.page, row.anchor))}


def _changes(ours: Sequence[Row], theirs: Sequence[Row], text: Mapping[tuple[str, str, str], str]) -> Iterator[str]:
    """Pair what differs in one section by its order."""
    matcher = SequenceMatcher(None, [row.hash for row in ours], [row.hash for row in theirs], autojunk=False)
    for kind, *(start, end, their_start, their_end) in matcher.get_opcodes():
        if kind == "equal":
            continue
        for old, new in zip_longest(ours[start:end], theirs[their_start:their_end]):
            if old and new:
                yield f"changed: {old.key} is {new.hash} now: {new.level}: {text[new.key]}{_claims(old)}"
            elif new:
                yield f"added: {new.key}: {new.level}: {text[new.key]}"
            else:
                yield f"dropped: {old.key}{_claims(old)}"


def _claims(row: Row) -> str:
    return "".join(f"\n    - {place}" for place in row.source + row.tests)


def dead_references(root: Path, checkout: Path) -> list[str]:
    """Return the ``Source:`` lines that name an anchor that the specification does not have."""
    known = {page: anchors((checkout / page).read_text(encoding="utf-8")) for page in pages(checkout)}
    return [
        f"{found.path}: Source: {found.page}#{found.anchor} is not in the specification"
        for found in references(root, SOURCE, TESTS)
        if found.anchor and found.anchor not in known.get(found.page, set())
    ]

"""Compare the ledger with source and tests: no claim without its row, and no MUST without its claims or a reason."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from tools.conformance.citations import citations, references
from tools.conformance.ledger import EXCEPTIONS, LEDGER, read_exceptions, read_rows
from tools.conformance.page import PAGE, conformance

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tools.conformance.citations import Citation
    from tools.conformance.ledger import Exceptions, Key, Row

__all__ = ["SOURCE", "TESTS", "claimed", "problems"]

SOURCE = "src"
TESTS = "tests"
# A claim in a test is of a test: helpers, tables and fixtures fail nothing.
_TEST = re.compile(r"tests/(?:\w+/)*test_\w+\.py:(?:\w+\.)*test_\w+\Z")


def claimed(root: Path, rows: Sequence[Row], exceptions: Exceptions) -> list[Row]:
    """Return *rows* with the places that claim each today, and why others do not apply."""
    source, tests = _places(citations(root, SOURCE)), _places(citations(root, TESTS))
    return [
        row._replace(source=source.get(row.key, ()), tests=tests.get(row.key, ()), exception=exceptions.reason_for(row))
        for row in rows
    ]


def _places(found: Sequence[Citation]) -> Mapping[Key, tuple[str, ...]]:
    places: dict[Key, set[str]] = defaultdict(set)
    for citation in found:
        for key in citation.keys:
            places[key].add(citation.place)
    return {key: tuple(sorted(names)) for key, names in places.items()}


def problems(root: Path) -> list[str]:
    """Return what is wrong; nothing needs the specification."""
    exceptions = read_exceptions(root)
    rows = claimed(root, read_rows(root), exceptions)
    return [
        *_wrong_citations(root, rows, exceptions),
        *_wrong_exceptions(rows, exceptions),
        *_open(rows, exceptions),
        *_outdated(root, rows, exceptions),
    ]


def _outdated(root: Path, rows: Sequence[Row], exceptions: Exceptions) -> Iterator[str]:
    if rows != read_rows(root):
        yield f"{LEDGER} is older than source and tests; `make ledger` writes it again"
    elif (root / PAGE).read_text(encoding="utf-8") != conformance(rows, exceptions):
        yield f"{PAGE} is older than the ledger; `make ledger` writes it again"


def _wrong_citations(root: Path, rows: Sequence[Row], exceptions: Exceptions) -> Iterator[str]:
    known = {row.key for row in rows}
    pages = {row.page for row in rows} | exceptions.left_out.keys()
    for citation in citations(root, SOURCE, TESTS):
        where = f"{citation.path}:{citation.line}"
        if citation.problem:
            yield f"{where}: {citation.problem}"
        elif not citation.keys and citation.page not in exceptions.open_pages:
            yield f"{where}: must name sentences of {citation.page} by their hashes"
        elif citation.keys and citation.path.startswith("tests/") and not _TEST.match(citation.place):
            yield f"{where}: must be in or above a test, not {citation.place}"
        yield from (f"{where}: {key} is not in {LEDGER}" for key in citation.keys if key not in known)
    for reference in references(root, SOURCE, TESTS):
        if reference.page not in pages:
            yield f"{reference.path}: Source: {reference.page} is not a page of the specification"


def _wrong_exceptions(rows: Sequence[Row], exceptions: Exceptions) -> Iterator[str]:
    for named in sorted(exceptions.unknown(rows)):
        yield f"{EXCEPTIONS}: {named} is not in {LEDGER}"
    for row in rows:
        if row.exception and (row.source or row.tests):
            yield f"{row.key} has an exception, and {', '.join(row.source + row.tests)} claims it"


def _open(rows: Sequence[Row], exceptions: Exceptions) -> Iterator[str]:
    still_open = {row.page for row in rows if row.is_open}
    for row in rows:
        if row.is_open and row.page not in exceptions.open_pages:
            missing = " and ".join(kind for kind, places in (("source", row.source), ("test", row.tests)) if not places)
            yield f"{row.key} is claimed by no {missing}"
    for page in sorted(exceptions.open_pages - still_open):
        yield f"{EXCEPTIONS}: [{page}] has no open requirement, so that 'open = true' can go"

"""The files of the ledger: what the specification demands, who claims it, and what people say about the rest.

``ledger.csv`` is written by this tool, a row for each requirement. ``exceptions.toml`` is written by hand: which commit
of the specification the ledger is of, which pages are left out, and why requirements of the other pages do not apply.
"""

from __future__ import annotations

import csv
import re
import tomllib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["EXCEPTIONS", "FOLDER", "LEDGER", "Exceptions", "Key", "Row", "read_exceptions", "read_rows", "write_rows"]

FOLDER = "tests/conformance"
LEDGER = f"{FOLDER}/ledger.csv"
EXCEPTIONS = f"{FOLDER}/exceptions.toml"

_WHOLE_PAGE = "page"
_EXCEPTION = re.compile(r"(?P<anchor>[\w-]+)(?P<hashes>(?: [0-9a-f]{4,8})*)\Z")


class Key(NamedTuple):
    """What a citation names: a page, an anchor in it, and the hash of a sentence there."""

    page: str
    anchor: str
    hash: str

    def __str__(self) -> str:
        return f"{self.page}#{self.anchor} {self.hash}"


class Row(NamedTuple):
    """A requirement, the places that claim it, and why it does not apply to us, if so."""

    page: str
    anchor: str
    level: str
    hash: str
    source: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    exception: str = ""

    @property
    def key(self) -> Key:
        """Return what citations call it."""
        return Key(self.page, self.anchor, self.hash)

    @property
    def is_open(self) -> bool:
        """Return whether it must be met, and nobody shows that it is."""
        return self.level.startswith("MUST") and not self.exception and not (self.source and self.tests)


class Exceptions(NamedTuple):
    """What ``exceptions.toml`` says; reasons by what they are for: a page, a section or a row."""

    commit: str
    left_out: Mapping[str, str]
    open_pages: frozenset[str]
    reasons: Mapping[tuple[str, str, str], str]

    def reason_for(self, row: Row) -> str:
        """Return why *row* does not apply, or nothing."""
        return next((self.reasons[named] for named in _names(row) if named in self.reasons), "")

    def unknown(self, rows: Sequence[Row]) -> list[str]:
        """Return what no row has."""
        known = {named for row in rows for named in _names(row)}
        return [f"{page}#{anchor} {digits}".strip(" #") for page, anchor, digits in self.reasons.keys() - known]


def _names(row: Row) -> tuple[tuple[str, str, str], ...]:
    return (row.page, row.anchor, row.hash), (row.page, row.anchor, ""), (row.page, "", "")


def read_exceptions(root: Path) -> Exceptions:
    """Return what people wrote.

    Raises ValueError for an entry that is neither a section nor a row.
    """
    given = tomllib.loads((root / EXCEPTIONS).read_text(encoding="utf-8"))
    commit, left_out = given.pop("commit"), given.pop("left-out", {})
    reasons = {named: reason for page, entries in given.items() for named, reason in _reasons(page, entries)}
    open_pages = frozenset(page for page, entries in given.items() if entries.get("open") is True)
    return Exceptions(commit, left_out, open_pages, reasons)


def _reasons(page: str, entries: Mapping[str, object]) -> Iterator[tuple[tuple[str, str, str], str]]:
    for name, reason in entries.items():
        if name == "open":
            continue
        match = _EXCEPTION.match(name)
        if not match or not isinstance(reason, str) or not reason:
            raise ValueError(f'{EXCEPTIONS}: [{page}] must have entries like "anchor 3f2a" = "reason", not {name!r}')
        anchor = "" if name == _WHOLE_PAGE else match["anchor"]
        for digits in match["hashes"].split() or ("",):
            yield (page, anchor, digits), reason


def read_rows(root: Path) -> list[Row]:
    """Return the rows of ``ledger.csv``."""
    with (root / LEDGER).open(encoding="utf-8", newline="") as file:
        return [
            Row(page, anchor, level, digits, tuple(source.split()), tuple(tests.split()), exception)
            for page, anchor, level, digits, source, tests, exception in [*csv.reader(file)][1:]
        ]


def write_rows(root: Path, rows: Sequence[Row]) -> None:
    """Write them, in the order given."""
    with (root / LEDGER).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Row._fields)
        writer.writerows((*row[:4], " ".join(row.source), " ".join(row.tests), row.exception) for row in rows)

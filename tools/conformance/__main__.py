"""Keep the ledger of requirements.

ledger                        write places, exceptions and docs/conformance.md again, from source and tests
spec CHECKOUT                 say what a checkout of the specification has that the ledger has not
spec CHECKOUT --show PAGE     print the sentences of a page with their hashes, and who claims each
spec CHECKOUT --update        take the rows and the commit of the checkout over
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from layer.project import ROOT
from tools.conformance.check import claimed
from tools.conformance.ledger import EXCEPTIONS, Key, Row, read_exceptions, read_rows, write_rows
from tools.conformance.page import PAGE, conformance
from tools.conformance.specification import commit_of
from tools.conformance.updates import changes, dead_references, rows_of, sentences

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["main", "write"]


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Do as the command line says; return 1 if the checkout differs from the ledger."""
    options = _parser().parse_args(arguments)
    if options.command == "ledger":
        write(root)
        return 0
    if options.show:
        print(*_shown(root, options.checkout, options.show), sep="\n")
        return 0
    found = [*changes(root, options.checkout), *dead_references(root, options.checkout)]
    print(*found or ["the ledger has what this checkout demands"], sep="\n")
    if options.update:
        _update(root, options.checkout)
        return 0
    return 1 if found else 0


def write(root: Path) -> None:
    """Write ``ledger.csv`` and ``docs/conformance.md`` again, without the specification."""
    exceptions = read_exceptions(root)
    rows = claimed(root, read_rows(root), exceptions)
    write_rows(root, rows)
    (root / PAGE).write_text(conformance(rows, exceptions), encoding="utf-8")


def _shown(root: Path, checkout: Path, page: str) -> Iterator[str]:
    rows = {row.key: row for row in claimed(root, read_rows(root), read_exceptions(root))}
    for found in sentences(checkout, page):
        row = rows.get(Key(found.page, found.anchor, found.hash), Row(*found[:4]))
        state = "open" if row.is_open else "excepted" if row.exception else ""
        yield f"#{found.anchor} {found.hash} {found.level} {state}".rstrip()
        yield f"    {found.text}"
        yield from (f"    - {place}" for place in (*row.source, *row.tests, *[row.exception] * bool(row.exception)))


def _update(root: Path, checkout: Path) -> None:
    commit = commit_of(checkout)
    path = root / EXCEPTIONS
    text = re.sub(r'(?m)^commit = "\w*"', f'commit = "{commit}"', path.read_text(encoding="utf-8"), count=1)
    path.write_text(text, encoding="utf-8")
    write_rows(root, rows_of(checkout, read_exceptions(root)))
    write(root)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.conformance", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("ledger", help="write the ledger again, from source and tests")
    spec = commands.add_parser("spec", help="compare the ledger with a checkout of the specification")
    spec.add_argument("checkout", type=_checkout)
    spec.add_argument(
        "--show", metavar="PAGE", help="print the sentences of a page, for example framework/default-cmm.md"
    )
    spec.add_argument("--update", action="store_true", help="take rows and commit of the checkout over")
    return parser


def _checkout(text: str) -> Path:
    path = Path(text).expanduser()
    if not (path / "framework" / "caching-cmm.md").is_file():
        raise argparse.ArgumentTypeError(f"must be a checkout of aws-encryption-sdk-specification, not {text!r}")
    return path


if __name__ == "__main__":
    sys.exit(main())

"""Put the results of a run into docs/performance.md: update the tables between its markers, and draw the pictures.

    python -m benchmarks --full --json docs/performance.json
    python -m benchmarks.page

The second command needs only matplotlib. `make performance` runs both.
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.report import as_markdown

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["PAGE", "RESULTS", "with_figures"]

_DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGE, RESULTS = _DOCS / "performance.md", _DOCS / "performance.json"
_BLOCK = re.compile(r"(<!-- figures: (?P<name>.+?) -->\n).*?(?=<!-- end -->)", re.DOTALL)
_LEAST_MILLISECONDS = 1.0


def with_figures(page: str, found: dict[str, Any]) -> str:
    """Return *page* with new text between each ``<!-- figures: NAME -->`` and ``<!-- end -->``."""
    return _BLOCK.sub(lambda block: f"{block[1]}\n{_block(block['name'], found)}\n\n", page)


def _block(name: str, found: dict[str, Any]) -> str:
    if name == "machine":
        return _machine(**found["machine"])
    if name == "packages":
        return _packages(found["packages"])
    rows = [row for row in found["rows"] if row["group"].startswith(name)]
    if not rows:
        raise SystemExit(f"the results have no rows for {name!r}; they were not taken with --full")
    return as_markdown(rows)


def _machine(*, machine: str, **software: str) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in software.items())
    return f"Measured on a machine with {machine} cores, {versions}."


def _packages(milliseconds: dict[str, float]) -> str:
    lines = [f"| {name} | {taken:.1f} |" for name, taken in milliseconds.items() if taken >= _LEAST_MILLISECONDS]
    return "\n".join(["| package | ms |", "|---|---:|", *lines])


def main(arguments: Sequence[str] | None = None) -> None:
    """Update the page and the pictures."""
    from benchmarks.pictures import draw  # noqa: PLC0415 - with_figures needs no matplotlib

    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.page", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="FILE", help="the results of a full run")
    found = json.loads(parser.parse_args(arguments).json.read_text(encoding="utf-8"))
    PAGE.write_text(with_figures(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
    for picture in (PAGE, *draw(found, _DOCS / "pictures")):
        print(picture.relative_to(_DOCS.parent))


if __name__ == "__main__":
    main()

"""Check that what is about to be released says the same everywhere.

usage: python -m tools.check_release [TAG]      for example v0.1.0; without one, the changelog may still say Unreleased
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from layer.project import ROOT, version

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["main", "problems"]

_HEADING = re.compile(r"^## \[(.+?)\](?: - (\S+))?$", re.MULTILINE)
_KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def problems(clone: Path, tag: str = "") -> list[str]:
    """Return what keeps *clone* from being released as *tag*; without a tag, what is wrong whatever the release."""
    text = (clone / "CHANGELOG.md").read_text(encoding="utf-8")
    current = version(clone)
    headings = _HEADING.findall(text)
    found = _order(headings) + [
        f"CHANGELOG.md has a section {kind!r}, which is not one of {', '.join(sorted(_KINDS))}"
        for kind in re.findall(r"^### (.+)$", text, re.MULTILINE)
        if kind not in _KINDS
    ]
    if not tag:
        known = {current, "Unreleased"} & {name for name, _ in headings}
        return found if known else [*found, f"CHANGELOG.md must have a heading for {current} or for Unreleased"]
    if tag != f"v{current}":
        found.append(f"the tag must be v{current}, as the package's version says, not {tag}")
    dates = dict(headings)
    if not dates.get(current):
        found.append(f"CHANGELOG.md must have a heading '## [{current}] - YYYY-MM-DD'")
    return found


def _order(headings: list[tuple[str, str]]) -> list[str]:
    released = [(name, date) for name, date in headings if name != "Unreleased"]
    found = [
        f"CHANGELOG.md: {name} must have a date like 2026-11-27, not {date!r}"
        for name, date in released
        if date and not _is_date(date)
    ]
    numbers = [tuple(map(int, re.findall(r"\d+", name))) for name, _ in released]
    if numbers != sorted(numbers, reverse=True):
        found.append("CHANGELOG.md must have the newest version first")
    return found


def _is_date(text: str) -> bool:
    return bool(re.fullmatch(r"\d{4}-\d{2}-\d{2}", text))


def main(tag: str = "") -> int:
    """Print what is wrong; return 0 if nothing is."""
    found = problems(ROOT, tag)
    print(
        *found or [f"{version()} can be released" if tag else f"version and changelog agree on {version()}"], sep="\n"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

"""Look whether the links of the documentation to other sites lead somewhere; needs the internet.

usage: python -m tools.check_links

Sphinx's own checker asks for each of them, with the pages as they are on the site. A link without an answer (no
network, a time-out, a server that wants no programs) was not checked, which is not the same as a broken one; both make
the command fail, so that nobody takes silence for an answer.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from layer.project import ROOT
from tools.build_site import stage

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Report", "check", "main", "report_of"]

_LED_SOMEWHERE = {"ignored", "local", "redirected", "unchecked", "working"}
# What Sphinx says of an answer that means that there is nothing; of others it is not known.
_GONE = re.compile(r"(404|410) Client Error|Anchor '.*' not found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What became of the links, a line each.

    :ivar checked: how many lead somewhere
    :ivar broken: those that lead nowhere
    :ivar not_checked: those without an answer
    """

    checked: int
    broken: tuple[str, ...]
    not_checked: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Whether every link was checked, and leads somewhere."""
        return not self.broken and not self.not_checked and self.checked > 0


def report_of(output: str) -> Report:
    """Read what Sphinx's checker has written: a JSON object per line."""
    checked, broken, not_checked = 0, [], []
    for row in map(json.loads, output.splitlines()):
        if not row["uri"].startswith(("http://", "https://")):
            continue
        line = f"{row['filename']}:{row['lineno']}: {row['uri']}: {row['info'] or row['status']}"
        if row["status"] in _LED_SOMEWHERE:
            checked += 1
        elif _GONE.search(row["info"]):
            broken.append(line)
        else:
            not_checked.append(line)
    return Report(checked=checked, broken=tuple(broken), not_checked=tuple(not_checked))


def check(staged: Path, out: Path, clone: Path = ROOT) -> Report:
    """Have Sphinx ask for the links of the pages in *staged*."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "linkcheck", str(staged), str(out)]
    environment = os.environ | {"WARMKEY_CLONE": str(clone), "SOURCE_DATE_EPOCH": "0"}
    subprocess.run(command, check=False, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return report_of((out / "output.json").read_text(encoding="utf-8"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print what was found; 1 if a link is broken or was not checked."""
    staged = ROOT / "build" / "site-source" if not arguments else Path(arguments[0])
    if not arguments:
        stage(staged)
    report = check(staged, ROOT / "build" / "site-links")
    for line in report.broken:
        print(f"broken: {line}")
    for line in report.not_checked:
        print(f"not checked: {line}")
    print(f"{report.checked} links lead somewhere, {len(report.broken)} are broken, ", end="")
    print(f"{len(report.not_checked)} could not be checked")
    return 0 if report.is_good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

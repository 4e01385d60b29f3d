"""What pip-audit found out about the pins, without taking silence for good news.

usage: python -m tools.audit PIP_AUDIT [--strict]

Each ``requirements/*.txt`` is audited alone. A package that pip-audit skipped, did not mention, or could not ask about
counts as not audited. With --strict that fails, as a vulnerability always does.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from layer.project import ROOT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Audit", "interpret", "main", "pins"]

_SECONDS = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What is known of one file of pins.

    :ivar vulnerable: a line for each vulnerability
    :ivar not_audited: why, by package; under ``*`` if it is about all of them
    :ivar audited: how many packages have been looked up
    """

    name: str
    vulnerable: tuple[str, ...] = ()
    not_audited: dict[str, str]
    audited: int = 0

    def lines(self) -> list[str]:
        """Say it."""
        verdict = f"{len(self.vulnerable)} vulnerabilities in {self.audited} packages"
        if not self.audited:
            verdict = "not audited"
        said = [f"{self.name}: {verdict}", *(f"  {line}" for line in self.vulnerable)]
        return said + [f"  not audited: {package} ({reason})" for package, reason in sorted(self.not_audited.items())]


def pins(text: str) -> dict[str, str]:
    """Return the versions that a requirements file pins, by normalized name."""
    return {
        _normalized(name): version for name, version in re.findall(r"^([\w.\[\]-]+?)==([^\s;\\]+)", text, re.MULTILINE)
    }


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name.partition("[")[0]).lower()


def interpret(name: str, pinned: dict[str, str], output: str, error: str = "") -> Audit:
    """Read the JSON that pip-audit wrote about *pinned*.

    :param output: standard output: a JSON object, or nothing usable where the service could not be asked
    :param error: standard error, quoted where there is no JSON
    """
    try:
        rows: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        reason = error.strip().splitlines()[-1] if error.strip() else "pip-audit wrote no JSON"
        return Audit(name=name, not_audited={"*": reason})
    answers = {_normalized(row["name"]): row for row in rows}
    missing: dict[str, str] = {}
    for package, version in pinned.items():
        row = answers.get(package)
        if row is None:
            missing[package] = "pip-audit does not mention it"
        elif "skip_reason" in row or "vulns" not in row:
            missing[package] = str(row.get("skip_reason", "no answer"))
        elif row.get("version") != version:
            missing[package] = f"pip-audit looked up {row.get('version')}, and {version} is pinned"
    vulnerable = [
        f"{row['name']} {row['version']}: {found['id']}, fixed in {', '.join(found['fix_versions']) or 'no version'}"
        for row in rows
        for found in row.get("vulns", [])
    ]
    return Audit(name=name, vulnerable=tuple(vulnerable), not_audited=missing, audited=len(pinned) - len(missing))


def _audit(pip_audit: str, requirements: Path) -> Audit:
    command = [pip_audit, "--format", "json", "--progress-spinner", "off", "--disable-pip", "--require-hashes"]
    try:
        done = subprocess.run(
            [*command, "--requirement", str(requirements)],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        output, error = done.stdout, done.stderr
    except (OSError, subprocess.TimeoutExpired) as problem:
        output, error = "", str(problem)
    return interpret(requirements.name, pins(requirements.read_text(encoding="utf-8")), output, error)


def main(arguments: Sequence[str]) -> int:
    """Audit every file of pins; return 0 if nothing is known to be wrong and, with --strict, if all is known."""
    pip_audit, *options = arguments
    audits = [_audit(pip_audit, path) for path in sorted((ROOT / "requirements").glob("*.txt"))]
    for audit in audits:
        print(*audit.lines(), sep="\n")
    unknown = any(audit.not_audited for audit in audits)
    return 1 if any(audit.vulnerable for audit in audits) or (unknown and "--strict" in options) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

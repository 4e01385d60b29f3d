"""Pin the newest versions, say what changed, and audit them.

usage: python -m tools.refresh_pins UV PIP_AUDIT
"""

from __future__ import annotations

import subprocess
import sys

from layer.project import ROOT
from tools.audit import main as audit
from tools.audit import pins

__all__ = ["changes", "main"]


def changes(before: dict[str, dict[str, str]], after: dict[str, dict[str, str]]) -> list[str]:
    """Return a line for each package whose pin is another, with the files that pin it."""
    moved: dict[tuple[str, str, str], list[str]] = {}
    for name in sorted({*before, *after}):
        old, new = before.get(name, {}), after.get(name, {})
        for package in sorted({*old, *new}):
            if old.get(package) != new.get(package):
                key = (package, old.get(package, "none"), new.get(package, "none"))
                moved.setdefault(key, []).append(name)
    return [f"{package}: {old} → {new}  ({', '.join(names)})" for (package, old, new), names in sorted(moved.items())]


def _all_pins() -> dict[str, dict[str, str]]:
    return {path.stem: pins(path.read_text(encoding="utf-8")) for path in (ROOT / "requirements").glob("*.txt")}


def main(uv: str, pip_audit: str) -> int:
    """Do it; return what the audit returns."""
    before = _all_pins()
    subprocess.run([ROOT / "tools" / "compile_requirements.sh", uv, "--upgrade"], check=True)
    print(*changes(before, _all_pins()) or ["all pins were the newest"], sep="\n")
    return audit([pip_audit])


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

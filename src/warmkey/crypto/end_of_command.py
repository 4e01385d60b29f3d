"""End the command line in plain words where cryptography can't be used.

``import warmkey`` fails then, before any command could handle the error, and all that Python says is a traceback.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from warmkey.exceptions import ConfigurationError

__all__ = ["end_the_command"]

_FAILED = 1


def end_the_command(error: ConfigurationError) -> None:
    """Exit as the command does for errors, if this process is ``warmkey`` or ``python -m warmkey``; else return.

    :raises SystemExit: with 2 and a report for ``warmkey doctor``, for which this is a finding, and with 1 for others
    """
    if not _is_the_command():
        return
    if sys.argv[1:2] == ["doctor"]:
        sys.exit(_report(error))
    print(f"warmkey: {error}", file=sys.stderr)  # noqa: T201 - a command's errors go there
    sys.exit(_FAILED)


def _is_the_command() -> bool:
    """Return whether the script is called so, or Python got ``-m warmkey`` (its argument is what precedes ours)."""
    script = sys.argv[0].rpartition("/")[2]
    return script == "warmkey" or (script == "-m" and sys.orig_argv[-len(sys.argv)] == "warmkey")


def _report(error: ConfigurationError) -> int:
    from importlib import import_module  # noqa: PLC0415 - only for failures, as below
    from platform import machine, python_version  # noqa: PLC0415

    # Above this room; it needs no cryptography.
    report = import_module("warmkey.doctor.report").Report()
    report.versions["Python"] = f"{python_version()} on {machine()}"
    report.add("cryptography-unusable", str(error))
    print(report.as_json() if "--json" in sys.argv else report.as_text())  # noqa: T201 - what the command is for
    status: int = report.status
    return status

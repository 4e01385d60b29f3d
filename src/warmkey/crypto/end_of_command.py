"""End the command line in plain words where cryptography can't be used.

``import warmkey`` fails then, before any command could handle the error, and all that Python says is a traceback.
"""

from __future__ import annotations

import sys
from importlib import import_module
from platform import machine, python_version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from warmkey.exceptions import ConfigurationError

__all__ = ["end_the_command"]

_FAILED = 1


def end_the_command(error: ConfigurationError) -> None:
    """Exit as the command does for errors, if this process is ``warmkey`` or ``python -m warmkey``; else return.

    :raises SystemExit: with 2 and a report for ``warmkey doctor``, for which this is a finding, and with 1 for others
    """
    # Above this room, as the report is; both need no cryptography.
    if not import_module("warmkey.lambda_runtime.settings").is_command_line():
        return
    if sys.argv[1:2] == ["doctor"]:
        sys.exit(_report(error))
    print(f"warmkey: {error}", file=sys.stderr)  # noqa: T201 - a command's errors go there
    sys.exit(_FAILED)


def _report(error: ConfigurationError) -> int:
    report = import_module("warmkey.doctor.report").Report()
    report.versions["Python"] = f"{python_version()} on {machine()}"
    report.add("cryptography-unusable", str(error))
    print(report.as_json() if "--json" in sys.argv else report.as_text())  # noqa: T201 - what the command is for
    status: int = report.status
    return status

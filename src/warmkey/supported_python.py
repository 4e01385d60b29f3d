"""Refuse a Python that is too old, in one sentence, before anything is imported that only newer ones have.

Lambda attaches a layer to any runtime. Without this, an old one fails with whatever it happens not to know first. This
module itself is read by old Pythons, so it uses only what Python 3.7 knew.
"""

from __future__ import annotations

import sys

__all__ = ["OLDEST", "require"]

OLDEST = (3, 11)


def require(version: tuple[int, ...]) -> None:
    """Raise an :class:`ImportError` that says what is needed if *version*, such as ``(3, 9)``, is too old."""
    if version >= OLDEST:
        return
    here = "{}.{}".format(*version)
    needed = "{}.{}".format(*OLDEST)
    raise ImportError(
        "warmkey needs Python " + needed + " or later, not " + here + ": give the function a newer runtime, such as "
        "python3.13, or install warmkey for a newer Python"
    )


require(sys.version_info[:2])

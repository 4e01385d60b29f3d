"""The error of a write that came too late."""

from __future__ import annotations

from warmkey.exceptions import WarmkeyError

__all__ = ["BranchKeyConflict"]


class BranchKeyConflict(WarmkeyError):
    """The branch key exists already, or somebody else rotated it first. Nothing was written.

    Remedy: choose another ID, or look at the branch key as it is now before you rotate it again.
    """

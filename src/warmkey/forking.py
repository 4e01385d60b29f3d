"""A forked child must not use what it inherited.

Locks may be held by threads that it lacks; keys and connections are the parent's. What holds such things registers
here and is told in the child, before any of its code runs.
"""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import MutableSet

__all__ = ["Inherited", "drop_in_children"]


class Inherited(Protocol):
    """Something that must not be used as a child process inherited it."""

    def drop_inherited(self) -> None:
        """Become as new, without waiting for any lock. Runs while the process has one thread."""


_holders: MutableSet[Inherited] = weakref.WeakSet()


def drop_in_children(holder: Inherited) -> None:
    """Call ``holder.drop_inherited()`` in every child that Python forks, as long as *holder* lives."""
    _holders.add(holder)


def _after_fork_in_child() -> None:
    for holder in list(_holders):
        holder.drop_inherited()


os.register_at_fork(after_in_child=_after_fork_in_child)

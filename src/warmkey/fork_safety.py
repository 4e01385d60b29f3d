"""A process may be copied: a fork makes one child, a snapshot is restored any number of times.

A copy must not use what it inherited. Locks may be held by threads that it lacks, keys and connections are the
original's, and limits that two of them count apart hold for neither. What holds such things registers here and is told:
in a forked child before any of its code runs, and for a snapshot before it is taken.
"""

from __future__ import annotations

import mmap
import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Protocol, TypeVar

from warmkey.events import EvictionReason

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "PROCESS_MARK",
    "Holder",
    "expect_snapshot",
    "living_instances",
    "notice_fork",
    "register",
    "reset_before_snapshot",
    "snapshot_is_ahead",
]


class Holder(Protocol):
    """Holds what no copy of the process may use."""

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Become as new. *reason* is ``FORK`` (wait for no lock; the process has one thread) or ``SNAPSHOT``."""


_Kind = TypeVar("_Kind")

_holders: weakref.WeakValueDictionary[int, Holder] = weakref.WeakValueDictionary()
_is_ahead: Callable[[], bool] | None = None


def register(holder: Holder) -> None:
    """Call ``holder.reset`` in every child that Python forks and before a snapshot, as long as it lives."""
    _holders[id(holder)] = holder


def living_instances(kind: type[_Kind]) -> list[_Kind]:
    """Those that live now and are of *kind*."""
    return [holder for holder in _living() if isinstance(holder, kind)]


def _living() -> list[Holder]:
    # valuerefs() is one step for the interpreter: other threads may make and drop living_instances meanwhile.
    return [holder for reference in _holders.valuerefs() if (holder := reference()) is not None]


def reset_before_snapshot() -> None:
    """Tell all living_instances that the process is about to be copied."""
    for holder in _living():
        holder.reset(EvictionReason.SNAPSHOT)


def expect_snapshot(is_ahead: Callable[[], bool]) -> None:
    """From now until *is_ahead* answers no, nothing may be kept that a snapshot must not hold."""
    global _is_ahead  # noqa: PLW0603 - one process, one environment
    _is_ahead = is_ahead


def snapshot_is_ahead() -> bool:
    """Whether this process will be copied before it does any work."""
    return _is_ahead is not None and _is_ahead()


class _ProcessId:
    """A process mark where the kernel makes none: the process ID that was seen last."""

    def __init__(self) -> None:
        self._process: int | None = os.getpid()

    def __getitem__(self, index: int) -> int:
        return int(os.getpid() == self._process)

    def __setitem__(self, index: int, value: int) -> None:
        self._process = os.getpid() if value else None


# MADV_WIPEONFORK, which the module mmap does not name.
_WIPE_ON_FORK = 18
_NO_SUCH_ADVICE = -1


def _process_mark() -> mmap.mmap | _ProcessId:
    """Something whose first item is 1, and 0 in a process forked since: memory that the kernel clears in children.

    Looking at it takes a tenth of the 0.2 µs that asking for the process ID takes on every message.
    """
    if sys.platform != "linux":
        return _ProcessId()
    page = mmap.mmap(-1, mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    try:
        page.madvise(_WIPE_ON_FORK)
    except OSError:
        return _ProcessId()
    try:
        page.madvise(_NO_SUCH_ADVICE)
    except OSError:
        page[0] = 1
        return page
    return _ProcessId()  # whoever says yes to anything, as emulators do, may not have done the first either


PROCESS_MARK = _process_mark()


def _reset_in_child() -> None:
    for holder in _living():
        holder.reset(EvictionReason.FORK)
    PROCESS_MARK[0] = 1  # last: other threads of a child take what they find for theirs as soon as they see it


_guards: dict[int, threading.Lock] = {}


def notice_fork() -> None:
    """As the hook below, for a fork that Python did not make: for whoever uses what no copy of the process may use.

    The threads of a child may come at once, so one of them drops for all; the lock is one that only this process knows.
    """
    if PROCESS_MARK[0]:
        return
    with _guards.setdefault(os.getpid(), threading.Lock()):
        if not PROCESS_MARK[0]:
            _reset_in_child()


os.register_at_fork(after_in_child=_reset_in_child)

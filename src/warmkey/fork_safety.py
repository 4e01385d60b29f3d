"""What a copy of this process must not go on with: one register, one detector, one generation.

Theory of operation
===================

A process may be copied. A fork makes one child; a snapshot (Lambda SnapStart) is restored any number of times. A copy
must not use what it inherited: a data key whose limits two processes count apart holds for neither, a lock may be held
by a thread that the copy lacks, a connection shared by two processes mixes their requests, and a stream that goes on in
both encrypts two plaintexts with one key and one IV.

The register. Whatever holds such things calls :func:`register` once. It is kept weakly, so registering prolongs no
life. ``holder.reset(reason)`` makes it as new:

* ``FORK``, in the child, before any of the child's code runs where Python forked. The process has one thread, and a
  lock may be held for ever, so ``reset`` waits for none: it replaces them.
* ``SNAPSHOT``, before the snapshot is taken, again after it was restored, and once more at the first use afterwards
  where the runtime runs no hooks. Other threads may be running, so locks are taken as usual.

======================  ==============================================  ==========================================
holder                  in a forked child                               around a snapshot
======================  ==============================================  ==========================================
default client          is built again at the next use; settings stay   the same
LocalCMC                starts empty; tells of its parent's entries     evicts all; keeps none while one is ahead
single flight           forgets calls, whose threads are the parent's   forgets calls
counters of a CMM       start at zero                                   start at zero
context churn           starts over                                     starts over
memos                   start empty                                     are emptied; keep none while one is ahead
KMS requests            close connections before the first request,     close connections
                        because closing may wait for a lock
subscriber              forgets what its parent counted and will write  writes what it has counted
OpenTelemetry's counts  the same                                        are handed over, and flushed
KMS, eviction counter   starts at zero                                  keeps what was dropped for the snapshot
signatures              keep their library; are counted from zero       their library is decided again
instrumented calls      forgets its parent's                            nothing: there are none
streams                 refuse to go on, by the generation below        the same
threads of aio          forgets them, which are the parent's            ends them
======================  ==============================================  ==========================================

Not registered, because a copy may have them: constant tables, frame numbers as bytes, settings. A test
(``tests/architecture/test_state.py``) walks all modules and objects for what is neither registered nor listed there.

The detector. ``os.register_at_fork`` covers every fork that Python makes. C code may fork without Python's knowledge
(an embedding server, a native library), so whoever is about to use something inherited looks at ``PROCESS_MARK`` first.
It is one byte in a page of memory that the kernel was asked to clear in children (``MADV_WIPEONFORK``, Linux 4.14): 0
in a child that nobody has told yet, :data:`SETTLED` in the process that set it, and another number there while a
snapshot is ahead. So one look tells whether there is anything to notice. s2n-tls, AWS-LC and BoringSSL detect forks
that way. ``os.getpid()`` would be a system call on every message, which takes several times as long as looking at the
mark (benchmark "shortcuts", row "process mark"). Three details matter:

* The mark is set last, after every holder was reset. Other threads of the child take whatever they find for their own
  as soon as they see it.
* Several threads of a child may notice at once, so one resets and the others wait. The lock is looked up by process
  ID, because a lock of the parent may be held by a thread that the child lacks. It is reentrant: a signal handler may
  come here while its thread is resetting.
* Emulators say yes to any advice. A kernel that also accepts an advice that does not exist is not believed, and the
  mark is the process ID instead.

The generation. Something that can't be made anew in place, such as a stream half-way through a message, remembers
:func:`generation` when it begins and refuses to go on when it has changed. The number grows at each fork in the child
(the parent's stays), and at each snapshot and restore. Copies of one process can have the same number; what matters is
that a copy never has that of the moment at which it was copied.

Before a snapshot nothing should be kept in the first place: while :func:`snapshot_is_ahead`, caches keep no entries.
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
    "SETTLED",
    "Holder",
    "expect_snapshot",
    "generation",
    "living_instances",
    "notice_fork",
    "register",
    "reset_after_restore",
    "reset_before_snapshot",
    "snapshot_is_ahead",
]


class Holder(Protocol):
    """Holds what no copy of the process may use."""

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Become as new. *reason* is ``FORK`` (wait for no lock; the process has one thread) or ``SNAPSHOT``."""


_Kind = TypeVar("_Kind")

# What the process mark is; 0 in a copy that nobody has told.
SETTLED, _SNAPSHOT_AHEAD = 1, 2

_holders: weakref.WeakValueDictionary[int, Holder] = weakref.WeakValueDictionary()
_generation = 0
_is_ahead: Callable[[], bool] | None = None
_is_noticing = False
_guards: dict[int, threading.RLock] = {}


def register(holder: Holder) -> None:
    """Call ``holder.reset`` in every forked child and around every snapshot, as long as *holder* lives."""
    _holders[id(holder)] = holder


def living_instances(kind: type[_Kind]) -> list[_Kind]:
    """Return the registered holders that are alive and of *kind*."""
    return [holder for holder in _living() if isinstance(holder, kind)]


def _living() -> list[Holder]:
    # valuerefs() is one step for the interpreter: other threads may make and drop holders meanwhile.
    return [holder for reference in _holders.valuerefs() if (holder := reference()) is not None]


def generation() -> int:
    """Return a number that is another one in every forked child and after every snapshot.

    Remember it when something begins that a copy must not continue, and compare before each step.
    """
    notice_fork()
    return _generation


def notice_fork() -> None:
    """Reset all holders in a copy that no hook has told: call this before using anything that was inherited.

    Where a call shows, look first: there is nothing to notice while ``PROCESS_MARK[0] == SETTLED``.
    """
    if not PROCESS_MARK[0]:
        with _guard():
            if not PROCESS_MARK[0]:
                _reset_in_child()
    if _is_ahead is not None and not _is_ahead():
        _notice_restore()


def _guard() -> threading.RLock:
    return _guards.setdefault(os.getpid(), threading.RLock())


def _reset_in_child() -> None:
    _reset_all(EvictionReason.FORK)
    PROCESS_MARK[0] = SETTLED if _is_ahead is None else _SNAPSHOT_AHEAD  # last, see above


def _reset_all(reason: EvictionReason) -> None:
    global _generation  # noqa: PLW0603 - one process, one generation
    _generation += 1
    failure: Exception | None = None
    for holder in _living():
        try:
            holder.reset(reason)
        except Exception as error:  # noqa: BLE001 - raised below, after the others have let go of what they hold
            failure = failure or error
    if failure is not None:
        raise failure


# --- snapshots


def expect_snapshot(is_ahead: Callable[[], bool]) -> None:
    """From now until *is_ahead* answers no, nothing may be kept that a snapshot must not hold."""
    global _is_ahead  # noqa: PLW0603 - one process, one environment
    _is_ahead = is_ahead
    if PROCESS_MARK[0]:
        PROCESS_MARK[0] = _SNAPSHOT_AHEAD


def snapshot_is_ahead() -> bool:
    """Return whether this process will be copied before it does any work."""
    return _is_ahead is not None and _is_ahead()


def reset_before_snapshot() -> None:
    """Reset all holders: the process is about to be copied."""
    _reset_all(EvictionReason.SNAPSHOT)


def reset_after_restore() -> None:
    """Reset all holders: this is a copy, and something may have been used after :func:`reset_before_snapshot`."""
    global _is_ahead  # noqa: PLW0603 - see expect_snapshot
    _reset_all(EvictionReason.SNAPSHOT)
    _is_ahead = None
    if PROCESS_MARK[0]:
        PROCESS_MARK[0] = SETTLED


def _notice_restore() -> None:
    global _is_noticing  # noqa: PLW0603 - see expect_snapshot
    with _guard():
        if _is_ahead is None or _is_noticing:  # another thread was first; or a holder's reset came back here
            return
        _is_noticing = True
        try:
            reset_after_restore()
        finally:
            _is_noticing = False


# --- the process mark


class _ProcessId:
    """A process mark where the kernel makes none: the process ID that was seen last."""

    def __init__(self) -> None:
        self[0] = SETTLED

    def __getitem__(self, index: int) -> int:
        return self._value if os.getpid() == self._process else 0

    def __setitem__(self, index: int, value: int) -> None:
        self._process, self._value = os.getpid(), value


# MADV_WIPEONFORK, which the module mmap does not name.
_WIPE_ON_FORK = 18
_NO_SUCH_ADVICE = -1


def _process_mark() -> mmap.mmap | _ProcessId:
    """Return something whose first item is 1 here, and 0 in a process forked since."""
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
        page[0] = SETTLED
        return page
    return _ProcessId()


PROCESS_MARK = _process_mark()
os.register_at_fork(after_in_child=_reset_in_child)

"""Make the locks of this package, of which a thread can tell whether it holds any.

A signal handler or a finalizer runs in the thread that it interrupts, also while that thread holds a lock, and may
encrypt. If it then waited for a call that another thread makes, and that thread needed the lock, both would wait for
each other. So whoever is about to wait for another thread's call asks :func:`holds_lock` first.

Each lock knows its owner, so nothing is counted along the way and taking a lock costs nothing more.
"""

from __future__ import annotations

import threading
import weakref

__all__ = ["holds_lock", "is_held", "new_lock"]

_locks: weakref.WeakValueDictionary[int, threading.RLock] = weakref.WeakValueDictionary()


def new_lock() -> threading.RLock:
    """Return a reentrant lock that :func:`holds_lock` knows of as long as it lives."""
    lock = threading.RLock()
    _locks[id(lock)] = lock
    return lock


def is_held(lock: threading.RLock) -> bool:
    """Return whether this thread holds *lock*."""
    held: bool = lock._is_owned()  # type: ignore[attr-defined]  # noqa: SLF001 - threading.Condition asks so too
    return held


def holds_lock(*, besides: threading.RLock) -> bool:
    """Return whether this thread holds any lock of :func:`new_lock` but *besides*."""
    # valuerefs() is one step for the interpreter: other threads may make and drop locks meanwhile.
    alive = (reference() for reference in _locks.valuerefs())
    return any(lock is not None and lock is not besides and is_held(lock) for lock in alive)

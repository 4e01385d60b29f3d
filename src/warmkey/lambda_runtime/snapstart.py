"""Prepare for SnapStart: memory after initialization is copied into every execution environment.

Until then no data key is cached, and signatures draw no randomness from OpenSSL, which can't be made to reseed after a
restore. Before the snapshot everything that came from keys or credentials is dropped; afterwards the next use builds
it afresh. ``snapshot_restore_py``, which Lambda's runtimes bring, runs the two hooks. Without it the first invocation
shows that the restore is over.
"""

from __future__ import annotations

import gc

from warmkey.crypto.signatures import use_deterministic_signatures
from warmkey.fork_safety import expect_snapshot, reset_after_restore, reset_before_snapshot
from warmkey.lambda_runtime.memory_scrubbing import overwrite_freed_memory
from warmkey.lambda_runtime.settings import is_invoked

__all__ = ["after_restore", "before_snapshot", "prepare"]


class _Restore:
    """Hold whether the restore is over."""

    done = False


def prepare() -> None:
    """Prepare for the snapshot that this execution environment will become."""
    use_deterministic_signatures(deterministic=True)
    expect_snapshot(_is_ahead)
    try:
        import snapshot_restore_py  # noqa: PLC0415 - not everywhere
    except ImportError:
        return
    snapshot_restore_py.register_before_snapshot(before_snapshot)
    snapshot_restore_py.register_after_restore(after_restore)


def _is_ahead() -> bool:
    if not _Restore.done:
        _Restore.done = is_invoked()
    return not _Restore.done


def before_snapshot() -> None:
    """Drop what must not be copied."""
    reset_before_snapshot()
    gc.collect()
    overwrite_freed_memory()


def after_restore() -> None:
    """Allow data keys to be cached from here on."""
    _Restore.done = True
    reset_after_restore()  # a hook that ran after ours may have used warmkey

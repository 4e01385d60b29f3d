"""Hold the one client that the helpers of this process share: built once, dropped where it must not live on.

It is dropped by ``reset``, in a forked child, and before a snapshot; the next use builds it afresh, so data keys, KMS
connections, credentials and a generated partition ID never cross from one execution environment to another.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from warmkey.events import EvictionReason
from warmkey.exceptions import ConfigurationError
from warmkey.fork_safety import PROCESS_MARK, notice_fork, register, snapshot_is_ahead
from warmkey.lambda_runtime.settings import check_keywords, is_eager, read_settings
from warmkey.lambda_runtime.wiring import Overrides, wire

if TYPE_CHECKING:
    from warmkey.lambda_runtime.wiring import Runtime

__all__ = ["DEFAULT", "DefaultClient"]


class DefaultClient:
    """Hold the runtime, and the overrides of ``configure`` that it is built with."""

    def __init__(self) -> None:
        self._overrides: Overrides | None = None
        self.reset()
        register(self)

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Forget keys, connections and credentials in a copy; what was configured stays."""
        del reason
        self._lock = threading.Lock()
        self._runtime: Runtime | None = None
        self._ready: Runtime | None = None

    def get(self) -> Runtime:
        """Return the runtime, built by the first thread that asks.

        :raises ConfigurationError: the settings can't be used; the next call tries again
        """
        # The mark is read first: a runtime that is read after it can't be the parent's.
        runtime = self._runtime if PROCESS_MARK[0] else None
        if runtime is None or runtime.only_until_restored:
            return self._build()
        return runtime

    def _build(self) -> Runtime:
        notice_fork()
        with self._lock:
            if not _is_usable(self._runtime):
                self._runtime, self._ready = self._ready if _is_usable(self._ready) else self._wire(), None
            return self._runtime  # type: ignore[return-value]

    def _wire(self) -> Runtime:
        overrides = self._overrides or Overrides()
        return wire(read_settings(overrides.settings), overrides, only_until_restored=snapshot_is_ahead())

    def configure(self, overrides: Overrides) -> None:
        """Use *overrides* from the first use on; build the runtime now where ``WARMKEY_INIT`` is ``eager``.

        :raises ConfigurationError: the runtime is in use already, or a setting can't be used
        """
        check_keywords(overrides.settings)
        notice_fork()
        with self._lock:
            if _is_usable(self._runtime):
                raise ConfigurationError(
                    "configure() came after the first use of warmkey; call it once, before that, or reset() first"
                )
            self._overrides, self._ready = overrides, None
        self.prepare_if_eager()

    def prepare_if_eager(self) -> None:
        """Build the runtime ahead of the first use where the settings say so; ``configure`` may still follow.

        :raises ConfigurationError: the settings can't be used
        """
        with self._lock:
            if is_eager(self._overrides.settings if self._overrides else {}):
                self._ready = self._wire()

    def discard(self) -> None:
        """Forget everything, including what was configured."""
        notice_fork()
        with self._lock:
            forgotten = (self._runtime, self._ready)
            self._overrides = self._runtime = self._ready = None
        for runtime in forgotten:
            if runtime is not None and runtime.settings.cache:
                runtime.cmm.purge()


def _is_usable(runtime: Runtime | None) -> bool:
    if runtime is None:
        return False
    return not runtime.only_until_restored or snapshot_is_ahead()


DEFAULT = DefaultClient()

"""The one client of this process that the helpers share: built once, dropped where it must not live on.

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
    """Holds what is wired, and what ``configure`` was given to wire it with."""

    def __init__(self) -> None:
        self._given: Overrides | None = None
        self.reset()
        register(self)

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """In a copy: forget keys, connections and credentials; what was configured stays."""
        del reason
        self._lock = threading.Lock()
        self._wired: Runtime | None = None
        self._ready: Runtime | None = None

    def get(self) -> Runtime:
        """What is wired, built by the first thread that asks.

        :raises ConfigurationError: the settings can't be used; the next call tries again
        """
        # The mark first: what is read once it is there can't be the parent's any more.
        wired = self._wired if PROCESS_MARK[0] else None
        if wired is None or wired.only_until_restored:
            return self._build()
        return wired

    def _build(self) -> Runtime:
        notice_fork()
        with self._lock:
            if not _is_usable(self._wired):
                self._wired, self._ready = self._ready if _is_usable(self._ready) else self._wire(), None
            return self._wired  # type: ignore[return-value]

    def _wire(self) -> Runtime:
        given = self._given or Overrides()
        return wire(read_settings(given.settings), given, only_until_restored=snapshot_is_ahead())

    def configure(self, given: Overrides) -> None:
        """Wire with *given* from the first use on; at once where ``WARMKEY_INIT`` is ``eager``.

        :raises ConfigurationError: it is wired already, or a setting can't be used
        """
        check_keywords(given.settings)
        notice_fork()
        with self._lock:
            if _is_usable(self._wired):
                raise ConfigurationError(
                    "configure() came after the first use of warmkey; call it once, before, or warmkey.reset() first"
                )
            self._given, self._ready = given, None
        self.prepare_if_eager()

    def prepare_if_eager(self) -> None:
        """Wire ahead of the first use where the settings say so; ``configure`` may still come.

        :raises ConfigurationError: the settings can't be used
        """
        with self._lock:
            if is_eager(self._given.settings if self._given else {}):
                self._ready = self._wire()

    def discard(self) -> None:
        """Forget everything, what was configured too."""
        notice_fork()
        with self._lock:
            forgotten = (self._wired, self._ready)
            self._given = self._wired = self._ready = None
        for wired in forgotten:
            if wired is not None and wired.settings.cache:
                wired.cmm.purge()


def _is_usable(wired: Runtime | None) -> bool:
    if wired is None:
        return False
    return not wired.only_until_restored or snapshot_is_ahead()


DEFAULT = DefaultClient()

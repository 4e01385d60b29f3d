"""The one client of this process that the helpers share: built once, dropped where it must not live on.

It is dropped by :func:`reset`, in a forked child, and before a snapshot; the next use builds it afresh, so data keys,
KMS connections, credentials and a generated partition ID never cross from one execution environment to another.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

from warmkey.events import EvictionReason
from warmkey.exceptions import ConfigurationError
from warmkey.process_copies import drop_in_copies
from warmkey.lambda_runtime.settings import parse_keywords, read_settings
from warmkey.lambda_runtime.wiring import Given, wire

if TYPE_CHECKING:
    from warmkey.lambda_runtime.wiring import Wired

__all__ = ["DEFAULT", "DefaultClient"]


class DefaultClient:
    """Holds what is wired, and what ``configure`` was given to wire it with."""

    def __init__(self) -> None:
        self._given: Given | None = None
        self.drop_inherited()
        drop_in_copies(self)

    def drop_inherited(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """In a copy: forget keys, connections and credentials; what was configured stays."""
        del reason
        self._lock = threading.RLock()
        self._wired: Wired | None = None

    def get(self) -> Wired:
        """What is wired, built by the first thread that asks.

        :raises ConfigurationError: the settings can't be used; the next call tries again
        """
        wired = self._wired
        # A fork that Python did not make runs no hook.
        if wired is None or wired.process != os.getpid():
            return self._build()
        return wired

    @property
    def wired(self) -> Wired | None:
        """What is wired in this process so far."""
        wired = self._wired
        return wired if wired is not None and wired.process == os.getpid() else None

    def _build(self) -> Wired:
        if self._wired is not None and self.wired is None:
            self.drop_inherited()
        with self._lock:
            if self._wired is None:
                given = self._given or Given()
                self._wired = wire(read_settings(given.settings), given)
            return self._wired

    def configure(self, given: Given) -> None:
        """Wire with *given* from the first use on.

        :raises ConfigurationError: it is wired already, or was configured before
        """
        parse_keywords(given.settings)  # its errors belong here, not to the first use
        with self._lock:
            if self.wired is not None:
                raise ConfigurationError(
                    "configure() came after the first use of warmkey; call it once, before, or warmkey.reset() first"
                )
            self._given = given

    def reset(self) -> None:
        """Forget everything, what was configured too."""
        with self._lock:
            wired, self._wired = self._wired, None
            self._given = None
        _empty(wired)


def _empty(wired: Wired | None) -> None:
    purge: Any = getattr(wired.cmm.cache, "purge", None) if wired is not None else None
    if purge is not None:
        purge()


DEFAULT = DefaultClient()

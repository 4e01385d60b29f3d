"""Hold requests at a gate, so that a test decides what overlaps with what, without sleeping."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import TracebackType

    from warmkey.testing.calls import Call

__all__ = ["Gate"]

# Only how long a broken test hangs before it says so; no test that passes waits for it.
_PATIENCE_SECONDS = 30.0


class Gate:
    """Holds requests until :meth:`open`; get one from :meth:`FakeKms.hold`, and use it in a ``with`` statement.

    ::

        with kms.hold("GenerateDataKey") as gate:
            threads = [start(encrypt) for _ in range(16)]
            gate.wait_for(1)        # a first request has arrived, and stands there
            ...
            gate.open()             # leaving the block opens it too
    """

    def __init__(self, operation: str | None = None) -> None:
        self._operation = operation
        self._changed = threading.Condition()
        self._is_open = False
        self._held = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.open()

    @property
    def held(self) -> int:
        """Return how many requests wait at the closed gate."""
        return self._held

    @property
    def is_open(self) -> bool:
        """Return whether it was opened."""
        return self._is_open

    def open(self) -> None:
        """Let everybody through, from now on too."""
        with self._changed:
            self._is_open = True
            self._changed.notify_all()

    def wait_for(self, calls: int = 1) -> None:
        """Return as soon as *calls* requests are held.

        :raises TimeoutError: they did not come
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._held >= calls, _PATIENCE_SECONDS):
                raise TimeoutError(f"waited for {calls} requests at the gate; {self._held} came")

    def pass_through(self, call: Call) -> None:
        """Wait at the gate until it opens, if it is meant for this operation.

        :raises TimeoutError: nobody opened it
        """
        if self._is_open or self._operation not in {None, call.operation}:
            return
        with self._changed:
            self._held += 1
            self._changed.notify_all()
            opened = self._changed.wait_for(lambda: self._is_open, _PATIENCE_SECONDS)
            self._held -= 1
        if not opened:
            raise TimeoutError(f"{call.operation} was held at a gate that nobody opened")

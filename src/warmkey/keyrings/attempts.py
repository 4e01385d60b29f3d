"""How often botocore sends one request: it says so in an answer, and nowhere where none came after all its attempts."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Attempts", "watch_attempts"]


class Attempts:
    """Those of one request: ``made`` so far, 0 for a client that does not tell."""

    __slots__ = ("made",)

    def __init__(self) -> None:
        self.made = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count what is sent in the block."""
        token = _of_this_request.set(self)
        try:
            yield
        finally:
            _of_this_request.reset(token)


_of_this_request: ContextVar[Attempts | None] = ContextVar("warmkey_kms_attempts", default=None)


def watch_attempts(client: Any) -> None:  # noqa: ANN401 - boto3 has no types
    """Have *client* tell of each attempt; more than once does no harm."""
    register = getattr(getattr(getattr(client, "meta", None), "events", None), "register", None)
    if register is not None:
        register("before-send.kms", _count_attempt, unique_id="warmkey-attempts")


def _count_attempt(**_event: object) -> None:
    attempts = _of_this_request.get()
    if attempts is not None:
        attempts.made += 1

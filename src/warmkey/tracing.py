"""What a tracer is told while something takes time: fetching a data key, waiting for another thread, asking AWS.

Facts (:mod:`warmkey.facts`) are told when they have happened, which is too late for a span that others are to be inside
of. A subscriber that makes spans has an attribute ``tracing``; whoever is about to wait asks for it once, with
:func:`tracing_of`, and opens what it returns around the wait. A hit waits for nothing, so it has no span.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from warmkey.facts import Event
    from warmkey.reasons import BypassReason, MissReason, Operation

__all__ = ["UNTRACED", "Request", "Tracing", "tracing_of"]


class Request(Protocol):
    """A request to an AWS service that is under way."""

    def answered(self, answer: object, *, attempts: int) -> None:
        """Take what the service answered, or the exception that the client raised, after so many attempts."""


class Tracing(Protocol):
    """Makes spans. Neither method raises, and neither do the context managers that they return."""

    def fetch(
        self, fact: type[Event], operation: Operation, reason: MissReason | BypassReason | None = None
    ) -> AbstractContextManager[object]:
        """Return what to open for the time after which *fact* will be told."""

    def request(
        self, service: str, operation: str, *, region: str | None, key: str | None
    ) -> AbstractContextManager[Request]:
        """Return what to open for a request.

        :param service: as botocore calls it, such as ``kms``
        :param operation: the API's name, such as ``Decrypt``
        :param key: the ARN of the KMS key that is asked for
        """


class _Untraced:
    """Makes no spans."""

    __slots__ = ("_nothing",)

    def __init__(self) -> None:
        self._nothing = nullcontext(self)

    def fetch(self, *_facts: object) -> AbstractContextManager[object]:
        return self._nothing

    def request(self, *_names: object, **_details: object) -> AbstractContextManager[Request]:
        return self._nothing

    def answered(self, answer: object, *, attempts: int) -> None:
        pass


UNTRACED = _Untraced()


def tracing_of(emit: object) -> Tracing:
    """Return what makes spans for the subscriber *emit*."""
    # Of the class, because a mock has every attribute.
    tracing: Tracing = emit.tracing if hasattr(type(emit), "tracing") else UNTRACED  # type: ignore[attr-defined]
    return tracing

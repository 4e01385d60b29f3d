"""Count KMS requests, whoever makes them: boto3 clients that exist already, new ones, and fakes."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from botocore.client import BaseClient

from warmkey.safe_repr import safe_repr

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["KmsCounter", "announce", "assert_kms_calls", "counting"]


@safe_repr
class KmsCounter:
    """Counts the KMS operations that are requested while somebody counts."""

    def __init__(self) -> None:
        self._operations: list[str] = []

    def __repr__(self) -> str:
        return f"<KmsCounter {self._operations}>"

    @property
    def operations(self) -> list[str]:
        """Return the requests in order: ``["GenerateDataKey", "Decrypt"]``."""
        return list(self._operations)

    def count(self, operation: str | None = None) -> int:
        """Return how many requests there were, of one operation or of all."""
        return sum(operation in {None, made} for made in self._operations)

    def clear(self) -> None:
        """Start from nothing."""
        self._operations.clear()

    def assert_calls(self, expected: int, operation: str | None = None) -> None:
        """Fail, with the list of all requests, unless there were *expected* of them."""
        found = self.count(operation)
        if found != expected:
            what = f"KMS requests ({operation})" if operation else "KMS requests"
            raise AssertionError(
                f"expected {expected} {what}, counted {found}; all of them: {', '.join(self._operations) or 'none'}"
            )

    def add(self, operation: str) -> None:
        """Count one."""
        self._operations.append(operation)


@contextmanager
def assert_kms_calls(expected: int, operation: str | None = None) -> Iterator[KmsCounter]:
    """Fail unless the block makes *expected* KMS requests, of one operation or of all.

    ::

        with warmkey.testing.assert_kms_calls(1):
            for order in orders:
                handler(order, context)

    It counts each call of a boto3 client's method once (a retry inside the client is not seen) and each request to a
    :class:`~warmkey.testing.FakeKms`, in all threads.
    """
    with counting() as counter:
        yield counter
    counter.assert_calls(expected, operation)


@contextmanager
def counting() -> Iterator[KmsCounter]:
    """Count the KMS requests of the block."""
    counter = KmsCounter()
    _listen(counter)
    try:
        yield counter
    finally:
        _stop(counter)


def announce(operation: str) -> None:
    """Tell all who count that a KMS request is being made."""
    for counter in _counters:
        counter.add(operation)


# Every boto3 client calls this one method for every operation, and test suites stand in for it all over the world.
# Event hooks belong to a session, so clients that were made before the counting would not be seen.
_lock = threading.RLock()
_counters: tuple[KmsCounter, ...] = ()
_original = BaseClient._make_api_call  # noqa: SLF001


def _announcing(client: Any, operation: str, parameters: dict[str, Any]) -> Any:  # noqa: ANN401 - botocore has no types
    if client.meta.service_model.service_name == "kms":
        announce(operation)
    return _original(client, operation, parameters)


def _listen(counter: KmsCounter) -> None:
    global _counters, _original  # noqa: PLW0603 - like the method that it stands in for, there is one per process
    with _lock:
        if not _counters:
            _original = BaseClient._make_api_call  # noqa: SLF001
            BaseClient._make_api_call = _announcing  # noqa: SLF001
        _counters += (counter,)


def _stop(counter: KmsCounter) -> None:
    global _counters  # noqa: PLW0603 - see _listen
    with _lock:
        _counters = tuple(other for other in _counters if other is not counter)
        if not _counters:
            BaseClient._make_api_call = _original  # noqa: SLF001

"""The requests to a fake service: written down, held up, and made to fail."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from warmkey.testing.calls import Call
from warmkey.testing.faults import Fault
from warmkey.testing.gate import Gate

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = ["Traffic"]

_Call = TypeVar("_Call", bound=Call)


class Traffic(Generic[_Call]):
    """The part of a fake that every service has alike; tests call it themselves, and none of it counts as a request.

    :ivar latency: called with each request before it is answered; let it move a clock, wait for something, or make the
        request that comes first
    """

    _fault: type[Fault] = Fault

    def __init__(self, operations: Collection[str]) -> None:
        self.latency: Callable[[_Call], object] | None = None
        self._operations = operations
        self._calls: list[_Call] = []
        self._faults: tuple[Fault, ...] = ()
        self._gates: tuple[Gate, ...] = ()

    # Reading back

    @property
    def calls(self) -> list[_Call]:
        """Every request so far, the oldest first; a request is written down when it arrives."""
        return list(self._calls)

    def count(self, operation: str | None = None) -> int:
        """How many requests there were, of one operation or of all."""
        return sum(operation in {None, call.operation} for call in self.calls)

    def counts(self) -> dict[str, int]:
        """How many requests there were of each operation: ``{"GenerateDataKey": 1}``."""
        return dict(Counter(call.operation for call in self.calls))

    def clear_calls(self) -> None:
        """Forget the requests so far."""
        self._calls.clear()

    # Bad days

    def fail(
        self,
        operation: str | None = None,
        *,
        error: str | BaseException,
        times: int | None = 1,
        when: Callable[[_Call], bool] | None = None,
        retries: int = 0,
    ) -> Fault:
        """Make requests fail; faults strike in the order in which they were made.

        :param operation: for example ``"Decrypt"``; by default any
        :param error: the name of a fault of this service, or the exception to raise
        :param times: how many requests it hits; ``None`` for all until it is cancelled
        :param when: hits only the requests for which it returns true
        :param retries: how often the client had tried again before, as its answer then reports
        :raises ValueError: the operation or the error is not known
        """
        where = operation and self._known(operation)
        fault = self._fault(error, operation=where, times=times, when=when, retries=retries)
        self._faults += (fault,)
        return fault

    def heal(self) -> None:
        """End all faults."""
        self._faults = ()

    def hold(self, operation: str | None = None) -> Gate:
        """Hold the requests of one operation, or all, at a :class:`~warmkey.testing.Gate` until it is opened.

        :raises ValueError: the operation is not known
        """
        gate = Gate(operation and self._known(operation))
        self._gates = (*(other for other in self._gates if not other.is_open), gate)
        return gate

    def _known(self, operation: str) -> str:
        if operation not in self._operations:  # a misspelt one would never happen, and the test would pass for nothing
            raise ValueError(f"operation {operation!r} is none of {', '.join(self._operations)}")
        return operation

    def _serve(self, call: _Call, endpoint: str, answer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What *call* gets: the *answer*, or what goes wrong today."""
        self._calls.append(call)
        for gate in self._gates:
            gate.pass_through(call)
        if self.latency is not None:
            self.latency(call)
        for fault in self._faults:
            if fault.claims(call):
                return fault.strike(call, endpoint, answer)
        return answer()

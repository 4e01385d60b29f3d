"""Tell subscribers where an invocation begins and ends: ``warmkey.instrument``.

An invocation belongs to the process, not to one client: all subscribers that are alive are told of it.
"""

from __future__ import annotations

import functools
import inspect
import logging
from contextlib import suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, overload
from weakref import ReferenceType, WeakSet, WeakValueDictionary, ref

from warmkey.events import EvictionReason
from warmkey.fork_safety import notice_fork, register
from warmkey.locks import new_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

__all__ = ["Participant", "TenantUnknownError", "current_tenant_id", "instrument", "take_part", "under_way"]

_Handler = TypeVar("_Handler", bound="Callable[..., Any]")


class Participant(Protocol):
    """Does something at both ends of an invocation."""

    def begin_invocation(self) -> None:
        """Before the handler."""

    def end_invocation(self, request_id: str | None, /) -> None:
        """After the handler, whether it returned or raised."""


class TenantUnknownError(Exception):
    """Say why nobody knows for which tenant this code runs."""


class _Invocations:
    """Keeps the instrumented invocations that are under way in this process, and who is told of them.

    Both are kept weakly. An interruption can come between any two steps, and an invocation that it kept from ending
    must not count for ever.
    """

    def __init__(self) -> None:
        self._participants: WeakValueDictionary[int, Participant] = WeakValueDictionary()
        self.reset()
        register(self)

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Forget the parent's invocations in a child; those who are told of the child's own stay the same."""
        if reason is EvictionReason.FORK:
            self._lock = new_lock()  # a signal handler may be instrumented
            self._under_way: WeakSet[Instrumented] = WeakSet()
            self._serves_several = False

    def take_part(self, participant: Participant) -> None:
        self._participants[id(participant)] = participant

    def are_under_way(self) -> bool:
        return len(self._under_way) > 0

    def includes(self, invocation: Instrumented | None) -> bool:
        return invocation in self._under_way

    def begin(self, invocation: Instrumented) -> None:
        with self._lock:
            self._under_way.add(invocation)
            self._serves_several |= len({each.tenant_id for each in self._under_way} - {None}) > 1
        self._tell(lambda participant: participant.begin_invocation())

    def drop(self, invocation: Instrumented) -> None:
        with self._lock:
            self._under_way.discard(invocation)

    def end(self, invocation: Instrumented, request_id: str | None) -> None:
        self.drop(invocation)
        self._tell(lambda participant: participant.end_invocation(request_id))

    def only_tenant_id(self) -> str | None:
        """Return the tenant of code that does not know its invocation: the one of all that are under way.

        Two tenants at once show that the runtime serves several invocations in this process. From then on such code
        could belong to one that has ended while another is the only one left, so its tenant is not known any more.

        :raises TenantUnknownError: there is no invocation, or the tenant could be one of several
        """
        with self._lock:
            tenants = {each.tenant_id for each in self._under_way}
        if not tenants:
            raise TenantUnknownError("this code runs outside of an invocation that warmkey.instrument knows")
        if self._serves_several or len(tenants) > 1:
            raise TenantUnknownError(
                "this process serves several invocations at once, and this thread carries the context variables of none"
            )
        return tenants.pop()

    def _tell(self, what: Callable[[Participant], None]) -> None:
        # valuerefs() is one step for the interpreter: other threads may make and drop participants meanwhile.
        participants = [reference() for reference in self._participants.valuerefs()]
        for participant in participants:
            if participant is None:
                continue
            try:
                what(participant)
            except Exception as error:  # noqa: BLE001 - observing must never break what it observes
                with suppress(Exception):  # the function's own handlers and filters may be what fails
                    logging.getLogger(__name__).warning("a subscriber failed with %s", type(error).__name__)


_invocations = _Invocations()
_current: ContextVar[ReferenceType[Instrumented] | None] = ContextVar("warmkey_instrumented", default=None)


def take_part(participant: Participant) -> None:
    """Tell *participant* of every invocation for as long as it lives."""
    _invocations.take_part(participant)


def under_way() -> bool:
    """Return whether there is an instrumented invocation whose end will write the metrics."""
    return _invocations.are_under_way()


def current_tenant_id() -> str:
    """Return the ID of the tenant that this code runs for: ``tenant_id`` of the context of its instrumented invocation.

    The invocation is the one of the context variables, which asyncio tasks and ``asyncio.to_thread`` carry. Threads and
    executors that don't carry them belong to the invocation of this process, as long as it serves one at a time.

    :raises TenantUnknownError: there is no such invocation, it has ended, or Lambda gave it no tenant
    """
    notice_fork()
    current = _current.get()
    if current is None:
        tenant_id = _invocations.only_tenant_id()
    else:
        invocation = current()
        if invocation is None or not _invocations.includes(invocation):
            raise TenantUnknownError("the invocation that this code was started in has ended, or was its parent's")
        tenant_id = invocation.tenant_id
    if tenant_id is None:
        raise TenantUnknownError(
            "warmkey.instrument was given no Lambda context with a tenant_id; Lambda sets it in functions with tenant "
            "isolation mode"
        )
    return tenant_id


@overload
def instrument(handler: _Handler, /) -> _Handler: ...  # type: ignore[overload-overlap]  # no context is callable


@overload
def instrument(context: object = None, /) -> Instrumented: ...


def instrument(target: Any = None, /) -> Any:
    """Write one summary line and the metrics once for each invocation, also when the handler raises.

    As a decorator, alone or with any others in any order::

        @warmkey.instrument
        def handler(event, context): ...

    or around a part of it, with Lambda's context for the request ID or without::

        with warmkey.instrument(context): ...
    """
    # A mock that stands for Lambda's context in somebody's tests is callable too.
    is_handler = callable(target) and _lambda_context((target,)) is None
    return Instrumented()(target) if is_handler else Instrumented(target)


class Instrumented:
    """Instruments one invocation, or as a decorator each call.

    :param arguments: Lambda's context, if it is among them, gives the request ID and the tenant ID
    :ivar tenant_id: the tenant that Lambda invoked the function for, in tenant isolation mode
    """

    def __init__(self, *arguments: object) -> None:
        context = _lambda_context(arguments)
        self._request_id = _request_id(context)
        self.tenant_id = _tenant_id(context)
        self._token: Any = None

    def __call__(self, handler: _Handler) -> _Handler:
        """Instrument each call of *handler*."""

        @functools.wraps(handler)
        def instrumented(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - whatever the handler takes
            with Instrumented(*args, *kwargs.values()):
                return handler(*args, **kwargs)

        @functools.wraps(handler)
        async def instrumented_coroutine(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as above
            with Instrumented(*args, *kwargs.values()):
                return await handler(*args, **kwargs)

        return cast("_Handler", instrumented_coroutine if inspect.iscoroutinefunction(handler) else instrumented)

    def __enter__(self) -> None:
        notice_fork()
        outer = _current.get()
        if outer is not None and _invocations.includes(outer()):
            return  # an inner one changes nothing
        try:
            self._token = _current.set(ref(self))
            _invocations.begin(self)
        except BaseException:  # __exit__ is not called
            _invocations.drop(self)
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._token is not None:
            notice_fork()
            token, self._token = self._token, None
            _current.reset(token)
            _invocations.end(self, self._request_id)


def _lambda_context(arguments: Sequence[object]) -> object:
    # The handler's arguments may be anything, and looking for an attribute may run any code.
    with suppress(Exception):
        for argument in reversed(arguments):  # the event comes first, and may be made by anybody
            if hasattr(argument, "aws_request_id"):
                return argument
    return None


def _request_id(context: Any) -> str | None:  # noqa: ANN401 - Lambda's, or what stands for it in a test
    with suppress(Exception):
        return None if context is None else str(context.aws_request_id)
    return None


def _tenant_id(context: object) -> str | None:
    with suppress(Exception):
        tenant_id = getattr(context, "tenant_id", None)
        return tenant_id if isinstance(tenant_id, str) and tenant_id else None
    return None

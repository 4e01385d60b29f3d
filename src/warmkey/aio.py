"""The helpers for programs with an event loop: ``await warmkey.aio.encrypt(...)``.

Each function takes and gives what the one of the same name in :mod:`warmkey` does, with the same settings and the same
cache. What a cached data key serves is done at once, in the thread of the event loop, because that takes less time
than to hand it over. It goes to a thread if it would have to wait for KMS, DynamoDB or another thread's request, or if
it takes long by itself: a plaintext or message of over 256 KiB, or a record of some hundred values. The loop runs on
meanwhile.

The thread works in a copy of the caller's ``contextvars``, and on copies of the dictionaries and lists that were passed
in. What these hold, and buffers, must not be changed before the call has returned.

A call that is cancelled ends at once. What its thread has begun it completes, so a data key that it asked for serves
others, and the result is dropped.

Works with any number of event loops of :mod:`asyncio`, one after the other or in several threads.
"""

from __future__ import annotations

import asyncio
import functools
import sys
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from warmkey.api import decrypt as blocking_decrypt
from warmkey.api import decrypt_text as blocking_decrypt_text
from warmkey.api import encrypt as blocking_encrypt
from warmkey.api import encrypt_text as blocking_encrypt_text
from warmkey.boundary import PENDING, leave, mark_boundary
from warmkey.bytes_like import bytes_of
from warmkey.events import EvictionReason
from warmkey.fork_safety import notice_fork, register
from warmkey.locks import new_lock
from warmkey.sealed import records, text, tokens  # noqa: F401 - loading them later would stall the loop
from warmkey.sealing import UNDER
from warmkey.sealing import open_token as blocking_open_token
from warmkey.sealing import seal_record as blocking_seal_record
from warmkey.sealing import seal_token as blocking_seal_token
from warmkey.sealing import unseal_record as blocking_unseal_record
from warmkey.waiting import WouldWait, never_waiting

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

__all__ = [
    "decrypt",
    "decrypt_text",
    "encrypt",
    "encrypt_text",
    "open_token",
    "seal_record",
    "seal_token",
    "unseal_record",
]

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")

# A message of this length takes a quarter of a millisecond, or two with a signature, and handing it over a tenth.
_MAX_LENGTH = 2**18
# What takes as long as so many bytes of a message: a value of a record, however short; a number more than that, because
# a bound one is compared digit by digit; and of long numbers a bit, or a byte of a Decimal.
_VALUE_LENGTH = 256
_NUMBER_LENGTH = 512
_BIT_LENGTH = 4
_DECIMAL_BYTE_LENGTH = 24
_LONGEST_CHARACTER = 4
# A byte of the message of a sealed record, whose JSON may be that of many values: "1,1,1".
_SEALED_BYTE_LENGTH = 32
_SHORT_DECIMAL = sys.getsizeof(Decimal(0))
# As many as the KMS client keeps connections by default.
_MAX_THREADS = 10


class _Threads:
    """Hold the threads that wait, for all event loops: those of a loop's own executor may be waiting for the loop."""

    def __init__(self) -> None:
        self.reset()
        register(self)

    def reset(self, reason: EvictionReason = EvictionReason.FORK) -> None:
        """Forget the threads, whatever the *reason*: a child has none of them, and those that are idle end."""
        del reason
        self._executor: ThreadPoolExecutor | None = None
        self._lock = new_lock()

    def run(self, work: Callable[[], _Result]) -> asyncio.Future[_Result]:
        """Do *work* in a thread, in a copy of this context."""
        notice_fork()
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="warmkey")
            executor = self._executor
        return asyncio.get_running_loop().run_in_executor(executor, copy_context().run, work)


_threads = _Threads()


class _Work:
    """A call that is to be made once, in a thread; what it was given is not shown by tracebacks and at log lines."""

    __slots__ = ("_arguments", "_function")

    def __init__(self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self._function = function
        self._arguments: Any = [_copied(each) for each in args], {name: _copied(kwargs[name]) for name in kwargs}

    @mark_boundary
    def __call__(self) -> Any:  # noqa: ANN401 - whatever the function returns
        (args, kwargs), self._arguments = self._arguments, None
        try:
            return self._function(*args, **kwargs)
        except StopIteration as error:  # no future takes one
            raise RuntimeError("the call raised StopIteration") from error
        finally:
            args = kwargs = None
            if PENDING:
                leave()


def _copied(argument: Any) -> Any:  # noqa: ANN401 - whatever the caller passes in
    return argument.copy() if type(argument) in (dict, list) else argument


def _awaitable(
    function: Callable[_Parameters, _Result],
    length: Callable[[Sequence[Any], Mapping[str, Any]], int],
    *,
    takes_iterators: bool = False,
) -> Callable[_Parameters, Coroutine[Any, Any, _Result]]:
    """Return *function* for event loops.

    :param length: tells from its arguments how many bytes of a message take as long
    :param takes_iterators: a call that is made again in a thread would find them used up
    """

    @never_waiting
    @mark_boundary
    @functools.wraps(function)
    async def call(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result:
        try:
            if takes_iterators:
                args = tuple([_repeatable(each) for each in args])  # type: ignore[assignment]
                kwargs = {name: _repeatable(kwargs[name]) for name in kwargs}  # type: ignore[assignment]
            if length(args, kwargs) <= _MAX_LENGTH:
                try:
                    return function(*args, **kwargs)
                except WouldWait:
                    pass
            return await _threads.run(_Work(function, args, kwargs))
        finally:
            # A traceback, and the stack at a log line, keep this frame: see warmkey.tracebacks.
            args = kwargs = None  # type: ignore[assignment]
            if PENDING:
                leave()

    call.__module__ = __name__
    return call


def _repeatable(argument: Any) -> Any:  # noqa: ANN401 - whatever the caller passes in
    return tuple(argument) if hasattr(type(argument), "__next__") else argument


def _of_message(args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    length = 0
    for value in (*args, *kwargs.values()) if kwargs else args:
        length += len(value) * _VALUE_LENGTH if type(value) is dict else _length_of_one(value)
    return length


def _of_record(args: Sequence[Any], kwargs: Mapping[str, Any], length: int = 0) -> int:
    """Add the values of records and the names of fields to *length*, until they are too many."""
    pending = [*args, *kwargs.values()]
    while pending and length <= _MAX_LENGTH:
        value = pending.pop()
        if isinstance(value, str) and value.isascii():  # what most are
            length += len(value)
        elif isinstance(value, (dict, list, tuple, set, frozenset)):
            length += len(value) * _VALUE_LENGTH
            if length <= _MAX_LENGTH and isinstance(value, dict):
                length += _of_names(value)
                pending += value.values()
            elif length <= _MAX_LENGTH:
                pending += value
        else:
            length += _length_of_one(value)
    return length


def _of_names(names: Mapping[Any, Any]) -> int:
    try:
        return len("".join(names))
    except TypeError:  # they are not all text, and refused
        return 0


def _of_sealed_record(args: Sequence[Any], kwargs: Mapping[str, Any]) -> int:
    record, under = args[0] if args else kwargs.get("record"), kwargs.get("under", UNDER)
    message = record.get(under) if isinstance(record, dict) and isinstance(under, str) else None
    return _of_record(args, kwargs, _length_of_one(message) * _SEALED_BYTE_LENGTH)


def _length_of_one(value: Any) -> int:  # noqa: ANN401 - a value of a record, or whatever the caller passes in
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value) * _LONGEST_CHARACTER
    if isinstance(value, (int, float, Decimal)):
        return _NUMBER_LENGTH + _length_of_digits(value)
    found = None if value is None else bytes_of(value)
    return 0 if found is None else len(found)


def _length_of_digits(number: float | Decimal) -> int:
    if isinstance(number, int):
        return number.bit_length() * _BIT_LENGTH
    if isinstance(number, Decimal):
        return (sys.getsizeof(number) - _SHORT_DECIMAL) * _DECIMAL_BYTE_LENGTH
    return 0


encrypt = _awaitable(blocking_encrypt, _of_message)
decrypt = _awaitable(blocking_decrypt, _of_message)
encrypt_text = _awaitable(blocking_encrypt_text, _of_message)
decrypt_text = _awaitable(blocking_decrypt_text, _of_message)
seal_record = _awaitable(blocking_seal_record, _of_record, takes_iterators=True)
unseal_record = _awaitable(blocking_unseal_record, _of_sealed_record, takes_iterators=True)
seal_token = _awaitable(blocking_seal_token, _of_message)
open_token = _awaitable(blocking_open_token, _of_message)

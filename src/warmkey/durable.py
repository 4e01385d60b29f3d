"""Encrypt what a durable function checkpoints: a ``SerDes`` for AWS's durable execution SDK, version 3.

::

    ENCRYPTED = EncryptedSerDes(encryption_context={"tenant": "acme"})

    @durable_execution
    def handler(event, context):
        return context.step(charge, config=StepConfig(serdes=ENCRYPTED))

The messages are of a kind of their own (``warmkey-kind`` is ``checkpoint``) and made with the default client's caching
CMM, so a replay that decrypts every checkpoint asks KMS once. Nothing else in warmkey imports this module.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from warmkey.exceptions import ConfigurationError, InvalidRequest, KeyUnavailable, WarmkeyError
from warmkey.safe_repr import safe_repr
from warmkey.sealed.checkpoints import Place
from warmkey.sealing import open_checkpoint, seal_checkpoint
from warmkey.structures import EncryptionContext
from warmkey.tracebacks import scrubbed
from warmkey.validation import kind_of, quoted, require_method, switch

try:
    from aws_durable_execution_sdk_python.exceptions import RetryableSerDesError, SerDesError
    from aws_durable_execution_sdk_python.filesystem_serdes import FileSystemSerDes
    from aws_durable_execution_sdk_python.serdes import EXTENDED_TYPES_SERDES, SerDes, SerDesContext
except ImportError as error:
    raise ImportError(
        f"warmkey.durable needs version 3 of aws-durable-execution-sdk-python ({error}): add it to the function",
        name=error.name,
    ) from error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

    ContextOf: TypeAlias = Mapping[str, str] | Callable[[SerDesContext], Mapping[str, str]]

__all__ = ["EncryptedSerDes"]

# What KMS and DynamoDB may answer otherwise in a moment.
_TRANSIENT = ("throttled", "unreachable")
# A function that returns what it has serialized has it written as JSON again.
_MOST_QUOTES = 2


@safe_repr
class EncryptedSerDes(SerDes[Any]):
    """Serializes with *inner*, and encrypts the text; for steps, child contexts, map, parallel and wait_for_condition.

    A checkpoint is bound to its operation and execution: moved to another one, it is refused, without a KMS request
    where the data key is cached. What is returned is JSON: a string in quotes.

    :param inner: the ``SerDes`` that turns values into text; ``None``: the SDK's ``ExtendedTypeSerDes``
    :param encryption_context: text pairs, as for :func:`warmkey.encrypt`, or a function that takes the SDK's
        ``SerDesContext`` and returns them. The same for many checkpoints: each needs a data key of its own
    :param bind: ``False``: bound to nothing, for what crosses executions: ``serdes_payload`` and ``serdes_result`` of
        an invocation, and results of callbacks. Both ends have to use it, and neither reads what the other form wrote
    :raises ConfigurationError: an argument can't be used

    KMS throttles and time-outs raise the SDK's ``RetryableSerDesError``, so that the invocation is retried. Everything
    else raises ``SerDesError``: a denial, another encryption context, another operation, a message that was changed.
    Their text stays unencrypted in the execution's history, and has neither a value nor a context's value.
    """

    @scrubbed
    def __init__(
        self, inner: SerDes[Any] | None = None, encryption_context: ContextOf | None = None, *, bind: bool = True
    ) -> None:
        if isinstance(inner, FileSystemSerDes):
            raise ConfigurationError(
                "inner is a FileSystemSerDes, which would write the value unencrypted, and only its file name would be "
                "encrypted; put them the other way round: FileSystemSerDesConfig(serdes=EncryptedSerDes(...))"
            )
        if inner is not None:
            require_method("inner", inner, "serialize", "deserialize")
        self._inner: SerDes[Any] = EXTENDED_TYPES_SERDES if inner is None else inner
        self._encryption_context = _checked_context(encryption_context)
        self._bind = switch("bind", bind)

    def __repr__(self) -> str:
        return f"EncryptedSerDes({type(self._inner).__name__}, bind={self._bind})"

    @scrubbed
    def serialize(self, value: Any, serdes_context: SerDesContext) -> str:  # noqa: ANN401 - whatever inner takes
        """Return *value* as an encrypted JSON string.

        :raises SerDesError: it can't be serialized or encrypted
        :raises RetryableSerDesError: KMS is busy or can't be reached
        """
        with _as_errors_of_the_sdk():
            place, context = self._place(serdes_context), self._context(serdes_context)
            return f'"{seal_checkpoint(self._serialized(value, serdes_context), context, place)}"'

    @scrubbed
    def deserialize(self, data: str, serdes_context: SerDesContext) -> Any:  # noqa: ANN401 - what inner gives
        """Return the value that :meth:`serialize` was given.

        :raises SerDesError: it can't be decrypted, belongs to something else, or *inner* can't read it
        :raises RetryableSerDesError: KMS is busy or can't be reached
        """
        with _as_errors_of_the_sdk():
            place, context = self._place(serdes_context), self._context(serdes_context)
            if not isinstance(data, str):
                raise InvalidRequest(f"a checkpoint must be str, not {kind_of(data)}")
            text = open_checkpoint((_quoted if self._bind else _quoted_by_lambda)(data), context, place)
        return self._deserialized(text, serdes_context)

    @scrubbed
    def warm_up(self, serdes_context: SerDesContext | None = None) -> None:
        """Have the data keys in the cache, ahead of a step whose side effect must not happen twice.

        A step is serialized after it ran: if there is no data key then, its side effect happens again with the retry.

        :param serdes_context: for an encryption context that is a function; ``None``: an empty one
        :raises SerDesError: KMS denies one of them
        :raises RetryableSerDesError: KMS is busy or can't be reached; let it end the invocation
        """
        with _as_errors_of_the_sdk():
            context = self._context(serdes_context or SerDesContext())
            open_checkpoint(seal_checkpoint("", context, None), context, None)

    def _place(self, serdes_context: SerDesContext) -> Place | None:
        return Place(serdes_context.operation_id, serdes_context.durable_execution_arn) if self._bind else None

    def _context(self, serdes_context: SerDesContext) -> Mapping[str, str] | None:
        context = self._encryption_context
        if context is None or isinstance(context, Mapping):
            return context
        answer: Mapping[str, str] | None = _asked(
            lambda: context(serdes_context), "the function encryption_context failed: it"
        )
        return answer

    def _serialized(self, value: Any, serdes_context: SerDesContext) -> str:  # noqa: ANN401 - as serialize
        writer = type(self._inner).__name__
        text: object = _asked(
            lambda: self._inner.serialize(value, serdes_context),
            f"{writer} can't serialize the value: it",
            # These name types only; those of reading show what was read.
            tells_no_value=self._inner is EXTENDED_TYPES_SERDES,
        )
        if not isinstance(text, str):
            raise InvalidRequest(f"{type(self._inner).__name__} must serialize to str, not {kind_of(text)}")
        return text

    def _deserialized(self, text: str, serdes_context: SerDesContext) -> Any:  # noqa: ANN401 - as deserialize
        reader = type(self._inner).__name__
        return _asked(
            lambda: self._inner.deserialize(text, serdes_context),
            f"the checkpoint was decrypted, and {reader} can't read what it holds: it",
        )


def _asked(question: Callable[[], Any], problem: str, *, tells_no_value: bool = False) -> Any:  # noqa: ANN401 - the answer
    """Return what the caller's own code answers.

    The SDK writes the text of every error into the execution's history, and logs it with its frames.

    :param tells_no_value: whether the text of its ``SerDesError`` may be told
    :raises SerDesError: it failed; says *problem* and with which type of error
    :raises RetryableSerDesError: its own
    """
    try:
        return question()
    except RetryableSerDesError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it raises, its text may hold the value
        says = f": {error}" if tells_no_value and isinstance(error, SerDesError) else ""
        problem = f"{problem} raised {type(error).__name__}{says}"
    raise SerDesError(problem)  # not above: the error holds the value


def _checked_context(context: ContextOf | None) -> ContextOf | None:
    """Return *context*, so that what can be known to be wrong is known when the function starts."""
    if context is None or (callable(context) and not isinstance(context, Mapping)):
        return context
    try:
        checked = EncryptionContext.of(context)
    except InvalidRequest as error:
        problem = str(error)
    else:
        if checked.reserved_key is None:
            return dict(checked)
        problem = f"the encryption context key {quoted(checked.reserved_key)} is reserved"
    raise ConfigurationError(problem)


def _quoted(data: str) -> str:
    """Return what is in the quotes of *data*; base64url needs no escapes. Anything else is left for the error."""
    return data[1:-1] if len(data) > 1 and data[0] == data[-1] == '"' else data


def _quoted_by_lambda(data: str) -> str:
    """Return the same where JSON may have been read, or written once more, on its way from function to function."""
    for _ in range(_MOST_QUOTES):
        if _quoted(data) is not data:
            with suppress(ValueError):
                data = json.loads(data)
    return data


@contextmanager
def _as_errors_of_the_sdk() -> Iterator[None]:
    try:
        yield
    except KeyUnavailable as error:
        is_transient = error.timed_out or any(attempt.outcome in _TRANSIENT for attempt in error.attempts)
        raise (RetryableSerDesError if is_transient else SerDesError)(str(error)) from error
    except WarmkeyError as error:
        raise SerDesError(str(error)) from error

"""Tracebacks: what leaves through the public boundary shows no local variable of ours."""

from __future__ import annotations

import inspect
import traceback
from typing import TYPE_CHECKING, NoReturn

import pytest

import warmkey
from tests.vectors.readers import KEYRING
from warmkey import (
    AuthenticationFailed,
    CachingCMM,
    Client,
    DefaultCMM,
    EncryptionContext,
    KeyAttempt,
    KeyUnavailable,
    LocalCMC,
)
from warmkey.boundary import _boundaries
from warmkey.keyrings import (
    AwsKmsKeyring,
    DiscoveryFilter,
    MultiKeyring,
    RawAesKeyring,
    RawEcdhKeyring,
    RawRsaKeyring,
    aws_kms_multi_keyring,
)
from warmkey.structures import DecryptionMaterials, EncryptionMaterials
from warmkey.tracebacks import scrub_traceback, scrubbed

if TYPE_CHECKING:
    from collections.abc import Callable

PUBLIC = [
    warmkey.encrypt,
    warmkey.decrypt,
    warmkey.encrypt_text,
    warmkey.decrypt_text,
    warmkey.configure,
    warmkey.is_sealed,
    warmkey.message_length,
    warmkey.purge,
    Client.__init__,
    CachingCMM.__init__,
    DefaultCMM.__init__,
    EncryptionContext.__init__,
    LocalCMC.__init__,
    EncryptionMaterials.__init__,
    DecryptionMaterials.__init__,
    DiscoveryFilter.__init__,
    AwsKmsKeyring.__init__,
    MultiKeyring.__init__,
    aws_kms_multi_keyring,
    Client.encrypt,
    Client.decrypt,
    Client.encrypt_stream,
    Client.decrypt_stream,
    RawAesKeyring.__init__,
    RawRsaKeyring.__init__,
    RawEcdhKeyring.__init__,
]


def failing(secret: bytes) -> None:
    if secret:
        raise KeyUnavailable("below", [KeyAttempt(keyring="k", operation="o", key="k", reason="r", cause=caught())])


def caught() -> OSError:
    try:
        raise OSError("from a client whose frames hold a key")
    except OSError as error:
        return error


def test_sealing_drops_the_frames_of_an_error_and_of_all_that_it_came_from() -> None:
    try:
        try:
            try:
                raise caught()
            except OSError as error:
                raise ValueError("between") from error
        except ValueError:
            failing(b"secret")
    except KeyUnavailable as error:
        sealed = scrub_traceback(error)

    chain = [sealed, sealed.__context__, sealed.attempts[0].cause]
    chain += [sealed.__context__.__cause__]  # type: ignore[union-attr]
    assert [type(error) for error in chain] == [KeyUnavailable, ValueError, OSError, OSError]
    assert [error.__traceback__ for error in chain if error] == [None] * 4
    assert "secret" not in "".join(traceback.format_exception(sealed))


def test_sealing_survives_a_chain_that_bites_its_tail() -> None:
    one, other = AuthenticationFailed("one"), AuthenticationFailed("other")
    one.__context__, other.__context__ = other, one

    assert scrub_traceback(one) is one


def public_function() -> None:
    try:
        failing(b"secret")
    except KeyUnavailable as error:
        raise scrub_traceback(error)  # noqa: B904


def test_sealing_leaves_alone_what_the_caller_was_handling() -> None:
    """An exception of the caller's, in whose handler warmkey was called, is not ours to change."""
    with pytest.raises(KeyUnavailable) as caught_error:  # noqa: PT012 - its handler is the point
        try:
            raise KeyError("the caller's")
        except KeyError:
            public_function()
    callers = caught_error.value.__context__

    assert isinstance(callers, KeyError)
    assert callers.__traceback__ is not None


# --- the decorator


@scrubbed
def boundary(secret: bytes, *, failure: BaseException | None = None) -> int:
    """Return the length of *secret*."""
    if failure is not None:
        raise failure
    return len(secret)


@pytest.mark.parametrize("failure", [KeyUnavailable("no key"), KeyboardInterrupt(), RuntimeError("theirs")], ids=repr)
@pytest.mark.parametrize(
    "call",
    [lambda f: boundary(b"secret", failure=f), lambda f: boundary(secret=b"secret", failure=f)],
    ids=["by position", "by name"],
)
def test_the_frame_of_the_decorator_keeps_nothing_that_the_caller_handed_in(
    failure: BaseException, call: Callable[[BaseException], int]
) -> None:
    with pytest.raises(type(failure)) as caught_error:
        call(failure)
    frames = [frame for frame, _ in traceback.walk_tb(caught_error.value.__traceback__)]
    ours = [frame for frame in frames if frame.f_globals["__name__"].startswith("warmkey.")]

    assert ours
    assert "secret" not in repr([frame.f_locals for frame in ours])


def test_a_scrubbed_function_returns_what_it_returns() -> None:
    assert boundary(b"secret") == 6


@pytest.mark.parametrize("function", PUBLIC, ids=lambda function: function.__qualname__)
def test_whoever_inspects_a_public_function_sees_its_own_signature_and_documentation(
    function: Callable[..., object],
) -> None:
    inner = inspect.unwrap(function)

    assert id(function.__code__) in _boundaries, "it is scrubbed"
    assert inspect.signature(function) == inspect.signature(inner)
    assert "args" not in inspect.signature(function).parameters
    assert (function.__name__, function.__doc__) == (inner.__name__, inner.__doc__)


class FailingCMM:
    """Raises *failure* when it is asked for materials."""

    def __init__(self, failure: BaseException) -> None:
        self.failure = failure

    def get_encryption_materials(self, request: object) -> NoReturn:
        raise self.failure

    decrypt_materials = get_encryption_materials


class InterruptedSubscriber:
    """Is interrupted when it is told that a message ended well."""

    def __call__(self, event: object) -> None:
        pass

    note = __call__

    def message_ended(self, event: object) -> NoReturn:
        raise KeyboardInterrupt

    count_hit = message_ended


def of_ours(error: BaseException) -> str:
    """Return what the frames of ours in the traceback of *error* hold."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [frame.f_locals for frame in frames if frame.f_globals["__name__"].startswith("warmkey.")]
    assert ours
    return repr(ours)


@pytest.mark.parametrize("failure", [KeyUnavailable("no key"), KeyboardInterrupt(), RuntimeError("theirs")], ids=repr)
@pytest.mark.parametrize("operation", ["encrypt", "decrypt"])
def test_the_frames_of_the_client_keep_nothing_that_the_caller_handed_in(
    operation: str, failure: BaseException
) -> None:
    message = b"secret" if operation == "encrypt" else Client().encrypt(b"", keyring=KEYRING).ciphertext
    with pytest.raises(type(failure)) as caught_error:
        getattr(Client(), operation)(message, cmm=FailingCMM(failure), encryption_context={"a": "secret"})

    assert "secret" not in of_ours(caught_error.value)
    assert repr(message) not in of_ours(caught_error.value)


class CMMThatCannotSayWhomItTells(FailingCMM):
    """Raises *failure* when it is asked for ``emit``, before there are any materials."""

    @property
    def emit(self) -> NoReturn:
        raise self.failure


@pytest.mark.parametrize("operation", ["encrypt", "decrypt", "encrypt_stream", "decrypt_stream"])
def test_the_frames_of_the_client_keep_nothing_when_the_cmm_can_not_say_whom_it_tells(operation: str) -> None:
    cmm = CMMThatCannotSayWhomItTells(RuntimeError("theirs"))
    with pytest.raises(RuntimeError, match="theirs") as caught_error:
        getattr(Client(), operation)(b"secret", cmm=cmm, encryption_context={"a": "secret"})

    assert "secret" not in of_ours(caught_error.value)


@pytest.mark.parametrize("operation", ["encrypt", "decrypt"])
def test_the_frames_of_the_client_keep_no_result(operation: str) -> None:
    cmm = CachingCMM(cache=LocalCMC(2), max_age=60, keyring=KEYRING, emit=InterruptedSubscriber())
    message = b"secret" if operation == "encrypt" else Client().encrypt(b"secret", keyring=KEYRING).ciphertext
    with pytest.raises(KeyboardInterrupt) as caught_error:
        getattr(Client(), operation)(message, cmm=cmm)

    assert "secret" not in of_ours(caught_error.value)
    assert "Result" not in of_ours(caught_error.value)


# --- where else frames hide


def raised(error: BaseException) -> BaseException:
    """Return *error* with a frame of ours that holds a secret."""
    namespace: dict[str, object] = {"__name__": "warmkey.of_a_test", "error": error}
    exec("def hold(secret):\n    raise error", namespace)
    try:
        namespace["hold"](b"secret")  # type: ignore[operator]
    except BaseException as caught:  # noqa: BLE001 - whatever it is
        return caught
    raise AssertionError


def secrets_in(*errors: BaseException) -> list[object]:
    tracebacks = [error.__traceback__ for error in errors]
    return [
        value
        for each in tracebacks
        for frame, _ in traceback.walk_tb(each)
        for name, value in frame.f_locals.items()
        if name == "secret"
    ]


class Slotted(Exception):
    __slots__ = ("inner",)


def in_a_group(inner: BaseException) -> BaseException:
    return BaseExceptionGroup("several", [ExceptionGroup("nested", [ValueError()]), inner])


def on_an_attribute(inner: BaseException) -> BaseException:
    outer = RuntimeError()
    outer.inner = [{"of": inner}]  # type: ignore[attr-defined]
    return outer


def in_a_slot(inner: BaseException) -> BaseException:
    outer = Slotted()
    outer.inner = inner
    return outer


def in_a_group_of_a_group(inner: BaseException) -> BaseException:
    return BaseExceptionGroup("outer", [BaseExceptionGroup("inner", [inner])])


def as_the_cause_of_an_attempt(inner: BaseException) -> BaseException:
    return RuntimeError(KeyUnavailable("k", [KeyAttempt(keyring="k", operation="o", key="k", reason="r", cause=inner)]))


@pytest.mark.parametrize(
    "wrap",
    [
        in_a_group,
        in_a_group_of_a_group,
        RuntimeError,
        lambda inner: RuntimeError("text", (inner,)),
        on_an_attribute,
        in_a_slot,
        as_the_cause_of_an_attempt,
        lambda inner: KeyUnavailable(
            "no key", [KeyAttempt(keyring="k", operation="o", key="k", reason="r", cause=inner)]
        ),
    ],
    ids=["group", "nested group", "argument", "in an argument", "attribute", "slot", "attempt", "our attempt"],
)
@pytest.mark.parametrize("kind", [RuntimeError, KeyboardInterrupt, AuthenticationFailed])
def test_frames_of_ours_lose_their_variables_wherever_the_error_hangs(
    wrap: Callable[[BaseException], BaseException], kind: type[BaseException]
) -> None:
    inner = raised(kind("inner"))
    assert secrets_in(inner) == [b"secret"]

    scrub_traceback(wrap(inner))

    assert secrets_in(inner) == []


def test_a_traceback_and_a_frame_that_an_error_keeps_are_cleared_too() -> None:
    inner = raised(RuntimeError())
    outer = RuntimeError()
    outer.traceback = inner.__traceback__  # type: ignore[attr-defined]
    scrub_traceback(outer)

    assert secrets_in(inner) == []


def test_what_works_for_us_below_is_cleared_and_what_the_caller_runs_above_is_not() -> None:
    """An interruption amid a request to KMS: botocore's frames hold the data key in the answer."""
    below: dict[str, object] = {"__name__": "botocore.parsers"}
    exec("def parse(secret):\n    raise KeyboardInterrupt", below)
    ours: dict[str, object] = {"__name__": "warmkey.of_a_test", "parse": below["parse"]}
    exec("def request(secret):\n    parse(secret)", ours)
    above: dict[str, object] = {"__name__": "botocore.hooks", "request": ours["request"]}
    exec("def hook(secret, call):\n    call(secret)", above)

    with pytest.raises(KeyboardInterrupt) as interruption:
        above["hook"](b"secret", ours["request"])  # type: ignore[operator]
    scrub_traceback(interruption.value)

    assert secrets_in(interruption.value) == [b"secret"], "the caller's own frame"


def test_an_error_that_holds_itself_ends_the_search() -> None:
    outer = RuntimeError()
    outer.itself = [outer]  # type: ignore[attr-defined]

    assert scrub_traceback(outer) is outer

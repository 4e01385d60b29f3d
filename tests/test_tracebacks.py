"""Tracebacks: what leaves through the public boundary shows no local variable of ours."""

from __future__ import annotations

import inspect
import traceback
from typing import TYPE_CHECKING

import pytest

import warmkey
from warmkey import AuthenticationFailed, Client, KeyAttempt, KeyUnavailable
from warmkey.keyrings import RawAesKeyring, RawEcdhKeyring, RawRsaKeyring
from warmkey.tracebacks import scrub_traceback, scrubbed

if TYPE_CHECKING:
    from collections.abc import Callable

PUBLIC = [
    warmkey.encrypt,
    warmkey.decrypt,
    warmkey.encrypt_text,
    warmkey.decrypt_text,
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

    assert inner is not function, "it is scrubbed"
    assert inspect.signature(function) == inspect.signature(inner)
    assert "args" not in inspect.signature(function).parameters
    assert (function.__name__, function.__doc__) == (inner.__name__, inner.__doc__)

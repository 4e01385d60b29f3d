"""Errors: one class per remedy, each with what an operator needs and nothing that is secret."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest

import warmkey
from warmkey import (
    AuthenticationFailed,
    ConfigurationError,
    InvalidRequest,
    KeyAttempt,
    KeyUnavailable,
    MalformedMessage,
    PolicyRefused,
    WarmkeyError,
)
from warmkey.events import KmsOutcome

ATTEMPT = KeyAttempt(
    keyring="AwsKmsKeyring",
    operation="Decrypt",
    key="arn:aws:kms:us-east-1:111122223333:key/1",
    reason="KMS answered AccessDeniedException",
    outcome=KmsOutcome.DENIED,
    remedy="allow it",
)
EVERY_ERROR = [
    ConfigurationError("fix the settings"),
    InvalidRequest("fix the call"),
    MalformedMessage("needs 32 bytes, 5 left", where="encrypted data key 1 › ciphertext", offset=11),
    MalformedMessage("needs 32 bytes, 5 left", where="version", offset=0, truncated=True),
    AuthenticationFailed("a tag"),
    PolicyRefused("not allowed"),
    KeyUnavailable("no key", [ATTEMPT]),
]
EACH = pytest.mark.parametrize(
    "error", EVERY_ERROR, ids=lambda error: f"{type(error).__name__}{'-cut' * getattr(error, 'truncated', False)}"
)


@EACH
def test_catching_the_base_catches_it(error: WarmkeyError) -> None:
    assert isinstance(error, WarmkeyError)
    assert type(error) is not WarmkeyError


def test_every_public_error_has_the_base() -> None:
    public = [getattr(warmkey, name) for name in warmkey.__all__]
    errors = [thing for thing in public if isinstance(thing, type) and issubclass(thing, BaseException)]

    assert WarmkeyError in errors
    assert all(issubclass(error, WarmkeyError) for error in errors)


def test_what_python_would_call_them_is_a_base_too() -> None:
    assert issubclass(ConfigurationError, ValueError)
    assert issubclass(InvalidRequest, ValueError)
    assert issubclass(InvalidRequest, TypeError)
    assert issubclass(MalformedMessage, ValueError)


def test_a_malformed_message_says_where() -> None:
    error = MalformedMessage("needs 32 bytes, 5 left", where="encrypted data key 1 › ciphertext", offset=11)

    assert str(error) == "encrypted data key 1 › ciphertext at byte 11: needs 32 bytes, 5 left"
    assert (error.problem, error.where, error.offset) == (
        "needs 32 bytes, 5 left",
        "encrypted data key 1 › ciphertext",
        11,
    )


def test_an_unavailable_key_tells_each_attempt_with_its_remedy() -> None:
    error = KeyUnavailable("no key", [ATTEMPT, ATTEMPT])
    told = (
        "AwsKmsKeyring Decrypt arn:aws:kms:us-east-1:111122223333:key/1: KMS answered AccessDeniedException (allow it)"
    )

    assert str(error) == f"no key; {told}; {told}"
    assert repr(ATTEMPT) == f"KeyAttempt({told})"
    assert error.attempts == (ATTEMPT, ATTEMPT)


def test_an_attempt_tells_the_request_id_that_support_asks_for() -> None:
    facts = {"keyring": "K", "operation": "Decrypt", "key": "k", "reason": "KMS answered X", "request_id": "8f3d"}

    assert str(KeyAttempt(**facts)) == "K Decrypt k: KMS answered X (request ID 8f3d)"
    assert str(KeyAttempt(**facts, remedy="do it")) == "K Decrypt k: KMS answered X (do it; request ID 8f3d)"


@EACH
@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))], ids=["copy", "deep", "pickle"]
)
def test_it_can_be_copied_and_sent_to_another_process(error: WarmkeyError, again: object) -> None:
    twin = again(error)  # type: ignore[operator]

    assert type(twin) is type(error)
    assert str(twin) == str(error)
    assert twin.args == error.args


@EACH
def test_each_caller_gets_an_exception_of_its_own_with_the_same_cause(error: WarmkeyError) -> None:
    cause = OSError("reset by peer")
    try:
        raise error from cause
    except WarmkeyError as caught:
        twin = caught.for_another_caller()

    assert twin is not error
    assert (type(twin), str(twin), twin.__cause__) == (type(error), str(error), cause)
    assert twin.__traceback__ is None


def test_an_attempt_with_another_fact_keeps_all_the_others() -> None:
    facts: dict[str, Any] = dict.fromkeys(KeyAttempt.__slots__, "x") | {"cause": ValueError(), "remembered": True}
    attempt = KeyAttempt(**facts)

    replaced = attempt.__replace__(remedy="wait")

    assert {name: getattr(replaced, name) for name in facts} == {**facts, "remedy": "wait"}
    assert {name: getattr(attempt, name) for name in facts} == facts

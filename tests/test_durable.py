"""``warmkey.durable`` with AWS's durable execution SDK and its own test runner."""

from __future__ import annotations

import importlib.util
import json
import sys
import traceback
from dataclasses import replace
from datetime import date
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from aws_durable_execution_sdk_python.config import (
    CallbackConfig,
    ChildConfig,
    Duration,
    InvokeConfig,
    MapConfig,
    ParallelConfig,
    StepConfig,
    WaitForCallbackConfig,
)
from aws_durable_execution_sdk_python.exceptions import RetryableSerDesError, SerDesError
from aws_durable_execution_sdk_python.execution import InvocationStatus, durable_execution
from aws_durable_execution_sdk_python.filesystem_serdes import (
    FileSystemSerDes,
    FileSystemSerDesConfig,
    FileSystemSerDesMode,
)
from aws_durable_execution_sdk_python.serdes import JsonSerDes, PassThroughSerDes, SerDes, SerDesContext, serialize
from aws_durable_execution_sdk_python.waits import (
    WaitForConditionConfig,
    WaitForConditionDecision,
)
from aws_durable_execution_sdk_python_testing.runner import DurableFunctionTestRunner
from hypothesis import given
from hypothesis import strategies as st

import warmkey
from tests.client_apis.test_secrets import our_locals, shown
from tests.durable_runner import close_loop
from warmkey import ConfigurationError, KeyUnavailable
from warmkey.data_format.message_header import read_header
from warmkey.durable import EncryptedSerDes
from warmkey.sealed.text import from_base64url, to_base64url
from warmkey.testing import FAULTS, KmsSession, fake_kms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

CONTEXT = {"tenant": "a-tenant-of-ours"}
SECRET = "4929 1234 5678 9123"
PLACE = SerDesContext("operation-1", "arn:aws:lambda:us-west-2:123456789012:function:f:1/durable-execution/e/i")
OTHER = SerDesContext("operation-2", PLACE.durable_execution_arn)
ENCRYPTED = EncryptedSerDes(encryption_context=CONTEXT)
CROSSING = EncryptedSerDes(encryption_context=CONTEXT, bind=False)
UNSIGNED = 0x0478


@pytest.fixture(autouse=True)
def session() -> Iterator[KmsSession]:
    with fake_kms(algorithm_suite=UNSIGNED) as session:
        yield session


class Run:
    """A run of *handler*: its result, what the execution's history holds, and how often the handler began."""

    def __init__(self, handler: Callable[[Any, Any], Any], **functions: Any) -> None:
        self.invocations = 0

        def counted(event: Any, context: Any) -> Any:
            self.invocations += 1
            return handler(event, context)

        with DurableFunctionTestRunner(handler=durable_execution(counted), poll_interval=0.01) as runner:
            runner._executor.RETRY_BACKOFF_SECONDS = 0
            for name, (function, is_durable) in functions.items():
                register = runner.register_durable_function if is_durable else runner.register_function
                register(name, function)
            arn = runner.run_async(input='{"order": 1}')
            self.while_running(runner, arn)
            found = runner.wait_for_result(arn)
            history = runner.get_execution_history(arn, include_execution_data=True)
        close_loop(runner)
        self.status, self.error = found.status, found.error
        self.result = json.loads(found.result) if found.result else None
        self.operations = {operation.name: operation for operation in found.get_all_operations()}
        self.history = str(history.to_dict()) + str(found)

    def while_running(self, runner: DurableFunctionTestRunner, arn: str) -> None:
        """Do what somebody outside does."""


def after_a_replay(context: Any) -> None:
    """Let the function return and be invoked again, so that everything so far is read from its checkpoints."""
    context.wait(Duration.from_seconds(1))


def header_of(text: str) -> Mapping[str, str]:
    return read_header(from_base64url(json.loads(text), where="", writer="")).encryption_context


# --- what it is for


def test_five_steps_and_two_replays_make_two_kms_requests(session: KmsSession) -> None:
    def handler(_event: Any, context: Any) -> list[int]:
        found = []
        for number in range(5):
            step = context.step(lambda _, n=number: {"card": SECRET, "n": n}, config=StepConfig(serdes=ENCRYPTED))
            found.append(step["n"])
            if number in (1, 3):
                after_a_replay(context)
        return found

    run = Run(handler)

    assert (run.status, run.result, run.invocations) == (InvocationStatus.SUCCEEDED, [0, 1, 2, 3, 4], 3)
    assert session.kms_calls.operations == ["GenerateDataKey", "Decrypt"]
    assert SECRET not in run.history


def test_everything_that_an_execution_stores_can_be_encrypted(session: KmsSession) -> None:
    """Steps, child contexts, map, parallel and wait_for_condition; a replay reads all of it."""

    def check(state: Any, _context: Any) -> Any:
        return {"card": SECRET, "polls": state["polls"] + 1}

    def decide(state: Any, _attempt: int) -> Any:
        if state["polls"] == 2:
            return WaitForConditionDecision.stop_polling()
        return WaitForConditionDecision.continue_waiting(Duration.from_seconds(1))

    def branch(_context: Any) -> str:
        return SECRET

    def handler(_event: Any, context: Any) -> bool:
        both = {"serdes": ENCRYPTED, "item_serdes": ENCRYPTED}
        found = [
            context.step(lambda _: SECRET, name="step", config=StepConfig(serdes=ENCRYPTED)),
            context.run_in_child_context(lambda _: SECRET, name="child", config=ChildConfig(serdes=ENCRYPTED)),
            *context.map([1, 2], lambda *_: SECRET, name="map", config=MapConfig(**both)).get_results(),
            *context.parallel([branch, branch], name="parallel", config=ParallelConfig(**both)).get_results(),
            context.wait_for_condition(
                check,
                WaitForConditionConfig(initial_state={"polls": 0}, wait_strategy=decide, serdes=ENCRYPTED),
                name="condition",
            )["card"],
        ]
        after_a_replay(context)
        return found == [SECRET] * 7

    run = Run(handler)

    assert (run.status, run.result) == (InvocationStatus.SUCCEEDED, True)
    assert run.invocations > 2
    assert SECRET not in run.history
    session.assert_kms_calls(2)
    for name in ("step", "child", "map", "parallel", "condition"):
        header = header_of(run.operations[name].result)
        assert header.items() >= {**CONTEXT, "warmkey-kind": "checkpoint"}.items()


def test_values_come_back_as_the_inner_serdes_gives_them() -> None:
    value = {"total": Decimal("12.50"), "on": date(2026, 11, 28), "photo": b"\x00\xff", "pair": (1, None), "ключ": "é"}

    assert ENCRYPTED.deserialize(ENCRYPTED.serialize(value, PLACE), PLACE) == value
    for plain in (None, "", 0, [], {}):
        assert ENCRYPTED.deserialize(ENCRYPTED.serialize(plain, PLACE), PLACE) == plain
    with_json = EncryptedSerDes(JsonSerDes(), CONTEXT)
    assert with_json.deserialize(with_json.serialize({"pair": (1, 2)}, PLACE), PLACE) == {"pair": [1, 2]}


def test_what_is_stored_is_json() -> None:
    """As it is of every SerDes of the SDK: consoles and other functions parse it."""
    text = ENCRYPTED.serialize({"card": SECRET}, PLACE)

    assert json.dumps(json.loads(text)) == text
    assert "card" not in text


def test_the_encryption_context_may_depend_on_the_execution() -> None:
    def context_of(place: SerDesContext) -> dict[str, str]:
        return {"tenant": place.durable_execution_arn.rpartition("/")[2]}

    serdes = EncryptedSerDes(encryption_context=context_of)
    text = serdes.serialize("x", PLACE)

    assert header_of(text)["tenant"] == "i"
    assert serdes.deserialize(text, PLACE) == "x"


def test_without_an_encryption_context_the_kind_is_all_that_is_stored() -> None:
    text = EncryptedSerDes().serialize("x", PLACE)

    assert header_of(text) == {"warmkey-kind": "checkpoint"}
    assert EncryptedSerDes().deserialize(text, PLACE) == "x"


def test_required_context_keys_hold_for_checkpoints_too(session: KmsSession) -> None:
    session.configure(required_context_keys="tenant")

    with pytest.raises(SerDesError, match="the encryption context lacks 'tenant'"):
        EncryptedSerDes().serialize("x", PLACE)
    with pytest.raises(SerDesError, match="the encryption context lacks 'tenant'"):
        EncryptedSerDes().deserialize(ENCRYPTED.serialize("x", PLACE), PLACE)
    session.assert_kms_calls(1)


# --- bound to its place


@pytest.mark.parametrize(
    ("here", "problem"),
    [
        (OTHER, "the checkpoint is of another operation of this durable execution"),
        (replace(PLACE, durable_execution_arn="arn:another"), "the checkpoint is of another durable execution"),
        (replace(PLACE, operation_id=""), "the operation ID to bind to must be a str that is not empty"),
        (replace(PLACE, durable_execution_arn=""), "the durable execution ARN to bind to must be a str that is not"),
    ],
    ids=["another operation", "another execution", "no operation", "no execution"],
)
def test_a_checkpoint_in_another_place_is_refused_for_free(
    here: SerDesContext, problem: str, session: KmsSession
) -> None:
    text = ENCRYPTED.serialize("x", PLACE)
    ENCRYPTED.deserialize(text, PLACE)
    session.clear()

    with pytest.raises(SerDesError, match=problem):
        ENCRYPTED.deserialize(text, here)

    session.assert_kms_calls(0)


@pytest.mark.parametrize("empty", [replace(PLACE, operation_id=""), replace(PLACE, durable_execution_arn="")])
def test_nothing_is_written_for_an_empty_place(empty: SerDesContext, session: KmsSession) -> None:
    with pytest.raises(SerDesError, match="to bind to must be a str that is not empty, not str of length 0"):
        ENCRYPTED.serialize("x", empty)
    session.assert_kms_calls(0)


def test_checkpoints_that_were_swapped_in_the_store_fail_the_execution() -> None:
    def handler(_event: Any, context: Any) -> list[str]:
        found = [
            context.step(lambda _, n=name: n, name=name, config=StepConfig(serdes=ENCRYPTED)) for name in ("a", "b")
        ]
        after_a_replay(context)
        context.create_callback(name="pause").result()
        return found

    class Swapped(Run):
        def while_running(self, runner: DurableFunctionTestRunner, arn: str) -> None:
            callback = runner.wait_for_callback(arn, name="pause")
            runner.pause_execution(arn)
            execution = runner._store.load(arn)
            steps = [index for index, each in enumerate(execution.operations) if each.name in ("a", "b")]
            first, second = (execution.operations[index] for index in steps)
            for index, details in zip(steps, (second.step_details, first.step_details), strict=True):
                execution.operations[index] = replace(execution.operations[index], step_details=details)
            runner._store.save(execution)
            runner.resume_execution(arn)
            runner.send_callback_success(callback)

    run = Swapped(handler)

    assert run.status is InvocationStatus.FAILED
    assert "the checkpoint is of another operation of this durable execution" in str(run.error)


def test_an_older_state_of_the_same_operation_is_not_noticed() -> None:
    """The documentation says so: the place is bound, and the time is not."""
    older, newer = (ENCRYPTED.serialize({"polls": number}, PLACE) for number in (1, 2))

    assert ENCRYPTED.deserialize(older, PLACE) == {"polls": 1}
    assert ENCRYPTED.deserialize(newer, PLACE) == {"polls": 2}


# --- across executions


def test_a_payload_and_a_result_of_another_function_are_encrypted_on_the_way() -> None:
    def charge(event: Any, _context: Any) -> str:
        order = CROSSING.deserialize(event, SerDesContext())
        assert order == {"card": SECRET}
        return CROSSING.serialize({"receipt": SECRET}, SerDesContext())

    def handler(_event: Any, context: Any) -> bool:
        config: Any = InvokeConfig(serdes_payload=CROSSING, serdes_result=CROSSING)
        found = [context.invoke(name, {"card": SECRET}, name=name, config=config) for name in ("plain", "durable")]
        after_a_replay(context)
        return found == [{"receipt": SECRET}] * 2

    run = Run(handler, plain=(charge, False), durable=(durable_execution(charge), True))

    assert (run.status, run.result) == (InvocationStatus.SUCCEEDED, True)
    assert SECRET not in run.history


class Answering(Run):
    """Somebody outside, who has the key, answers the callback."""

    name = "answer"

    def while_running(self, runner: DurableFunctionTestRunner, arn: str) -> None:
        callback = runner.wait_for_callback(arn, name=self.name)
        runner.send_callback_success(callback, CROSSING.serialize(SECRET, SerDesContext()).encode())


def test_the_result_of_a_callback_is_encrypted_by_whoever_sends_it() -> None:
    submitted: list[str] = []

    def handler(_event: Any, context: Any) -> bool:
        callback = context.create_callback(name="answer", config=CallbackConfig(serdes=CROSSING))
        context.step(lambda _: submitted.append(callback.callback_id), name="submit")
        return bool(callback.result() == SECRET)

    run = Answering(handler)

    assert (run.status, run.result) == (InvocationStatus.SUCCEEDED, True)
    assert SECRET not in run.history


def test_wait_for_callback_stores_the_decrypted_result_whatever_its_serdes() -> None:
    """Of the SDK: the child context around it has no serdes. The documentation warns, until this test fails."""

    class AnsweringInside(Answering):
        name = "answer create callback id"

    def handler(_event: Any, context: Any) -> bool:
        config = WaitForCallbackConfig(serdes=CROSSING)
        return bool(context.wait_for_callback(lambda *_: None, name="answer", config=config) == SECRET)

    run = AnsweringInside(handler)

    assert (run.status, run.result) == (InvocationStatus.SUCCEEDED, True)
    assert SECRET in run.history


def test_neither_form_reads_the_other() -> None:
    with pytest.raises(SerDesError, match="the checkpoint is bound to nothing; whoever wrote it has bind=False"):
        ENCRYPTED.deserialize(CROSSING.serialize("x", PLACE), PLACE)
    with pytest.raises(SerDesError, match="the checkpoint is bound to an operation, and bind=False reads only"):
        CROSSING.deserialize(ENCRYPTED.serialize("x", PLACE), PLACE)


def test_what_is_bound_to_nothing_may_have_lost_its_quotes_or_got_more() -> None:
    text = CROSSING.serialize("x", SerDesContext())

    for found in (text, json.loads(text), json.dumps(text)):
        assert CROSSING.deserialize(found, SerDesContext()) == "x"
    for found in (json.dumps(json.dumps(text)), text[:-1], f" {text}", f"{text} ", '"'):
        with pytest.raises(SerDesError):
            CROSSING.deserialize(found, SerDesContext())


def test_what_is_bound_has_one_text() -> None:
    text = ENCRYPTED.serialize("x", PLACE)
    message = json.loads(text)

    for found in (
        f'"{text}"',
        json.dumps(text),
        f" {text}",
        f"'{message}'",
        f'"{message}="',
        f'"\\u0041{message[1:]}"',
    ):
        with pytest.raises(SerDesError):
            ENCRYPTED.deserialize(found, PLACE)


# --- with a file system


@pytest.mark.parametrize("mode", FileSystemSerDesMode)
def test_in_a_file_the_value_is_encrypted_and_bound_too(mode: FileSystemSerDesMode, tmp_path: Path) -> None:
    config = FileSystemSerDesConfig(storage_mode=mode, serdes=ENCRYPTED)
    serdes = FileSystemSerDes(str(tmp_path), config)
    large = SECRET * 20_000  # larger than a checkpoint may be

    def handler(_event: Any, context: Any) -> bool:
        step = context.step(lambda _: large, name="step", config=StepConfig(serdes=serdes))
        after_a_replay(context)
        return bool(step == large)

    run = Run(handler)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]

    assert (run.status, run.result) == (InvocationStatus.SUCCEEDED, True)
    assert len(files) == 1
    assert SECRET not in files[0].read_text() + run.history


def test_a_file_that_was_put_in_place_of_another_is_refused(tmp_path: Path) -> None:
    serdes = FileSystemSerDes(str(tmp_path), FileSystemSerDesConfig(serdes=ENCRYPTED))
    mine, others = (
        Path(json.loads(serdes.serialize(value, place))["file"]) for value, place in (("a", PLACE), ("b", OTHER))
    )
    mine.write_text(others.read_text())

    with pytest.raises(SerDesError, match="the checkpoint is of another operation"):
        serdes.deserialize(json.dumps({"file": str(mine)}), PLACE)


def test_the_other_way_round_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match="inner is a FileSystemSerDes, which would write the value unencrypted"
    ):
        EncryptedSerDes(FileSystemSerDes(str(tmp_path)), CONTEXT)


# --- failures


# What KMS, or the way to it, may do otherwise in a moment.
TRANSIENT = {"throttled", "internal", "key-unavailable", "dependency-timeout", "timeout", "connect-timeout"}
TRANSIENT |= {"unreachable", "reset"}


@pytest.mark.parametrize("fault", sorted({*FAULTS} - {"retried", "another-plaintext"}))
@pytest.mark.parametrize("operation", ["GenerateDataKey", "Decrypt"])
def test_what_may_work_in_a_moment_is_retryable_and_everything_else_is_final(
    operation: str, fault: str, session: KmsSession
) -> None:
    text = ENCRYPTED.serialize("x", PLACE)
    session.configure(algorithm_suite=UNSIGNED)

    fails = session.client.fail(operation, error=fault, times=None)
    call = ENCRYPTED.deserialize if operation == "Decrypt" else ENCRYPTED.serialize

    with fails, pytest.raises((RetryableSerDesError, SerDesError)) as caught:
        call(text, PLACE)

    assert type(caught.value) is (RetryableSerDesError if fault in TRANSIENT else SerDesError)

    assert ENCRYPTED.deserialize(text, PLACE) == "x"


def test_a_request_of_another_thread_that_takes_too_long_is_retryable() -> None:
    late = KeyUnavailable("another thread's request took too long", timed_out=True)

    with mock.patch("warmkey.durable.seal_checkpoint", side_effect=late), pytest.raises(RetryableSerDesError):
        ENCRYPTED.serialize("x", PLACE)


def test_a_denial_is_final(session: KmsSession) -> None:
    text = ENCRYPTED.serialize("x", PLACE)
    session.client.deny("Decrypt")
    with pytest.raises(SerDesError, match=r"denied|not authorized"):
        ENCRYPTED.deserialize(text, PLACE)
    session.configure(algorithm_suite=UNSIGNED)
    session.client.deny("GenerateDataKey")
    with pytest.raises(SerDesError, match="GenerateDataKey"):
        ENCRYPTED.serialize("x", PLACE)


def test_a_throttle_retries_the_invocation_and_runs_the_step_again(session: KmsSession) -> None:
    """A step is serialized after it ran, so its side effect happens again. The documentation says what helps."""
    ran: list[str] = []

    def handler(_event: Any, context: Any) -> str:
        return str(context.step(lambda _: ran.append("charged") or "done", config=StepConfig(serdes=ENCRYPTED)))

    with session.client.fail("GenerateDataKey", error="throttled", times=1):
        run = Run(handler)

    assert (run.status, run.result) == (InvocationStatus.SUCCEEDED, "done")
    assert ran == ["charged"] * 2


def test_warming_up_before_the_step_fails_before_the_side_effect(session: KmsSession) -> None:
    ran: list[str] = []

    def handler(_event: Any, context: Any) -> str:
        ENCRYPTED.warm_up()
        return str(context.step(lambda _: ran.append("charged") or "done", config=StepConfig(serdes=ENCRYPTED)))

    with session.client.fail("GenerateDataKey", error="throttled", times=1):
        run = Run(handler)

    assert (run.status, run.result) == (InvocationStatus.SUCCEEDED, "done")
    assert ran == ["charged"]


def test_warming_up_costs_what_the_first_step_would_have_cost(session: KmsSession) -> None:
    serdes = EncryptedSerDes(encryption_context=lambda place: {"tenant": place.operation_id or "none"})
    serdes.warm_up(PLACE)
    session.assert_kms_calls(2)
    serdes.deserialize(serdes.serialize("x", PLACE), PLACE)
    session.assert_kms_calls(2)

    serdes.warm_up()
    session.assert_kms_calls(4)


def test_a_refusal_is_raised_at_the_step_and_can_be_caught_on_every_replay(session: KmsSession) -> None:
    session.client.deny("GenerateDataKey")

    def handler(_event: Any, context: Any) -> str:
        try:
            context.step(lambda _: SECRET, name="step", config=StepConfig(serdes=ENCRYPTED))
        except SerDesError as error:
            after_a_replay(context)
            return str(error)
        return "no error"

    run = Run(handler)

    assert run.status is InvocationStatus.SUCCEEDED
    assert "GenerateDataKey" in run.result
    assert SECRET not in run.history


def changed(text: str) -> str:
    message = bytearray(from_base64url(json.loads(text), where="", writer=""))
    message[-1] ^= 1
    return json.dumps(to_base64url(bytes(message)))


JUNK: dict[str, Callable[[], Any]] = {
    "nothing": lambda: "",
    "a quote": lambda: '"',
    "quotes": lambda: '""',
    "JSON that was never encrypted": lambda: '{"t":"m","v":{}}',
    "text that was never encrypted": lambda: '"hello"',
    "a number": lambda: "7",
    "not text": lambda: None,
    "bytes": lambda: b"x",
    "a lone surrogate": lambda: '"\ud800"',
    "changed": lambda: changed(ENCRYPTED.serialize("x", PLACE)),
    "cut off": lambda: ENCRYPTED.serialize("x", PLACE)[:-9] + '"',
    "a plain message": lambda: json.dumps(to_base64url(warmkey.encrypt(b"x", CONTEXT))),
    "a token": lambda: json.dumps(warmkey.seal_token("x", CONTEXT)),
    "a record": lambda: json.dumps(warmkey.seal_record({"a": 1}, ["a"], CONTEXT, text=True)["_sealed"]),
    "of another tenant": lambda: EncryptedSerDes(encryption_context={"tenant": "b"}).serialize("x", PLACE),
}


@pytest.mark.parametrize("serdes", [ENCRYPTED, CROSSING], ids=["bound", "crossing"])
@pytest.mark.parametrize("make", JUNK.values(), ids=JUNK)
def test_whatever_else_is_found_is_a_serdes_error(make: Callable[[], Any], serdes: EncryptedSerDes) -> None:
    with pytest.raises(SerDesError) as caught:
        serdes.deserialize(make(), PLACE)

    assert type(caught.value) is SerDesError
    assert CONTEXT["tenant"] not in str(caught.value)


@given(data=st.text(max_size=60) | st.text('AgV4_-"\\{}[]=', max_size=60))
def test_any_text_is_a_serdes_error(data: str) -> None:
    with fake_kms(algorithm_suite=UNSIGNED):
        for serdes in (ENCRYPTED, CROSSING):
            with pytest.raises(SerDesError):
                serdes.deserialize(data, PLACE)


@pytest.mark.parametrize("opener", [warmkey.open_token, warmkey.decrypt_text])
def test_nothing_else_opens_a_checkpoint(opener: Callable[..., Any], session: KmsSession) -> None:
    text = json.loads(ENCRYPTED.serialize("x", PLACE))
    session.clear()
    for found in (text, text + "=" * (-len(text) % 4)):
        with pytest.raises(warmkey.WarmkeyError):
            opener(found, CONTEXT)
    session.assert_kms_calls(0)


class Failing:
    """A value that can't be written, and is shown."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


class Refusing(SerDes[Any]):
    """Fails, with the value in its error."""

    def __init__(self, error: type[Exception]) -> None:
        self._error = error

    def serialize(self, value: Any, _: SerDesContext) -> str:
        if isinstance(value, Failing):
            raise self._error(f"can't write {value}")
        return str(value)

    def deserialize(self, data: str, _: SerDesContext) -> Any:
        raise self._error(f"can't read {data}")


@pytest.mark.parametrize("error", [ValueError, SerDesError, KeyError])
def test_an_inner_serdes_that_cannot_read_is_named_and_what_it_found_is_not(error: type[Exception]) -> None:
    serdes = EncryptedSerDes(Refusing(error), CONTEXT)
    text = serdes.serialize(SECRET, PLACE)

    with pytest.raises(SerDesError) as caught:
        serdes.deserialize(text, PLACE)

    problem = f"the checkpoint was decrypted, and Refusing can't read what it holds: it raised {error.__name__}"
    assert str(caught.value) == problem
    assert_shows_nothing(caught.value)


def test_an_inner_serdes_that_may_read_later_is_asked_again() -> None:
    serdes = EncryptedSerDes(Refusing(RetryableSerDesError), CONTEXT)

    with pytest.raises(RetryableSerDesError, match="can't read x"):
        serdes.deserialize(serdes.serialize("x", PLACE), PLACE)


@pytest.mark.parametrize("error", [ValueError, SerDesError, KeyError])
def test_an_inner_serdes_that_cannot_write_is_named_and_what_it_was_given_is_not(error: type[Exception]) -> None:
    """The SDK writes the text of an error into the execution's history, unencrypted."""
    serdes = EncryptedSerDes(Refusing(error), CONTEXT)

    with pytest.raises(SerDesError) as caught:
        serialize(serdes, Failing(SECRET), PLACE.operation_id, PLACE.durable_execution_arn)

    assert str(caught.value) == f"Refusing can't serialize the value: it raised {error.__name__}"
    assert_shows_nothing(caught.value)


def test_an_inner_serdes_that_may_write_later_is_asked_again() -> None:
    with pytest.raises(RetryableSerDesError, match="can't write x"):
        EncryptedSerDes(Refusing(RetryableSerDesError), CONTEXT).serialize(Failing("x"), PLACE)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"k": Failing(SECRET)}, "SerDesError: Unsupported type: <class 'tests.test_durable.Failing'>"),
        ({("a", SECRET): 1}, "SerDesError: Tuple keys not supported"),
        ({Failing(SECRET): 1}, "TypeError"),
    ],
    ids=["type", "tuple", "key"],
)
def test_what_the_default_serdes_cannot_write_is_told_by_its_type(value: Any, problem: str) -> None:
    with pytest.raises(SerDesError) as caught:
        ENCRYPTED.serialize(value, PLACE)

    assert str(caught.value) == f"ExtendedTypeSerDes can't serialize the value: it raised {problem}"
    assert_shows_nothing(caught.value)


def test_a_context_function_that_fails_is_told_by_its_type() -> None:
    def context_of(_: SerDesContext) -> dict[str, str]:
        raise KeyError(SECRET)

    serdes = EncryptedSerDes(encryption_context=context_of)
    for call in (partial(serdes.serialize, 1), partial(serdes.deserialize, "x"), serdes.warm_up):
        with pytest.raises(SerDesError) as caught:
            call(PLACE)
        assert str(caught.value) == "the function encryption_context failed: it raised KeyError"
        assert_shows_nothing(caught.value)


@pytest.mark.parametrize("value", [None, b"bytes", 7])
def test_an_inner_serdes_must_give_text(value: Any) -> None:
    with pytest.raises(SerDesError, match="PassThroughSerDes must serialize to str, not"):
        EncryptedSerDes(PassThroughSerDes(), CONTEXT).serialize(value, PLACE)


def assert_shows_nothing(error: BaseException) -> None:
    frames = [shown(value) for value in our_locals(error)]
    text = "".join(traceback.format_exception(error))

    assert not any(SECRET in each for each in (*frames, text))


def test_no_error_shows_a_value(session: KmsSession) -> None:
    serdes = EncryptedSerDes(encryption_context={"tenant": SECRET})
    text = serdes.serialize({"card": SECRET}, PLACE)
    session.client.deny("GenerateDataKey")
    calls: tuple[Callable[[], object], ...] = (
        lambda: serdes.deserialize(text, OTHER),
        lambda: EncryptedSerDes(encryption_context={"tenant": "x"}).deserialize(text, PLACE),
        lambda: EncryptedSerDes(encryption_context={"tenant": SECRET, "x": "y"}).serialize(SECRET, PLACE),
        lambda: EncryptedSerDes(PassThroughSerDes(), CONTEXT).serialize({SECRET}, PLACE),
        lambda: ENCRYPTED.deserialize(SECRET, PLACE),
    )
    for call in calls:
        with pytest.raises(SerDesError) as caught:
            call()
        assert_shows_nothing(caught.value)


# --- arguments


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"inner": "json"}, "inner"),
        ({"inner": CONTEXT}, "inner"),
        ({"encryption_context": "tenant"}, "encryption context"),
        ({"encryption_context": {"tenant": 7}}, "encryption context"),
        ({"encryption_context": {"warmkey-kind": "token"}}, "'warmkey-kind' is reserved"),
        ({"encryption_context": {"aws-crypto-public-key": ""}}, "'aws-crypto-public-key' is reserved"),
        ({"bind": "no"}, "bind"),
        ({"bind": None}, "bind"),
    ],
    ids=str,
)
def test_what_cannot_be_used_is_refused_at_the_start(arguments: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        EncryptedSerDes(**arguments)


def test_a_function_that_gives_no_context_fails_the_checkpoint() -> None:
    for found in ("tenant", {"warmkey-kind": "token"}):
        serdes = EncryptedSerDes(encryption_context=lambda _, found=found: found)  # type: ignore[misc]
        with pytest.raises(SerDesError):
            serdes.serialize("x", PLACE)


def test_what_the_caller_does_to_the_context_later_changes_nothing() -> None:
    context = {"tenant": "a"}
    serdes = EncryptedSerDes(encryption_context=context)
    context["tenant"] = "b"

    assert header_of(serdes.serialize("x", PLACE))["tenant"] == "a"


def test_it_shows_no_context() -> None:
    assert repr(ENCRYPTED) == "EncryptedSerDes(ExtendedTypeSerDes, bind=True)"
    assert repr(CROSSING) == "EncryptedSerDes(ExtendedTypeSerDes, bind=False)"


def test_making_one_needs_no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made at the top of a module, before anything is configured."""
    warmkey.reset()
    monkeypatch.setenv("WARMKEY_MAX_AGE_SECONDS", "soon")

    serdes = EncryptedSerDes(encryption_context=CONTEXT)

    warmkey.reset()
    with pytest.raises(SerDesError, match="WARMKEY_MAX_AGE_SECONDS"):
        serdes.serialize("x", PLACE)


def test_without_the_sdk_the_import_says_what_to_add(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a copy of the module, so that the others keep theirs."""
    spec: Any = importlib.util.spec_from_file_location("copy_of_durable", sys.modules["warmkey.durable"].__file__)
    monkeypatch.setitem(sys.modules, "aws_durable_execution_sdk_python.serdes", None)

    with pytest.raises(
        ImportError, match=r"needs version 3 of aws-durable-execution-sdk-python \(.*\): add it to"
    ) as caught:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))

    assert caught.value.name == "aws_durable_execution_sdk_python.serdes"

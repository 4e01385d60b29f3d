"""Where an invocation begins and ends, whatever else is wrapped around the handler."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import pytest
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    async_batch_processor,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.base import AsyncBatchProcessor

from tests.forks import by_either_fork
from tests.observability.examples_of_events import EVICTION, MISS
from tests.observability.output import Output, written
from warmkey.events import Operation, fan_out
from warmkey.observability import Subscriber, instrument, invocations
from warmkey.observability.logs import Log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from warmkey.events import Event

    Handler = Callable[..., Any]


@dataclass
class LambdaContext:
    """What Powertools and we look at."""

    aws_request_id: str = "request-1"
    function_name: str = "ship"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:111122223333:function:ship"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


@pytest.fixture
def emit() -> Iterator[Subscriber]:
    yield Subscriber()  # noqa: PT022 - it lives as long as the test


def check_one_summary(output: Output, **expected: object) -> None:
    (summary,) = output.fields("Summary")
    assert {name: summary[name] for name in expected} == expected


# In every order


def _instrument(handler: Handler) -> Handler:
    return instrument(handler)


def _metrics(handler: Handler) -> Handler:
    return Metrics(namespace="shop", service="orders").log_metrics(handler)


def _logger(handler: Handler) -> Handler:
    decorated: Handler = Logger(service="orders").inject_lambda_context(handler, clear_state=True)
    return decorated


def _tracer(handler: Handler) -> Handler:
    return Tracer(service="orders", disabled=True).capture_lambda_handler(handler)


ORDERS = list(itertools.permutations([_instrument, _metrics, _logger, _tracer]))


@pytest.mark.parametrize(
    "order", ORDERS, ids=["".join(decorator.__name__ for decorator in order).strip("_") for order in ORDERS]
)
def test_it_composes_with_the_decorators_of_powertools_in_any_order(order: Any, emit: Subscriber) -> None:
    with written() as output:
        theirs = Metrics(namespace="shop", service="orders")

        def handler(_event: object, _context: object) -> str:
            theirs.add_metric(name="Orders", unit="Count", value=1)
            emit(MISS)
            emit.count_hit(Operation.ENCRYPT)
            return "shipped"

        for decorator in reversed(order):
            handler = decorator(handler)
        results = [handler({}, LambdaContext(aws_request_id=f"request-{number}")) for number in (1, 2)]

    assert results == ["shipped", "shipped"]
    assert [summary["request_id"] for summary in output.fields("Summary")] == ["request-1", "request-2"]
    assert output.values("CacheHits") == output.values("CacheMisses") == output.values("Orders") == [1, 1]
    assert [blob["_aws"]["CloudWatchMetrics"][0]["Namespace"] for blob in output.blobs if "Orders" in blob] == [
        "shop",
        "shop",
    ]
    ours = [line for line in output.lines if line.get("warmkey", {}).get("event") == "CacheMiss"]
    assert [line["function_request_id"] for line in ours] == ["request-1", "request-2"]


def sqs_event(records: int) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": str(number), "body": "order", "eventSource": "aws:sqs", "receiptHandle": "", "attributes": {}}
            for number in range(records)
        ]
    }


def test_a_batch_is_one_invocation(emit: Subscriber) -> None:
    processor = BatchProcessor(event_type=EventType.SQS)

    def each(record: Any) -> None:
        emit.count_hit(Operation.ENCRYPT)
        if record.message_id == "3":
            raise ValueError("a poison pill")

    @instrument
    def handler(event: dict[str, Any], context: Any) -> Any:
        return process_partial_response(event=event, record_handler=each, processor=processor, context=context)

    with written() as output:
        result = handler(sqs_event(10), LambdaContext())

    assert result == {"batchItemFailures": [{"itemIdentifier": "3"}]}
    check_one_summary(output, hits=10, request_id="request-1")
    assert output.values("CacheHits") == [10]


def test_a_record_handler_may_be_instrumented_instead(emit: Subscriber) -> None:
    processor = BatchProcessor(event_type=EventType.SQS)

    @instrument
    def each(record: Any) -> None:
        emit.count_hit(Operation.ENCRYPT)

    def handler(event: dict[str, Any], context: Any) -> Any:
        return process_partial_response(event=event, record_handler=each, processor=processor, context=context)

    with written() as output:
        handler(sqs_event(3), LambdaContext())
        instrument(handler)(sqs_event(3), LambdaContext())

    assert output.values("CacheHits") == [1, 1, 1, 3]


@pytest.mark.filterwarnings("ignore:.*async_batch_processor.*:DeprecationWarning")
def test_an_asynchronous_batch_is_one_invocation(emit: Subscriber) -> None:
    async def each(record: Any) -> None:
        await asyncio.sleep(0)
        emit.count_hit(Operation.ENCRYPT)

    @instrument
    @async_batch_processor(record_handler=each, processor=AsyncBatchProcessor(event_type=EventType.SQS))  # type: ignore[misc]
    def handler(_event: dict[str, Any], _context: Any) -> str:
        return "done"

    with written() as output:
        assert handler(sqs_event(10), LambdaContext()) == "done"

    check_one_summary(output, hits=10)


# However it is used


def test_a_handler_that_raises_is_flushed_too(emit: Subscriber) -> None:
    @instrument
    def handler(_event: object, _context: object) -> None:
        emit(MISS)
        raise LookupError("of the handler")

    with written() as output, pytest.raises(LookupError, match="of the handler"):
        handler({}, LambdaContext())

    check_one_summary(output, misses=1, request_id="request-1")
    assert output.totals == {"CacheMisses": 1}


def test_it_is_a_context_manager_too(emit: Subscriber) -> None:
    with written() as output, instrument(LambdaContext()):
        emit(MISS)

    check_one_summary(output, misses=1, request_id="request-1")


def test_it_is_a_decorator_with_parentheses_too(emit: Subscriber) -> None:
    @instrument()
    def handler(_event: object, *, context: object) -> None:
        assert context
        emit(MISS)

    with written() as output:
        handler({}, context=LambdaContext())

    check_one_summary(output, misses=1, request_id="request-1")


def test_it_keeps_the_name_of_the_handler() -> None:
    def handler(_event: object, _context: object) -> None:
        """Ship it."""

    assert (instrument(handler).__name__, instrument(handler).__doc__) == ("handler", "Ship it.")


def test_without_a_context_there_is_no_request_id(emit: Subscriber) -> None:
    with written() as output:
        instrument(emit)(MISS)

    assert "request_id" not in output.fields("Summary")[0]


def test_arguments_that_can_not_be_looked_at_are_left_alone(emit: Subscriber) -> None:
    class Strange:
        def __getattr__(self, name: str) -> None:
            raise RuntimeError(name)

    @instrument
    def handler(_event: object, _context: object) -> str:
        emit(MISS)
        return "handled"

    with written() as output:
        assert handler({}, Strange()) == "handled"

    check_one_summary(output, misses=1)


def test_an_invocation_inside_another_is_part_of_it(emit: Subscriber) -> None:
    with written() as output, instrument():
        with instrument():
            emit(MISS)
        emit(MISS)

    check_one_summary(output, misses=2)
    assert output.values("CacheMisses") == [2]


def test_a_coroutine_is_instrumented_until_it_ends(emit: Subscriber) -> None:
    @instrument
    async def handler(_event: object, _context: object) -> str:
        await asyncio.sleep(0)
        emit(MISS)
        return "handled"

    with written() as output:
        assert asyncio.run(handler({}, LambdaContext())) == "handled"

    check_one_summary(output, misses=1)


def test_invocations_side_by_side_write_everything_once(emit: Subscriber) -> None:
    """Threads of a web function; the first to end writes what both have done so far."""
    both = threading.Barrier(2)

    @instrument
    def handler(_event: object, _context: object) -> None:
        both.wait()
        emit(MISS)
        both.wait()

    with written() as output:
        threads = [threading.Thread(target=handler, args=({}, LambdaContext())) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    assert output.totals == {"CacheMisses": 2}


def test_all_subscribers_that_live_take_part() -> None:
    first, second = Subscriber(service="first"), Subscriber(service="second")
    with written() as output, instrument():
        fan_out(first, second)(MISS)

    assert [blob["service"] for blob in output.blobs] in (["first", "second"], ["second", "first"])


def test_a_mock_of_lambdas_context_is_taken_for_a_context(emit: Subscriber) -> None:
    with written() as output, instrument(MagicMock(aws_request_id="request-7")):
        emit(MISS)

    check_one_summary(output, request_id="request-7")


def test_after_the_invocation_facts_go_out_at_once_again(emit: Subscriber) -> None:
    with written() as output:
        with instrument():
            emit(MISS)
        emit(EVICTION)

    assert [blob.keys() & {"CacheMisses", "CacheEvictions"} for blob in output.blobs] == [
        {"CacheMisses"},
        {"CacheEvictions"},
    ]


# Nothing that fails here fails the handler


def test_a_subscriber_that_fails_at_the_end_does_not_fail_the_handler(
    emit: Subscriber, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_arguments: object) -> None:
        raise OSError("standard output is closed")

    monkeypatch.setattr(Subscriber, "_take", broken)

    @instrument
    def handler(_event: object, _context: object) -> str:
        emit.count_hit(Operation.ENCRYPT)
        return "handled"

    assert handler({}, LambdaContext()) == "handled"
    assert "a subscriber failed with OSError" in caplog.text


def test_a_log_handler_that_fails_on_every_line_does_not_fail_the_handler(emit: Subscriber) -> None:
    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise OSError(record)

    broken = Broken()
    logging.getLogger().addHandler(broken)
    try:
        with written() as output, instrument():
            fan_out(emit)(MISS)
    finally:
        logging.getLogger().removeHandler(broken)

    assert output.totals == {"CacheMisses": 1}


def test_a_logger_that_fails_costs_no_metric(emit: Subscriber, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(Log, "write", broken)
    with written() as output, instrument():
        fan_out(emit)(MISS)

    assert output.totals == {"CacheMisses": 1}


def test_a_subscriber_that_fails_does_not_fail_what_it_observes(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        def __call__(self, event: Event) -> None:
            raise OSError(event)

        def count_hit(self, operation: Operation) -> None:
            raise OSError(operation)

    emit = fan_out(Broken())
    emit(MISS)
    emit.count_hit(Operation.ENCRYPT)  # type: ignore[attr-defined]

    assert caplog.text.count("a subscriber failed with OSError") == 2


# Forks


@by_either_fork
def test_a_forked_child_writes_only_what_it_has_done_itself(emit: Subscriber, fork: Callable[[], int]) -> None:
    readable, writable = os.pipe()
    with written() as output, instrument():
        emit(MISS)
        emit.count_hit(Operation.ENCRYPT)
        child = fork()
        if child == 0:
            with written() as childs:
                emit(EVICTION)  # not instrumented: at once
                with instrument():
                    pass  # nothing is left
            os.write(writable, childs.text.encode())
            os._exit(0)
        os.waitpid(child, 0)
    os.close(writable)
    with os.fdopen(readable) as pipe:
        of_the_child = Output(pipe.read())

    assert of_the_child.totals == {"CacheEvictions": 1}
    assert output.totals == {"CacheMisses": 1, "CacheHits": 1}


@by_either_fork
def test_a_forked_child_waits_for_no_lock_of_its_parent(emit: Subscriber, fork: Callable[[], int]) -> None:
    with invocations._invocations._lock, emit._lock:  # as another thread may hold them
        child = fork()
        if child == 0:
            signal.alarm(30)  # a child that hangs is ended
            with written(), instrument():
                emit(MISS)
            os._exit(0)
    _, status = os.waitpid(child, 0)

    assert status == 0


# Interruptions


class _Interrupted(BaseException):
    """What a signal handler may raise anywhere."""


class _Interrupting:
    """Is told of invocations, and interrupts one end of them."""

    def __init__(self, end: str) -> None:
        self.end = end
        invocations.take_part(self)

    def begin_invocation(self) -> None:
        if self.end == "begin":
            raise _Interrupted

    def end_invocation(self, _request_id: str | None) -> None:
        if self.end == "end":
            raise _Interrupted


@pytest.mark.parametrize("end", ["begin", "end"])
def test_an_invocation_that_is_interrupted_at_either_end_is_not_under_way_for_ever(emit: Subscriber, end: str) -> None:
    interrupting = _Interrupting(end)
    with written() as output:
        invocation = instrument()  # which this test keeps
        with pytest.raises(_Interrupted), invocation:
            pass
        assert not invocations.under_way()
        del interrupting
        with instrument(LambdaContext()):
            assert invocations.under_way()
            emit(MISS)

    check_one_summary(output, misses=1, request_id="request-1")


def test_an_invocation_whose_end_never_came_counts_no_longer_than_it_lives() -> None:
    invocation = instrument()
    invocation.__enter__()
    assert invocations.under_way()
    del invocation

    assert not invocations.under_way()
    with instrument():
        assert invocations.under_way(), "nor is the next one taken for an inner one"
    assert not invocations.under_way()


def test_a_signal_handler_may_be_instrumented_while_its_thread_begins_an_invocation() -> None:
    with invocations._invocations._lock, instrument():
        assert invocations.under_way()

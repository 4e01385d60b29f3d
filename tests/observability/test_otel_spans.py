"""Spans: one for each data key and branch key that is fetched or awaited, one for each request, none for a hit."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from opentelemetry.sdk.trace import SpanProcessor

import warmkey
from tests.branch_keys.key_store import KeyStore
from tests.observability.output import written
from tests.observability.telemetry import Telemetry, without_providers
from warmkey.events import CacheMiss, MissReason, Operation
from warmkey.observability import Subscriber, instrument
from warmkey.observability.otel_spans import SpanTracing
from warmkey.testing import FakeKms, fake_kms, moto_kms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk.trace import ReadableSpan

CONTEXT = {"tenant": "a value that nobody may see"}


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    without_providers(monkeypatch)
    with written():
        yield
    warmkey.reset()


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry().set()


def tree(spans: Any) -> list[tuple[str, list[str]]]:
    """Outermost spans, in their order, each with the names inside of it."""
    inside: dict[int, list[str]] = {}
    for span in spans:
        if span.parent is not None:
            inside.setdefault(span.parent.span_id, []).append(span.name)
    return [(span.name, inside.get(span.context.span_id, [])) for span in spans if span.parent is None]


def of(telemetry: Telemetry, name: str) -> list[ReadableSpan]:
    return [span for span in telemetry.spans if span.name == name]


def attributes(span: ReadableSpan) -> dict[str, Any]:
    return dict(span.attributes or {})


# What has one


def test_a_miss_has_a_span_and_in_it_one_for_each_request_and_a_hit_has_none(telemetry: Telemetry) -> None:
    with fake_kms(metrics_sink="otel") as session:
        for _ in range(5):
            warmkey.decrypt(warmkey.encrypt(b"note", CONTEXT), CONTEXT)

        assert tree(telemetry.spans) == [
            ("fetch data key", ["KMS.GenerateDataKey"]),
            ("fetch data key", ["KMS.Decrypt"]),
        ]
        assert session.client.count() == 2
    encrypt, _ = of(telemetry, "fetch data key")
    assert attributes(encrypt) == {
        "warmkey.operation": "encrypt",
        "warmkey.outcome": "miss",
        "warmkey.reason": "absent",
    }
    assert encrypt.kind is trace.SpanKind.INTERNAL


def test_the_spans_are_inside_of_the_functions_own(telemetry: Telemetry) -> None:
    with fake_kms(metrics_sink="both"), trace.get_tracer("function").start_as_current_span("handler"):
        warmkey.encrypt(b"note")

    assert tree(telemetry.spans) == [("handler", ["fetch data key"])]


def test_a_request_says_what_the_conventions_ask_for(telemetry: Telemetry) -> None:
    with fake_kms(metrics_sink="otel") as session:
        warmkey.encrypt(b"note", CONTEXT)
    (span,) = of(telemetry, "KMS.GenerateDataKey")

    assert span.kind is trace.SpanKind.CLIENT
    assert span.status.is_unset
    assert attributes(span) == {
        "rpc.system": "aws-api",
        "rpc.system.name": "aws-api",
        "rpc.service": "KMS",
        "rpc.method": "GenerateDataKey",
        "cloud.region": "us-east-1",
        "aws.request_id": "00000000-0000-4000-8000-000000000000",
        "warmkey.attempts": 1,
        "warmkey.kms.key_arn": session.key_arn,
    }


def test_a_bypass_has_a_span(telemetry: Telemetry) -> None:
    with fake_kms(metrics_sink="otel", cache=False):
        warmkey.encrypt(b"note")
    (span,) = of(telemetry, "fetch data key")

    assert attributes(span)["warmkey.outcome"] == "bypass"
    assert attributes(span)["warmkey.reason"] == "caching-off"


def test_a_refresh_has_a_span(telemetry: Telemetry) -> None:
    with fake_kms(metrics_sink="otel", refresh_ahead=True, max_age_jitter=0, max_age_seconds=60) as session:
        warmkey.encrypt(b"note")
        session.clock.tick(58)
        warmkey.encrypt(b"note")
        thread = threading.Thread(target=warmkey.encrypt, args=(b"note",))  # the second thread renews it
        thread.start()
        thread.join()

    assert [attributes(span)["warmkey.reason"] for span in of(telemetry, "fetch data key")] == ["absent", "expired"]


def test_whoever_waits_for_another_thread_has_a_span_too(telemetry: Telemetry) -> None:
    with fake_kms(metrics_sink="otel") as session, session.client.hold("GenerateDataKey") as gate:
        threads = [threading.Thread(target=warmkey.encrypt, args=(b"note",)) for _ in range(4)]
        for thread in threads:
            thread.start()
        gate.wait_for(1)
        cmm: Any = warmkey.default_cmm()
        (flight,) = cmm._fetcher._flights._under_way.values()
        while len(flight._waiters) < 3:
            os.sched_yield()
        gate.open()
        for thread in threads:
            thread.join()

    waits = of(telemetry, "await data key")
    assert len(waits) == 3
    assert attributes(waits[0]) == {"warmkey.operation": "encrypt", "warmkey.outcome": "coalesced"}
    assert len(of(telemetry, "KMS.GenerateDataKey")) == 1


def test_a_branch_key_has_a_span_with_the_requests_that_it_needs(telemetry: Telemetry) -> None:
    keys = KeyStore()
    keys.create("tenant-a")
    keys.clear()
    warmkey.configure(**keys.settings, metrics_sink="otel")
    for _ in range(3):
        warmkey.encrypt(b"note", {"tenant": "tenant-a"})

    assert tree(telemetry.spans) == [("fetch branch key", ["DynamoDB.GetItem", "KMS.Decrypt"])]
    (span,) = of(telemetry, "DynamoDB.GetItem")
    assert attributes(span).items() >= {"db.system.name": "aws.dynamodb", "db.operation.name": "GetItem"}.items()
    assert "tenant-a" not in str([each.to_json() for each in telemetry.spans])


def test_a_cmm_of_ones_own_has_them_with_the_subscriber(telemetry: Telemetry) -> None:
    kms = FakeKms()
    emit = Subscriber(sink="otel", metrics="off")
    keys = [warmkey.AwsKmsKeyring(kms.create_key(), kms_client=kms, emit=emit) for _ in range(2)]
    keyring = warmkey.MultiKeyring(keys[0], keys[1:])
    cmm = warmkey.CachingCMM(cache=warmkey.LocalCMC(10, emit=emit), keyring=keyring, max_age=60, emit=emit)
    warmkey.Client().encrypt(b"note", cmm=cmm)

    assert tree(telemetry.spans) == [("fetch data key", ["KMS.GenerateDataKey", "KMS.Encrypt"])]


def test_without_it_there_is_no_span(telemetry: Telemetry) -> None:
    with fake_kms(metrics_sink="emf"):
        warmkey.encrypt(b"note")

    assert telemetry.spans == ()


# What a failure says


def test_a_failure_is_marked_by_its_code_and_by_nothing_that_kms_said(telemetry: Telemetry) -> None:
    with fake_kms(metrics_sink="otel") as session:
        session.client.fail(error="denied", retries=0)
        with pytest.raises(warmkey.KeyUnavailable):
            warmkey.encrypt(b"note", CONTEXT)
    request, fetch = telemetry.spans

    assert [span.status.status_code for span in (request, fetch)] == [trace.StatusCode.ERROR] * 2
    assert [span.status.description for span in (request, fetch)] == [None] * 2
    assert [span.events for span in (request, fetch)] == [()] * 2
    assert attributes(request)["error.type"] == "AccessDeniedException"
    assert attributes(fetch)["error.type"] == "KeyUnavailable"
    assert CONTEXT["tenant"] not in request.to_json() + fetch.to_json()


def test_a_failure_of_the_client_is_marked_by_its_class(telemetry: Telemetry) -> None:
    class Broken(FakeKms):
        def generate_data_key(self, **_: object) -> dict[str, Any]:
            raise ConnectionError("a secret of theirs")

    kms = Broken()
    keyring = warmkey.AwsKmsKeyring(kms.create_key(), kms_client=kms, emit=Subscriber(sink="otel"))
    with pytest.raises(warmkey.KeyUnavailable):
        warmkey.Client().encrypt(b"note", keyring=keyring)
    (request,) = telemetry.spans

    assert attributes(request)["error.type"] == "ConnectionError"
    assert "secret" not in request.to_json()


@pytest.mark.parametrize(
    "answer", [None, "text", {}, {"ResponseMetadata": None}, {"ResponseMetadata": {"RequestId": b"x"}}]
)
def test_an_answer_of_a_stand_in_may_be_anything(telemetry: Telemetry, answer: object) -> None:
    tracing = SpanTracing(telemetry.tracers.get_tracer("test"))
    with tracing.request("kms", "Decrypt", region=None, key=None) as span:
        span.answered(answer, attempts=2)

    assert attributes(telemetry.spans[0]).items() >= {"warmkey.attempts": 2}.items()
    assert "aws.request_id" not in attributes(telemetry.spans[0])


def test_an_error_of_a_stand_in_may_be_anything(telemetry: Telemetry) -> None:
    class Odd(Exception):
        response = {"Error": {"Code": 5}}  # noqa: RUF012 - as above

    tracing = SpanTracing(telemetry.tracers.get_tracer("test"))
    with pytest.raises(Odd), tracing.request("kms", "Decrypt", region=None, key=None):
        raise Odd

    assert attributes(telemetry.spans[0])["error.type"] == "Odd"


# Beside others


@pytest.fixture
def _instrumented_botocore() -> Iterator[None]:
    instrumentor = BotocoreInstrumentor()
    instrumentor.instrument()
    yield
    instrumentor.uninstrument()


@pytest.mark.usefixtures("_instrumented_botocore")
def test_the_instrumentation_of_botocore_makes_no_second_span(telemetry: Telemetry) -> None:
    with moto_kms() as session:
        telemetry.exporter.clear()
        session.configure(metrics_sink="otel")
        warmkey.encrypt(b"note", CONTEXT)
        assert tree(telemetry.spans) == [("fetch data key", ["KMS.GenerateDataKey"])]
        assert attributes(telemetry.spans[0])["warmkey.kms.key_arn"] == session.key_arn

        boto3.client("kms", region_name="us-east-1").list_keys()
        assert "KMS.ListKeys" in telemetry.names, "requests of the function's own have theirs"


# What goes wrong


class Failing(SpanProcessor):
    """A processor of the user's that fails at one of its two moments."""

    def __init__(self, moment: str) -> None:
        setattr(self, moment, self._fail)

    def _fail(self, *_: object, **__: object) -> None:
        raise OSError("a secret of theirs")


@pytest.mark.parametrize("moment", ["on_start", "on_end"])
def test_a_processor_that_fails_fails_no_message(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture, moment: str
) -> None:
    telemetry.tracers.add_span_processor(Failing(moment))
    with fake_kms(metrics_sink="otel"), instrument():
        assert warmkey.decrypt(warmkey.encrypt(b"note")) == b"note"

    assert not trace.get_current_span().get_span_context().is_valid
    said = [record.getMessage() for record in caplog.records if "otel" in record.name]
    assert set(said) == {"OpenTelemetry failed with OSError"}


def test_a_span_that_fails_to_take_an_attribute_fails_no_request(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise OSError

    monkeypatch.setattr("opentelemetry.sdk.trace.Span.set_attribute", fail)
    tracing = SpanTracing(telemetry.tracers.get_tracer("test"))
    with tracing.request("kms", "Decrypt", region=None, key=None) as span:
        span.answered({}, attempts=1)

    assert [record.getMessage() for record in caplog.records] == ["OpenTelemetry failed with OSError"]


def test_whatever_ends_the_block_the_span_ends(telemetry: Telemetry) -> None:
    tracing = SpanTracing(telemetry.tracers.get_tracer("test"))
    with pytest.raises(KeyboardInterrupt), tracing.fetch(CacheMiss, Operation.ENCRYPT, MissReason.ABSENT):
        raise KeyboardInterrupt

    assert attributes(telemetry.spans[0])["error.type"] == "KeyboardInterrupt"
    assert not trace.get_current_span().get_span_context().is_valid

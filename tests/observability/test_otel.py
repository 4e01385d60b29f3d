"""What OpenTelemetry's instruments count: the same as CloudWatch's embedded format, and as the KMS."""

from __future__ import annotations

import io
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import Counter, Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import AggregationTemporality, PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

import warmkey
from tests.branch_keys.key_store import KeyStore
from tests.lambda_runtime.processes import in_child, in_new_process
from tests.observability.examples_of_events import (
    ABANDONED,
    BRANCH_KEY_HIT,
    BRANCH_KEYS,
    EVERY,
    EVICTION,
    KMS_OK,
    MISS,
    OTHERS,
)
from tests.observability.otlp_collector import otlp_collector
from tests.observability.output import written
from tests.observability.telemetry import Telemetry, as_emf, points_of, without_providers
from warmkey.events import Operation
from warmkey.fork_safety import reset_before_snapshot
from warmkey.observability import Subscriber, instrument, otel
from warmkey.testing import fake_kms, moto_kms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.observability.output import Output

ENCRYPT, DECRYPT = Operation.ENCRYPT, Operation.DECRYPT
PATIENCE_SECONDS = 30.0
CONTEXT = {"tenant": "a value that nobody may see"}


@pytest.fixture(autouse=True)
def _no_providers(monkeypatch: pytest.MonkeyPatch) -> None:
    without_providers(monkeypatch)


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry().set()


def hit(emit: Subscriber, operation: Operation, times: int) -> None:
    for _ in range(times):
        emit.count_hit(operation)


def assert_equal(found: dict[str, float], output: Output) -> None:
    """OpenTelemetry's totals are those of the blobs; sums of durations within what the blobs round."""
    expected = output.totals
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, abs=0.01)


# The same counts


@pytest.mark.parametrize("instrumented", [True, False])
def test_every_fact_is_counted_as_in_the_embedded_format(telemetry: Telemetry, instrumented: bool) -> None:
    emit = Subscriber(sink="both", metrics="detailed")

    def everything() -> None:
        for times, event in enumerate((*OTHERS, *BRANCH_KEYS)):
            if "Hit" not in type(event).__name__:
                for _ in range(times + 1):
                    emit(event)
        hit(emit, ENCRYPT, 250)
        hit(emit, DECRYPT, 31)
        for _ in range(7):
            emit.count_branch_key_hit(DECRYPT)

    with written() as output:
        if instrumented:
            instrument()(everything)()
        else:
            everything()
            emit.flush()

    assert_equal(telemetry.emf, output)
    assert output.totals["CacheHits"] == 281
    assert output.totals["DynamoDbThrottled"]


def messages() -> None:
    """Hits, misses, failures, refusals and evictions, with the helpers."""
    for number in range(30):
        message = warmkey.encrypt(b"note", CONTEXT if number % 3 else {"tenant": "other"})
        for _ in range(3):
            warmkey.decrypt(message)
    for damaged in (message[:-1], message[:200] + b"\0" + message[201:], b"nothing"):
        with pytest.raises(warmkey.WarmkeyError):
            warmkey.decrypt(damaged)
    with pytest.raises(warmkey.PolicyRefused):
        warmkey.decrypt(message, {"tenant": "somebody else"})
    client, cmm = warmkey.default_client(), warmkey.default_cmm()
    with client.decrypt_stream(io.BytesIO(message), cmm=cmm, unsigned_only=False) as stream:
        stream.read(1)
    warmkey.unseal_record({"id": 1}, missing="pass")
    warmkey.purge()


def test_the_helpers_count_as_the_embedded_format_and_as_kms_do(telemetry: Telemetry) -> None:
    settings: Any = {"metrics": "detailed", "metrics_sink": "both", "max_messages_encrypted": 7}
    with fake_kms(**settings) as session, written() as output:
        instrument()(messages)()
        session.client.fail(error="throttled")
        with pytest.raises(warmkey.KeyUnavailable):
            warmkey.encrypt(b"note", {"tenant": "a third"})

        assert_equal(telemetry.emf, output)
        requests = points_of(telemetry.points(), "warmkey.kms.requests")
        by_operation = dict.fromkeys(("KMS/GenerateDataKey", "KMS/Decrypt"), 0)
        for attributes, point in requests:
            by_operation[attributes["rpc.method"]] += point.value
        assert by_operation == {
            "KMS/GenerateDataKey": session.client.count("GenerateDataKey"),
            "KMS/Decrypt": session.client.count("Decrypt"),
        }
        durations = points_of(telemetry.points(), "rpc.client.call.duration")
        assert sum(point.count for _, point in durations) == session.client.count()
        assert {attributes.get("error.type") for attributes, _ in durations} == {None, "throttled"}


def test_branch_keys_are_counted_as_the_embedded_format_and_as_the_table_do(telemetry: Telemetry) -> None:
    keys = KeyStore()
    keys.create("tenant-a")
    keys.create("tenant-b")
    keys.clear()
    with written() as output:
        warmkey.configure(**keys.settings, metrics="detailed", metrics_sink="both")
        with instrument():
            for tenant in ("tenant-a", "tenant-b", "tenant-a", "tenant-a"):
                warmkey.decrypt(warmkey.encrypt(b"note", {"tenant": tenant}))
            with pytest.raises(warmkey.KeyUnavailable):
                warmkey.encrypt(b"note", {"tenant": "tenant-c"})
            warmkey.purge()
            with keys.dynamodb.fail(error="throttled", times=None):
                for _ in range(3):
                    with pytest.raises(warmkey.KeyUnavailable):
                        warmkey.encrypt(b"note", {"tenant": "tenant-a"})

        found = telemetry.emf
        assert_equal(found, output)
        assert found["KmsRequests"] == keys.kms.count()
        assert found["DynamoDbRequests"] == keys.dynamodb.count()
        assert (found["BranchKeyMisses"], found["BranchKeyFailures"]) == (2, 2)
        assert found["BranchKeyFailuresRecalled"] == 2
        assert found["BranchKeyHits"] == 6
        warmkey.reset()


def test_a_collector_receives_what_was_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over OTLP, from a function with its own exporters, against moto's KMS."""
    with otlp_collector() as collector:
        preferred: Any = dict.fromkeys((Counter, Histogram), AggregationTemporality.DELTA)
        exporter = OTLPMetricExporter(f"{collector.url}/v1/metrics", preferred_temporality=preferred)
        reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
        meters = MeterProvider([reader], shutdown_on_exit=False)
        tracers = TracerProvider(shutdown_on_exit=False)
        tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{collector.url}/v1/traces")))
        metrics.set_meter_provider(meters)
        trace.set_tracer_provider(tracers)
        with moto_kms() as session, written() as output:
            session.configure(metrics="detailed", metrics_sink="both", max_messages_encrypted=5)

            @warmkey.instrument
            def handler(tenant: str) -> None:
                for _ in range(8):
                    warmkey.decrypt(warmkey.encrypt(b"note", {"tenant": tenant}))

            arrived = []
            for tenant in ("a", "b", "a"):
                handler(tenant)
                arrived.append(as_emf(collector.points())["CacheHits"])
            requests, totals = session.kms_calls.operations, output.totals

        assert collector.exports == 3
        assert arrived[-1] == totals["CacheHits"]
        assert arrived == sorted(set(arrived)), "each invocation's counts have arrived when it ends"
        assert as_emf(collector.points()) == pytest.approx(totals, abs=0.1)
        assert sorted(span.name for span in collector.spans if span.name.startswith("KMS.")) == sorted(
            f"KMS.{operation}" for operation in requests
        )
        misses = [span for span in collector.spans if span.name == "fetch data key"]
        assert len(misses) == totals["CacheMisses"] == len(requests)
        meters.shutdown()
        tracers.shutdown()
        warmkey.reset()


# What it costs


def test_a_hit_calls_no_instrument(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    emit = Subscriber(sink="otel")
    added: list[tuple[int, Any]] = []
    monkeypatch.setattr(
        "opentelemetry.sdk.metrics._internal.instrument.Counter.add",
        lambda self, amount, attributes: added.append((amount, attributes)),
    )
    with written(), instrument():
        hit(emit, ENCRYPT, 1_000)
        hit(emit, DECRYPT, 500)
        assert added == []

    attributes = {"warmkey.outcome": "hit"}
    assert added == [
        (1_000, {"warmkey.operation": "encrypt", **attributes}),
        (500, {"warmkey.operation": "decrypt", **attributes}),
    ]


def test_a_fact_calls_no_instrument_either(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """A finalizer may tell one while its thread holds a lock of the SDK, which is not reentrant."""
    emit = Subscriber(sink="both", metrics="detailed")
    monkeypatch.setattr(otel, "_instruments", lambda: pytest.fail("an instrument was asked for"))
    with written():
        for event in EVERY:
            emit(event)
        hit(emit, ENCRYPT, 300)


def test_a_finalizer_may_count_while_the_provider_collects(telemetry: Telemetry) -> None:
    emit = Subscriber(sink="otel")
    meter = telemetry.meters.get_meter("of the function")
    meter.create_observable_gauge("anything", callbacks=[lambda _: emit(ABANDONED)])
    thread = threading.Thread(target=lambda: [telemetry.points() for _ in range(3)], daemon=True)
    with written():
        thread.start()
        thread.join(timeout=60)

    assert not thread.is_alive()
    assert telemetry.emf["MessagesAbandoned"] >= 3


def test_values_are_not_kept_without_end(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otel, "_VALUES_KEPT", 10)
    emit = Subscriber(sink="otel")
    with written():
        for _ in range(100):
            emit(KMS_OK)
            assert len(emit._otel._values) < 10  # type: ignore[union-attr]

    assert telemetry.emf["KmsRequests"] == 100


def test_nothing_of_opentelemetry_is_loaded_without_it() -> None:
    code = """
        import sys, warmkey
        from warmkey.testing import fake_kms
        with fake_kms(metrics_sink={sink!r}):
            warmkey.instrument(lambda: warmkey.decrypt(warmkey.encrypt(b"x")))()
            print([name for name in sys.modules if name.partition(".")[0] in {packages}], file=sys.stderr)
    """
    emf = in_new_process(code.format(sink="emf", packages={"opentelemetry"}))
    assert (emf.returncode, emf.stderr) == (0, "[]\n")

    other = in_new_process(code.format(sink="otel", packages={"aws_lambda_powertools"}))
    assert (other.returncode, other.stderr) == (0, "[]\n")


# When


def test_whoever_collects_gets_all_that_was_counted_until_then(telemetry: Telemetry) -> None:
    emit = Subscriber(sink="otel")
    hit(emit, ENCRYPT, 3)
    with written():
        emit(MISS)

    assert telemetry.emf == {"CacheHits": 3, "CacheMisses": 1, "CacheMissesMessagesSpent": 1}
    with written():
        emit(MISS)
    assert telemetry.emf["CacheMisses"] == 2


def test_the_end_of_an_invocation_flushes_the_providers(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[str] = []
    monkeypatch.setattr(telemetry.meters, "force_flush", lambda timeout_millis: flushed.append("metrics"))
    monkeypatch.setattr(telemetry.tracers, "force_flush", lambda timeout_millis: flushed.append("spans"))
    with fake_kms(metrics_sink="otel"), written():
        with instrument():
            assert flushed == []
        assert flushed == [], "nothing happened"
        for expected in (["spans", "metrics"], ["metrics"]):  # a miss, then hits only
            with instrument():
                warmkey.encrypt(b"x")
            assert flushed == expected
            flushed.clear()


def test_a_snapshot_holds_nothing_that_was_counted(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed: list[dict[str, int]] = []
    monkeypatch.setattr(telemetry.meters, "force_flush", lambda **options: flushed.append(options))
    emit = Subscriber(sink="otel")
    hit(emit, ENCRYPT, 3)
    with written():
        emit(KMS_OK)
        reset_before_snapshot()

    assert {"timeout_millis": 5000} in flushed
    assert not emit._otel._counts  # type: ignore[union-attr]
    assert not emit._otel._values  # type: ignore[union-attr]
    assert telemetry.emf["CacheHits"] == 3


def test_a_forked_child_counts_for_itself(telemetry: Telemetry) -> None:
    emit = Subscriber(sink="otel")
    with written():
        hit(emit, ENCRYPT, 5)
        emit(MISS)

        def child() -> dict[str, float]:
            hit(emit, ENCRYPT, 2)
            return telemetry.emf

        assert in_child(child) == {"CacheHits": 2}

    assert telemetry.emf == {"CacheHits": 5, "CacheMisses": 1, "CacheMissesMessagesSpent": 1}


def test_threads_lose_no_count(telemetry: Telemetry) -> None:
    emit = Subscriber(sink="both")

    def work() -> None:
        for _ in range(200):
            with instrument():
                hit(emit, DECRYPT, 3)

    threads = [threading.Thread(target=work) for _ in range(4)]
    with written() as output:
        for thread in threads:
            thread.start()
        for _ in range(20):
            telemetry.points()
        for thread in threads:
            thread.join()
        emit.flush()

    assert telemetry.emf == output.totals == {"CacheHits": 2_400}


# Instruments


def test_the_scope_says_whose_instruments_they_are(telemetry: Telemetry) -> None:
    hit(emit := Subscriber(sink="otel"), ENCRYPT, 1)
    data = telemetry.reader.get_metrics_data()
    scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics]  # type: ignore[union-attr]

    assert [(each.scope.name, each.scope.version) for each in scopes] == [("warmkey", warmkey.__version__)]
    assert scopes[0].schema_url == "https://opentelemetry.io/schemas/1.44.0"
    assert emit


def test_durations_have_the_conventional_buckets(telemetry: Telemetry) -> None:
    emit = Subscriber(sink="otel")
    with written():
        emit(KMS_OK)
    ((_, point),) = points_of(telemetry.points(), "rpc.client.call.duration")

    assert point.explicit_bounds[:4] == (0.005, 0.01, 0.025, 0.05)
    assert point.sum == 0.0125


def test_the_age_of_the_container_is_told(telemetry: Telemetry) -> None:
    now = 100.0
    emit = Subscriber(sink="otel", now=lambda: now)
    now = 142.0
    assert [point.value for _, point in points_of(telemetry.points(), "warmkey.container.age")] == [42]
    now = 0.0  # the clock was set back
    assert [point.value for _, point in points_of(telemetry.points(), "warmkey.container.age")] == [0]
    assert emit


def test_a_value_leads_to_the_trace_that_it_happened_in(telemetry: Telemetry) -> None:
    with fake_kms(metrics_sink="otel"), written(), trace.get_tracer("function").start_as_current_span("handler"):
        warmkey.encrypt(b"x")
    ((_, point),) = points_of(telemetry.points(), "rpc.client.call.duration")

    assert [exemplar.trace_id for exemplar in point.exemplars] == [telemetry.spans[-1].context.trace_id]


def test_several_subscribers_share_the_instruments(telemetry: Telemetry, caplog: pytest.LogCaptureFixture) -> None:
    emits = [Subscriber(sink="otel") for _ in range(3)]
    for emit in emits:
        hit(emit, ENCRYPT, 2)

    assert telemetry.emf == {"CacheHits": 6}
    assert caplog.records == []


def test_a_provider_that_is_set_later_is_found() -> None:
    emit = Subscriber(sink="otel")
    hit(emit, ENCRYPT, 2)
    telemetry = Telemetry().set()

    assert telemetry.emf == {"CacheHits": 2}


def test_off_counts_nothing_and_still_makes_spans(telemetry: Telemetry) -> None:
    with fake_kms(metrics_sink="otel", metrics="off"), written() as output, instrument():
        warmkey.decrypt(warmkey.encrypt(b"x"))

    assert telemetry.points() == []
    assert telemetry.names == ["KMS.GenerateDataKey", "fetch data key", "KMS.Decrypt", "fetch data key"]
    assert output.fields("SettingWarning") == []


def test_otel_alone_writes_no_blob(telemetry: Telemetry) -> None:
    emit = Subscriber(sink="otel", metrics="detailed")
    with written() as output:
        emit(EVICTION)
        hit(emit, ENCRYPT, 250)
        with instrument():
            emit(MISS)
        emit.flush()

    assert output.blobs == []
    assert output.fields("Summary")[0]["misses"] == 1
    assert telemetry.emf["CacheHits"] == 250


# What goes wrong


def test_a_missing_provider_is_said_once() -> None:
    emit = Subscriber(sink="otel")
    with written() as output:
        for _ in range(3):
            with instrument():
                emit(BRANCH_KEY_HIT)
                emit(MISS)

    (warning,) = output.fields("SettingWarning")
    assert warning["setting"] == "metrics_sink"
    assert "set_meter_provider" in warning["problem"]


class SlowProvider(MeterProvider):
    """Takes some seconds for each flush."""

    def __init__(self, seconds: float) -> None:
        super().__init__(shutdown_on_exit=False)
        self.seconds, self.now, self.flushed = seconds, 1_000.0, 0

    def force_flush(self, timeout_millis: float = 0) -> bool:
        self.now += self.seconds
        self.flushed += 1
        return True


def invocations_until(provider: SlowProvider, emit: Subscriber, times: int, seconds: float) -> None:
    for _ in range(times):
        with instrument():
            emit(MISS)
        provider.now += seconds


def test_a_collector_that_does_not_answer_delays_few_invocations() -> None:
    provider = SlowProvider(10)
    metrics.set_meter_provider(provider)
    emit = Subscriber(sink="otel", now=lambda: provider.now)
    with written() as output:
        invocations_until(provider, emit, times=50, seconds=1)
        assert provider.flushed == 1
        invocations_until(provider, emit, times=50, seconds=1)
        assert provider.flushed == 2
        provider.now -= 3_600  # the clock is set back: that is not a pause of an hour
        invocations_until(provider, emit, times=1, seconds=1)
        assert provider.flushed == 3

    (warning,) = output.fields("SettingWarning")
    assert "took over 1 s" in warning["problem"]


def test_a_quick_collector_is_flushed_each_time() -> None:
    provider = SlowProvider(0.9)
    metrics.set_meter_provider(provider)
    emit = Subscriber(sink="otel", now=lambda: provider.now)
    with written() as output:
        invocations_until(provider, emit, times=5, seconds=0)

    assert provider.flushed == 5
    assert output.fields("SettingWarning") == []


class HangingProvider(SlowProvider):
    """Does not come back from a flush before it is let go, whatever time it was given."""

    def __init__(self) -> None:
        super().__init__(0)
        self.may_return = threading.Event()
        self.threads: list[threading.Thread] = []

    def force_flush(self, timeout_millis: float = 0) -> bool:
        self.threads.append(threading.current_thread())
        if not self.may_return.wait(PATIENCE_SECONDS):
            self.may_return.set()  # so that a test that waits for it fails, instead of hanging
        return super().force_flush(timeout_millis)


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingProvider]:
    provider = HangingProvider()
    metrics.set_meter_provider(provider)
    monkeypatch.setattr(otel, "_FLUSH_TIMEOUT_SECONDS", 0.01)
    yield provider
    provider.may_return.set()
    for thread in provider.threads:
        thread.join()


def test_nobody_waits_for_an_exporter_that_never_returns(hanging: HangingProvider) -> None:
    emit = Subscriber(sink="otel", now=lambda: hanging.now)
    with written() as output:
        invocations_until(hanging, emit, times=500, seconds=1)

    assert len(hanging.threads) == 1, "and one thread waits for it"
    assert hanging.threads[0].daemon, "so that it keeps no process alive"
    (warning,) = output.fields("SettingWarning")
    assert "took over 1 s" in warning["problem"]


def test_when_it_has_returned_invocations_flush_again(
    hanging: HangingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    emit = Subscriber(sink="otel", now=lambda: hanging.now)
    with written():
        invocations_until(hanging, emit, times=1, seconds=100)
        hanging.may_return.set()
        hanging.threads[0].join()
        monkeypatch.setattr(otel, "_FLUSH_TIMEOUT_SECONDS", 60)
        invocations_until(hanging, emit, times=3, seconds=1)

    assert hanging.flushed == 4


def test_a_forked_child_does_not_wait_for_its_parents_flush(
    hanging: HangingProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    emit = Subscriber(sink="otel", now=lambda: hanging.now)

    def flushes_in_child() -> bool:
        hanging.may_return = threading.Event()
        hanging.may_return.set()
        monkeypatch.setattr(otel, "_FLUSH_TIMEOUT_SECONDS", 60)
        hanging.now += 100
        invocations_until(hanging, emit, times=1, seconds=1)
        return hanging.flushed == 1

    with written():
        invocations_until(hanging, emit, times=1, seconds=1)
        assert in_child(flushes_in_child)


def test_nor_for_an_instrument_whose_lock_nobody_holds(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a child that was forked while a thread of its parent was inside of the SDK; and no value is kept for it."""
    may_return = threading.Event()
    monkeypatch.setattr(otel, "_FLUSH_TIMEOUT_SECONDS", 0.01)
    monkeypatch.setattr(otel, "_VALUES_KEPT", 100)
    monkeypatch.setattr(Counter, "add", lambda *_arguments, **_options: may_return.wait(PATIENCE_SECONDS))
    emit = Subscriber(sink="otel")
    counting: Any = emit._otel
    with written():
        for _ in range(3):
            with instrument():
                emit(MISS)
        for _ in range(300):
            emit(KMS_OK)

    assert counting._flushing.is_alive()
    assert len(counting._values) < 100
    may_return.set()
    counting._flushing.join()


def test_an_invocation_that_ends_inside_of_our_locks_leaves_the_flush_to_the_next(telemetry: Telemetry) -> None:
    """A signal handler may be instrumented; the thread that flushes would wait for the lock that it came into."""
    emit = Subscriber(sink="otel")
    counting: Any = emit._otel
    with written():
        for lock in (counting._lock, emit._lock):
            with lock, instrument():
                emit(MISS)
        assert counting._flushing is None
        with instrument():
            emit(MISS)

    assert telemetry.emf["CacheMisses"] == 3


def test_without_a_thread_to_spare_an_invocation_ends_all_the_same(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    emit = Subscriber(sink="otel")
    with written(), monkeypatch.context() as patched, instrument():
        emit(MISS)
        patched.setattr(threading.Thread, "start", refuse)

    assert telemetry.emf["CacheMisses"] == 1
    assert [record.getMessage() for record in caplog.records if "otel" in record.name] == [
        "OpenTelemetry failed with RuntimeError"
    ]


def test_a_provider_that_fails_fails_nothing(
    telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(timeout_millis: float) -> None:
        raise OSError("a secret of theirs")

    monkeypatch.setattr(telemetry.meters, "force_flush", fail)
    emit = Subscriber(sink="otel")
    with written(), instrument():
        emit(MISS)

    assert [record.getMessage() for record in caplog.records if "otel" in record.name] == [
        "OpenTelemetry failed with OSError"
    ]


def test_a_provider_without_force_flush_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(metrics.NoOpMeterProvider):
        pass

    metrics.set_meter_provider(Other())
    emit = Subscriber(sink="otel")
    with written() as output, instrument():
        emit(MISS)

    assert output.fields("SettingWarning") == []


def test_a_missing_api_is_an_error_at_init(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith("warmkey.observability.otel"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "opentelemetry.metrics", None)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    expected = "WARMKEY_METRICS_SINK is both, but OpenTelemetry's API is missing; install warmkey\\[otel\\]"
    with fake_kms() as session:
        session.configure(metrics_sink="both")
        with pytest.raises(warmkey.ConfigurationError, match=expected):
            warmkey.warm_up()


def test_an_api_that_is_too_old_is_an_error_at_init(monkeypatch: pytest.MonkeyPatch) -> None:
    def older(*_: object, **_known: object) -> None:
        raise TypeError("create_histogram() got an unexpected keyword argument 'explicit_bucket_boundaries_advisory'")

    monkeypatch.setattr(otel, "_instruments", older)
    with pytest.raises(ImportError, match="too old; install warmkey"):
        Subscriber(sink="otel")


@pytest.mark.parametrize("sink", ["prometheus", None, b"otel"])
def test_a_sink_that_there_is_not_is_refused(sink: Any) -> None:
    with pytest.raises(ValueError, match="sink must be one of emf, otel, both, not "):
        Subscriber(sink=sink)


@pytest.fixture(autouse=True)
def _helpers_as_before() -> Iterator[None]:
    yield
    warmkey.reset()


def test_what_was_counted_outlives_its_subscriber(telemetry: Telemetry) -> None:
    emit = Subscriber(sink="otel")
    with written():
        emit(MISS)
    counts = emit._otel
    del emit

    assert counts is not None
    assert telemetry.emf["CacheMisses"] == 1

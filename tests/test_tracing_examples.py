"""The examples of tracing: a span for a miss, in it one for each KMS request, and none for a hit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import warmkey
from warmkey.testing import FakeKms, moto_kms

if TYPE_CHECKING:
    from types import ModuleType

MISSES = ["warmkey miss on_encrypt", "warmkey miss on_decrypt"]


@pytest.fixture
def kms() -> FakeKms:
    return FakeKms()


def round_trips(messages: int, cmm: warmkey.CachingCMM) -> None:
    client = warmkey.Client()
    for _ in range(messages):
        message = client.encrypt(b"a note", cmm=cmm, encryption_context={"tenant": "acme"}).ciphertext
        client.decrypt(message, cmm=cmm)


# OpenTelemetry


def test_the_opentelemetry_example_prints_spans_and_metrics(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="it is in the environment of `make test`")
    from opentelemetry import metrics  # noqa: PLC0415

    from examples import tracing_opentelemetry  # noqa: PLC0415
    from tests.observability.telemetry import without_providers  # noqa: PLC0415

    without_providers(monkeypatch)
    with moto_kms() as session:
        assert tracing_opentelemetry.main([session.key_arn]) == 0
        session.assert_kms_calls(2)
    metrics.get_meter_provider().shutdown()  # type: ignore[attr-defined]

    output = capsys.readouterr().out
    assert output.count('"name": "note"') == 3
    assert output.count('"name": "fetch data key"') == 2
    assert [output.count(f'"name": "KMS.{name}"') for name in ("GenerateDataKey", "Decrypt")] == [1, 1]
    assert '"name": "warmkey.messages"' in output


# X-Ray


@pytest.fixture
def xray(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The example in an execution environment that is traced, with segments that go nowhere."""
    pytest.importorskip("aws_xray_sdk", reason="it is in the environment of `make test`")
    from aws_xray_sdk import global_sdk_config  # noqa: PLC0415

    from examples import tracing_xray  # noqa: PLC0415

    global_sdk_config.set_sdk_enabled(True)  # Powertools turns it off outside of Lambda
    monkeypatch.setattr("aws_xray_sdk.core.emitters.udp_emitter.UDPEmitter.send_entity", lambda *_: None)
    return tracing_xray


class Recorder:
    """What the example needs of Powertools' Tracer: the recorder of the X-Ray SDK."""

    def __init__(self) -> None:
        from aws_xray_sdk.core.recorder import AWSXRayRecorder  # noqa: PLC0415

        self.provider = AWSXRayRecorder()
        self.provider.configure(sampling=False, context_missing="RUNTIME_ERROR", streaming_threshold=1_000)


def test_xray_has_a_subsegment_for_a_miss_and_in_it_one_for_each_key(xray: ModuleType, kms: FakeKms) -> None:
    tracer = Recorder()
    arns = [kms.create_key(), kms.create_key()]
    with tracer.provider.in_segment("function") as segment:
        round_trips(5, xray.traced_cmm(arns, kms_client=kms, tracer=tracer))

    names = [(miss.name, [call.name for call in miss.subsegments]) for miss in segment.subsegments]
    ids = [arn.rpartition("/")[2] for arn in arns]
    assert names == [
        (MISSES[0], [f"KMS {key_id} on_encrypt" for key_id in ids]),
        (MISSES[1], [f"KMS {ids[0]} on_decrypt"]),
    ]
    assert segment.subsegments[1].annotations == {"encrypted_data_keys": "2"}
    assert sum(len(calls) for _, calls in names) == kms.count()


def test_the_handler_of_the_xray_example_encrypts(xray: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    with moto_kms() as session:
        monkeypatch.setenv("KEY_ARN", session.key_arn)
        messages = xray.handler({"tenant": "acme", "notes": ["one", "two"]}, None)

        assert [warmkey.decrypt(message) for message in messages] == [b"one", b"two"]
        assert session.kms_calls.operations == ["GenerateDataKey", "Decrypt"]

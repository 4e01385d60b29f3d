"""The canary in the built layer, under the Lambda runtime client: what is deployed works as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from examples.demo.emulator import EmulatorUnavailable, FunctionFailed
from examples.demo.kms_server import REGION, create_key, kms_server
from examples.demo.stages import EmulatorStage
from layer.project import ROOT
from layer.runtimes import RUNTIMES, interpreter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.layer, pytest.mark.runtime]


def make_stage(opt: Path, *, runtime: str, variant: str) -> EmulatorStage:
    python = interpreter(runtime)
    if not python:
        pytest.skip(f"no Python {runtime} is here; `make runtimes` or `make every-runtime` makes it ready")
    try:
        return EmulatorStage(opt, variant=variant, python=python)
    except EmulatorUnavailable as reason:
        pytest.skip(f"{reason}; `make runtime layer VARIANT={variant}` makes it")


@pytest.fixture(scope="module", params=RUNTIMES)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> EmulatorStage:
    return make_stage(tmp_path_factory.mktemp("opt"), runtime=request.param, variant="full")


@pytest.fixture(scope="module", params=RUNTIMES)
def core_stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> EmulatorStage:
    return make_stage(tmp_path_factory.mktemp("opt"), runtime=request.param, variant="core")


@pytest.fixture(scope="module", params=RUNTIMES)
def crt_stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> EmulatorStage:
    return make_stage(tmp_path_factory.mktemp("opt"), runtime=request.param, variant="crt")


@pytest.fixture(scope="module")
def kms_url() -> Iterator[str]:
    with kms_server() as url:
        yield url


def environment(kms_url: str, key_arn: str) -> dict[str, str]:
    return {
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_ENDPOINT_URL_KMS": kms_url,
        "WARMKEY_KMS_KEY_ARNS": key_arn,
    }


def test_it_sings_when_the_layer_is_whole(stage: EmulatorStage, kms_url: str) -> None:
    with stage.start(ROOT / "layer" / "canary", environment(kms_url, create_key(kms_url))) as function:
        result = function.invoke({}).result

    assert result["round_trip"] == "ok"
    assert result["signatures"] == "cryptography"
    assert result["layer"]["name"] == "warmkey"


def test_it_sings_without_powertools_too(core_stage: EmulatorStage, kms_url: str) -> None:
    with core_stage.start(ROOT / "layer" / "canary", environment(kms_url, create_key(kms_url))) as function:
        result = function.invoke({}).result

    assert result["layer"]["variant"] == "core"
    assert "aws_lambda_powertools" not in result["layer"]["packages"]


@pytest.mark.parametrize(
    ("choice", "library"), [("auto", "awscrt"), ("awscrt", "awscrt"), ("cryptography", "cryptography")]
)
def test_with_awscrt_in_the_layer_it_signs_by_awscrt_unless_it_is_told_not_to(
    choice: str, library: str, crt_stage: EmulatorStage, kms_url: str
) -> None:
    """boto3, which asks KMS, has loaded awscrt before the first key is made."""
    variables = environment(kms_url, create_key(kms_url)) | {"WARMKEY_SIGNATURES": choice}
    with crt_stage.start(ROOT / "layer" / "canary", variables) as function:
        result = function.invoke({}).result

    assert result["round_trip"] == "ok"
    assert result["signatures"] == library
    assert result["layer"]["packages"]["awscrt"]
    assert result["layer"]["native"]["python/_awscrt.abi3.so"] == "abi3"


def test_a_choice_that_the_layer_can_not_serve_fails_init_with_a_remedy(stage: EmulatorStage, kms_url: str) -> None:
    variables = environment(kms_url, create_key(kms_url)) | {"WARMKEY_SIGNATURES": "awscrt"}
    with stage.start(ROOT / "layer" / "canary", variables) as function, pytest.raises(FunctionFailed) as caught:
        function.invoke({})

    assert "awscrt is not installed" in str(caught.value)
    assert "make layer VARIANT=crt" in str(caught.value)


def test_it_fails_when_the_key_cannot_be_used(stage: EmulatorStage, kms_url: str) -> None:
    nobody = create_key(kms_url)[:-12] + "000000000000"
    with (
        stage.start(ROOT / "layer" / "canary", environment(kms_url, nobody)) as function,
        pytest.raises(FunctionFailed, match="KeyUnavailable"),
    ):
        function.invoke({})


def test_it_examines_the_function_when_asked_to(stage: EmulatorStage, kms_url: str) -> None:
    """The KMS of the emulator is moto's, which ignores dry runs: that is what is found."""
    settings = environment(kms_url, create_key(kms_url)) | {"SELF_CHECK": "on"}
    with stage.start(ROOT / "layer" / "canary", settings) as function:
        result = function.invoke({}).result

    assert result["round_trip"] == "ok"
    assert result["self_check"]["codes"]["dry-run-ignored"] == 1
    assert result["self_check"]["failures"] == 0
    assert "arn:" not in str(result["self_check"])

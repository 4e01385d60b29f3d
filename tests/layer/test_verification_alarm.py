"""What the alarm on failed verification watches: the metric that a function writes of a changed message."""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any

import pytest

import warmkey
from benchmarks.loopback_kms import loopback_kms
from examples.demo.emulator import EmulatorUnavailable, FunctionFailed
from examples.demo.stages import EmulatorStage
from layer.project import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.layer, pytest.mark.runtime]

METRIC = "MessagesRefusedAuthentication"

CATCHES = """
import warmkey
from aws_lambda_powertools import Logger

logger = Logger()

def handler(event, _context):
    try:
        warmkey.decrypt_text(event["records"][0]["message"], {"tenant": event["records"][0]["tenant"]})
    except warmkey.AuthenticationFailed:
        logger.exception("refused")
        return {"refused": True}
"""


def metrics_in(output: str) -> set[str]:
    """Return the names of the metrics that lines of *output* write."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return {name for line in lines if "_aws" in line for name in line}


def test_an_alarm_watches_what_fails_verification() -> None:
    template = (ROOT / "template.yaml").read_text()

    assert re.search(r"Type: AWS::CloudWatch::Alarm(?:(?!Type:)[\s\S])*MetricName: " + METRIC, template)


@pytest.mark.parametrize("catches", [False, True], ids=["lets it out", "logs it"])
def test_a_changed_message_is_counted(tmp_path: Path, *, catches: bool) -> None:
    try:
        stage = EmulatorStage(tmp_path / "opt")
    except EmulatorUnavailable as reason:
        pytest.skip(f"{reason}; `make runtime` makes it")
    task_root = ROOT / "examples" / "functions" / "decrypt"
    if catches:
        task_root = tmp_path / "function"
        task_root.mkdir()
        (task_root / "app.py").write_text(CATCHES)
    with loopback_kms() as kms:
        keyring = warmkey.AwsKmsKeyring(kms.key_arn, kms_client=kms.kms)
        written = warmkey.Client().encrypt(b"note", keyring=keyring, encryption_context={"tenant": "acme"})
        changed = bytearray(written.ciphertext)
        changed[-120] ^= 1  # in the last frame or the signature
        record = {"id": 1, "tenant": "acme", "message": base64.b64encode(changed).decode()}
        json_format = {"AWS_LAMBDA_LOG_FORMAT": "JSON", **kms.environment()}
        with stage.start(task_root, json_format) as function:
            try:
                function.invoke({"records": [record]})
            except FunctionFailed:
                assert not catches
            assert METRIC in metrics_in(function.output())

"""What the alarm on failed verification is made of: the lines that Lambda and Powertools write of such an error."""

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


def fields_of_the_filter() -> set[str]:
    """The fields, one of which has to name the exception."""
    pattern = re.search(r"FilterPattern: '(.*)'", (ROOT / "template.yaml").read_text())
    assert pattern
    return set(re.findall(r'\$\.(\w+) = "AuthenticationFailed"', pattern[1]))


def counted(output: str) -> list[str]:
    """The fields by which lines of *output* pass the filter."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    return [name for line in lines for name in fields_of_the_filter() if line.get(name) == "AuthenticationFailed"]


@pytest.mark.parametrize(
    ("catches", "field"), [(False, "errorType"), (True, "exception_name")], ids=["lets it out", "logs it"]
)
def test_a_changed_message_is_counted(tmp_path: Path, *, catches: bool, field: str) -> None:
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
            assert counted(function.output()) == [field]

"""`warmkey policy` as a user runs it, and the fakes that what it prints is tried on."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any
from unittest import mock

from botocore.exceptions import ClientError

from tests.cli.exit_code import exit_code

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from warmkey.testing import FakeKms

REGION = "eu-west-1"


def clean_environment(**variables: str) -> Any:
    """Replace the environment by one without settings of warmkey or AWS."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WARMKEY_", "AWS_"))}
    return mock.patch.dict(os.environ, {**kept, **variables}, clear=True)


class Shell:
    """``warmkey policy`` and what it printed last."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self.out = ""
        self.err = ""

    def __call__(self, *arguments: str, **settings: str) -> int:
        """Run it with *settings* as variables; the exit code."""
        variables = {f"WARMKEY_{name.upper()}": value for name, value in settings.items()}
        with clean_environment(**variables):
            code = exit_code(["policy", *arguments])
        self.out, self.err = self._capture.readouterr()
        return code

    def json(self, *arguments: str, **settings: str) -> Any:
        """What it prints as JSON."""
        assert self(*arguments, **settings) == 0, self.err
        return json.loads(self.out)


def answer(method: Callable[..., object], **parameters: object) -> str:
    """The code with which a request ends; ``DryRunOperationException`` is a permission."""
    try:
        method(**parameters)
    except ClientError as error:
        code: str = error.response["Error"]["Code"]
        return code
    return "OK"


def may(kms: FakeKms, operation: str, key: str, context: dict[str, str]) -> bool:
    """Whether the role may do it, by a dry run."""
    methods: dict[str, tuple[Callable[..., object], dict[str, object]]] = {
        "GenerateDataKey": (kms.generate_data_key, {"NumberOfBytes": 32}),
        "GenerateDataKeyWithoutPlaintext": (kms.generate_data_key_without_plaintext, {"NumberOfBytes": 32}),
        "Encrypt": (kms.encrypt, {"Plaintext": b"x"}),
        "Decrypt": (kms.decrypt, {"DryRunModifiers": ["IGNORE_CIPHERTEXT"]}),
    }
    method, parameters = methods[operation]
    code = answer(method, KeyId=key, EncryptionContext=context, DryRun=True, **parameters)
    assert code in ("DryRunOperationException", "AccessDeniedException"), code

    return code == "DryRunOperationException"

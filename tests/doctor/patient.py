"""A function to examine: settings, fakes of KMS and DynamoDB, and ``warmkey doctor`` over them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.cli.exit_code import exit_code
from tests.policy.printed import REGION, clean_environment
from warmkey.testing import FakeDynamoDb, FakeKms

if TYPE_CHECKING:
    import pytest

SECRET = "a value that nobody may see"


class Patient:
    """A KMS with a key, and what the doctor found last.

    :ivar client: asked in place of ``kms``, where that is not ``None``
    """

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self.kms, self.dynamodb = FakeKms(REGION), FakeDynamoDb(REGION)
        self.key_arn = self.kms.create_key()
        self.settings = {"kms_key_arns": self.key_arn}
        self.client: Any = None
        self.out = ""
        self.err = ""
        self.json: Any = None

    def examine(self, *arguments: str, as_json: bool = True, **variables: str) -> int:
        """Run ``warmkey doctor``; the exit code."""
        settings = {f"WARMKEY_{name.upper()}": value for name, value in self.settings.items()}
        with clean_environment(**{"AWS_REGION": REGION, **settings, **variables}):
            code = exit_code(
                ["doctor", *(["--json"] if as_json else []), *arguments],
                kms_clients=lambda _region: self.kms if self.client is None else self.client,
                dynamodb_clients=lambda _region: self.dynamodb,
            )
        self.out, self.err = self._capture.readouterr()
        self.json = json.loads(self.out) if as_json and self.out else None
        assert SECRET not in self.out + self.err
        return code

    def codes(self, *arguments: str, **variables: str) -> set[str]:
        """The codes of what it found; the time-out of the function is given, unless a test is about it."""
        code = self.examine("--function-timeout", "1000", *arguments, **variables)
        worst = max([("note", "warning", "failure").index(each["level"]) for each in self.findings], default=0)
        assert code == self.json["status"] == worst
        return set(self.json["codes"]) - {"key-state-not-checked", "table-writes-not-checked"}

    @property
    def findings(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.json["findings"]
        return found

    def finding(self, code: str) -> dict[str, str]:
        """The first finding of this code."""
        return next(each for each in self.findings if each["code"] == code)

    def answers(self) -> dict[tuple[str, str], str]:
        """Each permission by its action and context; of several keys, the last."""
        return {(each["action"], each["context"]): each["answer"] for each in self.json["permissions"]}

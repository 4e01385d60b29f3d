"""Read settings: variables and keywords give settings that a client can be built with, or an error that names one."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from unittest import mock

from fuzz.mutation import changed_document, json_of
from fuzz.promise import SECRET, BrokenPromiseError, attempt, check
from fuzz.sealed_documents import document_of
from fuzz.target import Target
from warmkey import ConfigurationError
from warmkey.lambda_runtime.settings import PREFIX, VARIABLES, Settings, read_settings
from warmkey.lambda_runtime.settings_faults import faults
from warmkey.lambda_runtime.wiring import Overrides, wire
from warmkey.testing import FakeDynamoDb, FakeKms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

__all__ = ["TARGET"]

_ARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
_MRK = "arn:aws:kms:us-east-1:111122223333:key/mrk-1234abcd12ab34cd56ef1234567890ab"
# As no setting and no name of a key is: what somebody may put in the place of one by mistake.
_KEY = f"{SECRET}+open/{SECRET}=="
_VALUES: dict[str, tuple[str, ...]] = {
    "KMS_KEY_ARNS": (_ARN, f"{_ARN},{_MRK}", "alias/orders", f"{_ARN},", _KEY),
    "DECRYPT_KEY_ARNS": (_MRK, f" {_ARN} , {_MRK} "),
    "KMS_MODE": ("strict", "mrk", "discovery", "mrk-discovery", "Strict"),
    "DISCOVERY_ACCOUNTS": ("111122223333", "111122223333,222233334444", "1111"),
    "BRANCH_KEY_STORE_TABLE": ("branch-keys", "b"),
    "BRANCH_KEY_ID": ("tenant-a",),
    "BRANCH_KEY_CONTEXT_KEY": ("tenant", "aws-crypto-x"),
    "ALGORITHM_SUITE": ("0x0478", "0578", "AES_256_GCM_HKDF_SHA512_COMMIT_KEY", "0x0014"),
    "COMMITMENT_POLICY": ("REQUIRE_ENCRYPT_ALLOW_DECRYPT", "FORBID_ENCRYPT_ALLOW_DECRYPT"),
    "FRAME_LENGTH": ("auto", "1", "4294967296"),
    "REQUIRED_CONTEXT_KEYS": ("tenant,purpose", "tenant,tenant"),
    "METRICS_SINK": ("emf", "otel", "both"),
}
_PLAIN = ("on", "off", "0", "1", "0.5", "300", "1e3", "-1", "00012", "lazy", "eager", "summary", "detailed", _KEY)
_WORDS = (
    *VARIABLES,
    *(name.lower() for name in VARIABLES),
    *_PLAIN,
    *(text for texts in _VALUES.values() for text in texts),
)


def seeds() -> list[bytes]:
    """Return each variable with each value that means something in it, and some together."""
    found: list[dict[str, Any]] = []
    for name, values in _VALUES.items():
        found += [{"variables": {"WARMKEY_KMS_KEY_ARNS": _ARN, PREFIX + name: value}} for value in values]
    others = [name for name in VARIABLES if name.removeprefix(PREFIX) not in _VALUES]
    for name in others:
        found += [{"variables": {"WARMKEY_KMS_KEY_ARNS": _ARN, name: value}} for value in _PLAIN[::3]]
    keywords = {"kms_key_arns": [_ARN, _MRK], "cache": False, "max_age_seconds": 60, "frame_length": "auto"}
    table = {"WARMKEY_KMS_KEY_ARNS": _ARN, "WARMKEY_BRANCH_KEY_STORE_TABLE": "keys", "WARMKEY_BRANCH_KEY_ID": "a"}
    return [json_of(each) for each in (*found, {"keywords": keywords}, {"variables": table}, {})]


def change(data: bytes, source: Random, others: Sequence[bytes]) -> bytes:
    """Change the document."""
    return changed_document(data, source, others, _WORDS)


def test(data: bytes) -> None:
    """The first fault is raised, all faults are found, and without one a client can be built."""
    document = document_of(data)
    variables, keywords = document.get("variables"), document.get("keywords")
    keywords = keywords if isinstance(keywords, dict) else {}
    with mock.patch.dict(os.environ):
        _set(variables if isinstance(variables, dict) else {})
        ours = [name for name in os.environ if name.upper().startswith(PREFIX)]
        secret = None if _KEY in json.dumps([*ours, *keywords]) else _KEY
        read = attempt(lambda: read_settings(keywords), secret=secret)
        found = faults(keywords)
        for fault in found:
            check(_KEY not in str(fault.error) or secret is None, "a fault that tells a secret")
        check(bool(found) == (read.error is not None), "an error without a fault, or a fault without an error")
        if read.error is None:
            _build(read.value)
        else:
            check(str(read.error) in [str(fault.error) for fault in found], "an error that is not among the faults")
            _check_error(read.error, [*ours, *keywords])


def _set(variables: dict[str, Any]) -> None:
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        del os.environ[name]
    for name, value in variables.items():
        with suppress(ValueError, OSError, UnicodeEncodeError):  # what an environment can't have
            os.environ[name if name.upper().startswith(PREFIX) else PREFIX + name] = str(value)


def _check_error(error: Exception, names: list[str]) -> None:
    check(type(error) is ConfigurationError, "an error that is not about the configuration")
    named = (
        "WARMKEY_" in str(error)
        or "configure() has no setting" in str(error)
        or any(name in str(error) for name in names)
    )
    check(named, "an error that names no setting")


def _build(settings: object) -> None:
    if not isinstance(settings, Settings):
        raise BrokenPromiseError("something else than settings")
    overrides = Overrides(kms_client=FakeKms(), dynamodb_client=FakeDynamoDb())
    built = attempt(lambda: wire(settings, overrides, only_until_restored=False), secret=_KEY)
    is_missing = PREFIX in str(built.error) and "install" in str(built.error)  # a package, in this environment
    check(built.error is None or is_missing, f"settings that no client can be built with: {built.error}")


TARGET = Target(seeds=seeds, change=change, test=test)

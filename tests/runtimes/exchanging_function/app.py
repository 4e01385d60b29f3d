"""A function that reads messages of another interpreter, and writes some for it to read."""

from __future__ import annotations

import base64
import hashlib
import platform
import sys
from typing import Any

import warmkey


@warmkey.instrument
def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    return {
        "python": "{}.{}".format(*sys.version_info),
        "machine": platform.machine(),
        "read": [read(message) for message in event["messages"]],
        "written": [write(wanted) for wanted in event["wanted"]],
    }


def read(message: dict[str, Any]) -> str:
    plaintext = (
        client(message["suite"])
        .decrypt(
            base64.b64decode(message["message"]),
            cmm=warmkey.default_cmm(),
            encryption_context=message["context"],
        )
        .plaintext
    )
    return hashlib.sha256(plaintext).hexdigest()


def write(wanted: dict[str, Any]) -> str:
    written = client(wanted["suite"]).encrypt(
        hashlib.shake_256(b"every runtime").digest(wanted["length"]),
        cmm=warmkey.default_cmm(),
        encryption_context=wanted["context"],
        algorithm_suite=warmkey.AlgorithmSuite(wanted["suite"]),
    )
    return base64.b64encode(written.ciphertext).decode()


def client(suite: int) -> warmkey.Client:
    policy = warmkey.CommitmentPolicy
    committing = warmkey.AlgorithmSuite(suite).commits
    return warmkey.Client(
        commitment_policy=policy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT if committing else policy.FORBID_ENCRYPT_ALLOW_DECRYPT
    )

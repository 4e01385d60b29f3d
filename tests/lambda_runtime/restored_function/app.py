"""A function that uses warmkey while it is initialized, and again in each environment that is restored from that."""

from __future__ import annotations

import base64
import os
from typing import Any

import boto3

import warmkey

CONTEXT = {"tenant": "a"}

_keyring = warmkey.AwsKmsKeyring(os.environ["WARMKEY_KMS_KEY_ARNS"], kms_client=boto3.client("kms"))
_cmm = warmkey.CachingCMM(cache=warmkey.LocalCMC(10), max_age=300, keyring=_keyring)


def _encrypt() -> dict[str, Any]:
    client = warmkey.Client()
    own = [client.encrypt(b"order", cmm=_cmm, encryption_context=CONTEXT).ciphertext for _ in range(3)]
    return {
        "helpers": [warmkey.encrypt_text("order", CONTEXT) for _ in range(3)],
        "caching CMM": [base64.b64encode(message).decode() for message in own],
        "partition": warmkey.cache_info().partition_id,
    }


_AT_INIT = _encrypt()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """What was made at init and what is made now; ``event["messages"]`` decrypted."""
    decrypted = [warmkey.decrypt_text(message, CONTEXT) for message in event["messages"]]
    return {"at init": _AT_INIT, "now": _encrypt(), "decrypted": decrypted}

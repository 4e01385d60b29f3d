"""See misses and KMS calls as X-Ray subsegments, with the Tracer of Powertools.

``handler`` is a Lambda function. It needs the layer of warmkey, ``pip install aws-lambda-powertools[tracer]``, active
tracing, and ``KEY_ARN`` in its environment. A hit does not call the keyring, so tracing adds nothing to it. A function
that does not wrap its keyring pays nothing at all.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Tracer

import warmkey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from warmkey import DecryptionMaterials, EncryptedDataKey, EncryptionMaterials
    from warmkey.keyrings.interface import Keyring


class TracedKeyring:
    """Wrap *keyring*, and make a subsegment for every call.

    Around the keyring of a caching CMM, each subsegment is a miss or a bypass; around a keyring of a multi-keyring, it
    is a KMS call.

    :param name: name of the subsegment; use a key ARN, but never a value of the encryption context
    """

    def __init__(self, keyring: Keyring, tracer: Tracer, *, name: str) -> None:
        self._keyring = keyring
        self._tracer = tracer
        self._name = name

    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        """Call the keyring's ``on_encrypt`` in a subsegment."""
        with self._tracer.provider.in_subsegment(f"{self._name} on_encrypt"):
            return self._keyring.on_encrypt(materials)

    def on_decrypt(
        self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /
    ) -> DecryptionMaterials:
        """Call the keyring's ``on_decrypt`` in a subsegment that has the number of encrypted data keys."""
        with self._tracer.provider.in_subsegment(f"{self._name} on_decrypt") as subsegment:
            subsegment.put_annotation("encrypted_data_keys", str(len(encrypted_data_keys)))
            return self._keyring.on_decrypt(materials, encrypted_data_keys)


def traced_cmm(key_arns: Sequence[str], *, kms_client: Any, tracer: Tracer) -> warmkey.CachingCMM:  # noqa: ANN401 - boto3 has no types
    """Make a caching CMM with several keys: one subsegment per miss, and inside it one per KMS call."""
    keyrings = [
        TracedKeyring(warmkey.AwsKmsKeyring(arn, kms_client=kms_client), tracer, name=f"KMS {arn.rpartition('/')[2]}")
        for arn in key_arns
    ]
    keyring = TracedKeyring(warmkey.MultiKeyring(keyrings[0], keyrings[1:]), tracer, name="warmkey miss")
    return warmkey.CachingCMM(cache=warmkey.LocalCMC(100), keyring=keyring, max_age=300)


TRACER = Tracer(service="orders", auto_patch=False)
CLIENT = warmkey.Client()
_cmm: warmkey.CachingCMM | None = None


def handler(event: dict[str, Any], _context: object) -> list[bytes]:
    """Encrypt the notes of a tenant; the first is a miss, the others are hits."""
    global _cmm  # noqa: PLW0603 - it must outlive the invocation
    if _cmm is None:
        _cmm = traced_cmm([os.environ["KEY_ARN"]], kms_client=boto3.client("kms"), tracer=TRACER)
    context = {"tenant": event["tenant"]}
    return [CLIENT.encrypt(note.encode(), cmm=_cmm, encryption_context=context).ciphertext for note in event["notes"]]

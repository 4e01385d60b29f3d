"""See misses and KMS calls as OpenTelemetry spans.

usage: python examples/tracing_opentelemetry.py KEY_ARN

Needs ``pip install opentelemetry-sdk``. Prints the spans that it made. A hit does not call the keyring, so tracing adds
nothing to it. A function that does not wrap its keyring pays nothing at all.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

import boto3
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

import warmkey

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.trace import Tracer

    from warmkey import DecryptionMaterials, EncryptedDataKey, EncryptionMaterials
    from warmkey.keyrings.interface import Keyring


class TracedKeyring:
    """Wrap *keyring*, and make a span for every call.

    Around the keyring of a caching CMM, each span is a miss or a bypass; around a keyring of a multi-keyring, it is a
    KMS call.

    :param attributes: attributes of the spans; use a key ARN, but never a value of the encryption context
    """

    def __init__(self, keyring: Keyring, tracer: Tracer, *, name: str, **attributes: str) -> None:
        self._keyring = keyring
        self._tracer = tracer
        self._name = name
        self._attributes = attributes

    def on_encrypt(self, materials: EncryptionMaterials, /) -> EncryptionMaterials:
        """Call the keyring's ``on_encrypt`` in a span."""
        with self._tracer.start_as_current_span(f"{self._name} on_encrypt", attributes=self._attributes):
            return self._keyring.on_encrypt(materials)

    def on_decrypt(
        self, materials: DecryptionMaterials, encrypted_data_keys: Sequence[EncryptedDataKey], /
    ) -> DecryptionMaterials:
        """Call the keyring's ``on_decrypt`` in a span that has the number of encrypted data keys."""
        attributes: dict[str, str | int] = {**self._attributes, "encrypted_data_keys": len(encrypted_data_keys)}
        with self._tracer.start_as_current_span(f"{self._name} on_decrypt", attributes=attributes):
            return self._keyring.on_decrypt(materials, encrypted_data_keys)


def traced_cmm(key_arns: Sequence[str], *, kms_client: Any, tracer: Tracer) -> warmkey.CachingCMM:  # noqa: ANN401 - boto3 has no types
    """Make a caching CMM with several keys: one span per miss, and inside it one per KMS call."""
    keyrings = [
        TracedKeyring(warmkey.AwsKmsKeyring(arn, kms_client=kms_client), tracer, name="KMS", key_arn=arn)
        for arn in key_arns
    ]
    keyring = TracedKeyring(warmkey.MultiKeyring(keyrings[0], keyrings[1:]), tracer, name="warmkey miss")
    return warmkey.CachingCMM(cache=warmkey.LocalCMC(100), keyring=keyring, max_age=300)


def round_trips(key_arn: str, messages: int, tracer: Tracer) -> None:
    """Encrypt and decrypt *messages* messages: one miss in each direction, then hits."""
    client, cmm = warmkey.Client(), traced_cmm([key_arn], kms_client=boto3.client("kms"), tracer=tracer)
    for number in range(messages):
        with tracer.start_as_current_span("message"):
            message = client.encrypt(f"note {number}".encode(), cmm=cmm, encryption_context={"purpose": "test"})
            client.decrypt(message.ciphertext, cmm=cmm, encryption_context={"purpose": "test"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("key", metavar="KEY_ARN")
    options = parser.parse_args(arguments)
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=sys.stdout)))
    trace.set_tracer_provider(provider)
    try:
        round_trips(options.key, 3, trace.get_tracer("warmkey example"))
    except warmkey.WarmkeyError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

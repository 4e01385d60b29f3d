"""Encrypt a string with data key caching.

usage: python examples/encrypt_a_string.py KEY_ARN MAX_AGE CAPACITY

Prints the message as base64. Needs AWS credentials and a KMS key on which you may call ``kms:GenerateDataKey``.
"""

from __future__ import annotations

import argparse
import base64
import re
import sys
from typing import TYPE_CHECKING

import boto3

import warmkey

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_MESSAGES_ENCRYPTED = 100


def encrypt_with_caching(key_arn: str, max_age: float, capacity: int) -> bytes:
    """Encrypt a string under a data key that up to 100 messages may share.

    :param max_age: how long a cached data key may be used, in seconds
    :param capacity: maximum number of data keys in the cache
    """
    plaintext = b"My plaintext data"
    encryption_context = {"purpose": "test"}

    client = warmkey.Client(commitment_policy=warmkey.CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT)
    region = key_arn.split(":")[3]
    keyring = warmkey.AwsKmsKeyring(key_arn, kms_client=boto3.client("kms", region_name=region))
    caching_cmm = warmkey.CachingCMM(
        cache=warmkey.LocalCMC(capacity),
        keyring=keyring,
        max_age=max_age,
        max_messages_encrypted=MAX_MESSAGES_ENCRYPTED,
    )

    # A long-running program makes the client and the caching CMM once, and repeats only this line for each message.
    return client.encrypt(plaintext, cmm=caching_cmm, encryption_context=encryption_context).ciphertext


def _key_arn(text: str) -> str:
    if not re.fullmatch("arn:[^:]+:kms:[^:]+:[^:]+:key/.+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a key ARN")
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("key_arn", metavar="KEY_ARN", type=_key_arn, help="ARN of a symmetric KMS key")
    parser.add_argument("max_age", metavar="MAX_AGE", type=float, help="how long a data key may be used, in seconds")
    parser.add_argument("capacity", metavar="CAPACITY", type=int, help="maximum number of data keys in the cache")
    options = parser.parse_args(arguments)
    try:
        message = encrypt_with_caching(options.key_arn, options.max_age, options.capacity)
    except warmkey.WarmkeyError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print(base64.b64encode(message).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())

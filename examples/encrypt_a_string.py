"""Encrypt a string with data key caching.

usage: python examples/encrypt_a_string.py KEY_ARN MAX_AGE CAPACITY

Prints the message as base64. It takes a KMS key that you may generate data keys with, and AWS credentials.
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

    :param max_age: seconds that a cached data key may be used for
    :param capacity: the most data keys that the cache keeps
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

    # In a program that lives longer, client and caching CMM are made once, and this line runs for every message.
    return client.encrypt(plaintext, cmm=caching_cmm, encryption_context=encryption_context).ciphertext


def _key_arn(text: str) -> str:
    if not re.fullmatch("arn:[^:]+:kms:[^:]+:[^:]+:key/.+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no key ARN")
    return text


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("key_arn", metavar="KEY_ARN", type=_key_arn, help="of a symmetric KMS key")
    parser.add_argument("max_age", metavar="MAX_AGE", type=float, help="seconds that a data key may be used for")
    parser.add_argument("capacity", metavar="CAPACITY", type=int, help="data keys in the cache")
    options = parser.parse_args(arguments)
    try:
        message = encrypt_with_caching(options.key_arn, options.max_age, options.capacity)
    except warmkey.WarmkeyError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print(base64.b64encode(message).decode())
    return 0


if __name__ == "__main__":
    sys.exit(main())

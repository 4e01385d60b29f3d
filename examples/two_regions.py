"""Encrypt in one Region and decrypt in another, with a multi-Region KMS key.

usage: python examples/two_regions.py KEY_ARN REPLICA_KEY_ARN

The function in each Region configures the key of its own Region and calls only that one:

    here   WARMKEY_KMS_KEY_ARNS=arn:aws:kms:eu-west-1:...:key/mrk-...  WARMKEY_KMS_MODE=mrk
    there  WARMKEY_KMS_KEY_ARNS=arn:aws:kms:us-east-1:...:key/mrk-...  WARMKEY_KMS_MODE=mrk

Without ``WARMKEY_KMS_MODE=mrk`` the second function would refuse the message, because the message contains the ARN of
the key in the first Region.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import warmkey

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTEXT = {"purpose": "test"}


def encrypt_here(key_arn: str) -> bytes:
    """Encrypt, as the function in the first Region does."""
    warmkey.reset()
    warmkey.configure(kms_key_arns=key_arn, kms_mode="mrk")
    return warmkey.encrypt(b"My plaintext data", CONTEXT)


def decrypt_there(message: bytes, replica_key_arn: str) -> bytes:
    """Decrypt, as the function in the second Region does."""
    warmkey.reset()
    warmkey.configure(kms_key_arns=replica_key_arn, kms_mode="mrk")
    return warmkey.decrypt(message, CONTEXT)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("key", metavar="KEY_ARN")
    parser.add_argument("replica", metavar="REPLICA_KEY_ARN")
    options = parser.parse_args(arguments)
    try:
        print(decrypt_there(encrypt_here(options.key), options.replica).decode())
    except warmkey.WarmkeyError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

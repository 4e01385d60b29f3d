"""Move to another KMS key, and keep messages of the old key readable.

usage: python examples/change_the_key.py OLD_KEY_ARN NEW_KEY_ARN

In a Lambda function, change only these environment variables, not the code:

    before    WARMKEY_KMS_KEY_ARNS=OLD
    step 1    WARMKEY_KMS_KEY_ARNS=OLD  WARMKEY_DECRYPT_KEY_ARNS=NEW   in every function that decrypts
    step 2    WARMKEY_KMS_KEY_ARNS=NEW  WARMKEY_DECRYPT_KEY_ARNS=OLD
    step 3    WARMKEY_KMS_KEY_ARNS=NEW                                 when no messages of the old key are left

After step 1, each function can decrypt messages from a function that has already taken step 2. From step 2 on, the old
key wraps no new data keys, so functions need only ``kms:Decrypt`` on it.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

import warmkey

if TYPE_CHECKING:
    from collections.abc import Sequence

CONTEXT = {"purpose": "test"}


def change_the_key(old: str, new: str) -> list[str]:
    """Encrypt under *old*, take step 2, decrypt an old and a new message, and return a line for each with its keys."""
    warmkey.configure(kms_key_arns=old)
    before = warmkey.encrypt(b"from before", CONTEXT)

    warmkey.reset()  # a deployment starts new containers, which has the same effect
    warmkey.configure(kms_key_arns=new, decrypt_key_arns=old)
    after = warmkey.encrypt(b"from now on", CONTEXT)

    return [_keys_of(message) for message in (before, after)]


def _keys_of(message: bytes) -> str:
    result = warmkey.default_client().decrypt(message, cmm=warmkey.default_cmm(), encryption_context=CONTEXT)
    keys = [key.key_provider_info.decode() for key in result.header.encrypted_data_keys]
    return f"{result.plaintext.decode()}: readable with {', '.join(keys)}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the example from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("old", metavar="OLD_KEY_ARN")
    parser.add_argument("new", metavar="NEW_KEY_ARN")
    options = parser.parse_args(arguments)
    try:
        lines = change_the_key(options.old, options.new)
    except warmkey.WarmkeyError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    print("\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())

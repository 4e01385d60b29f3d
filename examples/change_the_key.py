"""Move to another KMS key without losing what the old one encrypted.

usage: python examples/change_the_key.py OLD_KEY_ARN NEW_KEY_ARN

A function would have these settings in its environment; nothing in its code changes:

    before    WARMKEY_KMS_KEY_ARNS=OLD
    first     WARMKEY_KMS_KEY_ARNS=OLD  WARMKEY_DECRYPT_KEY_ARNS=NEW   in every function that reads
    then      WARMKEY_KMS_KEY_ARNS=NEW  WARMKEY_DECRYPT_KEY_ARNS=OLD
    at last   WARMKEY_KMS_KEY_ARNS=NEW                                 when nothing under the old key is left

The first step lets every function read what another one that is a step ahead writes. From the second on the old key
wraps no data key, so ``kms:Decrypt`` is all it has to permit.
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
    """Encrypt under *old*, take the second step, and read both an old and a new message; the keys that they name."""
    warmkey.configure(kms_key_arns=old)
    before = warmkey.encrypt(b"from before", CONTEXT)

    warmkey.reset()  # a new deployment starts new containers, which amounts to this
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

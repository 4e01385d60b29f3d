"""A function that says what it ran on, after messages have gone there and back."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import warmkey

CONTEXT = {"purpose": "neighbours"}


@warmkey.instrument
def handler(_event: object, _context: object) -> dict[str, str]:
    there_and_back()  # with a client of botocore
    import_module("boto3")
    warmkey.reset()
    there_and_back()  # with one of boto3's default session
    return {"python": "{}.{}".format(*sys.version_info)} | {name: version_of(name) for name in VERSIONS}


def there_and_back() -> None:
    plaintext = os.urandom(10_000)  # whole frames and a last one take different paths
    if warmkey.decrypt(warmkey.encrypt(plaintext, CONTEXT), CONTEXT) != plaintext:
        raise RuntimeError("what was decrypted is not what was encrypted")


VERSIONS = {
    "aws-lambda-powertools": ("aws_lambda_powertools.shared.version", "VERSION"),
    "botocore": ("botocore", "__version__"),
    "cryptography": ("cryptography", "__version__"),
}


def version_of(name: str) -> str:
    module, attribute = VERSIONS[name]
    return str(getattr(import_module(module), attribute))

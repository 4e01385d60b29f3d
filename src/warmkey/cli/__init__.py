"""The command line: look into a message without any key; encrypt and decrypt files with a KMS key."""

from warmkey.cli.main import main

__all__ = ["main"]

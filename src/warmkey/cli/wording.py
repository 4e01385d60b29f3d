"""Say errors of the library in the words of the command line: its options, not arguments of functions."""

from __future__ import annotations

import re

from warmkey.cli.report import base64_hint
from warmkey.exceptions import KeyUnavailable, MalformedMessage, WarmkeyError

__all__ = ["in_words_of_the_command"]

_WORDS = {
    "algorithm_suite": "--suite",
    "branch_key_id": "branch key ID",
    "commitment_policy": "--commitment-policy",
    "encryption_context": "encryption context (--context)",
    "frame_length": "--frame-length",
    "kms_key_arn": "--kms-key-arn",
    "kms_key_id": "--key-arn",
    "kms_mrk_key_arn": "--kms-mrk-key-arn",
    "logical_key_store_name": "--logical-name",
    "max_body_length": "--max-body-length",
    "max_encrypted_data_keys": "--max-encrypted-data-keys",
    "table_name": "--table",
    "unsigned_only": "--unsigned-only",
    "version_key": "warmkey keystore rotate",
}
_NAME = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b")
_BRANCH_KEYS = (
    "; the message is encrypted under a branch key, which this command can't use: decrypt it where "
    "WARMKEY_BRANCH_KEY_STORE_TABLE is set, or with AwsKmsHierarchicalKeyring"
)


def in_words_of_the_command(error: WarmkeyError | OSError) -> str:
    """Return the text of *error*, with the option to use where there is one."""
    if isinstance(error, OSError):
        return str(error)
    text = _NAME.sub(lambda name: _WORDS[name[0]], str(error))
    if isinstance(error, MalformedMessage):
        text += base64_hint(error)
    if isinstance(error, KeyUnavailable) and "aws-kms-hierarchy" in text:
        text += _BRANCH_KEYS
    return text

"""Say errors in the words of the command line: the library's with its options, the system's in plain words."""

from __future__ import annotations

import errno
import os
import re

from warmkey.cli.report import base64_hint
from warmkey.exceptions import KeyUnavailable, MalformedMessage, WarmkeyError

__all__ = ["in_words_of_the_command"]

_CREDENTIALS = "the client credentials; in Lambda they are those of the function's role"
_WORDS = {
    "AWS_DEFAULT_REGION": "--region or AWS_DEFAULT_REGION",
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
    _CREDENTIALS: "credentials by --profile, variables or a role",
    "unsigned_only": "--unsigned-only",
    "version_key": "warmkey keystore rotate",
}
_NAME = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b")
_BRANCH_KEYS = (
    "; the message is encrypted under a branch key, which this command can't use: decrypt it where "
    "WARMKEY_BRANCH_KEY_STORE_TABLE is set, or with AwsKmsHierarchicalKeyring"
)
# What the system says of files, and what to do.
_OF_FILES = {
    errno.ENOENT: "the file {} does not exist; check its name and its folder",
    errno.ENOTDIR: "a part of the path {} is a file, not a folder; check the path",
    errno.EISDIR: "{} is a folder; name a file",
    errno.EACCES: "permission denied for {}: this user may not read or write it, or may not enter its folder",
    errno.ENOSPC: "the disk of {} is full",
    errno.EROFS: "{} is in a file system that can't be written to; write to another one",
}


def in_words_of_the_command(error: WarmkeyError | OSError) -> str:
    """Return the text of *error*, with the option to use where there is one."""
    if isinstance(error, OSError):
        return _of_the_system(error)
    text = _NAME.sub(lambda name: _WORDS[name[0]], str(error))
    if isinstance(error, MalformedMessage):
        text += base64_hint(error)
    if isinstance(error, KeyUnavailable) and "aws-kms-hierarchy" in text:
        text += _BRANCH_KEYS
    return text


def _of_the_system(error: OSError) -> str:
    """Return what is wrong with a file; the number of the error helps nobody."""
    if error.filename is None or error.errno is None:
        return error.strerror or str(error)
    name = repr(error.filename)
    words = _OF_FILES.get(error.errno)
    if words is None or error.strerror != os.strerror(error.errno):  # words of our own say more
        return f"{error.strerror}: {name}"
    return words.format(name)

"""Checks the names that callers choose: branch key IDs, versions, tables, logical names and partition IDs.

All of them but versions become parts of cache entry identifiers, where NUL separates the parts, so none may hold one.
"""

from __future__ import annotations

import os
import re
import uuid
from typing import TYPE_CHECKING

from warmkey.exceptions import ConfigurationError, InvalidRequest
from warmkey.validation import plausible, shown

if TYPE_CHECKING:
    from warmkey.exceptions import WarmkeyError

__all__ = ["check_branch_key_id", "check_name", "check_table_name", "check_version", "is_version", "new_uuid"]

# What DynamoDB takes as a partition key.
_LONGEST_BRANCH_KEY_ID = 2048
_TABLE_NAME = re.compile(r"[A-Za-z0-9_.-]{3,255}")


def new_uuid() -> uuid.UUID:
    """Return a version 4 UUID out of the operating system's randomness."""
    # spec: framework/structures.md#branch-key-version c489
    return uuid.UUID(bytes=os.urandom(16), version=4)


def check_name(name: str, value: object, *, error: type[WarmkeyError] = ConfigurationError) -> str:
    """Return *value* if it is a str that is not empty, has no NUL, and that UTF-8 can encode.

    :raises WarmkeyError: it is not; of the class *error*, and the message begins with *name*
    """
    if not isinstance(value, str):
        raise error(f"{name} must be a str, not {type(value).__name__}")
    if not value or "\0" in value:
        raise error(f"{name} must be a str that is not empty and has no NUL, not {value!r}")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise error(f"{name} must be a str that UTF-8 can encode; it holds a lone surrogate") from None
    return value


def check_table_name(value: object) -> str:
    """Return *value* if DynamoDB takes it for the name of a table.

    :raises ConfigurationError: it does not
    """
    if not isinstance(value, str) or not _TABLE_NAME.fullmatch(value):
        raise ConfigurationError(
            f"table_name must be the name of a DynamoDB table, 3 to 255 of A-Z a-z 0-9 _ . -, not {shown(value)}"
        )
    return value


def check_branch_key_id(value: object) -> str:
    """Return *value* if it can be the ID of a branch key: a str of 1 to 2,048 bytes of UTF-8 without NUL.

    :raises InvalidRequest: it can't
    """
    branch_key_id = check_name("branch_key_id", value, error=InvalidRequest)
    length = len(branch_key_id.encode())
    if length > _LONGEST_BRANCH_KEY_ID:
        raise InvalidRequest(
            f"branch_key_id must have 1 to {_LONGEST_BRANCH_KEY_ID} bytes of UTF-8, as DynamoDB allows; it has {length}"
        )
    return branch_key_id


def check_version(value: object) -> str:
    """Return *value* if it can be the version of a branch key.

    :raises InvalidRequest: it can't
    """
    if not isinstance(value, str) or not is_version(value):
        raise InvalidRequest(f"branch_key_version must be the text of a UUID in lower case, not {plausible(value)}")
    return value


def is_version(text: str) -> bool:
    """Tell whether *text* is a UUID as it is written: 36 characters in lower case."""
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False

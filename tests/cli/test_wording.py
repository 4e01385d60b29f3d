"""Errors speak of options, not of arguments of functions."""

from __future__ import annotations

import os

import pytest

from warmkey import ConfigurationError, InvalidRequest, KeyUnavailable, MalformedMessage
from warmkey.cli.wording import in_words_of_the_command
from warmkey.data_format.message_header import BASE64_OF_A_MESSAGE


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConfigurationError("kms_key_id must be"), "--key-arn must be"),
        (InvalidRequest("choose a larger frame_length"), "choose a larger --frame-length"),
        (ConfigurationError("Name it by AWS_DEFAULT_REGION"), "Name it by --region or AWS_DEFAULT_REGION"),
        (
            KeyUnavailable("no (give the client credentials; in Lambda they are those of the function's role)"),
            "no (give credentials by --profile, variables or a role)",
        ),
        (InvalidRequest("branch_key_id must have"), "branch key ID must have"),
        (ConfigurationError("rotate it with version_key"), "rotate it with warmkey keystore rotate"),
        (OSError(2, "words of our own", "frame_length"), "words of our own: 'frame_length'"),
        (OSError(2, os.strerror(2), "a"), "the file 'a' does not exist; check its name and its folder"),
        (
            OSError(13, os.strerror(13), "a"),
            "permission denied for 'a': this user may not read or write it, or may not enter its folder",
        ),
        (OSError(20, os.strerror(20), "a/b"), "a part of the path 'a/b' is a file, not a folder; check the path"),
        (OSError(21, os.strerror(21), "a"), "'a' is a folder; name a file"),
        (OSError(28, os.strerror(28), "a"), "the disk of 'a' is full"),
        (OSError(30, os.strerror(30), "a"), "'a' is in a file system that can't be written to; write to another one"),
        (OSError(5, os.strerror(5), "a"), "Input/output error: 'a'"),
        (OSError(28, os.strerror(28)), "No space left on device"),
        (OSError("timed out"), "timed out"),
        (MalformedMessage(BASE64_OF_A_MESSAGE), f"message: {BASE64_OF_A_MESSAGE}; --base64 does that here"),
        (KeyUnavailable("no key"), "no key"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else value[:12],
)
def test_options_are_named(error: OSError, text: str) -> None:
    assert in_words_of_the_command(error) == text
